//! Sealed blobs, against an implementation in another language that was made from the
//! specification (data/sealed.py).
//!
//! A key's id is drawn when it is made, so a device cannot be had to make blobs that were frozen
//! before. Instead: a few lines here that make blobs are checked against the frozen ones, and the
//! device against these lines, in both directions.

use claviger::{Algorithm, Key, Status};
use claviger_proto::{
    blob::{HEADER, Header, TAG, chunk_position},
    limits::CHUNK,
};
use claviger_ta::crypto::siv;
use claviger_tests::{Rng, hex, status};

use crate::{Keys, lines};

/// The blob with this header of this plaintext.
fn compose(header: &Header, secret: &[u8], context: &[u8], text: &[u8]) -> Vec<u8> {
    let mut blob = header.encode().to_vec();
    let mut chunks: Vec<&[u8]> = text.chunks(header.chunk as usize).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    let end = chunks.len() - 1;
    for (index, chunk) in chunks.into_iter().enumerate() {
        let position = chunk_position(index as u64, index == end);
        let associated: [&[u8]; 3] = [&header.encode(), context, &position];
        let mut text = chunk.to_vec();
        blob.extend(siv::seal(header.suite, secret, associated, &mut text).unwrap());
        blob.extend(text);
    }
    blob
}

#[test]
fn another_implementation_makes_the_same_blobs() {
    let mut blobs = 0;
    for [key, context, text, blob] in lines(include_str!("data/sealed.txt")) {
        let [key, context, text, blob] = [key, context, text, blob].map(hex);
        let header = Header::decode(&blob).unwrap();
        assert_eq!(compose(&header, &key, &context, &text), blob);
        let chunks = text.len().div_ceil(header.chunk as usize).max(1);
        assert_eq!(blob.len(), HEADER + chunks * TAG + text.len());
        blobs += 1;
    }
    assert_eq!(blobs, 12);
}

fn key(keys: &Keys, algorithm: Algorithm) -> (Key, Vec<u8>) {
    let secret = Rng::new(8).bytes(algorithm.key_len());
    let creation = keys.client.create(algorithm.name()).algorithm(algorithm);
    (creation.import(&secret).unwrap(), secret)
}

#[test]
fn the_device_makes_the_same_blobs() {
    let keys = Keys::new();
    let data = Rng::new(9).bytes(2 * CHUNK + 5);
    for algorithm in [Algorithm::Aes256Siv, Algorithm::Aes128Siv] {
        let (key, secret) = key(&keys, algorithm);
        for size in [0, 1, 16, 1000, CHUNK, CHUNK + 1, data.len()] {
            let text = &data[..size];
            for blob in [
                key.seal(b"context", text).unwrap(),
                key.seal_deterministic(b"context", text).unwrap(),
            ] {
                let header = Header::decode(&blob).unwrap();
                assert!(
                    compose(&header, &secret, b"context", text) == blob,
                    "{size}"
                );
            }
        }
    }
}

/// Also of chunk sizes that this version does not make itself.
#[test]
fn the_device_opens_the_same_blobs() {
    let keys = Keys::new();
    let text = Rng::new(10).bytes(100);
    for algorithm in [Algorithm::Aes256Siv, Algorithm::Aes128Siv] {
        let (key, secret) = key(&keys, algorithm);
        let made = key.seal(b"context", &text).unwrap();
        for chunk in [1, 7, 16, 50, 99, 100, 101, CHUNK] {
            let header = Header {
                chunk: chunk as u32,
                ..Header::decode(&made).unwrap()
            };
            let blob = compose(&header, &secret, b"context", &text);
            assert_eq!(key.unseal(b"context", &blob).unwrap(), text, "{chunk}");
            let cut = &blob[..blob.len() - 1];
            assert_eq!(status(key.unseal(b"context", cut)), Status::NotAuthentic);
        }
    }
}

/// Whatever opens can be moved, so that its version can be retired: also what earlier versions of
/// Claviger cut into other chunks.
#[test]
fn blobs_of_every_chunk_size_move_to_the_newest_version() {
    let keys = Keys::new();
    for (algorithm, deterministic) in [
        (Algorithm::Aes256Siv, false),
        (Algorithm::Aes128Siv, false),
        (Algorithm::Aes256Siv, true),
    ] {
        let label = format!("{}/{deterministic}", algorithm.name());
        let secret = Rng::new(8).bytes(algorithm.key_len());
        let creation = keys.client.create(&label).algorithm(algorithm);
        let key = creation.import(&secret).unwrap();
        let made = match deterministic {
            true => key.seal_deterministic(b"context", b"").unwrap(),
            false => key.seal(b"context", b"").unwrap(),
        };
        let blob = |chunk: usize, size: usize| {
            let header = Header {
                chunk: chunk as u32,
                ..Header::decode(&made).unwrap()
            };
            let text = Rng::new(11).bytes(size);
            let blob = compose(&header, &secret, b"context", &text);
            (text, blob)
        };
        let old: Vec<_> = [1, 7, 65_536, CHUNK - 1, CHUNK]
            .into_iter()
            .flat_map(|chunk| {
                let sizes = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1];
                sizes.map(|size| (chunk, blob(chunk, size)))
            })
            .collect();
        let key = key.rotate().unwrap();
        let blobs: Vec<&[u8]> = old.iter().map(|(_, (_, blob))| &blob[..]).collect();
        let batch = key.reseal_batch(b"context", &blobs).unwrap();
        let mut moved = Vec::new();
        for ((chunk, (text, blob)), together) in old.iter().zip(batch) {
            let new = key.reseal(b"context", blob).unwrap();
            for new in [&new, &together.unwrap()] {
                let header = Header::decode(new).unwrap();
                assert_eq!((header.version, header.chunk as usize), (2, *chunk));
                assert_eq!(header.deterministic, deterministic);
                assert_eq!(new.len(), blob.len());
            }
            let mut cut = blob.clone();
            cut.pop();
            assert_eq!(status(key.reseal(b"context", &cut)), Status::NotAuthentic);
            moved.push((text, new));
        }
        let key = key.retire(1).unwrap();
        for (text, blob) in moved {
            assert!(key.unseal(b"context", &blob).unwrap() == *text);
        }
        let (_, retired) = blob(7, 20);
        assert_eq!(
            status(key.reseal(b"context", &retired)),
            Status::NotAuthentic
        );
    }
}
