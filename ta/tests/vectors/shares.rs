//! Secret sharing: shares that another implementation made.

use claviger_ta::crypto::shamir;

use crate::hex;

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
