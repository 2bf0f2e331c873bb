//! Known answers of symmetric primitives, derivations and secret sharing.
//!
//! Sources: RFC 4493 section 4 and NIST SP 800-38B appendix D (CMAC), RFC 4231 case 2 (HMAC),
//! RFC 5297 appendix A.1 (AES-128-SIV), McGrew and Viega's test cases 4 and 16 (AES-GCM), NIST CAVP
//! (AES-CCM, VADT; AES-KWP, KWP_AD), RFC 3394 section 4.6 (AES-KW), RFC 5869 appendix A.1 (HKDF).
//! AES-256-SIV, the KDF and the check value, for which no standard has one, were computed with
//! OpenSSL 3 through Python's `cryptography` (AESSIV, KBKDFCMAC, CMAC); the shares were made with
//! crate vsss-rs.

use claviger_proto::{Algorithm, Status, blob::Suite};
use hex_literal::hex;

use crate::crypto::{self, SECRET_MAX, aead, hkdf, kdf, key_wrap, mac, shamir, siv};

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

pub(super) fn aes_128_cmac() -> Result<bool, Status> {
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

pub(super) fn aes_256_cmac() -> Result<bool, Status> {
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

pub(super) fn hmac_sha256() -> Result<bool, Status> {
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

pub(super) fn aes_128_siv() -> Result<bool, Status> {
    let key = hex!("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let tag = hex!("85632d07c6e8f37f950acd320a2ecc93");
    siv_is(
        Suite::Aes128Siv,
        &key,
        tag,
        &hex!("40c02b9690c4dc04daef7f6afe5c"),
    )
}

pub(super) fn aes_256_siv() -> Result<bool, Status> {
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

pub(super) fn aes_128_gcm() -> Result<bool, Status> {
    gcm_is(
        &hex!("feffe9928665731c6d6a8f9467308308"),
        &hex!(
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
        ),
        hex!("5bc94fbc3221a5db94fae95ae7121a47"),
    )
}

pub(super) fn aes_256_gcm() -> Result<bool, Status> {
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

pub(super) fn aes_128_ccm() -> Result<bool, Status> {
    ccm_is(&Ccm {
        key: &hex!("1eee667267ef10b03624cf9c341e3f75"),
        nonce: hex!("0630a3eae27e505c61c56e6560"),
        associated: hex!("d24651ef0561282d3e20e834960c"),
        ciphertext: hex!("f3c3e52f1a1ff528a8d3783ee4e75f114e3e6416334815d2"),
        tag: hex!("d9236d5c5c9319092078411b72c51ba8"),
        plaintext: hex!("798e31cce0a83702a95171fb1162a17b9ce00ec3592ce262"),
    })
}

pub(super) fn aes_256_ccm() -> Result<bool, Status> {
    ccm_is(&Ccm {
        key: &hex!("347e12eec56e95aafcc7d25bf10fc756b4e42bc2e43da7f97df24331f27f1f5c"),
        nonce: hex!("b8d517b033754058128d13d11a"),
        associated: hex!("511c6924fa96db716f6b053b7a48"),
        ciphertext: hex!("eeedcfa8f5b5b48c1d7e277526eecb7294213b9f5785167a"),
        tag: hex!("e949b93003dfe63c95c1d49edfb4de3f"),
        plaintext: hex!("ca88dddfc876a12f45f19562bc9ca250f43267ab251a7f34"),
    })
}

pub(super) fn aes_kw() -> Result<bool, Status> {
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

pub(super) fn aes_kwp() -> Result<bool, Status> {
    let kek = hex!("4d49e260348172c38a79eb925b189b12");
    let wrapped = hex!("54755a93ff5173aec60d1eaa8fd7d4090f00f638c2831aa9");
    Ok(
        key_wrap::unwrap_padded(&kek, &wrapped)?.as_bytes() == hex!("2bbe64479da7c45976")
            && key_wrap::unwrap(&kek, &wrapped).err() == Some(Status::NotAuthentic),
    )
}

pub(super) fn check_value() -> Result<bool, Status> {
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

pub(super) fn kdf_cmac() -> Result<bool, Status> {
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

pub(super) fn hkdf_sha256() -> Result<bool, Status> {
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

pub(super) fn shamir_gf256() -> Result<bool, Status> {
    let secret = hex!("c3c4cdd6dfe0e9f2fbfc858e9798a1aa");
    let first = hex!("23047d15142dffab8ab9d58c788fb3ee");
    let second = hex!("185fb64b5261c5401976258a52b68522");
    let combined = shamir::combine(&[(2, &second), (1, &first)])?.as_bytes() == secret;

    // f(1) is secret + a_1.
    let mut coefficient = [0; SECRET_MAX];
    for (a, (byte, y)) in coefficient.iter_mut().zip(secret.iter().zip(first)) {
        *a = byte ^ y;
    }
    let split = shamir::split_with(&secret, &[coefficient], 2)?;
    Ok(combined
        && split
            .iter()
            .eq([(1, first.as_slice()), (2, second.as_slice())]))
}
