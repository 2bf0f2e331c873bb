//! claviger
#![deny(unsafe_code)]
#![cfg_attr(not(feature = "optee"), forbid(unsafe_code))]

pub mod authority;
mod client;
mod connection;
pub mod doctor;
mod error;
pub mod identity;
mod key;
pub mod transport;

pub use claviger_proto as proto;
pub use claviger_proto::{Algorithm, Identity, Origin, State, Status, Usage};
pub use client::{Builder, Client, EMULATOR_VARIABLE, Login};
pub use error::{Effect, Error, ErrorKind, ProtocolError};
pub use key::{Confirmed, Creation, Key, PublicKey, SessionKey, Signature};
pub use transport::TransportError;
