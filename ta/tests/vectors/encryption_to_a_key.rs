//! HPKE: the vector of RFC 9180's authors for the suite. (Sealing it is a known answer of the
//! self-test, which may choose the ephemeral key.)

use claviger_proto::Status;
use claviger_ta::crypto::hpke::{self, Sealed};

use crate::cases;

#[test]
fn hpke_of_the_standard() {
    let mut tried = 0;
    for [
        _,
        private,
        public,
        info,
        associated,
        enc,
        ciphertext,
        plaintext,
    ] in cases(include_str!("data/hpke.txt"))
    {
        assert_eq!(hpke::public_key(&private).unwrap()[..], public);
        let (text, tag) = ciphertext.split_last_chunk().unwrap();
        let sealed = Sealed {
            enc: enc.try_into().unwrap(),
            tag: *tag,
        };
        let mut work = text.to_vec();
        hpke::open(&private, &info, &associated, &mut work, &sealed).unwrap();
        assert_eq!(work, plaintext);
        tried += 1;

        let mut altered = [sealed; 3];
        altered[0].enc[0] ^= 1;
        altered[1].enc = [0; 32];
        altered[2].tag[0] ^= 1;
        for (private, info, associated, sealed) in [
            (&[1; 32][..], &info[..], &associated[..], &sealed),
            (&private, b"", &associated, &sealed),
            (&private, &info, b"", &sealed),
            (&private, &info, &associated, &altered[0]),
            (&private, &info, &associated, &altered[1]),
            (&private, &info, &associated, &altered[2]),
        ] {
            let mut work = text.to_vec();
            let opened = hpke::open(private, info, associated, &mut work, sealed);
            assert_eq!(opened, Err(Status::NotAuthentic));
            assert_eq!(work, text);
        }
    }
    assert_eq!(tried, 1);
}
