//! The contract between Claviger's trusted application (TA) and its normal-world client.
//!
//! Both worlds see this crate and nothing else of each other. It needs neither `std` nor an
//! allocator and does no cryptography: it says which bytes travel and which bytes outlive a call.
//!
//! | module | what it fixes |
//! |---|---|
//! | [`command`] | the one table of commands: id, request, response, whether it may be repeated |
//! | [`message`] | the typed JSON headers of each command |
//! | [`frame`] | how prefix, header and payload lie in the one shared memory reference |
//! | [`codec`] | JSON headers to and from bytes; the only place that names the JSON crate |
//! | [`status`] | every status that the TA can answer with |
//! | [`key`] | algorithms, usages, origins and states of keys |
//! | [`permission`] | what a key's policy lets somebody do |
//! | [`rules`] | what a new key and a policy may say together |
//! | [`key_ref`] | how a request names the key that it uses |
//! | [`name`] | labels, identifiers, identities: validated on the way in |
//! | [`ratchet`] | how a ratcheted key steps, and the token that lets it catch up |
//! | [`blob`] | the sealed blob, which outlives the call that made it |
//! | [`wrapped`] | the wrapped key, which Linux keeps |
//! | [`batch`] | many small operations in one call |
//! | [`shares`] | shares of a key, what comes with them, and what restores it |
//! | [`audit`] | the records of the audit log, their chain, and the checkpoint that a device signs |
//! | [`auth`] | the messages of the challenge-response protocol and what their MACs cover |
//! | [`formats`] | everything that is signed, sealed or committed to: what it binds, and the formulas |
//! | [`fields`] | how the fields of what is stored or handed out follow each other |
//! | [`limits`] | every maximum, with its arithmetic |

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(test)]
extern crate std;

pub mod audit;
pub mod auth;
pub mod batch;
pub mod blob;
pub mod codec;
pub mod command;
pub mod fields;
pub mod formats;
pub mod frame;
pub mod key;
pub mod key_ref;
pub mod limits;
pub mod message;
pub mod name;
pub mod permission;
pub mod ratchet;
pub mod rules;
pub mod shares;
pub mod status;
pub mod wrapped;

pub use command::Command;
pub use key::{Algorithm, Export, Home, Origin, State, Usage};
pub use key_ref::{KeyRef, Place};
pub use name::{Digits, Identity, KeyId, Label, Login, PartyName, Uuid};
pub use permission::{Permission, Permissions};
pub use status::Status;

/// The version of this contract. A frame that carries another one is refused with
/// [`Status::ProtocolVersion`] before anything else in it is read.
pub const PROTOCOL_VERSION: u16 = 1;

/// The UUID under which OP-TEE finds the trusted application,
/// in the text form of RFC 9562.
pub const TA_UUID: &str = "6920a19f-12e2-4bf9-8ea2-4abc01c722a9";
