//! A key as requests name it: of the caller, of another owner, wrapped, a child. Each method is one
//! call, so that a test says all that is sent.

use claviger::{Client, Creation, Error, Identity, State};
use claviger_proto::{
    Algorithm, Home, KeyRef, Label, Place, Usage,
    command::Request,
    message::{
        CatchUpRequest, ChownRequest, DecryptRequest, DeleteRequest, DeriveRequest,
        DerivedResponse, DescribeRequest, EncryptRequest, GenerateRequest, ImportRequest,
        KeyDescription, MacRequest, NewKey, Output, Policy, PublicKeyRequest, RenameRequest,
        ResealRequest, RetireRequest, RotateRequest, SealRequest, SetPolicyRequest,
        SetStateRequest, SignRequest, UnsealRequest, UnwrapRequest, VerifyMacRequest, WrapRequest,
    },
};

/// A label.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn label(text: &str) -> Label {
    Label::try_from(text).unwrap()
}

/// A new key of the vault, for the algorithm's first usage, of which nothing special is asked.
#[must_use]
pub fn new_key(name: &str, algorithm: Algorithm) -> NewKey {
    new_key_for(name, algorithm, algorithm.usages()[0])
}

/// A key about to be made, told what it must be: a key-encryption key, what it takes in.
pub fn creation(client: &Client, name: &str, algorithm: Algorithm) -> Creation {
    let creation = client.create(name).algorithm(algorithm);
    match taken_in(algorithm.usages()[0]) {
        Some(children) => creation.children(children),
        None => creation,
    }
}

fn taken_in(usage: Usage) -> Option<Algorithm> {
    (usage == Usage::Unwrap).then_some(Algorithm::Aes128Cmac)
}

/// As [`new_key`], for another usage.
#[must_use]
pub fn new_key_for(name: &str, algorithm: Algorithm, usage: Usage) -> NewKey {
    NewKey {
        key: label(name),
        algorithm,
        usage: Some(usage),
        children: taken_in(usage),
        ratchet: false,
        pre_activation: false,
        home: Home::Vault,
        family: None,
        policy: Policy::of(usage),
        recipients: [].into_iter().collect(),
    }
}

/// A caller and how it names a key.
#[derive(Clone)]
pub struct Handle {
    /// Who asks.
    pub client: Client,
    /// How requests name the key.
    pub key: KeyRef,
    /// The wrapped key at the front of every payload; nothing for one of the vault.
    pub front: Vec<u8>,
}

impl Handle {
    /// The caller's key of the vault with this label.
    #[must_use]
    pub fn new(client: &Client, name: &str) -> Handle {
        Handle {
            client: client.clone(),
            key: label(name).into(),
            front: Vec::new(),
        }
    }

    /// Another owner's key of the vault.
    #[must_use]
    pub fn of(client: &Client, owner: Identity, name: &str) -> Handle {
        let place = Place::Vault {
            owner: Some(owner),
            label: label(name),
        };
        Handle {
            client: client.clone(),
            key: KeyRef { place, child: None },
            front: Vec::new(),
        }
    }

    /// The wrapped key in these bytes.
    #[must_use]
    pub fn wrapped(client: &Client, bytes: &[u8]) -> Handle {
        let length = bytes.len() as u32;
        Handle {
            client: client.clone(),
            key: KeyRef {
                place: Place::Wrapped { length },
                child: None,
            },
            front: bytes.to_vec(),
        }
    }

    /// A child of it.
    #[must_use]
    pub fn child(&self, name: &str) -> Handle {
        let mut child = self.clone();
        child.key.child = Some(label(name));
        child
    }

    /// The same name, said by another.
    #[must_use]
    pub fn by(&self, client: &Client) -> Handle {
        Handle {
            client: client.clone(),
            ..self.clone()
        }
    }

    /// The key that was made: wrapped in these bytes, or in the vault.
    fn made(client: &Client, description: &KeyDescription, bytes: &[u8]) -> Handle {
        match description.home {
            Home::Wrapped => Handle::wrapped(client, bytes),
            _ => {
                assert!(bytes.is_empty(), "nothing comes out of the vault");
                Handle::new(client, description.key.as_str())
            }
        }
    }

