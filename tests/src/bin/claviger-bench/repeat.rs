//! One call, again and again, for whoever watches.

use claviger::{
    Algorithm,
    proto::{frame::PREFIX, limits::CHUNK},
};
use claviger_tests::bare::BareSession;

use crate::open;

/// Does not come back.
pub(crate) fn repeat(call: &str) {
    if call == "empty" {
        let mut bare = BareSession::try_open(PREFIX).unwrap();
        return forever(|| bare.invoke_without(0));
    }
    let client = open();
    let key = |algorithm| client.generate("repeated", algorithm).unwrap();
    match call {
        "mac" => {
            let key = key(Algorithm::Aes128Cmac);
            forever(|| key.mac(&[7; 16]).unwrap());
        }
        "sign" => {
            let key = key(Algorithm::EcdsaP256);
            forever(|| key.sign(b"message").unwrap());
        }
        "seal" | "bulk" => {
            let key = key(Algorithm::Aes256Siv);
            let data = vec![7; if call == "bulk" { CHUNK } else { 1024 }];
            forever(|| key.seal(b"context", &data).unwrap());
        }
        other => panic!("no call is named {other}"),
    }
}

fn forever<T>(mut act: impl FnMut() -> T) {
    // What is made once, is made.
    for _ in 0..100 {
        drop(act());
    }
    println!("again and again");
    loop {
        drop(act());
    }
}
