//! The PKCS#11 token, and the keys that are made in it.

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::Result,
    mechanism::Mechanism,
    object::{Attribute, KeyType, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

pub(crate) const LIBRARY: &str = "/usr/lib/aarch64-linux-gnu/libckteec.so.0";

/// The object identifier of the curve P-256, in DER.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The name by which PKCS#11 knows Ed25519, a PrintableString in DER.
const EDWARDS25519: &[u8] = b"\x13\x0cedwards25519";

pub(crate) struct Token {
    library: Pkcs11,
    slot: Slot,
    pin: AuthPin,
}

impl Token {
    /// The first token, emptied.
    pub(crate) fn fresh() -> Token {
        let library = Pkcs11::new(LIBRARY).unwrap();
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        library.initialize(arguments).unwrap();
        let slot = library.get_slots_with_token().unwrap()[0];
        let officer = AuthPin::from("1234567890");
        library.init_token(slot, &officer, "peers").unwrap();
        let token = Token {
            library,
            slot,
            pin: AuthPin::from("12345"),
        };
        let session = token.session();
        session.login(UserType::So, Some(&officer)).unwrap();
        session.init_pin(&token.pin).unwrap();
        session.logout().unwrap();
        token
    }

    pub(crate) fn session(&self) -> Session {
        self.library.open_rw_session(self.slot).unwrap()
    }

    pub(crate) fn log_in(&self, session: &Session) -> Result<()> {
        session.login(UserType::User, Some(&self.pin))
    }
}

/// Where a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In the token's storage.
    Stored,
    /// In memory, until the session ends.
    Session,
}

/// Of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    Ed25519,
}

/// Generates a secret key of 256 bits that may do all that is measured.
pub(crate) fn generate(
    session: &Session,
    mechanism: &Mechanism<'_>,
    label: &str,
    kept: Kept,
) -> Result<ObjectHandle> {
    let template = [
        Attribute::Token(kept == Kept::Stored),
        Attribute::Private(true),
        Attribute::Label(label.into()),
        Attribute::ValueLen(32.into()),
        Attribute::Sign(true),
        Attribute::Verify(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    session.generate_key(mechanism, &template)
}

/// Generates a key pair, public key and private one. On P-256 that signs and derives.
pub(crate) fn generate_pair(
    session: &Session,
    curve: Curve,
    kept: Kept,
) -> Result<(ObjectHandle, ObjectHandle)> {
    let (mechanism, key_type, parameters) = match curve {
        Curve::P256 => (Mechanism::EccKeyPairGen, KeyType::EC, P256),
        Curve::Ed25519 => (
            Mechanism::EccEdwardsKeyPairGen,
            KeyType::EC_EDWARDS,
            EDWARDS25519,
        ),
    };
    let token = Attribute::Token(kept == Kept::Stored);
    // OP-TEE takes another type for Ed25519 than its own where none is given, and refuses that.
    let key_type = Attribute::KeyType(key_type);
    let public = [
        token.clone(),
        key_type.clone(),
        Attribute::EcParams(parameters.to_vec()),
        Attribute::Verify(true),
    ];
    let private = [
        token,
        key_type,
        Attribute::Private(true),
        Attribute::Sign(true),
        Attribute::Derive(curve == Curve::P256),
    ];
    session.generate_key_pair(&mechanism, &public, &private)
}
