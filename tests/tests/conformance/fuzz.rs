//! Requests hurt at random.

use std::collections::BTreeMap;

use claviger::{Algorithm, Status, proto::Command};
use claviger_tests::{
    ALICE, Device, Rng, creation,
    frames::{Watch, send},
    mutation::{REACHED, frame_for},
};

/// Neither the instance nor the vault minds.
#[test]
fn frames_at_random() {
    let device = Device::fresh();
    let watch = Watch::new(&device);
    let client = device.user(ALICE);
    for algorithm in Algorithm::ALL {
        creation(&client, algorithm.name(), *algorithm)
            .generate()
            .unwrap();
    }
    let mut rng = Rng::new(0xc1a5);
    let frames = if Device::REAL { 1_000 } else { 10_000 };
    let mut answers = BTreeMap::<u16, u32>::new();
    for number in 0..frames {
        let (id, bytes) = random_frame(&mut rng);
        let answer = send(&client, id, &bytes);
        *answers.entry(answer.code()).or_default() += 1;
        assert_ne!(answer, Status::Internal, "frame {number}");
        if number % 1_000 == 0 {
            watch.still_the_same();
        }
    }
    watch.still_the_same();
    println!("{frames} frames: {answers:?}");
    for status in REACHED.into_iter().chain([Status::UnknownCommand]) {
        assert!(answers.contains_key(&status.code()), "{status:?}");
    }
    let other = client.generate("after", Algorithm::Aes256Siv).unwrap();
    let sealed = other.seal(b"", b"data").unwrap();
    assert_eq!(other.unseal(b"", &sealed).unwrap(), b"data");
    assert!(client.info().unwrap().vault.unwrap().damaged == 0);
}

fn random_frame(rng: &mut Rng) -> (u32, Vec<u8>) {
    let command = *rng.choose(Command::ALL);
    let bytes = frame_for(rng, command, &[]);
    let id = if rng.below(16) == 0 {
        rng.bits() as u32
    } else {
        command.id()
    };
    (id, bytes)
}