    /// `generate`.
    ///
    /// # Errors
    /// Those of the call, as everywhere below.
    pub fn generate(client: &Client, new: NewKey) -> Result<Handle, Error> {
        let (made, bytes) = client.request(&GenerateRequest { new }, &[])?;
        Ok(Handle::made(client, &made, &bytes))
    }

    /// `import`.
    #[allow(clippy::missing_errors_doc)]
    pub fn import(client: &Client, new: NewKey, secret: &[u8]) -> Result<Handle, Error> {
        let (made, bytes) = client.request(&ImportRequest { new }, secret)?;
        Ok(Handle::made(client, &made, &bytes))
    }

    /// Any request about the key, with a payload of these parts behind a wrapped key.
    #[allow(clippy::missing_errors_doc)]
    pub fn ask<R: Request>(
        &self,
        request: &R,
        parts: &[&[u8]],
    ) -> Result<(R::Response, Vec<u8>), Error> {
        let payload = [&self.front, &parts.concat()[..]].concat();
        self.client.request(request, &payload)
    }

    fn key(&self) -> KeyRef {
        self.key.clone()
    }
}

#[allow(clippy::missing_errors_doc)]
impl Handle {
    /// `describe`.
    pub fn describe(&self) -> Result<KeyDescription, Error> {
        self.ask(&DescribeRequest { key: self.key() }, &[])
            .map(|(description, _)| description)
    }

    /// `delete`.
    pub fn delete(&self) -> Result<(), Error> {
        self.ask(&DeleteRequest { key: self.key() }, &[]).map(drop)
    }

    /// `rotate`.
    pub fn rotate(&self) -> Result<KeyDescription, Error> {
        self.ask(&RotateRequest { key: self.key() }, &[])
            .map(|(description, _)| description)
    }

    /// `retire`.
    pub fn retire(&self, version: u32) -> Result<KeyDescription, Error> {
        let key = self.key();
        self.ask(&RetireRequest { key, version }, &[])
            .map(|(description, _)| description)
    }

    /// `set-state`.
    pub fn set_state(&self, state: State) -> Result<KeyDescription, Error> {
        let key = self.key();
        self.ask(&SetStateRequest { key, state }, &[])
            .map(|(description, _)| description)
    }

    /// `set-policy`, to what it is but for this change.
    pub fn set_policy(&self, change: impl FnOnce(&mut Policy)) -> Result<KeyDescription, Error> {
        let mut policy = self.describe()?.policy;
        change(&mut policy);
        let key = self.key();
        self.ask(&SetPolicyRequest { key, policy }, &[])
            .map(|(description, _)| description)
    }

    /// `rename`; the key by its new label.
    pub fn rename(&self, to: &str) -> Result<Handle, Error> {
        let (key, to) = (self.key(), label(to));
        let (shown, _) = self.ask(&RenameRequest { key, to }, &[])?;
        Ok(Handle::of(&self.client, shown.owner, shown.key.as_str()))
    }

    /// `chown`; the key by its new owner.
    pub fn chown(&self, to: Identity) -> Result<Handle, Error> {
        let key = self.key();
        let (shown, _) = self.ask(&ChownRequest { key, to }, &[])?;
        Ok(Handle::of(&self.client, shown.owner, shown.key.as_str()))
    }

    /// `catch-up`; says to which version.
    pub fn catch_up(&self, token: &[u8]) -> Result<u32, Error> {
        self.ask(&CatchUpRequest { key: self.key() }, &[token])
            .map(|(done, _)| done.version)
    }

    /// `public-key` of a version, or of the primary one.
    pub fn public_key(&self, version: Option<u32>) -> Result<Vec<u8>, Error> {
        let key = self.key();
        self.ask(&PublicKeyRequest { key, version }, &[])
            .map(|(_, public)| public)
    }

    /// `seal` of a blob of one chunk.
    pub fn seal(&self, context: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_chunk(context, text, false)
    }

    /// `seal` of a blob of one chunk, deterministic.
    pub fn seal_deterministic(&self, context: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_chunk(context, text, true)
    }

