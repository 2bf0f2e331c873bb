//! Measures what one would take in Claviger's place, on the device on which it runs, as root: one
//! JSON object a line, times in microseconds. It is meant for a device that is thrown away, since
//! it takes a token of the PKCS#11 application and its PINs.
//!
//! `pkcs11` is OP-TEE's PKCS#11 application, by libckteec. A key of it that does something lies in
//! its storage, as one of Claviger's does, and a client knows how long its result will be: one that
//! asks the token for that pays another call. `gp` is the core's cryptography as a trusted
//! application has it by GlobalPlatform's API, by OP-TEE's own tool [xtest](gp): without a manager
//! of keys, so the floor for one that is built on it.
//!
//! What a peer does not do is left out, and named on stderr.

mod bulk;
mod clients;
mod direct;
mod gp;
mod keys;
mod rows;
mod signatures;
mod token;

use claviger_tests::measure::Bench;

use self::{direct::Direct, token::Token};

fn main() {
    let bench = Bench::new();
    let token = Token::fresh();
    let direct = Direct::load();
    let session = keys::sessions(&bench, &token);
    keys::life(&bench, &session);
    bulk::pkcs11(&bench, &direct, &session);
    signatures::pkcs11(&bench, &direct, &session);
    clients::pkcs11(&bench, &direct, &token, &session);
    keys::many(&bench, &session);
    gp::gp();
}
