//! What keys of the vault do for their owner.

use claviger::{Algorithm, Client, proto::limits};

use crate::measure::Bench;

pub(crate) fn small_operations(bench: &Bench, client: &Client) {
    let cmac = client.generate("cmac", Algorithm::Aes128Cmac).unwrap();
    let hmac = client.generate("hmac", Algorithm::HmacSha256).unwrap();
    let p256 = client.generate("p256", Algorithm::EcdsaP256).unwrap();
    let p384 = client.generate("p384", Algorithm::EcdsaP384).unwrap();
    let ed25519 = client.generate("ed25519", Algorithm::Ed25519).unwrap();
    let data = vec![7; 4096];
    bench.measure("mac 16 B", 500, || cmac.mac(&data[..16]).unwrap());
    bench.measure("mac 4 KiB", 300, || cmac.mac(&data).unwrap());
    bench.measure("hmac 32 B", 500, || hmac.mac(&data[..32]).unwrap());
    bench.measure("P-256 sign", 200, || p256.sign(&data[..32]).unwrap());
    bench.measure("P-256 public-key", 200, || p256.public_key().unwrap());
    bench.measure("P-384 sign", 100, || p384.sign(&data[..32]).unwrap());
    bench.measure("Ed25519 sign", 200, || ed25519.sign(&data[..32]).unwrap());
    bench.measure("random 32 B", 300, || client.random(32).unwrap());
}

pub(crate) fn sealing(bench: &Bench, client: &Client) {
    let key = client.generate("siv", Algorithm::Aes256Siv).unwrap();
    let data = vec![7; limits::CHUNK];
    for (name, size) in [
        ("seal 1 KiB", 1024),
        ("seal 4 KiB", 4096),
        ("seal a chunk", limits::CHUNK),
    ] {
        bench.measure(name, 200, || key.seal(b"context", &data[..size]).unwrap());
    }
    let sealed = key.seal(b"context", &data).unwrap();
    bench.measure("unseal a chunk", 200, || {
        key.unseal(b"context", &sealed).unwrap()
    });
    let small = key.seal(b"context", &data[..4096]).unwrap();
    key.rotate().unwrap();
    for (name, old) in [("reseal 4 KiB", small), ("reseal a chunk", sealed)] {
        bench.measure(name, 200, || key.reseal(b"context", &old).unwrap());
    }
}

/// Encryptions are counted, 4096 at a time: one of them stores.
pub(crate) fn encryption(bench: &Bench, client: &Client) {
    let text = [7; 4096];
    for algorithm in [Algorithm::Aes256Gcm, Algorithm::Aes128Ccm] {
        let name = algorithm.name();
        let key = client.generate(name, algorithm).unwrap();
        bench.measure(&format!("encrypt 4 KiB, {name}"), 200, || {
            key.encrypt(b"header", &text).unwrap()
        });
        let encrypted = key.encrypt(b"header", &text).unwrap().bytes;
        bench.measure(&format!("decrypt 4 KiB, {name}"), 200, || {
            key.decrypt(b"header", &encrypted).unwrap()
        });
    }
}
