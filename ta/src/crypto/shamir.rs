//! Secret sharing (Shamir, "How to share a secret", 1979), byte by byte over GF(2^8) with the
//! polynomial of AES, x^8 + x^4 + x^3 + x + 1.
//!
//! ```text
//! f(x) = secret + a_1 x + .. + a_(k-1) x^(k-1), a_i random; share x is f(x), x = 1, 2, ..
//! f(0) = sum over i of y_i * product over j != i of x_j / (x_j - x_i)
//! ```
//!
//! Nothing here is authenticated: too few shares, or one that was altered, combine to another
//! secret. Whoever combines compares the check value ([`crate::crypto::check_value`]).
//!
//! Written here since crates blahaj and sharks look secret bytes up in tables, which the cache shows
//! (and over another polynomial), as gf256's secret sharing does by default, and vsss-rs, which does
//! not, wants an allocator that never fails. This neither branches on secret bytes nor indexes by
//! them; the indices of shares are not secret.

use claviger_proto::Status;
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

use crate::{
    crypto::{SECRET_MAX, Secret},
    platform::Platform,
};

/// The most shares of one secret.
pub const SHARES_MAX: usize = 8;

/// The shares of one secret, each as long as it.
pub struct Shares {
    bytes: Zeroizing<[[u8; SECRET_MAX]; SHARES_MAX]>,
    count: usize,
    len: usize,
}

impl Shares {
    /// The index of each, from 1 on, and its bytes.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        (1..)
            .zip(self.bytes.iter().take(self.count))
            .map(|(x, share)| (x, share.get(..self.len).unwrap_or_default()))
    }
}

/// Splits a secret of 1 to 64 bytes into `count` shares, any `threshold` of which combine to it
/// while fewer tell nothing of it.
///
/// # Errors
/// [`Status::BadPayload`] unless 2 <= `threshold` <= `count` <= 8 and the secret has such a length;
/// [`Status::RandomFailed`].
pub fn split(
    platform: &mut impl Platform,
    secret: &[u8],
    threshold: u8,
    count: u8,
) -> Result<Shares, Status> {
    let random = usize::from(threshold).saturating_sub(1);
    let mut coefficients = Zeroizing::new([[0; SECRET_MAX]; SHARES_MAX - 1]);
    let coefficients = coefficients.get_mut(..random).ok_or(Status::BadPayload)?;
    for coefficient in &mut *coefficients {
        platform.random(coefficient)?;
    }
    split_with(secret, coefficients, count)
}

/// Splits with these coefficients, a_1 first.
///
/// # Errors
/// As [`split`], the threshold being one more than there are coefficients.
#[inline(never)]
pub(crate) fn split_with(
    secret: &[u8],
    coefficients: &[[u8; SECRET_MAX]],
    count: u8,
) -> Result<Shares, Status> {
    let mut shares = Shares {
        bytes: Zeroizing::new([[0; SECRET_MAX]; SHARES_MAX]),
        count: count.into(),
        len: secret.len(),
    };
    let valid = (1..=SECRET_MAX).contains(&secret.len())
        && (1..shares.count).contains(&coefficients.len())
        && shares.count <= SHARES_MAX;
    if !valid {
        return Err(Status::BadPayload);
    }
    for (x, share) in (1..=count).zip(shares.bytes.iter_mut()) {
        // Horner's rule, over all bytes of the secret at once.
        for coefficient in coefficients.iter().rev() {
            for (y, a) in share.iter_mut().zip(coefficient) {
                *y = mul(*y ^ a, x);
            }
        }
        for (y, byte) in share.iter_mut().zip(secret) {
            *y ^= byte;
        }
    }
    Ok(shares)
}

/// Combines shares, each an index and bytes: the secret if they are authentic and as many as the
/// threshold or more.
///
/// # Errors
/// [`Status::BadPayload`] unless there are 2 to 8, of one length of 1 to 64 bytes, with indices
/// that are neither 0 nor the same.
#[inline(never)]
pub fn combine(shares: &[(u8, &[u8])]) -> Result<Secret, Status> {
    let Some(((_, first), others)) = shares.split_first() else {
        return Err(Status::BadPayload);
    };
    let valid = (1..SHARES_MAX).contains(&others.len())
        && (1..=SECRET_MAX).contains(&first.len())
        && others.iter().all(|(_, share)| share.len() == first.len());
    if !valid {
        return Err(Status::BadPayload);
    }
    let mut secret = Zeroizing::new([0; SECRET_MAX]);
    for (at, (x, share)) in shares.iter().enumerate() {
        let weight = weight(shares, at, *x)?;
        for (byte, y) in secret.iter_mut().zip(*share) {
            *byte ^= mul(*y, weight);
        }
    }
    Secret::new(secret.get(..first.len()).ok_or(Status::Internal)?)
}

