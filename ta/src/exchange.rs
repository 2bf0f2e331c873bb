//! One call's memory: the copy of the request that was taken out of shared memory, and the reply
//! before it goes there. Nothing after the copy looks at shared memory again.

use alloc::vec::Vec;
use core::ops::Range;

use claviger_proto::{
    Status, codec,
    command::Request,
    frame::{PREFIX, Prefix},
    limits,
};

use zeroize::Zeroize;

use crate::platform::zeros;

/// Bytes kept free before what is received, so that a reply can be longer than its request at the
/// front (a sealed chunk: blob header and tag) without moving its bytes.
const HEADROOM: usize = 64;

/// Memory that Linux can change at any instant: to be copied from, once.
pub trait SharedMemory {
    /// How many bytes there are.
    fn size(&self) -> usize;

    /// Copies `bytes.len()` bytes from `offset` on.
    ///
    /// # Errors
    /// [`Status::BadFrame`] if they do not all lie in this memory.
    fn copy(&self, offset: usize, bytes: &mut [u8]) -> Result<(), Status>;
}

/// The memory of one call; used again for the next.
pub struct Exchange {
    header: Range<usize>,
    payload: Payload,
    reply: Vec<u8>,
    reply_len: usize,
}

/// The raw bytes of a call, worked on in place; wiped when dropped.
pub struct Payload {
    bytes: Vec<u8>,
    used: Range<usize>,
}

impl Exchange {
    /// Memory for the largest call of the contract.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub fn new() -> Result<Exchange, Status> {
        Ok(Exchange {
            header: 0..0,
            payload: Payload::with_room(limits::HEADER.saturating_add(limits::PAYLOAD))?,
            reply: zeros(PREFIX.saturating_add(limits::HEADER))?,
            reply_len: 0,
        })
    }

    /// Takes a request out of shared memory: its prefix, and then, once that has been checked,
    /// header and payload in one piece.
    ///
    /// # Errors
    /// As [`Prefix::decode_request`].
    pub(crate) fn receive(&mut self, memory: &impl SharedMemory) -> Result<(), Status> {
        let mut bytes = [0; PREFIX];
        memory.copy(0, &mut bytes)?;
        let prefix = Prefix::decode_request(&bytes, memory.size())?;
        let payload = HEADROOM.saturating_add(prefix.header);
        let end = payload.saturating_add(prefix.payload);
        memory.copy(
            PREFIX,
            self.payload
                .bytes
                .get_mut(HEADROOM..end)
                .ok_or(Status::BadFrame)?,
        )?;
        self.header = HEADROOM..payload;
        self.payload.used = payload..end;
        Ok(())
    }

    /// The request's header.
    pub(crate) fn request<R: Request>(&self) -> Result<R, Status> {
        codec::decode(
            self.payload
                .bytes
                .get(self.header.clone())
                .ok_or(Status::Internal)?,
        )
    }

    /// The raw bytes: the request's, and in their place the reply's.
    pub(crate) fn payload(&mut self) -> &mut Payload {
        &mut self.payload
    }

    /// Ends the call well: this header, and whatever the payload holds now.
    pub(crate) fn succeed<R: Request>(&mut self, header: &R::Response) -> Result<(), Status> {
        let place = self.reply.get_mut(PREFIX..).ok_or(Status::Internal)?;
        let header = codec::encode(header, place)?;
        self.finish(Prefix {
            status: Status::Ok,
            header,
            payload: self.payload.len(),
        })
    }

    /// Ends the call with nothing but a status.
    pub(crate) fn refuse(&mut self, status: Status) {
        // What was worked on may be a key, or half opened.
        self.payload.bytes_mut().zeroize();
        self.payload.clear();
        // Two lengths of zero always encode.
        let _fits = self.finish(Prefix::of(status));
    }

    fn finish(&mut self, prefix: Prefix) -> Result<(), Status> {
        let bytes = prefix.encode()?;
        let place = self
            .reply
            .first_chunk_mut::<PREFIX>()
            .ok_or(Status::Internal)?;
        *place = bytes;
        self.reply_len = PREFIX.saturating_add(prefix.header);
        Ok(())
    }

    /// The reply: prefix and header, then the payload, to be written one behind the other.
    #[must_use]
    pub fn reply(&self) -> (&[u8], &[u8]) {
        (
            self.reply.get(..self.reply_len).unwrap_or_default(),
            self.payload.bytes(),
        )
    }
}

