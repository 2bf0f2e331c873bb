//! Message authentication codes of messages of any size.

use std::io::Read;

use claviger_proto::message::{
    MacFinishRequest, MacRequest, MacStartRequest, MacUpdateRequest, VerifyMacFinishRequest,
    VerifyMacRequest,
};

use super::stream::Pieces;
use crate::{Client, Error, Key};

impl Key {
    /// The MAC of a message: 16 bytes for CMAC, 32 for HMAC-SHA-256.
    ///
    /// # Errors
    /// [`Error::Ta`] as for any use of a key.
    pub fn mac(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.mac_with_version(message).map(|(tag, _)| tag)
    }

    /// As [`Key::mac`], and says which version of the key made it: [`Key::verify_mac_version`]
    /// wants to be told once the key is rotated.
    ///
    /// # Errors
    /// As [`Key::mac`].
    pub fn mac_with_version(&self, message: &[u8]) -> Result<(Vec<u8>, u32), Error> {
        if message.len() > self.room() {
            return self.mac_stream_with_version(message);
        }
        let request = MacRequest {
            key: self.reference(),
        };
        self.client
            .call(&request, &[self.front(), message], |response, tag| {
                Ok((tag.to_vec(), response.version))
            })
    }

    /// The MAC of a stream of any size, in constant memory. A long one runs in a session of its
    /// own, so other calls go on beside it.
    ///
    /// # Errors
    /// As [`Key::mac`]; [`Error::Stream`] if reading fails; [`Error::Restarted`] if the trusted
    /// application died: begin again.
    pub fn mac_stream(&self, input: impl Read) -> Result<Vec<u8>, Error> {
        self.mac_stream_with_version(input).map(|(tag, _)| tag)
    }

    /// As [`Key::mac_stream`], and says which version of the key made it.
    ///
    /// # Errors
    /// As [`Key::mac_stream`].
    pub fn mac_stream_with_version(&self, input: impl Read) -> Result<(Vec<u8>, u32), Error> {
        let mut pieces = Pieces::new(input, self.room());
        let mut stream = None;
        while let Some((piece, last)) = pieces.next()? {
            let (client, version) = match &stream {
                None if last => return self.mac_with_version(piece),
                None => stream.insert(self.start_mac(false, None)?),
                Some(stream) => stream,
            };
            if last {
                let version = *version;
                return client.call(&MacFinishRequest {}, &[piece], |_, tag| {
                    Ok((tag.to_vec(), version))
                });
            }
            update(client, piece)?;
        }
        unreachable!("a stream has a last piece")
    }

    /// Checks the MAC of a message by the primary version, in constant time in the TEE.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic` if it is not that of this message; as [`Key::mac`].
    pub fn verify_mac(&self, message: &[u8], tag: &[u8]) -> Result<(), Error> {
        self.verify_slice(None, message, tag)
    }

    /// As [`Key::verify_mac`], by this version of the key.
    ///
    /// # Errors
    /// As [`Key::verify_mac`], and [`Error::Ta`] with `NoSuchVersion`.
    pub fn verify_mac_version(
        &self,
        version: u32,
        message: &[u8],
        tag: &[u8],
    ) -> Result<(), Error> {
        self.verify_slice(Some(version), message, tag)
    }

    /// Checks the MAC of a stream of any size, in constant memory.
    ///
    /// # Errors
    /// As [`Key::verify_mac`] and [`Key::mac_stream`].
    pub fn verify_mac_stream(&self, input: impl Read, tag: &[u8]) -> Result<(), Error> {
        self.verify_stream(None, input, tag)
    }

    /// As [`Key::verify_mac_stream`], by this version of the key.
    ///
    /// # Errors
    /// As [`Key::verify_mac_version`] and [`Key::mac_stream`].
    pub fn verify_mac_stream_version(
        &self,
        version: u32,
        input: impl Read,
        tag: &[u8],
    ) -> Result<(), Error> {
        self.verify_stream(Some(version), input, tag)
    }

    fn verify_slice(&self, version: Option<u32>, message: &[u8], tag: &[u8]) -> Result<(), Error> {
        if tag.len().saturating_add(message.len()) > self.room() {
            return self.verify_stream(version, message, tag);
        }
        let request = VerifyMacRequest {
            key: self.reference(),
            tag: tag.len() as u32,
            version,
        };
        let parts = [self.front(), tag, message];
        self.client.call(&request, &parts, |_, _| Ok(()))
    }

    fn verify_stream(
        &self,
        version: Option<u32>,
        input: impl Read,
        tag: &[u8],
    ) -> Result<(), Error> {
        let size = self.room().saturating_sub(tag.len());
        let mut pieces = Pieces::new(input, size);
        let mut stream = None;
        while let Some((piece, last)) = pieces.next()? {
            let (client, _) = match &stream {
                None if last => return self.verify_slice(version, piece, tag),
                None => stream.insert(self.start_mac(true, version)?),
                Some(stream) => stream,
            };
            update(client, piece)?;
            if last {
                return client.call(&VerifyMacFinishRequest {}, &[tag], |_, _| Ok(()));
            }
        }
        unreachable!("a stream has a last piece")
    }

    /// A session with a MAC stream of this key under way, and the version that serves it.
    fn start_mac(&self, verify: bool, version: Option<u32>) -> Result<(Client, u32), Error> {
        let client = self.client.another()?;
        let request = MacStartRequest {
            key: self.reference(),
            verify,
            version,
        };
        let version = client.call(
            &request,
            &[self.front()],
            |response, _| Ok(response.version),
        )?;
        Ok((client, version))
    }
}

fn update(client: &Client, piece: &[u8]) -> Result<(), Error> {
    client.call(&MacUpdateRequest {}, &[piece], |_, _| Ok(()))
}
