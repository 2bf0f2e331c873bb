//! Replies that a trusted application never gives, and a kernel may: the library reads them, or
//! says what is wrong.

#![no_main]

use claviger::{
    Client,
    transport::{Fault, Transport, TransportError},
};
use claviger_fuzz::{Input, ask};
use claviger_proto::{frame::Prefix, limits};
use libfuzzer_sys::fuzz_target;

/// Calls that one input answers at most.
const CALLS: usize = 12;

/// Answers every call with what the input says.
struct Liar {
    script: Vec<u8>,
    calls: usize,
    memory: Vec<u8>,
}

impl Transport for Liar {
    fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn invoke(&mut self, _command: u32, size: usize) -> Result<usize, Fault> {
        self.calls += 1;
        let script = std::mem::take(&mut self.script);
        let mut input = Input(&script);
        let how = input.byte();
        if self.calls > CALLS {
            return Err(Fault::Failed(TransportError::Dead));
        }
        let reply = match how % 8 {
            0 => return Err(Fault::Dead),
            1 => {
                let needed = usize::from(input.short());
                self.script = input.0.to_vec();
                return Err(Fault::ShortBuffer { needed });
            }
            2 => {
                let len = usize::from(input.byte());
                input.take(len).to_vec()
            }
            _ => {
                let (header, payload) = (usize::from(input.short()) % 1024, input.short());
                let header = input.take(header).to_vec();
                let payload = input.take(payload.into()).to_vec();
                let prefix = Prefix {
                    status: claviger::Status::Ok,
                    header: header.len(),
                    payload: payload.len(),
                };
                [&prefix.encode().unwrap()[..], &header, &payload].concat()
            }
        };
        self.script = input.0.to_vec();
        let len = reply.len().min(size);
        self.memory[..len].copy_from_slice(&reply[..len]);
        // What is said of the length need not be so.
        Ok(if how & 0x80 != 0 { size } else { len })
    }

    fn reopen(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(Liar {
            script: self.script.clone(),
            calls: self.calls,
            memory: vec![0; limits::FRAME],
        }))
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let which = input.byte();
    let client = Client::with_transport(Liar {
        script: input.0.to_vec(),
        calls: 0,
        memory: vec![0; limits::FRAME],
    });
    ask(&client, which);
});
