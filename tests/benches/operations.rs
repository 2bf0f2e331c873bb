//! The trusted application's code on this machine, in the process of the library that calls it:
//! what a change of its code costs, without OP-TEE between. In OP-TEE it is `cargo qemu bench`.
//!
//! ```sh
//! cargo bench -p claviger-tests --features bench
//! ```

use std::hint::black_box;

use claviger::{Algorithm, Client};
use claviger_proto::{blob::Suite, limits::CHUNK};
use claviger_ta::crypto::{mac, siv};
use claviger_tests::Device;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SIZES: [usize; 3] = [16, 1 << 10, CHUNK];

/// A chunk sealed and a message authenticated by the cipher alone, beside the whole call.
fn uses(criterion: &mut Criterion) {
    let device = Device::fresh();
    let client = device.user(0);
    let siv_key = client.generate("siv", Algorithm::Aes256Siv).unwrap();
    let cmac_key = client.generate("cmac", Algorithm::Aes128Cmac).unwrap();
    let data = vec![7; CHUNK];

    let mut group = criterion.benchmark_group("seal");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let data = &data[..size];
        group.bench_function(BenchmarkId::new("call", size), |bencher| {
            bencher.iter(|| siv_key.seal(b"context", data).unwrap());
        });
        group.bench_function(BenchmarkId::new("cipher", size), |bencher| {
            let mut text = data.to_vec();
            let associated: [&[u8]; 1] = [b"context"];
            bencher.iter(|| {
                siv::seal(Suite::Aes256Siv, &[7; 64], associated, black_box(&mut text)).unwrap()
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("mac");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let data = &data[..size];
        group.bench_function(BenchmarkId::new("call", size), |bencher| {
            bencher.iter(|| cmac_key.mac(data).unwrap());
        });
        group.bench_function(BenchmarkId::new("cipher", size), |bencher| {
            bencher.iter(|| {
                let tag = mac::mac(Algorithm::Aes128Cmac, &[7; 16], black_box(data)).unwrap();
                black_box(tag.as_bytes()[0])
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("sign");
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
        let key = client.generate(algorithm.name(), algorithm).unwrap();
        group.bench_function(algorithm.name(), |bencher| {
            bencher.iter(|| key.sign(b"message").unwrap());
        });
    }
    group.finish();
}

/// Among few keys and many.
fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("keys");
    for count in [10, 1000] {
        let device = Device::fresh();
        let client = device.user(0);
        let generate = |label: &str| client.generate(label, Algorithm::Aes128Cmac).unwrap();
        (0..count).for_each(|number| drop(generate(&format!("key/{number}"))));
        group.bench_function(BenchmarkId::new("generate and delete", count), |bencher| {
            bencher.iter(|| {
                generate("another");
                client.delete("another").unwrap();
            });
        });
        let mut number = 0;
        group.bench_function(BenchmarkId::new("find", count), |bencher| {
            bencher.iter(|| {
                number = (number + 7) % count;
                client.key(&format!("key/{number}")).unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("list", count), |bencher| {
            bencher.iter(|| client.list().unwrap());
        });
        group.sample_size(20);
        group.bench_function(BenchmarkId::new("start and open", count), |bencher| {
            bencher.iter(|| {
                device.reboot();
                device.user(0).key("key/1").unwrap()
            });
        });
    }
    group.finish();
}

/// Many MACs in one call.
fn batches(criterion: &mut Criterion) {
    let device = Device::fresh();
    let client: Client = device.user(0);
    let key = client.generate("cmac", Algorithm::Aes128Cmac).unwrap();
    let messages = [[7; 16]; 256];
    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(messages.len() as u64));
    group.bench_function("mac", |bencher| {
        bencher.iter(|| key.mac_batch(&messages).unwrap());
    });
    group.finish();
}

criterion_group!(operations, uses, keys, batches);
criterion_main!(operations);
