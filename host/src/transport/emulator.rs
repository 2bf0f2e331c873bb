//! stub
use super::*;
use crate::Login;
#[derive(Clone)]
pub struct Emulator;
impl Emulator {
    pub fn from_environment(_: std::path::PathBuf) -> Result<Self, TransportError> {
        Err(TransportError::OpteeNotBuilt)
    }
    pub fn open(&self, _: Login) -> Result<Session, TransportError> {
        Err(TransportError::OpteeNotBuilt)
    }
}
pub struct Session;
impl Transport for Session {
    fn memory(&mut self) -> &mut [u8] {
        &mut []
    }
    fn invoke(&mut self, _: u32, _: usize) -> Result<usize, Fault> {
        Err(Fault::Dead)
    }
    fn reopen(&mut self) -> Result<(), TransportError> {
        Ok(())
    }
    fn another(&self) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(Session))
    }
}
