//! Secret sharing: shares that another implementation made.

use claviger_proto::Status;
use claviger_ta::crypto::shamir;

use crate::{Replay, hex};

#[test]
fn shares_of_another_implementation_combine() {
    let file = include_str!("data/shamir.txt");
    let mut tried = 0;
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(' ').map(hex);
        let secret = fields.next().unwrap();
        let shares: Vec<Vec<u8>> = fields.collect();
        let shares: Vec<(u8, &[u8])> = shares.iter().map(|share| (share[0], &share[1..])).collect();
        assert_eq!(shamir::combine(&shares).unwrap().as_bytes(), secret);
        if shares.len() > 2 {
            let too_few = shamir::combine(&shares[1..]).unwrap();
            assert_ne!(too_few.as_bytes(), secret);
        }
        tried += 1;
    }
    assert_eq!(tried, 5);
}

/// f(x) = secret + a_1 x: with random numbers of one byte's value, what is added is known.
#[test]
fn splitting_draws_its_coefficients() {
    let shares = Replay::with(&[3; 64], |source| {
        shamir::split(source, &[0x80; 16], 2, 3).unwrap()
    });
    let expected = [(1, [0x83; 16]), (2, [0x86; 16]), (3, [0x85; 16])];
    assert!(
        shares
            .iter()
            .eq(expected.iter().map(|(x, share)| (*x, &share[..])))
    );

    let failed = Replay::with(&[], |source| shamir::split(source, &[0x80; 16], 2, 3));
    assert_eq!(failed.err(), Some(Status::RandomFailed));
    for threshold in [0, 1, 9, 255] {
        let refused = Replay::with(&[], |source| {
            shamir::split(source, &[0x80; 16], threshold, 8)
        });
        assert_eq!(refused.err(), Some(Status::BadPayload));
    }
}
