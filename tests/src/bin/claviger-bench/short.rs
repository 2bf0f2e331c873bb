//! A few operations, of every kind that costs: those that are compared with the baseline.

use std::io;

use claviger::{Algorithm, Client, proto::limits::CHUNK};

use crate::measure::Bench;

pub(crate) fn all(bench: &Bench, client: &Client) {
    let key = |label: &str, algorithm| client.generate(label, algorithm).unwrap();
    let data = vec![7; 1 << 20];

    let mac = key("mac", Algorithm::Aes128Cmac);
    bench.measure(("mac", 16), 200, || mac.mac(&data[..16]).unwrap());
    bench.measure(("mac", 4096), 100, || mac.mac(&data[..4096]).unwrap());
    let messages = [[7; 16]; 256];
    bench.measure_items("mac, each of 256 in a batch", 256, || {
        mac.mac_batch(&messages).unwrap()
    });
    let siv = key("siv", Algorithm::Aes256Siv);
    for size in [1 << 10, CHUNK] {
        let data = &data[..size];
        bench.measure(("seal", size), 50, || siv.seal(b"context", data).unwrap());
        let blob = siv.seal(b"context", data).unwrap();
        bench.measure(("unseal", size), 50, || {
            siv.unseal(b"context", &blob).unwrap()
        });
    }
    bench.measure(("seal a stream", data.len()), 10, || {
        siv.seal_stream(b"context", &data[..], io::sink()).unwrap()
    });
    let sign = key("sign", Algorithm::EcdsaP256);
    bench.measure("P-256 sign", 50, || sign.sign(b"message").unwrap());
    let ed25519 = key("ed25519", Algorithm::Ed25519);
    bench.measure("Ed25519 sign", 50, || ed25519.sign(b"message").unwrap());

    let parent = client.create("parent").algorithm(Algorithm::KdfCmac);
    let parent = parent.children(Algorithm::Aes128Cmac).generate().unwrap();
    let child = parent.child("child").unwrap();
    bench.measure("mac by a child", 100, || child.mac(&data[..16]).unwrap());
    let wrapped = client.create("wrapped").algorithm(Algorithm::Aes128Cmac);
    let wrapped = wrapped.wrapped().generate().unwrap();
    bench.measure("mac by a wrapped key", 100, || {
        wrapped.mac(&data[..16]).unwrap()
    });

    let mut number = 0;
    bench.measure("generate stored", 10, || {
        number += 1;
        key(&format!("key/{number}"), Algorithm::Aes128Cmac)
    });
    bench.measure("find by label", 100, || client.key("mac").unwrap());
    bench.measure("delete", 10, || {
        number -= 1;
        client.delete(&format!("key/{}", number + 1)).unwrap();
    });
}