impl Payload {
    /// Nothing yet, and room for so many bytes.
    ///
    /// # Errors
    /// [`Status::OutOfMemory`].
    pub(crate) fn with_room(len: usize) -> Result<Payload, Status> {
        Ok(Payload {
            bytes: zeros(HEADROOM.saturating_add(len))?,
            used: HEADROOM..HEADROOM,
        })
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.used.clone()).unwrap_or_default()
    }

    /// The bytes, to be changed in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.used.clone()).unwrap_or_default()
    }

    /// Splits off the first `len` bytes; both parts stay where they are.
    ///
    /// # Errors
    /// [`Status::BadPayload`] if there are fewer.
    pub fn split(&mut self, len: usize) -> Result<(&mut [u8], &mut [u8]), Status> {
        self.bytes_mut()
            .split_at_mut_checked(len)
            .ok_or(Status::BadPayload)
    }

    /// Drops the first `len` bytes.
    ///
    /// # Errors
    /// [`Status::BadPayload`] if there are fewer.
    pub fn drop_front(&mut self, len: usize) -> Result<(), Status> {
        if len > self.len() {
            return Err(Status::BadPayload);
        }
        self.used.start = self.used.start.saturating_add(len);
        Ok(())
    }

    /// Makes room for exactly `N` bytes in the place of all that was there.
    ///
    /// # Errors
    /// [`Status::Internal`] if they do not fit.
    pub fn resize_to<const N: usize>(&mut self) -> Result<&mut [u8; N], Status> {
        self.resize(N)?.first_chunk_mut().ok_or(Status::Internal)
    }

    /// Drops the last `len` bytes.
    ///
    /// # Errors
    /// [`Status::BadPayload`] if there are fewer.
    pub fn drop_back(&mut self, len: usize) -> Result<(), Status> {
        let left = self.len().checked_sub(len).ok_or(Status::BadPayload)?;
        self.used.end = self.used.start.saturating_add(left);
        Ok(())
    }

    /// Puts `bytes` before the others, over what was dropped or never used.
    ///
    /// # Errors
    /// [`Status::Internal`] without room, which the headroom rules out.
    pub fn push_front(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let start = self
            .used
            .start
            .checked_sub(bytes.len())
            .ok_or(Status::Internal)?;
        let place = self
            .bytes
            .get_mut(start..self.used.start)
            .ok_or(Status::Internal)?;
        place.copy_from_slice(bytes);
        self.used.start = start;
        Ok(())
    }

    /// Puts `bytes` in the place of all that was there.
    ///
    /// # Errors
    /// [`Status::Internal`] if they do not fit.
    pub fn set(&mut self, bytes: &[u8]) -> Result<(), Status> {
        self.resize(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Puts all `parts`, joined, in the place of all that was there.
    ///
    /// # Errors
    /// [`Status::Internal`] if they do not fit.
    pub(crate) fn set_parts(&mut self, parts: &[&[u8]]) -> Result<(), Status> {
        self.clear();
        parts.iter().try_for_each(|part| self.append(part))
    }

    /// Makes room for exactly `len` bytes in the place of all that was there.
    ///
    /// # Errors
    /// [`Status::Internal`] if they do not fit.
    pub fn resize(&mut self, len: usize) -> Result<&mut [u8], Status> {
        let end = HEADROOM.saturating_add(len);
        if end > self.bytes.len() {
            return Err(Status::Internal);
        }
        self.used = HEADROOM..end;
        Ok(self.bytes_mut())
    }

    /// Puts `bytes` before the others, which move.
    ///
    /// # Errors
    /// [`Status::Internal`] if they do not fit.
    pub fn insert_front(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let end = self.used.end.saturating_add(bytes.len());
        let place = self
            .bytes
            .get_mut(self.used.start..end)
            .ok_or(Status::Internal)?;
        place.rotate_right(bytes.len());
        place
            .get_mut(..bytes.len())
            .ok_or(Status::Internal)?
            .copy_from_slice(bytes);
        self.used.end = end;
        Ok(())
    }

    /// Puts `bytes` behind the others.
    ///
    /// # Errors
    /// [`Status::Internal`] if they do not fit.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let end = self.used.end.saturating_add(bytes.len());
        let place = self
            .bytes
            .get_mut(self.used.end..end)
            .ok_or(Status::Internal)?;
        place.copy_from_slice(bytes);
        self.used.end = end;
        Ok(())
    }

    /// Nothing.
    pub fn clear(&mut self) {
        self.used = HEADROOM..HEADROOM;
    }

    /// # Errors
    /// [`Status::BadPayload`] if there is a payload where the command takes none.
    pub fn expect_empty(&self) -> Result<(), Status> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Status::BadPayload)
        }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}
