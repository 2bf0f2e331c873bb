//! AES-SIV: deterministic authenticated encryption (RFC 5297), on AES, CTR and CMAC.
//!
//! `V = S2V(K1, AD_1 .. AD_n, P)`, `C = CTR(K2, V with bits 31 and 63 cleared, P)`.
//!
//! What is opened takes the same work whether and wherever its tag is wrong, up to the comparison,
//! which is constant-time; then what is not authentic is wiped.

use aes::{Aes128Enc, Aes256Enc};
use claviger_proto::{
    Status,
    blob::{Suite, TAG},
};
use cmac::{
    Cmac, KeyInit, Mac,
    digest::{FixedOutputReset, Output},
};
use ctr::{
    Ctr128BE,
    cipher::{Iv, KeyIvInit, StreamCipher},
};
use dbl::Dbl;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Seals `text` in place and returns V.
///
/// # Errors
/// [`Status::Internal`] if the secret is not the suite's: keys are checked when they are made.
pub fn seal<const N: usize>(
    suite: Suite,
    secret: &[u8],
    associated: [&[u8]; N],
    text: &mut [u8],
) -> Result<[u8; TAG], Status> {
    match suite {
        Suite::Aes256Siv => seal_256(secret, &associated, text),
        Suite::Aes128Siv => seal_128(secret, &associated, text),
    }
}

/// Opens `text` in place.
///
/// # Errors
/// [`Status::NotAuthentic`], with `text` all zeros.
pub fn open<const N: usize>(
    suite: Suite,
    secret: &[u8],
    associated: [&[u8]; N],
    tag: [u8; TAG],
    text: &mut [u8],
) -> Result<(), Status> {
    match suite {
        Suite::Aes256Siv => open_256(secret, &associated, tag, text),
        Suite::Aes128Siv => open_128(secret, &associated, tag, text),
    }
}

/// One function for each suite and direction, so that none's stack weighs on another's.
macro_rules! suite {
    ($seal:ident, $open:ident, $cipher:ty, $secret:literal) => {
        #[inline(never)]
        fn $seal(
            secret: &[u8],
            associated: &[&[u8]],
            text: &mut [u8],
        ) -> Result<[u8; TAG], Status> {
            let (mac, cipher) = halves::<$secret>(secret)?;
            let tag = s2v::<Cmac<$cipher>>(mac, associated, text)?;
            crypt::<Ctr128BE<$cipher>>(cipher, tag, text)?;
            Ok(tag)
        }

        #[inline(never)]
        fn $open(
            secret: &[u8],
            associated: &[&[u8]],
            tag: [u8; TAG],
            text: &mut [u8],
        ) -> Result<(), Status> {
            let (mac, cipher) = halves::<$secret>(secret)?;
            crypt::<Ctr128BE<$cipher>>(cipher, tag, text)?;
            let expected = s2v::<Cmac<$cipher>>(mac, associated, text)?;
            if expected.ct_eq(&tag).into() {
                Ok(())
            } else {
                text.zeroize();
                Err(Status::NotAuthentic)
            }
        }
    };
}

suite!(seal_256, open_256, Aes256Enc, 64);
suite!(seal_128, open_128, Aes128Enc, 32);

/// K1 and K2 of a secret of so many bytes.
fn halves<const LEN: usize>(secret: &[u8]) -> Result<(&[u8], &[u8]), Status> {
    let secret: &[u8; LEN] = secret.try_into().map_err(|_| Status::Internal)?;
    secret.split_at_checked(LEN / 2).ok_or(Status::Internal)
}

/// CTR, which is its own inverse.
fn crypt<C: KeyIvInit + StreamCipher>(
    key: &[u8],
    tag: [u8; TAG],
    text: &mut [u8],
) -> Result<(), Status> {
    // Both bits clear, so that no counter of 32 bits carries (RFC 5297, section 2.5).
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = tag;
    let counter = [a, b, c, d, e, f, g, h, i & 0x7f, j, k, l, m & 0x7f, n, o, p];
    let counter = Iv::<C>::try_from(&counter[..]).map_err(|_| Status::Internal)?;
    let mut cipher = C::new_from_slices(key, &counter).map_err(|_| Status::Internal)?;
    cipher.apply_keystream(text);
    Ok(())
}

/// The function of RFC 5297, section 2.4, on [`Mac`]s of one block.
fn s2v<M>(key: &[u8], associated: &[&[u8]], text: &[u8]) -> Result<[u8; TAG], Status>
where
    M: Mac + KeyInit + FixedOutputReset,
    Output<M>: Dbl + Into<[u8; TAG]>,
{
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|_| Status::Internal)?;
    Mac::update(&mut mac, &[0; TAG]);
    let mut sum = mac.finalize_reset().into_bytes();
    for part in associated {
        Mac::update(&mut mac, part);
        sum = sum.dbl();
        xor(&mut sum, &mac.finalize_reset().into_bytes());
    }
    match text
        .len()
        .checked_sub(TAG)
        .and_then(|front| text.split_at_checked(front))
    {
        Some((front, end)) => {
            Mac::update(&mut mac, front);
            xor(&mut sum, end);
        }
        None => {
            sum = sum.dbl();
            xor(&mut sum, text);
            xor(sum.get_mut(text.len()..).unwrap_or_default(), &[0x80]);
        }
    }
    Mac::update(&mut mac, &sum);
    Ok(mac.finalize().into_bytes().into())
}

fn xor(bytes: &mut [u8], other: &[u8]) {
    for (byte, other) in bytes.iter_mut().zip(other) {
        *byte ^= other;
    }
}
