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
    /// [`Error::Ta`] with `WrongUsage` or `NotFound`.
    pub fn mac(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        if message.len() > self.room() {
            return self.mac_stream(message);
        }
        let request = MacRequest {
            key: self.reference(),
        };
        self.client.call(
            &request,
            &[self.front(), message],
            |_, tag| Ok(tag.to_vec()),
        )
    }

    /// The MAC of a stream of any size, in constant memory. A long one runs in a session of its
    /// own, so other calls go on beside it.
    ///
    /// # Errors
    /// As [`Key::mac`]; [`Error::Stream`] if reading fails; [`Error::Restarted`] if the trusted
    /// application died: begin again.
    pub fn mac_stream(&self, input: impl Read) -> Result<Vec<u8>, Error> {
        let mut pieces = Pieces::new(input, self.room());
        let mut session = None;
        while let Some((piece, last)) = pieces.next()? {
            match (&session, last) {
                (None, true) => return self.mac(piece),
                (None, false) => {
                    let client = self.start_mac(false)?;
                    update(&client, piece)?;
                    session = Some(client);
                }
                (Some(client), false) => update(client, piece)?,
                (Some(client), true) => {
                    return client.call(&MacFinishRequest {}, &[piece], |_, tag| Ok(tag.to_vec()));
                }
            }
        }
        unreachable!("a stream has a last piece")
    }

    /// Checks the MAC of a message, in constant time in the TEE.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic` if it is not that of this message; as [`Key::mac`].
    pub fn verify_mac(&self, message: &[u8], tag: &[u8]) -> Result<(), Error> {
        if tag.len().saturating_add(message.len()) > self.room() {
            return self.verify_mac_stream(message, tag);
        }
        let request = VerifyMacRequest {
            key: self.reference(),
            tag: tag.len() as u32,
            version: None,
        };
        self.client
            .call(&request, &[self.front(), tag, message], |_, _| Ok(()))
    }

    /// Checks the MAC of a stream of any size, in constant memory.
    ///
    /// # Errors
    /// As [`Key::verify_mac`] and [`Key::mac_stream`].
    pub fn verify_mac_stream(&self, input: impl Read, tag: &[u8]) -> Result<(), Error> {
        let size = self.room().saturating_sub(tag.len());
        let mut pieces = Pieces::new(input, size);
        let mut session = None;
        while let Some((piece, last)) = pieces.next()? {
            let client = match &session {
                None if last => return self.verify_mac(piece, tag),
                None => session.insert(self.start_mac(true)?),
                Some(client) => client,
            };
            update(client, piece)?;
        }
        match session {
            Some(client) => client.call(&VerifyMacFinishRequest {}, &[tag], |_, _| Ok(())),
            None => unreachable!("a stream has a last piece"),
        }
    }

    /// A session with a MAC stream of this key under way.
    fn start_mac(&self, verify: bool) -> Result<Client, Error> {
        let client = self.client.another()?;
        let request = MacStartRequest {
            key: self.reference(),
            verify,
            version: None,
        };
        client.call(&request, &[self.front()], |_, _| Ok(()))?;
        Ok(client)
    }
}

fn update(client: &Client, piece: &[u8]) -> Result<(), Error> {
    client.call(&MacUpdateRequest {}, &[piece], |_, _| Ok(()))
}
