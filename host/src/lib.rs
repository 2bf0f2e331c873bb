//! Keys that live in OP-TEE, for Linux programs: used here, never seen here.
//!
//! A [`Client`] is a session with Claviger's trusted application, a [`Key`] is one key in its
//! vault, and what a program gets is the key's *use*: sealing, MACs, signatures, mutual
//! authentication. The key's bytes stay in the TEE.
//!
//! ```
//! use claviger::{Algorithm, Client};
//! # #[cfg(feature = "emulator")]
//! # fn main() -> Result<(), claviger::Error> {
//! # use claviger::transport::emulator::Emulator;
//! # let open = || Client::builder().emulator(Emulator::memory()).open();
//!
//! # let client = open()?;
//! # /*
//! let client = Client::open()?;
//! # */
//! let key = client.generate("telemetry", Algorithm::Aes256Siv)?;
//! let blob = key.seal(b"sensor 7", b"21.5 C")?;
//! assert_eq!(key.unseal(b"sensor 7", &blob)?, b"21.5 C");
//!
//! let signer = client.generate("device/id", Algorithm::EcdsaP256)?;
//! println!("{}", signer.public_key()?.to_pem()?);
//! let signature = signer.sign(b"I am device 17")?.to_der();
//! # assert!(signature.len() > 60);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "emulator"))]
//! # fn main() {}
//! ```
//!
//! # On a device and on a workstation
//!
//! [`Client::open`] speaks to OP-TEE (feature `optee`). On a workstation there is an emulator
//! (feature `emulator`): the trusted application's own code over a directory or memory, so that
//! the same program runs there. It protects nothing, and is used only when the environment
//! (`CLAVIGER_EMULATOR=DIR`) or the program (`Builder::emulator`) says so; there is no falling
//! back. A test writes:
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! use claviger::{Client, transport::emulator::Emulator};
//!
//! let client = Client::builder().emulator(Emulator::memory()).open()?;
//! assert!(client.info()?.insecure);
//! # }
//! # Ok::<(), claviger::Error>(())
//! ```
//!
//! # Whose keys
//!
//! A key belongs to the user or group for whom the session that made it speaks ([`Login`]), as
//! the kernel's driver vouches. Others get what they would get if there were no such key. uid 0
//! may list, describe and delete anyone's keys, and gets no use of them.
//!
//! # Threads
//!
//! A [`Client`] is `Clone + Send + Sync`; clones share one session, and calls take turns. The
//! trusted application serves one call at a time anyway. Streams hold no lock between their
//! calls; a long MAC runs in a session of its own.
//!
//! # Errors
//!
//! An [`Error`] says what is wrong; [`Error::hint`] what to do, [`Error::kind`] roughly which
//! sort it is, [`Error::status`] the trusted application's own word. If the trusted application
//! dies under a call, the session is opened anew; the call is sent again only where a second one
//! changes nothing that the first did not, and is [`Error::Restarted`] otherwise.
//!
//! # What is not promised
//!
//! Plaintexts, and keys on their way in, are in this process's memory and in memory that the
//! kernel sees. A kernel that was taken over can use keys while it runs. See
//! [`Key::unseal_stream`] for what an interrupted stream has already written.

#![deny(unsafe_code)]
#![cfg_attr(not(feature = "optee"), forbid(unsafe_code))]

pub mod audit;
pub mod authority;
mod builder;
mod client;
pub mod components;
mod connection;
pub mod doctor;
mod error;
pub mod files;
pub mod identity;
mod key;
pub mod shares;
pub mod transport;

pub use builder::{Builder, EMULATOR_VARIABLE, Login};
pub use claviger_proto as proto;
pub use claviger_proto::{
    Algorithm, Export, Home, Identity, Origin, Permission, Permissions, State, Status, Usage,
};
pub use client::Client;
pub use error::{Effect, Error, ErrorKind, ProtocolError};
pub use key::{
    Combination, Combined, Confirmed, Creation, Encrypted, Exported, Key, Make, PublicKey, Report,
    SealedBlob, SealedBytes, SessionKey, Signature,
};
pub use transport::TransportError;
