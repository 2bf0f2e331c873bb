//! Known answers of every primitive, computed by what serves the keys (`self-test`). Their sources
//! are named in the two modules.

mod asymmetric;
mod symmetric;

use claviger_proto::Status;

/// A primitive and the computation of its known answer: `Ok(true)` if it came out.
pub type KnownAnswer = (&'static str, fn() -> Result<bool, Status>);

/// Every primitive that this trusted application uses.
pub const ALL: &[KnownAnswer] = &[
    ("aes-128-cmac", symmetric::aes_128_cmac),
    ("aes-256-cmac", symmetric::aes_256_cmac),
    ("hmac-sha256", symmetric::hmac_sha256),
    ("aes-128-siv", symmetric::aes_128_siv),
    ("aes-256-siv", symmetric::aes_256_siv),
    ("aes-128-gcm", symmetric::aes_128_gcm),
    ("aes-256-gcm", symmetric::aes_256_gcm),
    ("aes-128-ccm", symmetric::aes_128_ccm),
    ("aes-256-ccm", symmetric::aes_256_ccm),
    ("aes-kw", symmetric::aes_kw),
    ("aes-kwp", symmetric::aes_kwp),
    ("check-value", symmetric::check_value),
    ("kdf-cmac", symmetric::kdf_cmac),
    ("ecdsa-p256", asymmetric::ecdsa_p256),
    ("ecdsa-p384", asymmetric::ecdsa_p384),
    ("ed25519", asymmetric::ed25519_sign),
    ("ecdh-p256", asymmetric::ecdh_p256),
    ("x25519", asymmetric::x25519),
    ("hkdf-sha256", symmetric::hkdf_sha256),
    ("hpke", asymmetric::hpke_x25519),
    ("ml-kem-768", asymmetric::ml_kem_768),
    ("x-wing", asymmetric::x_wing_draft),
    ("shamir", symmetric::shamir_gf256),
];

<<<<<<< HEAD
const BLOCK: [u8; 16] = hex!("6bc1bee22e409f96e93d7e117393172a");
/// 00, 01, 02, ...
const RISING: [u8; 64] = hex!(
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
);
const SIV_AD: [u8; 24] = hex!("101112131415161718191a1b1c1d1e1f2021222324252627");
const SIV_TEXT: [u8; 14] = hex!("112233445566778899aabbccddee");

fn mac_is(algorithm: Algorithm, key: &[u8], message: &[u8], tag: &[u8]) -> Result<bool, Status> {
    Ok(mac::mac(algorithm, key, message)?.verify(tag).is_ok())
}

fn aes_128_cmac() -> Result<bool, Status> {
    let key = hex!("2b7e151628aed2a6abf7158809cf4f3c");
    Ok(mac_is(
        Algorithm::Aes128Cmac,
        &key,
        b"",
        &hex!("bb1d6929e95937287fa37d129b756746"),
    )? && mac_is(
        Algorithm::Aes128Cmac,
        &key,
        &BLOCK,
        &hex!("070a16b46b4d4144f79bdd9dd04a287c"),
    )?)
}

fn aes_256_cmac() -> Result<bool, Status> {
    let key = hex!("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    Ok(mac_is(
        Algorithm::Aes256Cmac,
        &key,
        b"",
        &hex!("028962f61b7bf89efc6b551f4667d983"),
    )? && mac_is(
        Algorithm::Aes256Cmac,
        &key,
        &BLOCK,
        &hex!("28a7023f452e8f82bd4bf28d8c37c35c"),
    )?)
}

fn hmac_sha256() -> Result<bool, Status> {
    let tag = hex!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    mac_is(
        Algorithm::HmacSha256,
        b"Jefe",
        b"what do ya want for nothing?",
        &tag,
    )
}

fn siv_is(suite: Suite, key: &[u8], tag: [u8; 16], text: &[u8]) -> Result<bool, Status> {
    let mut work = SIV_TEXT;
    let sealed = siv::seal(suite, key, [&SIV_AD], &mut work)? == tag && work == text;
    let opened = siv::open(suite, key, [&SIV_AD], tag, &mut work).is_ok() && work == SIV_TEXT;
    let forged = siv::open(suite, key, [&BLOCK], tag, &mut work) == Err(Status::NotAuthentic);
    Ok(sealed && opened && forged)
}

