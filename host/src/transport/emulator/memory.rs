//! A device in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_ta::{
    Caller, Session,
    workstation::{Device, Workstation},
};

use super::{Boot, Machine, REFUSED, new_boot};
use crate::{
    process::Process,
    transport::{Fault, TransportError},
};

pub(super) struct MemoryMachine {
    workstation: Workstation,
    running: Mutex<Running>,
    /// In whose memory: what any other did here, nobody else would know of.
    process: Process,
}

struct Running {
    boot: Boot,
    device: Device,
}

impl Running {
    fn start(workstation: Workstation) -> Result<Running, TransportError> {
        let device = Device::start(workstation).map_err(TransportError::EmulatorStart)?;
        Ok(Running {
            boot: new_boot()?,
            device,
        })
    }
}

impl MemoryMachine {
    pub(super) fn start(workstation: Workstation) -> Result<MemoryMachine, TransportError> {
        let running = Mutex::new(Running::start(workstation.clone())?);
        Ok(MemoryMachine {
            workstation,
            running,
            process: Process::current(),
        })
    }

    fn running(&self) -> Result<MutexGuard<'_, Running>, TransportError> {
        if !self.process.is_current() {
            return Err(TransportError::EmulatorElsewhere);
        }
        Ok(self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Machine for MemoryMachine {
    fn open(&self, caller: Caller) -> Result<(Boot, Session), TransportError> {
        let mut running = self.running()?;
        let session = running.device.service.open(caller).map_err(|_| REFUSED)?;
        Ok((running.boot, session))
    }

    fn close(&self, boot: Boot, session: &Session) {
        if let Ok(mut running) = self.running()
            && running.boot == boot
        {
            running.device.service.close(session);
        }
    }

    fn call(
        &self,
        boot: Boot,
        session: &mut Session,
        command_id: u32,
        frame: &mut [u8],
    ) -> Result<usize, Fault> {
        let mut running = self.running()?;
        if running.boot != boot {
            return Err(Fault::Dead);
        }
        running
            .device
            .call(session, command_id, frame)
            .map_err(|short| Fault::ShortBuffer {
                needed: short.needed,
            })
    }

    fn remembers(&self) -> bool {
        true
    }

    fn reboot(&self) -> Result<(), TransportError> {
        *self.running()? = Running::start(self.workstation.clone())?;
        Ok(())
    }
}
