//! Whoever makes manifests and shares of his own, as anybody can: of a key that he chose, by a
//! signing key that he names as the device's.

use claviger_proto::{
    Export,
    shares::{BLINDING, Manifest, SharedVersion},
};
use claviger_ta::{
    crypto::{check_value, shamir},
    shares::commitment,
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use sha2::{Digest, Sha256};

use super::{
    shares::{Given, Holder, seal_to_holder, shared_key},
    *,
};

/// A signing key that no device has.
pub(crate) struct Forger(SigningKey);

impl Forger {
    pub(crate) fn new() -> Forger {
        Forger(SigningKey::from_slice(&[7; 32]).unwrap())
    }

    /// The public key that a manifest of his names.
    pub(crate) fn device(&self) -> [u8; 65] {
        let point = self.0.verifying_key().to_sec1_point(false);
        point.as_bytes().try_into().unwrap()
    }

    /// The manifest, as one of this signer's.
    pub(crate) fn sign(&self, manifest: &Manifest) -> Vec<u8> {
        let covered = manifest.encode().unwrap();
        let signature: Signature = self.0.sign(&covered);
        [&covered[..], &signature.to_bytes()].concat()
    }

    /// Shares of one secret, of a key that is what `description` says, in that version.
    pub(crate) fn share(
        &self,
        description: &KeyDescription,
        secret: &[u8],
        holders: &[Holder],
    ) -> Given {
        let count = holders.len() as u8;
        let shares = shared_key(description.algorithm, count, holders)
            .policy
            .shares
            .unwrap();
        let mut manifest = Manifest {
            set: Digits([0x5e; 16]),
            owner: description.owner,
            key: description.key.clone(),
            id: description.id,
            algorithm: description.algorithm,
            usage: description.usage,
            children: description.children,
            policy: Policy {
                export: Export::Shares,
                shares: Some(shares.clone()),
                ..description.policy.clone()
            },
            shares,
            versions: [SharedVersion {
                number: description.version,
                length: secret.len() as u8,
                check_value: Digits(check_value(secret).unwrap()),
            }]
            .into_iter()
            .collect(),
            commitments: heapless::Vec::new(),
            device: self.device(),
        };
        let mut random = Workstation::in_memory();
        let parts = shamir::split(&mut random, secret, count, count).unwrap();
        let texts: Vec<Vec<u8>> = parts
            .iter()
            .map(|(_, part)| [&[3; BLINDING][..], part].concat())
            .collect();
        let attributes = Sha256::digest(manifest.attributes().unwrap()).into();
        for (index, text) in (1..).zip(&texts) {
            let commitment = commitment(&attributes, index, text);
            manifest.commitments.push(commitment).unwrap();
        }
        let shares = (1..).zip(&texts).zip(holders);
        Given {
            shares: shares
                .map(|((index, text), holder)| seal_to_holder(&manifest, index, holder, text))
                .collect(),
            signed: self.sign(&manifest),
            manifest,
        }
    }
}
