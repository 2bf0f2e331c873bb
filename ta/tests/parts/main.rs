//! Keys in parts on emulated devices: what takes a clock that a test sets, storage that fails, or
//! two devices. (Suite `conformance` of crate `tests` has what any device must do.)

mod components;
mod forger;
mod forgeries;
mod records;
mod restores;
mod shares;
mod swaps;

use claviger_proto::{
    Algorithm, Digits, Home, Identity, KeyRef, Label, Login, PROTOCOL_VERSION, Status, Uuid, codec,
    command::Request,
    frame::{PREFIX, Prefix},
    limits,
    message::*,
};
use claviger_ta::{
    Caller, Session,
    workstation::{Device, Workstation},
};

/// A device, and whoever asks it.
struct Bench {
    ground: Workstation,
    device: Device,
}

impl Bench {
    fn new() -> Bench {
        Bench::on(Workstation::in_memory())
    }

    fn on(ground: Workstation) -> Bench {
        let device = Device::start(ground.clone()).unwrap();
        Bench { ground, device }
    }

    fn reboot(&mut self) {
        self.device = Device::start(self.ground.clone()).unwrap();
    }

    /// The same device in another process.
    fn resume(&mut self) {
        let memory = self.device.service.suspend();
        self.reboot();
        self.device.service.resume(&memory).unwrap();
        assert_eq!(self.device.service.suspend(), memory);
        for len in 0..memory.len() {
            let cut = self.device.service.resume(&memory[..len]);
            assert_eq!(cut, Err(Status::BadPayload));
        }
    }

    /// The answer's header and payload.
    fn call<R: Request>(
        &mut self,
        who: Identity,
        request: &R,
        payload: &[u8],
    ) -> Result<(R::Response, Vec<u8>), Status> {
        let mut session = Session::new(Caller::Identified(who));
        self.call_in(&mut session, request, payload)
    }

    /// In a session that goes on.
    fn call_in<R: Request>(
        &mut self,
        session: &mut Session,
        request: &R,
        payload: &[u8],
    ) -> Result<(R::Response, Vec<u8>), Status> {
        let mut header = vec![0; limits::HEADER];
        let len = codec::encode(request, &mut header).unwrap();
        header.truncate(len);
        let mut frame = vec![0; limits::FRAME];
        let lengths = [len as u32, payload.len() as u32];
        let parts = [
            &PROTOCOL_VERSION.to_le_bytes()[..],
            &[0; 2],
            &lengths[0].to_le_bytes(),
            &lengths[1].to_le_bytes(),
            &[0; 4],
            &header,
            payload,
        ]
        .concat();
        frame[..parts.len()].copy_from_slice(&parts);
        let call = self.device.call(session, R::COMMAND.id(), &mut frame);
        let reply = &frame[..call.unwrap()];
        let (prefix, rest) = reply.split_first_chunk::<PREFIX>().unwrap();
        let prefix = Prefix::decode(prefix, reply.len()).unwrap();
        let (header, payload) = rest.split_at(prefix.header);
        match prefix.status {
            Status::Ok => Ok((codec::decode(header).unwrap(), payload.to_vec())),
            refused => {
                assert!(rest.is_empty());
                Err(refused)
            }
        }
    }

    fn ask<R: Request>(&mut self, who: Identity, request: &R) -> Result<R::Response, Status> {
        self.call(who, request, b"").map(|(response, _)| response)
    }

    /// The tag of a message under a key of Alice's.
    fn mac(&mut self, key: &str, message: &[u8]) -> Result<Vec<u8>, Status> {
        let key = key_ref(key);
        self.call(ALICE, &MacRequest { key }, message)
            .map(|(_, tag)| tag)
    }

    fn delete(&mut self, key: &str) {
        let key = key_ref(key);
        self.ask(ALICE, &DeleteRequest { key }).unwrap();
    }

    fn lock(&mut self) {
        self.ask(Identity::ADMINISTRATOR, &LockRequest {}).unwrap();
    }

    fn factory_reset(&mut self) {
        let info = self.ask(Identity::ADMINISTRATOR, &InfoRequest {}).unwrap();
        let confirmation = info.confirmation.unwrap();
        self.ask(
            Identity::ADMINISTRATOR,
            &FactoryResetRequest { confirmation },
        )
        .unwrap();
    }
}

const fn user(byte: u8) -> Identity {
    Identity {
        login: Login::User,
        id: Uuid([byte; 16]),
    }
}

const ALICE: Identity = user(0xa1);
const BOB: Identity = user(0xb0);
const CAROL: Identity = user(0xca);

fn key_ref(text: &str) -> KeyRef {
    KeyRef::try_from(text).unwrap()
}

fn new_key(label: &str, algorithm: Algorithm) -> NewKey {
    NewKey {
        key: Label::try_from(label).unwrap(),
        algorithm,
        usage: None,
        children: None,
        ratchet: false,
        pre_activation: false,
        home: Home::Vault,
        family: None,
        policy: Policy::of(algorithm.usages()[0]),
        recipients: heapless::Vec::new(),
    }
}
