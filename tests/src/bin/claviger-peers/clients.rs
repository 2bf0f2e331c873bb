//! Several clients at once, each with MACs of 16 bytes.

use std::{sync::Barrier, thread};

use claviger_tests::measure::{Bench, timed};
use cryptoki::{mechanism::Mechanism, session::Session};

use crate::{
    direct::{Algorithm, Direct, Work},
    rows,
    token::{Kept, Token, generate},
};

const CLIENTS: usize = 8;
const BATCHES: usize = 4;
const EACH: usize = 25;

/// Threads with a session each, which the user's login counts for. The time is of one operation of them all.
pub(crate) fn pkcs11(bench: &Bench, direct: &Direct, token: &Token, session: &Session) {
    let key = generate(session, &Mechanism::AesKeyGen, "shared", Kept::Stored).unwrap();
    let (start, end) = (Barrier::new(CLIENTS + 1), Barrier::new(CLIENTS + 1));
    let times = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let session = token.session();
            let (start, end) = (&start, &end);
            scope.spawn(move || {
                for _ in 0..BATCHES {
                    start.wait();
                    for _ in 0..EACH {
                        let how = (Work::Sign, Algorithm::Cmac);
                        let done = direct.run(how, &session, key, &[7; 16], &mut [0; 16]);
                        done.unwrap();
                    }
                    end.wait();
                }
            });
        }
        let batch = || {
            // With the start in it, since this thread may be the last to go on from there.
            let time = timed(|| {
                start.wait();
                end.wait();
            });
            time / (CLIENTS * EACH) as f64
        };
        (0..BATCHES).map(|_| batch()).collect()
    });
    let operation = format!("CMAC by {CLIENTS} clients");
    bench.report(rows::pkcs11(&operation, None), times, 0);
    session.destroy_object(key).unwrap();
}
