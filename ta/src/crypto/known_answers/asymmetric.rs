//! Known answers of signatures, key agreement and encapsulation.
//!
//! Sources: RFC 6979 appendices A.2.5 and A.2.6 (ECDSA), RFC 8032 section 7.1 test 2 (Ed25519),
//! RFC 5903 section 8.1 (ECDH over P-256), RFC 7748 sections 5.2 and 6.1 (X25519), the vectors of
//! RFC 9180's authors (HPKE), case 0 of kat_MLKEM_768.rsp in the vectors of Python's `cryptography`
//! (ML-KEM), draft-connolly-cfrg-xwing-kem (X-Wing). What an altered ciphertext of ML-KEM comes to,
//! FIPS 203's J, was computed with Python's hashlib.

use claviger_proto::Status;
use hex_literal::hex;
use sha2::{Digest, Sha256};

use crate::crypto::{
    ecdh, ecdsa, ed25519, hpke,
    kem::{ml_kem_768, x_wing},
};

pub(super) fn ecdsa_p256() -> Result<bool, Status> {
    let scalar = hex!("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    // SHA-256("sample")
    let digest = hex!("af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf");
    let public = hex!(
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
    );
    let expected = hex!(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    );
    Ok(ecdsa::p256::sign_with(&scalar, &digest, b"")? == expected
        && ecdsa::p256::public_key(&scalar)? == public)
}

pub(super) fn ecdsa_p384() -> Result<bool, Status> {
    let scalar = hex!(
        "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
        "96d5724e4c70a825f872c9ea60d2edf5"
    );
    // SHA-384("sample")
    let digest = hex!(
        "9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312"
        "313bca4a9b5b890efee42c77b1ee25fe"
    );
    let public = hex!(
        "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"
        "def8f0ea9055866064a254515480bc13"
        "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1"
        "288b231c3ae0d4fe7344fd2533264720"
    );
    let expected = hex!(
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
        "81a648152e44acf96e36dd1e80fabe46"
        "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
        "a329c145786e679e7b82c71a38628ac8"
    );
    Ok(ecdsa::p384::sign_with(&scalar, &digest, b"")? == expected
        && ecdsa::p384::public_key(&scalar)? == public)
}

pub(super) fn ed25519_sign() -> Result<bool, Status> {
    let seed = hex!("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let public = hex!("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let signature = hex!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
    Ok(ed25519::sign(&seed, &[0x72])? == signature && ed25519::public_key(&seed)? == public)
}

pub(super) fn ecdh_p256() -> Result<bool, Status> {
    let scalar = hex!("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
    let peer = hex!(
        "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
        "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab"
    );
    let shared = hex!("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
    // The same x with neither square root of its cubic as y.
    let mut off_curve = peer;
    if let Some(last) = off_curve.last_mut() {
        *last ^= 1;
    }
    Ok(*ecdh::p256::agree(&scalar, &peer)? == shared
        && ecdh::p256::agree(&scalar, &off_curve) == Err(Status::BadPublicKey))
}

pub(super) fn x25519() -> Result<bool, Status> {
    let scalar = hex!("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    let peer = hex!("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let shared = hex!("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    let alice = hex!("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let public = hex!("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    Ok(*ecdh::x25519::agree(&scalar, &peer)? == shared
        && ecdh::x25519::public_key(&alice)? == public
        && ecdh::x25519::agree(&scalar, &[0; 32]) == Err(Status::BadPublicKey))
}

pub(super) fn hpke_x25519() -> Result<bool, Status> {
    let private = hex!("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d");
    let public = hex!("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c");
    let ephemeral = hex!("2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9");
    let info = hex!("4f6465206f6e2061204772656369616e2055726e");
    let sealed = hpke::Sealed {
        enc: hex!("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256"),
        tag: hex!("e9931980a41de125a925cdad859d5b7a"),
    };
    let ciphertext = hex!("e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512b");
    let plaintext = b"Beauty is truth, truth beauty";
    let mut work = *plaintext;
    Ok(hpke::public_key(&private)? == public
        && hpke::seal_with(&ephemeral, &public, &info, b"Count-0", &mut work)? == sealed
        && work == ciphertext
        && hpke::open(&private, &info, b"Count-0", &mut work, &sealed).is_ok()
        && work == *plaintext
        && hpke::open(&private, &info, b"", &mut work, &sealed) == Err(Status::NotAuthentic))
}

/// Of public key and ciphertext, SHA-256 stands for their 2 KB.
#[inline(never)]
pub(super) fn ml_kem_768() -> Result<bool, Status> {
    let seed = hex!(
        "6dbbc4375136df3b07f7c70e639e223e177e7fd53b161b3f4d57791794f12624f696484048ec21f96cf50a56d0759c448f3779752f0383d37449690694cf7a68"
    );
    let randomness = hex!("20a7b7e10f70496cc38220b944def699bf14d14e55cf4c90a12c1b33fc80ffff");
    let shared = hex!("b408d5d115713f0a93047dbbea832e4340787686d59a9a2d106bd662ba0aa035");
    let rejected = hex!("4bca15723c66b72fe59c6adc053efdead00a5c7b9be4900832f68ecdcef670ac");

    let mut public = [0; ml_kem_768::PUBLIC];
    let mut ciphertext = [0; ml_kem_768::CIPHERTEXT];
    ml_kem_768::public_key(&seed, &mut public)?;
    let encapsulated = ml_kem_768::encapsulate_with(&randomness, &public, &mut ciphertext)?;
    let right = digest_is(
        &public,
        hex!("4bec4730f26273c6319ef7387dd4758315240a9394cd89264b148b9113060b61"),
    ) && digest_is(
        &ciphertext,
        hex!("4191f5596ebe7ff14461854e6c2885763c439b881166e4337ca5084ee6cf2c6e"),
    ) && *encapsulated == shared
        && *ml_kem_768::decapsulate(&seed, &ciphertext)? == shared;
    if let Some(first) = ciphertext.first_mut() {
        *first ^= 1;
    }
    // A coefficient of 4095.
    public.fill(0xff);
    let mut unused = [0; ml_kem_768::CIPHERTEXT];
    Ok(right
        && *ml_kem_768::decapsulate(&seed, &ciphertext)? == rejected
        && ml_kem_768::encapsulate_with(&randomness, &public, &mut unused)
            == Err(Status::BadPublicKey))
}

#[inline(never)]
pub(super) fn x_wing_draft() -> Result<bool, Status> {
    let seed = hex!("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26");
    let randomness = hex!(
        "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e235b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2"
    );
    let shared = hex!("d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384");

    let mut public = [0; x_wing::PUBLIC];
    let mut ciphertext = [0; x_wing::CIPHERTEXT];
    x_wing::public_key(&seed, &mut public)?;
    let encapsulated = x_wing::encapsulate_with(&randomness, &public, &mut ciphertext)?;
    Ok(digest_is(
        &public,
        hex!("2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb"),
    ) && digest_is(
        &ciphertext,
        hex!("17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33"),
    ) && *encapsulated == shared
        && *x_wing::decapsulate(&seed, &ciphertext)? == shared)
}

fn digest_is(bytes: &[u8], digest: [u8; 32]) -> bool {
    Sha256::digest(bytes)[..] == digest
}