    fn seal_chunk(
        &self,
        context: &[u8],
        text: &[u8],
        deterministic: bool,
    ) -> Result<Vec<u8>, Error> {
        let request = SealRequest {
            key: self.key(),
            context: context.len() as u32,
            deterministic,
            index: 0,
            last: true,
        };
        self.ask(&request, &[context, text]).map(|(_, blob)| blob)
    }

    /// `unseal` of a blob of one chunk.
    pub fn unseal(&self, context: &[u8], blob: &[u8]) -> Result<Vec<u8>, Error> {
        let request = UnsealRequest {
            key: self.key(),
            context: context.len() as u32,
            index: 0,
            last: true,
        };
        self.ask(&request, &[context, blob]).map(|(_, text)| text)
    }

    /// `reseal` of a blob of one chunk.
    pub fn reseal(&self, context: &[u8], blob: &[u8]) -> Result<Vec<u8>, Error> {
        let request = ResealRequest {
            key: self.key(),
            context: context.len() as u32,
            index: 0,
            last: true,
        };
        self.ask(&request, &[context, blob]).map(|(_, blob)| blob)
    }

    /// `mac`.
    pub fn mac(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.ask(&MacRequest { key: self.key() }, &[message])
            .map(|(_, tag)| tag)
    }

    /// `verify-mac` by a version, or by the primary one.
    pub fn verify(&self, message: &[u8], tag: &[u8], version: Option<u32>) -> Result<(), Error> {
        let request = VerifyMacRequest {
            key: self.key(),
            tag: tag.len() as u32,
            version,
        };
        self.ask(&request, &[tag, message]).map(drop)
    }

    /// `sign`.
    pub fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Error> {
        let prehash = false;
        self.ask(
            &SignRequest {
                key: self.key(),
                prehash,
            },
            &[input],
        )
        .map(|(_, signature)| signature)
    }

    /// `encrypt`.
    pub fn encrypt(&self, aad: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
        let request = EncryptRequest {
            key: self.key(),
            aad: aad.len() as u32,
        };
        self.ask(&request, &[aad, text]).map(|(_, sealed)| sealed)
    }

    /// `decrypt` by a version, or by the primary one.
    pub fn decrypt(
        &self,
        aad: &[u8],
        sealed: &[u8],
        version: Option<u32>,
    ) -> Result<Vec<u8>, Error> {
        let request = DecryptRequest {
            key: self.key(),
            aad: aad.len() as u32,
            version,
        };
        self.ask(&request, &[aad, sealed]).map(|(_, text)| text)
    }

    /// `derive` of this child into a new key.
    pub fn derive(&self, new: NewKey) -> Result<Handle, Error> {
        let output = Output {
            new: Some(new),
            length: 0,
        };
        let (derived, bytes) = self.derive_to(output)?;
        Ok(Handle::made(&self.client, &derived.key.unwrap(), &bytes))
    }

    /// `derive` of this child into bytes that leave.
    pub fn derive_bytes(&self, length: u32) -> Result<Vec<u8>, Error> {
        let (derived, bytes) = self.derive_to(Output { new: None, length })?;
        assert_eq!((derived.key, derived.ciphertext), (None, 0));
        Ok(bytes)
    }

    fn derive_to(&self, output: Output) -> Result<(DerivedResponse, Vec<u8>), Error> {
        let key = self.key();
        self.ask(&DeriveRequest { key, output }, &[])
    }

    /// `wrap`.
    pub fn wrap(&self, family: Option<&str>) -> Result<Handle, Error> {
        let request = WrapRequest {
            key: self.key(),
            family: family.map(label),
        };
        let (_, bytes) = self.ask(&request, &[])?;
        Ok(Handle::wrapped(&self.client, &bytes))
    }

    /// `unwrap` by the primary version.
    pub fn unwrap(&self, padded: bool, wrapped: &[u8], new: NewKey) -> Result<Handle, Error> {
        let request = UnwrapRequest {
            key: self.key(),
            version: None,
            padded,
            new,
        };
        let (made, bytes) = self.ask(&request, &[wrapped])?;
        Ok(Handle::made(&self.client, &made, &bytes))
    }
}