fn aes_128_siv() -> Result<bool, Status> {
    let key = hex!("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let tag = hex!("85632d07c6e8f37f950acd320a2ecc93");
    siv_is(
        Suite::Aes128Siv,
        &key,
        tag,
        &hex!("40c02b9690c4dc04daef7f6afe5c"),
    )
}

fn aes_256_siv() -> Result<bool, Status> {
    let tag = hex!("801aa54859afc2c7a67a2892d0058e3e");
    siv_is(
        Suite::Aes256Siv,
        &RISING,
        tag,
        &hex!("4fc606d573f01104a12bf8ab150c"),
    )
}

/// AES-GCM of the message of test cases 4 and 16.
fn gcm_is(key: &[u8], ciphertext: &[u8; 60], tag: [u8; 16]) -> Result<bool, Status> {
    let nonce = hex!("cafebabefacedbaddecaf888");
    let associated = hex!("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plaintext = hex!(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    );
    let mut work = plaintext;
    let sealed =
        aead::gcm::seal(key, &nonce, &associated, &mut work)? == tag && work == *ciphertext;
    let opened = aead::gcm::open(key, &nonce, &associated, &mut work, &tag).is_ok();
    let whole = work == plaintext;
    let forged = aead::gcm::open(key, &nonce, b"", &mut work, &tag) == Err(Status::NotAuthentic);
    Ok(sealed && opened && whole && forged)
}

fn aes_128_gcm() -> Result<bool, Status> {
    gcm_is(
        &hex!("feffe9928665731c6d6a8f9467308308"),
        &hex!(
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
        ),
        hex!("5bc94fbc3221a5db94fae95ae7121a47"),
    )
}

fn aes_256_gcm() -> Result<bool, Status> {
    gcm_is(
        &hex!("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
        &hex!(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        ),
        hex!("76fc6ece0f4e1768cddf8853bb2d551b"),
    )
}

struct Ccm<'a> {
    key: &'a [u8],
    nonce: [u8; 13],
    associated: [u8; 14],
    ciphertext: [u8; 24],
    tag: [u8; 16],
    plaintext: [u8; 24],
}

fn ccm_is(case: &Ccm<'_>) -> Result<bool, Status> {
    let Ccm {
        key,
        nonce,
        associated,
        tag,
        ..
    } = case;
    let mut work = case.plaintext;
    let sealed =
        aead::ccm::seal(key, nonce, associated, &mut work)? == *tag && work == case.ciphertext;
    let opened = aead::ccm::open(key, nonce, associated, &mut work, tag).is_ok();
    let whole = work == case.plaintext;
    let forged = aead::ccm::open(key, nonce, b"", &mut work, tag) == Err(Status::NotAuthentic);
    Ok(sealed && opened && whole && forged)
}

fn aes_128_ccm() -> Result<bool, Status> {
    ccm_is(&Ccm {
        key: &hex!("1eee667267ef10b03624cf9c341e3f75"),
        nonce: hex!("0630a3eae27e505c61c56e6560"),
        associated: hex!("d24651ef0561282d3e20e834960c"),
        ciphertext: hex!("f3c3e52f1a1ff528a8d3783ee4e75f114e3e6416334815d2"),
        tag: hex!("d9236d5c5c9319092078411b72c51ba8"),
        plaintext: hex!("798e31cce0a83702a95171fb1162a17b9ce00ec3592ce262"),
    })
}

fn aes_256_ccm() -> Result<bool, Status> {
    ccm_is(&Ccm {
        key: &hex!("347e12eec56e95aafcc7d25bf10fc756b4e42bc2e43da7f97df24331f27f1f5c"),
        nonce: hex!("b8d517b033754058128d13d11a"),
        associated: hex!("511c6924fa96db716f6b053b7a48"),
        ciphertext: hex!("eeedcfa8f5b5b48c1d7e277526eecb7294213b9f5785167a"),
        tag: hex!("e949b93003dfe63c95c1d49edfb4de3f"),
        plaintext: hex!("ca88dddfc876a12f45f19562bc9ca250f43267ab251a7f34"),
    })
}

fn aes_kw() -> Result<bool, Status> {
    let wrapped = hex!(
        "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43b"
        "fb988b9b7a02dd21"
    );
    let key = hex!("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    let Some((kek, _)) = RISING.split_first_chunk::<32>() else {
        return Ok(false);
    };
    Ok(key_wrap::unwrap(kek, &wrapped)?.as_bytes() == key
        && key_wrap::unwrap_padded(kek, &wrapped).err() == Some(Status::NotAuthentic))
}

fn aes_kwp() -> Result<bool, Status> {
    let kek = hex!("4d49e260348172c38a79eb925b189b12");
    let wrapped = hex!("54755a93ff5173aec60d1eaa8fd7d4090f00f638c2831aa9");
    Ok(
        key_wrap::unwrap_padded(&kek, &wrapped)?.as_bytes() == hex!("2bbe64479da7c45976")
            && key_wrap::unwrap(&kek, &wrapped).err() == Some(Status::NotAuthentic),
    )
}

fn check_value() -> Result<bool, Status> {
    let mut values = [
        (16, hex!("be7ed6ae78")),
        (32, hex!("377822c093")),
        (64, hex!("4f486a1983")),
    ]
    .into_iter();
    values.try_fold(true, |all, (len, value)| {
        let secret = RISING.get(..len).ok_or(Status::Internal)?;
        Ok(all && crypto::check_value(secret)? == value)
    })
}

fn kdf_cmac() -> Result<bool, Status> {
    let [long, ..] = RISING.as_chunks::<32>().0 else {
        return Ok(false);
    };
    let [short, ..] = RISING.as_chunks::<16>().0 else {
        return Ok(false);
    };
    let (label, context) = (b"claviger", b"known answer");
    Ok(kdf::derive_alike(short, label, context)?.as_bytes()
        == hex!("745bcc1e3e6e099228416a432e1fc09a")
        && *kdf::derive_32(long, label, context)?
            == hex!("c942c29df2c29a080d5b9e2b873d269acfa7868d3285422316a4b1f0bc391b1d")
        && *kdf::derive_64(long, label, context)?
            == hex!(
                "d6ba055d0b30a0967905295b877dbe6e7ba148ddcdd563d2dde61524ed60239b"
                "ebc3a178f14f49b83a95fc2be6191641df3d662999510ce94038886af05fb2af"
            ))
}

fn ecdsa_p256() -> Result<bool, Status> {
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

fn ecdsa_p384() -> Result<bool, Status> {
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

fn ed25519_sign() -> Result<bool, Status> {
    let seed = hex!("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let public = hex!("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let signature = hex!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
    Ok(ed25519::sign(&seed, &[0x72])? == signature && ed25519::public_key(&seed)? == public)
}

fn ecdh_p256() -> Result<bool, Status> {
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

fn x25519() -> Result<bool, Status> {
    let scalar = hex!("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    let peer = hex!("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let shared = hex!("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    let alice = hex!("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let public = hex!("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    Ok(*ecdh::x25519::agree(&scalar, &peer)? == shared
        && ecdh::x25519::public_key(&alice)? == public
        && ecdh::x25519::agree(&scalar, &[0; 32]) == Err(Status::BadPublicKey))
}

fn hkdf_sha256() -> Result<bool, Status> {
    let mut okm = [0; 42];
    let info = hex!("f0f1f2f3f4f5f6f7f8f9");
    hkdf::derive(
        &hex!("000102030405060708090a0b0c"),
        &[0x0b; 22],
        &info,
        &mut okm,
    )?;
    Ok(okm
        == hex!(
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
            "34007208d5b887185865"
        ))
}

=======
>>>>>>> crypto
#[cfg(test)]
mod tests {
    #[test]
    fn every_answer_is_the_known_one() {
        for (primitive, compute) in super::ALL {
            assert_eq!(compute(), Ok(true), "{primitive}");
        }
    }
}
