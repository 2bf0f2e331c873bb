//! Sessions, and the life of keys.

use std::cell::Cell;

use claviger_tests::measure::Bench;
use cryptoki::{mechanism::Mechanism, object::Attribute, session::Session};

use crate::{
    rows::{self, measure, measure_on},
    signatures::{SLOW, destroy},
    token::{Curve, Kept, Token, generate, generate_pair},
};

/// What comes of them is a session whose user is logged in. The token is empty: with keys in it, a login takes longer.
pub(crate) fn sessions(bench: &Bench, token: &Token) -> Session {
    // It stays open meanwhile.
    let session = token.session();
    measure(bench, rows::pkcs11("open session, warm", None), 100, || {
        token.session().close()
    });
    let logged_in = Cell::new(false);
    let log_out = || {
        if logged_in.replace(true) {
            session.logout().unwrap();
        }
    };
    measure_on(bench, rows::pkcs11("login", None), 5, log_out, |()| {
        token.log_in(&session)
    });
    session
}

/// In a token without other keys.
pub(crate) fn life(bench: &Bench, session: &Session) {
    let aes = Mechanism::AesKeyGen;
    for (name, kept, n) in [
        ("stored", Kept::Stored, 10),
        ("session", Kept::Session, 100),
    ] {
        let made = Cell::new(None);
        let remove = || {
            if let Some(key) = made.take() {
                session.destroy_object(key).unwrap();
            }
        };
        let operation = format!("generate AES key, {name}");
        measure_on(bench, rows::pkcs11(&operation, None), n, remove, |()| {
            generate(session, &aes, "made", kept).map(|key| made.set(Some(key)))
        });
        remove();

        let made = Cell::new(None);
        let remove = || {
            if let Some(pair) = made.take() {
                destroy(session, pair);
            }
        };
        let operation = format!("generate P-256 pair, {name}");
        measure_on(bench, rows::pkcs11(&operation, None), SLOW, remove, |()| {
            generate_pair(session, Curve::P256, kept).map(|pair| made.set(Some(pair)))
        });
        remove();
    }
    let key = || generate(session, &aes, "doomed", Kept::Stored).unwrap();
    measure_on(
        bench,
        rows::pkcs11("delete key, stored", None),
        10,
        key,
        |key| session.destroy_object(key),
    );
}

pub(crate) fn many(bench: &Bench, session: &Session) {
    let mut made = 0;
    for number in [10, 40] {
        while made < number {
            let label = format!("key{made}");
            generate(session, &Mechanism::AesKeyGen, &label, Kept::Stored).unwrap();
            made += 1;
        }
        let operation = format!("find by label among {number} keys");
        let wanted = [Attribute::Label(b"key3".to_vec())];
        measure(bench, rows::pkcs11(&operation, None), 100, || {
            let found = session.find_objects(&wanted)?;
            assert_eq!(found.len(), 1);
            Ok::<_, cryptoki::error::Error>(())
        });
    }
}
