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

#[cfg(test)]
mod tests {
    #[test]
    fn every_answer_is_the_known_one() {
        for (primitive, compute) in super::ALL {
            assert_eq!(compute(), Ok(true), "{primitive}");
        }
    }
}
