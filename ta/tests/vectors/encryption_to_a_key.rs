//! HPKE: the vector of RFC 9180's authors for the suite.

use claviger_proto::Status;
use claviger_ta::crypto::hpke::{self, Sealed};

use crate::{Replay, cases};

#[test]
fn hpke_of_the_standard() {
    let mut tried = 0;
    for [
        ephemeral,
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
        let resealed = Replay::with(&ephemeral, |source| {
            hpke::seal(source, &public, &info, &associated, &mut work)
        });
        assert_eq!(resealed, Ok(sealed));
        assert_eq!(work, text);
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

#[test]
fn hpke_to_no_public_key_is_refused() {
    let mut text = *b"text";
    // Of small order, and of another length.
    for public in [&[0; 32][..], &[9; 31], &[9; 33]] {
        let sealed = Replay::with(&[7; 32], |source| {
            hpke::seal(source, public, b"", b"", &mut text)
        });
        assert_eq!(sealed, Err(Status::BadPublicKey));
        assert_eq!(&text, b"text");
    }
    let sealed = Replay::with(&[], |source| {
        hpke::seal(source, &[9; 32], b"", b"", &mut text)
    });
    assert_eq!(sealed, Err(Status::RandomFailed));
    assert_eq!(&text, b"text");
}
