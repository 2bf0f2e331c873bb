//! Blobs that were tampered with: all refused, and always with the same status.

use claviger::{Algorithm, Client, Key, Status};
use claviger_proto::{
    blob::{HEADER, TAG},
    limits::CHUNK,
    message::UnsealRequest,
};
use claviger_tests::{ALICE, Device, Rng, status};

fn key(device: &Device) -> (Client, Key) {
    let client = device.user(ALICE);
    let key = client.generate("key", Algorithm::Aes256Siv).unwrap();
    (client, key)
}

/// What the trusted application itself says of a blob of one chunk, whatever the library would.
fn unseal_directly(client: &Client, key: &Key, blob: &[u8]) -> Result<Vec<u8>, claviger::Error> {
    let request = UnsealRequest {
        key: key.description().key.clone().into(),
        context: 0,
        index: 0,
        last: true,
    };
    client.request(&request, blob).map(|(_, data)| data)
}

#[test]
fn every_flipped_bit_shows() {
    let device = Device::fresh();
    let (client, key) = key(&device);
    for sealed in [
        key.seal(b"", b"data").unwrap(),
        key.seal_deterministic(b"", b"data").unwrap(),
    ] {
        assert_eq!(unseal_directly(&client, &key, &sealed).unwrap(), b"data");
        for bit in 0..8 * sealed.len() {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let direct = unseal_directly(&client, &key, &flipped);
            assert_eq!(status(direct), Status::NotAuthentic, "bit {bit}");
            let opened = key.unseal(b"", &flipped);
            assert_eq!(status(opened), Status::NotAuthentic, "bit {bit}");
        }
    }
}

#[test]
fn every_cut_and_every_addition_shows() {
    let device = Device::fresh();
    let (client, key) = key(&device);
    let sealed = key.seal(b"", b"some data").unwrap();
    for length in 0..sealed.len() {
        let direct = unseal_directly(&client, &key, &sealed[..length]);
        assert_eq!(status(direct), Status::NotAuthentic, "{length}");
        let opened = key.unseal(b"", &sealed[..length]);
        assert_eq!(status(opened), Status::NotAuthentic, "{length}");
    }
    let mut longer = sealed;
    longer.push(0);
    assert_eq!(status(key.unseal(b"", &longer)), Status::NotAuthentic);
}

/// Two blobs of the same key and context, each a header and three chunks, the last one short.
struct Blobs {
    key: Key,
    headers: [Vec<u8>; 2],
    chunks: [Vec<Vec<u8>>; 2],
}

impl Blobs {
    fn new(device: &Device) -> Blobs {
        let (_, key) = key(device);
        let mut rng = Rng::new(3);
        let mut sealed = || key.seal(b"", &rng.bytes(2 * CHUNK + 100)).unwrap();
        let blobs = [sealed(), sealed()];
        let chunks = |blob: &Vec<u8>| {
            let chunks = blob[HEADER..].chunks(CHUNK + TAG);
            chunks.map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        Blobs {
            key,
            headers: [0, 1].map(|n: usize| blobs[n][..HEADER].to_vec()),
            chunks: [chunks(&blobs[0]), chunks(&blobs[1])],
        }
    }

    /// The first blob's header and these chunks, each of the first or the second blob.
    fn compose(&self, chunks: &[(usize, usize)]) -> Vec<u8> {
        let mut blob = self.headers[0].clone();
        for (from, number) in chunks {
            blob.extend(&self.chunks[*from][*number]);
        }
        blob
    }
}

#[test]
fn chunks_stay_where_they_were() {
    let device = Device::fresh();
    let blobs = Blobs::new(&device);
    let whole = blobs.compose(&[(0, 0), (0, 1), (0, 2)]);
    let data = blobs.key.unseal(b"", &whole).unwrap();
    assert_eq!(data.len(), 2 * CHUNK + 100);

    let wrong: &[(&str, &[(usize, usize)])] = &[
        ("swapped", &[(0, 1), (0, 0), (0, 2)]),
        ("repeated", &[(0, 0), (0, 0), (0, 2)]),
        ("repeated and longer", &[(0, 0), (0, 1), (0, 1), (0, 2)]),
        ("first dropped", &[(0, 1), (0, 2)]),
        ("middle dropped", &[(0, 0), (0, 2)]),
        ("end dropped", &[(0, 0), (0, 1)]),
        ("all but the first dropped", &[(0, 0)]),
        ("all but the end dropped", &[(0, 2)]),
        ("all dropped", &[]),
        ("end repeated", &[(0, 0), (0, 1), (0, 2), (0, 2)]),
        ("first of another blob", &[(1, 0), (0, 1), (0, 2)]),
        ("middle of another blob", &[(0, 0), (1, 1), (0, 2)]),
        ("end of another blob", &[(0, 0), (0, 1), (1, 2)]),
        ("all of another blob", &[(1, 0), (1, 1), (1, 2)]),
    ];
    for (what, chunks) in wrong {
        let blob = blobs.compose(chunks);
        assert_eq!(
            status(blobs.key.unseal(b"", &blob)),
            Status::NotAuthentic,
            "{what}"
        );
        // A stream gives what is good, and then fails: never anything else.
        let mut opened = Vec::new();
        let streamed = blobs.key.unseal_stream(b"", blob.as_slice(), &mut opened);
        assert_eq!(status(streamed), Status::NotAuthentic, "{what}");
        assert!(data.starts_with(&opened), "{what}");
    }
}

#[test]
fn cuts_at_and_around_chunks_show() {
    let device = Device::fresh();
    let blobs = Blobs::new(&device);
    let whole = blobs.compose(&[(0, 0), (0, 1), (0, 2)]);
    let borders = (0..3).map(|chunk| HEADER + chunk * (CHUNK + TAG));
    for border in borders.chain([whole.len()]) {
        for length in border.saturating_sub(TAG + 1)..border + TAG + 2 {
            if length >= whole.len() {
                continue;
            }
            let mut opened = Vec::new();
            let streamed = blobs.key.unseal_stream(b"", &whole[..length], &mut opened);
            assert_eq!(status(streamed), Status::NotAuthentic, "{length}");
            assert!(opened.len().is_multiple_of(CHUNK), "whole chunks only");
        }
    }
}

/// The number of a chunk counts beyond what any real blob has.
#[test]
fn numbers_of_chunks_are_authentic() {
    let device = Device::fresh();
    let (client, key) = key(&device);
    let sealed = key.seal(b"", b"data").unwrap();
    for index in [1, 2, 256, 1 << 32, u64::MAX] {
        for last in [true, false] {
            let request = UnsealRequest {
                key: key.description().key.clone().into(),
                context: 0,
                index,
                last,
            };
            let opened = client.request(&request, &sealed);
            assert_eq!(status(opened), Status::NotAuthentic, "{index} {last}");
        }
    }
}
