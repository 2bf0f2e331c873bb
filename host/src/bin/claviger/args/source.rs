//! The sources of a combined key.

use std::{path::PathBuf, str::FromStr};

use super::{KeyName, Principal};

const FORMS: &str = "a source is key=KEY, agree=KEY,peer=FILE, decapsulate=KEY,ciphertext=FILE, or \
                     encapsulate=FILE; those with a KEY take owner=USER, decapsulate= version=N";

/// One source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceArgument {
    /// A derivation key or a child of one.
    Key(SourceKey),
    /// An agreement with a peer's public key.
    Agree(SourceKey, PathBuf),
    /// A ciphertext for a KEM key.
    Decapsulate(SourceKey, Option<u32>, PathBuf),
    /// A secret for a peer's public KEM key.
    Encapsulate(PathBuf),
}

/// The key of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceKey {
    pub(crate) key: KeyName,
    pub(crate) owner: Option<Principal>,
}

/// What stands behind each name, until it is taken.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn take(&mut self, name: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|(field, _)| *field == name)?;
        Some(self.0.remove(place).1)
    }

    fn file(&mut self, name: &str) -> Result<PathBuf, String> {
        self.take(name).map(PathBuf::from).ok_or(FORMS.to_owned())
    }

    fn key(&mut self, key: &str) -> Result<SourceKey, String> {
        Ok(SourceKey {
            key: key.parse()?,
            owner: self.take("owner").map(str::parse).transpose()?,
        })
    }
}

impl FromStr for SourceArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<SourceArgument, String> {
        let fields: Option<_> = text.split(',').map(|field| field.split_once('=')).collect();
        let mut fields = Fields(fields.ok_or(FORMS)?);
        let source = if let Some(key) = fields.take("key") {
            SourceArgument::Key(fields.key(key)?)
        } else if let Some(key) = fields.take("agree") {
            let peer = fields.file("peer")?;
            SourceArgument::Agree(fields.key(key)?, peer)
        } else if let Some(key) = fields.take("decapsulate") {
            let ciphertext = fields.file("ciphertext")?;
            let version = fields.take("version").map(str::parse).transpose();
            let version = version.map_err(|_| "a version is a number".to_owned())?;
            SourceArgument::Decapsulate(fields.key(key)?, version, ciphertext)
        } else {
            SourceArgument::Encapsulate(fields.file("encapsulate")?)
        };
        if fields.0.is_empty() {
            Ok(source)
        } else {
            Err(FORMS.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_their_forms() {
        let source = |text: &str| text.parse::<SourceArgument>();
        let key = |name: &str, owner| SourceKey {
            key: name.parse().unwrap(),
            owner,
        };
        assert_eq!(
            source("key=fleet#a"),
            Ok(SourceArgument::Key(key("fleet#a", None)))
        );
        assert_eq!(
            source("agree=@own.clv,peer=peer.pem,owner=1000"),
            Ok(SourceArgument::Agree(
                key("@own.clv", Some(Principal::User(1000))),
                "peer.pem".into()
            ))
        );
        assert_eq!(
            source("ciphertext=ct,version=2,decapsulate=kem"),
            Ok(SourceArgument::Decapsulate(
                key("kem", None),
                Some(2),
                "ct".into()
            ))
        );
        assert_eq!(
            source("encapsulate=peer"),
            Ok(SourceArgument::Encapsulate("peer".into()))
        );
        for bad in [
            "",
            "fleet",
            "key=",
            "key=a b",
            "key=a,key=b",
            "key=a,peer=b",
            "key=a,version=1",
            "agree=a,peer=b,version=1",
            "decapsulate=a,ciphertext=b,version=x",
            "key=a,owner=no such user",
            "agree=a",
            "decapsulate=a",
            "encapsulate=a,version=1",
            "peer=a",
        ] {
            assert!(source(bad).is_err(), "{bad}");
        }
    }
}
