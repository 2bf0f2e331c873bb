//! Signatures and key agreement.

use claviger_tests::measure::Bench;
use cryptoki::{
    mechanism::{
        Mechanism,
        eddsa::{EddsaParams, EddsaSignatureScheme},
        elliptic_curve::{EcKdf, Ecdh1DeriveParams},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};

use crate::{
    direct::{Algorithm, Direct, Work},
    rows::{self, measure},
    token::{Curve, Kept, generate_pair},
};

/// How often: most of them take a good part of a second.
pub(crate) const SLOW: usize = 3;

pub(crate) fn pkcs11(bench: &Bench, direct: &Direct, session: &Session) {
    for (name, curve, algorithm, mechanism) in [
        (
            "ECDSA P-256",
            Curve::P256,
            Algorithm::Ecdsa,
            Mechanism::Ecdsa,
        ),
        (
            "Ed25519",
            Curve::Ed25519,
            Algorithm::Ed25519,
            Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)),
        ),
    ] {
        let pair = generate_pair(session, curve, Kept::Stored).unwrap();
        let (public, private) = pair;
        // For ECDSA this is a digest.
        let message = [7; 32];
        let mut signature = [0; 64];
        let operation = format!("{name} sign");
        let how = (Work::Sign, algorithm);
        measure(bench, rows::pkcs11(&operation, None), SLOW, || {
            direct.run(how, session, private, &message, &mut signature)
        });
        let operation = format!("{name} verify");
        measure(bench, rows::pkcs11(&operation, None), SLOW, || {
            session.verify(&mechanism, public, &message, &signature)
        });
        if curve == Curve::P256 {
            agreement(bench, session, pair);
        }
        destroy(session, pair);
    }
}

/// With its own public key, for want of another: it takes as long. The secret stays in the token, as a key of the session.
fn agreement(bench: &Bench, session: &Session, (public, private): (ObjectHandle, ObjectHandle)) {
    let attributes = session.get_attributes(public, &[AttributeType::EcPoint]);
    let Some(Attribute::EcPoint(point)) = attributes.unwrap().pop() else {
        panic!("a public key has a point");
    };
    // Without tag and length of the octet string.
    let parameters = Ecdh1DeriveParams::new(EcKdf::null(), &point[2..]);
    let mechanism = Mechanism::Ecdh1Derive(parameters);
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::ValueLen(32.into()),
        Attribute::Token(false),
    ];
    measure(bench, rows::pkcs11("ECDH P-256", None), SLOW, || {
        session.derive_key(&mechanism, private, &template)
    });
}

pub(crate) fn destroy(session: &Session, (public, private): (ObjectHandle, ObjectHandle)) {
    session.destroy_object(public).unwrap();
    session.destroy_object(private).unwrap();
}