/// What the share with index `x` counts in f(0): the product of `x_j / (x_j - x)` over the others.
fn weight(shares: &[(u8, &[u8])], at: usize, x: u8) -> Result<u8, Status> {
    let mut weight = 1;
    for (other, (x_j, _)) in shares.iter().enumerate() {
        if *x_j == 0 || (other != at && *x_j == x) {
            return Err(Status::BadPayload);
        }
        if other != at {
            weight = mul(weight, mul(*x_j, inverse(*x_j ^ x)));
        }
    }
    Ok(weight)
}

/// The product, in the same time for all factors.
fn mul(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    for _ in 0..8 {
        product ^= u8::conditional_select(&0, &a, Choice::from(b & 1));
        // a times x, modulo the polynomial.
        a = (a << 1) ^ u8::conditional_select(&0, &0x1b, Choice::from(a >> 7));
        b >>= 1;
    }
    product
}

/// 1/a, which is a^254: a^2 * a^4 * .. * a^128.
fn inverse(a: u8) -> u8 {
    let (mut power, mut inverse) = (a, 1);
    for _ in 0..7 {
        power = mul(power, power);
        inverse = mul(inverse, power);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// By the definition: carry-less multiplication, then division by the polynomial.
    fn slow(a: u8, b: u8) -> u8 {
        let mut product = (0..8)
            .filter(|bit| b >> bit & 1 == 1)
            .fold(0_u16, |sum, bit| sum ^ (u16::from(a) << bit));
        for bit in (8..16).rev() {
            if product >> bit & 1 == 1 {
                product ^= 0x11b << (bit - 8);
            }
        }
        product as u8
    }

    #[test]
    fn the_field_is_that_of_aes() {
        // FIPS 197, sections 4.2 and 4.2.1.
        assert_eq!(mul(0x57, 0x83), 0xc1);
        assert_eq!(mul(0x57, 0x13), 0xfe);
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(mul(a, b), slow(a, b));
            }
            assert_eq!(mul(a, inverse(a)), u8::from(a != 0));
        }
    }

    fn coefficients(count: u8) -> Vec<[u8; SECRET_MAX]> {
        let byte =
            |i: u8, at: usize| (at as u8).wrapping_mul(29).wrapping_add(i.wrapping_mul(71)) ^ 0xa5;
        (1..=count)
            .map(|i| core::array::from_fn(|at| byte(i, at)))
            .collect()
    }

    #[test]
    fn every_set_of_enough_shares_combines() {
        let secret: [u8; SECRET_MAX] = core::array::from_fn(|at| at as u8 ^ 0x5a);
        for (len, count) in [(1, 2), (16, 3), (48, 5), (64, 8)] {
            for threshold in 2..=count {
                let secret = &secret[..len];
                let shares = split_with(secret, &coefficients(threshold - 1), count).unwrap();
                let shares: Vec<_> = shares.iter().collect();
                assert_eq!(shares.len(), usize::from(count));
                for set in 0_u32..1 << count {
                    let taken: Vec<_> = (0..count)
                        .rev()
                        .filter(|at| set >> at & 1 == 1)
                        .map(|at| shares[usize::from(at)])
                        .collect();
                    if taken.len() < 2 {
                        continue;
                    }
                    let combined = combine(&taken).unwrap();
                    let enough = taken.len() >= usize::from(threshold);
                    assert_eq!(combined.as_bytes() == secret, enough, "{set:b}");
                }
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = Some(Status::BadPayload);
        let split = |secret: &[u8], threshold: u8, count| {
            split_with(secret, &coefficients(threshold - 1), count).err()
        };
        assert_eq!(split(b"a", 2, 2), None);
        assert_eq!(split(b"a", 1, 2), refused);
        assert_eq!(split(b"a", 3, 2), refused);
        assert_eq!(split(b"a", 2, 0), refused);
        assert_eq!(split(b"a", 2, 9), refused);
        assert_eq!(split(b"", 2, 2), refused);
        assert_eq!(split(&[0; 65], 2, 2), refused);

        let combine = |shares: &[(u8, &[u8])]| combine(shares).err();
        assert_eq!(combine(&[(1, b"a"), (2, b"b")]), None);
        assert_eq!(combine(&[]), refused);
        assert_eq!(combine(&[(1, b"a")]), refused);
        assert_eq!(combine(&[(1, b"a"), (1, b"a")]), refused);
        assert_eq!(combine(&[(1, b"a"), (2, b"b"), (1, b"c")]), refused);
        assert_eq!(combine(&[(0, b"a"), (1, b"b")]), refused);
        assert_eq!(combine(&[(1, b"a"), (0, b"b")]), refused);
        assert_eq!(combine(&[(1, b"a"), (2, b"bc")]), refused);
        assert_eq!(combine(&[(1, b""), (2, b"")]), refused);
        assert_eq!(combine(&[(1, &[0; 65]), (2, &[0; 65])]), refused);
        let nine: Vec<(u8, &[u8])> = (1..=9).map(|x| (x, &b"a"[..])).collect();
        assert_eq!(combine(&nine[..8]), None);
        assert_eq!(combine(&nine), refused);
    }
}
