//! Keys that live in OP-TEE, for Linux programs: used here, never seen here.
//!
//! A [`Client`] is a session with Claviger's trusted application, a [`Key`] is one key in its
//! vault or wrapped by it, and what a program gets is the key's *use*: sealing, MACs, signatures,
//! mutual authentication, derivation. The key's bytes stay in the TEE.
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
//! back, also where both are built in, and the environment of a set-user-ID program says nothing. A
//! test writes:
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
//! the kernel's driver vouches. Others get what they would get if there were no such key, unless
//! its policy grants them something: then they find it by [`Client::key_of`]. uid 0 may show and
//! change the life of anyone's keys, and gets no use of them.
//!
//! # Versions and states
//!
//! A key has versions: the newest, its primary one, produces; those before it only open and check
//! what they made. [`Key::rotate`] adds one, [`Key::reseal`] and [`Key::reseal_all`] move blobs to
//! it inside the TEE, [`Key::retire`] destroys an old one. Blobs name their version; for MACs and
//! ciphertexts the program keeps it.
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! # use claviger::{Algorithm, Client, transport::emulator::Emulator};
//! # let client = Client::builder().emulator(Emulator::memory()).open()?;
//! let key = client.generate("frames", Algorithm::HmacSha256)?;
//! let (tag, version) = key.mac_with_version(b"frame 1")?;
//! let key = key.rotate()?;
//! key.verify_mac_version(version, b"frame 1", &tag)?;
//!
//! let key = key.suspend()?; // set aside: it checks, and makes nothing new
//! assert!(key.mac(b"frame 2").is_err());
//! key.verify_mac_version(version, b"frame 1", &tag)?;
//! let key = key.resume()?;
//! # key.mac(b"frame 2")?;
//! # }
//! # Ok::<(), claviger::Error>(())
//! ```
//!
//! States and their order are those of NIST SP 800-57 ([`State`]); a state that ends a key is not
//! undone.
//!
//! # Policy
//!
//! What a key's policy says is fixed when it is made, and only ever tightened ([`Key::tighten`]):
//! who may do what, how often, with how much context, when it rotates by itself, whether and how
//! it may leave.
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! # use claviger::{Client, Permission, identity::uid_identity, transport::emulator::Emulator};
//! # let device = Emulator::memory();
//! # let open = |uid| Client::builder().emulator(device.as_user(uid)).open();
//! # let (client, other) = (open(1000)?, open(1001)?);
//! let key = client
//!     .create("mailbox")
//!     .owner_may(&[Permission::Seal])
//!     .grant(uid_identity(1001), &[Permission::Unseal])
//!     .min_context(4)
//!     .rotate_after_uses(1_000_000)
//!     .generate()?;
//! let blob = key.seal(b"message 1", b"hello")?;
//! // In a process of user 1001:
//! let shared = other.key_of(uid_identity(1000), "mailbox")?;
//! assert_eq!(shared.unseal(b"message 1", &blob)?, b"hello");
//! assert!(shared.seal(b"message 2", b"hello").is_err());
//! # }
//! # Ok::<(), claviger::Error>(())
//! ```
//!
//! # Wrapped keys
//!
//! A vault holds so many keys. Of wrapped ones there can be any number: the program keeps their
//! bytes, which only this device's trusted application opens, for whom the policy names. They do
//! not change, so nothing about them is counted or rotated; [`Client::revoke`] ends a family of
//! them, or all.
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! # use claviger::{Client, transport::emulator::Emulator};
//! # let client = Client::builder().emulator(Emulator::memory()).open()?;
//! let key = client.create("tenant-17").wrapped().family("tenants").generate()?;
//! let stored = key.wrapped_bytes().unwrap_or_default().to_vec(); // in a database
//! let blob = client.wrapped(&stored)?.seal(b"", b"data")?;
//! assert_eq!(client.wrapped(&stored)?.unseal(b"", &blob)?, b"data");
//! client.revoke(Some("tenants"))?;
//! assert!(client.wrapped(&stored).is_err());
//! # }
//! # Ok::<(), claviger::Error>(())
//! ```
//!
//! # Derived and combined keys
//!
//! A derivation key with `children` has a key for every name, derived anew at each use
//! ([`Key::child`]) or kept ([`Creation::derive`]). [`Client::combination`] makes keys of key
//! agreements, encapsulations (also against quantum computers) and keys that both sides hold. What
//! was derived leaves the TEE only if the policy of what it was derived of says so.
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! # use claviger::{Algorithm, Client, transport::emulator::Emulator};
//! # let client = Client::builder().emulator(Emulator::memory()).open()?;
//! # let peer = Client::builder().emulator(Emulator::memory()).open()?;
//! let fleet = client
//!     .create("fleet")
//!     .algorithm(Algorithm::KdfCmac)
//!     .children(Algorithm::Aes256Siv)
//!     .generate()?;
//! let blob = fleet.child("line/3")?.seal(b"", b"data")?;
//!
//! let ours = client.generate("x25519", Algorithm::X25519)?;
//! # let theirs = peer.generate("x25519", Algorithm::X25519)?.public_key()?;
//! # let their_kem = peer.generate("kem", Algorithm::MlKem768)?.public_key()?;
//! let session = client.combination().agree(&ours, &theirs).encapsulate(&their_kem);
//! let session = client
//!     .create("session")
//!     .algorithm(Algorithm::HmacSha256)
//!     .combine(session.info(b"uplink v1"))?;
//! let for_the_peer = session.ciphertext;
//! # assert!(for_the_peer.is_some_and(|ciphertext| ciphertext.len() == 1088));
//! # assert!(fleet.child("line/4")?.unseal(b"", &blob).is_err());
//! # }
//! # Ok::<(), claviger::Error>(())
//! ```
//!
//! [`authority`] computes the same without a TEE.
//!
//! # Rotation without connectivity
//!
//! A ratcheted key's next version is computed from the one before, which is destroyed by that: two
//! sides rotate alike with no message between them, and one that fell behind catches up by a token
//! of the other's ([`authority::Ratchet`]).
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! # use claviger::{Algorithm, Client, authority::Ratchet, transport::emulator::Emulator};
//! # let client = Client::builder().emulator(Emulator::memory()).open()?;
//! # let secret = [7; 16];
//! let device = client
//!     .create("uplink")
//!     .algorithm(Algorithm::Aes128Cmac)
//!     .ratchet()
//!     .import(&secret)?;
//! let mut server = Ratchet::new(&secret)?;
//! server.step()?;
//! device.rotate()?;
//!
//! let token = server.token(30)?;
//! assert_eq!(device.catch_up(&token)?, 30);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Forward secrecy (who takes the key today reads nothing of yesterday) is claimed only where
//! [`Client::info`] shows a `rollback_level` of 1000: elsewhere an older store that is put back
//! brings older versions back.
//!
//! # Threads, and much at once
//!
//! A [`Client`] is `Clone + Send + Sync`; clones share one session, and calls take turns. The
//! trusted application serves one call at a time anyway: neither more threads nor more sessions get
//! more done. Streams hold no lock between their calls; a long MAC runs in a session of its own.
//!
//! # Processes that fork
//!
//! A session is one process's. In a process that was forked, by whatever call, a [`Client`] and what
//! came of it (a [`Key`], a pending challenge, a blob being opened) go on in a session of that process's
//! own, which the first call opens as the same user; the parent's is neither used nor closed, also
//! when the child drops it. So a server may open its keys and then fork, and a daemon need not be one
//! yet when it opens them.
//!
//! Not taken along is what lives in a session or a thread, or would be ended twice: a MAC stream
//! under way, a blob being sealed, a [`files::PendingFile`], [`pipeline`]'s readers and writers, a
//! session of [`Client::with_transport`], an emulated device in
//! memory. There the child gets [`TransportError::AnotherProcess`] or
//! [`TransportError::EmulatorElsewhere`]. A child that changed its user gets
//! [`TransportError::AnotherUser`], and opens a client of its own. A child that never calls keeps
//! the parent's descriptors open: the session of a parent that is killed ends with the last of both.
//! Programs that are started (`exec`) get none.
//!
//! # Fewer calls
//!
//! What gets more done is fewer calls. [`Key::mac_batch`] and its like do many small operations in
//! one, at a twentieth of the cost of each. Streams go in chunks of
//! [`limits::CHUNK`](proto::limits::CHUNK), and with [`pipeline`] around source and sink they wait
//! for the slowest of the three only.
//!
//! # Errors
//!
//! An [`Error`] says what is wrong; [`Error::hint`] what to do, [`Error::kind`] roughly which
//! sort it is, [`Error::status`] the trusted application's own word. If the trusted application
//! dies under a call, the session is opened anew; the call is sent again only where a second one
//! changes nothing that the first did not ([`Builder::on_repeat`] tells of it), and is
//! [`Error::Restarted`] otherwise.
//!
//! While tee-supplicant is down, calls that need storage fail after 5 s
//! ([`Builder::patience`]) with [`TransportError::NoSupplicant`] or
//! [`TransportError::SupplicantStopped`]; those that need none go on. A program that is killed in a
//! call may take tee-supplicant with it: one that handles SIGTERM calls
//! `transport::optee::end_calls` first.
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
mod fairness;
pub mod files;
pub mod identity;
mod key;
pub mod key_file;
pub mod pipeline;
mod process;
pub mod shares;
pub mod transport;
mod wiped;

pub use builder::{Builder, EMULATOR_VARIABLE, Login};
pub use claviger_proto as proto;
pub use claviger_proto::{
    Algorithm, Export, Home, Identity, Origin, Permission, Permissions, State, Status, Usage,
};
pub use client::Client;
pub use error::{Effect, Error, ErrorKind, ProtocolError};
pub use key::{
    Combination, Combined, Confirmed, Creation, Encrypted, Exported, Key, Make, Outcomes,
    PublicKey, Report, SealedBlob, SealedBytes, SessionKey, Signature, Signed,
};
pub use transport::TransportError;
