//! Sealing: authenticated encryption of data of any size, chunk by chunk
//! ([`claviger_proto::blob`] is the format).

use std::io::{Read, Write};

use claviger_proto::{
    Status,
    blob::{self, Header},
    limits,
    message::{SealRequest, UnsealRequest},
};

use super::stream::{Pieces, fill};
use crate::{Error, Key, error::ProtocolError, process::Process, wiped::Wiped};

impl Key {
    /// Seals `data`: only this key opens it again, and only with the same `context` (at most
    /// [`limits::CONTEXT`] bytes, authenticated and not stored). Equal data give different blobs.
    ///
    /// # Errors
    /// [`Error::Ta`] with `WrongUsage`, `NotFound`; [`Error::TooMany`] for the context.
    pub fn seal(&self, context: &[u8], data: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_slice(context, data, false)
    }

    /// As [`Key::seal`], but equal data in an equal context give equal blobs, which shows anyone
    /// that they are equal.
    ///
    /// # Errors
    /// As [`Key::seal`].
    pub fn seal_deterministic(&self, context: &[u8], data: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_slice(context, data, true)
    }

    /// Seals a stream of any size in constant memory, and says how many bytes it read.
    ///
    /// # Errors
    /// As [`Key::seal`]; [`Error::Stream`] if reading or writing fails.
    pub fn seal_stream(
        &self,
        context: &[u8],
        input: impl Read,
        output: impl Write,
    ) -> Result<u64, Error> {
        self.seal_pieces(context, input, output, false)
    }

    /// As [`Key::seal_stream`], but equal streams in an equal context give equal blobs.
    ///
    /// # Errors
    /// As [`Key::seal_stream`].
    pub fn seal_stream_deterministic(
        &self,
        context: &[u8],
        input: impl Read,
        output: impl Write,
    ) -> Result<u64, Error> {
        self.seal_pieces(context, input, output, true)
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// [`Error::Ta`] with `NotAuthentic` if the blob was altered or cut, or was sealed under
    /// another key or context; [`Error::Blob`] if it is none; `WrongUsage`, `NotFound`.
    pub fn unseal(&self, context: &[u8], blob: &[u8]) -> Result<Vec<u8>, Error> {
        let mut opener = Opener::new(self, context, blob)?;
        let sealed = blob.get(blob::HEADER..).unwrap_or_default();
        let mut data = Wiped::with_capacity(sealed.len());
        let mut pieces = sealed.chunks(opener.piece()).peekable();
        loop {
            let piece = pieces.next().unwrap_or_default();
            let last = pieces.peek().is_none();
            opener.open(piece, last, &mut data)?;
            if last {
                return Ok(std::mem::take(&mut *data));
            }
        }
    }

    /// Opens a blob of any size in constant memory, and says how many bytes it wrote.
    ///
    /// Each chunk is written once it is authentic, before those behind it are known to be: **an
    /// error means that what was written is only a beginning**. Don't act on it before this
    /// returns, or write to a file that counts only then.
    ///
    /// # Errors
    /// As [`Key::unseal`]; [`Error::Stream`] if reading or writing fails.
    pub fn unseal_stream(
        &self,
        context: &[u8],
        mut input: impl Read,
        mut output: impl Write,
    ) -> Result<u64, Error> {
        let mut header = [0; blob::HEADER];
        let length = fill(&mut input, &mut header)?;
        let mut opener = Opener::new(self, context, &header[..length])?;
        let mut pieces = Pieces::new(input, opener.piece());
        let mut opened = Wiped::with_capacity(limits::CHUNK);
        let mut written = 0;
        while let Some((piece, last)) = pieces.next()? {
            opened.empty();
            opener.open(piece, last, &mut opened)?;
            write(&mut output, &opened)?;
            written += opened.len() as u64;
        }
        flush(&mut output)?;
        Ok(written)
    }

    fn seal_slice(
        &self,
        context: &[u8],
        data: &[u8],
        deterministic: bool,
    ) -> Result<Vec<u8>, Error> {
        let mut sealer = Sealer::new(self, context, deterministic)?;
        let chunks = data.len().div_ceil(limits::CHUNK).max(1);
        let mut blob = Vec::with_capacity(blob::HEADER + chunks * blob::TAG + data.len());
        let mut pieces = data.chunks(limits::CHUNK).peekable();
        loop {
            let piece = pieces.next().unwrap_or_default();
            let last = pieces.peek().is_none();
            sealer.seal(piece, last, &mut blob)?;
            if last {
                return Ok(blob);
            }
        }
    }

    fn seal_pieces(
        &self,
        context: &[u8],
        input: impl Read,
        mut output: impl Write,
        deterministic: bool,
    ) -> Result<u64, Error> {
        let mut sealer = Sealer::new(self, context, deterministic)?;
        let mut pieces = Pieces::new(input, limits::CHUNK);
        let mut sealed = Vec::with_capacity(blob::HEADER + blob::TAG + limits::CHUNK);
        let mut read = 0;
        while let Some((piece, last)) = pieces.next()? {
            sealed.clear();
            sealer.seal(piece, last, &mut sealed)?;
            read += piece.len() as u64;
            write(&mut output, &sealed)?;
        }
        flush(&mut output)?;
        Ok(read)
    }
}

/// A blob being made.
struct Sealer<'a> {
    /// Whose it is: two processes would go on under one header.
    process: Process,
    key: &'a Key,
    context: &'a [u8],
    deterministic: bool,
    index: u64,
    /// The blob's header; empty until the first chunk brought it.
    header: Vec<u8>,
}

impl<'a> Sealer<'a> {
    fn new(key: &'a Key, context: &'a [u8], deterministic: bool) -> Result<Sealer<'a>, Error> {
        check_context(context)?;
        Ok(Sealer {
            process: Process::current(),
            key,
            context,
            deterministic,
            index: 0,
            header: Vec::new(),
        })
    }

    /// Seals the next chunk and appends it, and before the first the header, to `blob`.
    fn seal(&mut self, piece: &[u8], last: bool, blob: &mut Vec<u8>) -> Result<(), Error> {
        self.process.expect_current()?;
        let request = SealRequest {
            key: self.key.reference(),
            context: self.context.len() as u32,
            deterministic: self.deterministic,
            index: self.index,
            last,
        };
        let header = if self.index == 0 { blob::HEADER } else { 0 };
        let start = blob.len();
        self.key.client.call(
            &request,
            &[self.key.front(), self.context, &self.header, piece],
            |_, sealed| {
                if sealed.len() != header + piece.len() + blob::TAG {
                    let length = sealed.len();
                    return Err(ProtocolError::Payload {
                        command: "seal",
                        length,
                    }
                    .into());
                }
                blob.extend_from_slice(sealed);
                Ok(())
            },
        )?;
        if self.index == 0 {
            self.header = blob[start..start + blob::HEADER].to_vec();
        }
        self.index += 1;
        Ok(())
    }
}

/// A blob being opened.
struct Opener<'a> {
    key: &'a Key,
    context: &'a [u8],
    index: u64,
    chunk: usize,
    header: [u8; blob::HEADER],
}

impl<'a> Opener<'a> {
    /// Begins with the header at the front of `blob`.
    fn new(key: &'a Key, context: &'a [u8], blob: &[u8]) -> Result<Opener<'a>, Error> {
        check_context(context)?;
        let header = Header::decode(blob)?;
        Ok(Opener {
            key,
            context,
            index: 0,
            chunk: header.chunk as usize,
            header: header.encode(),
        })
    }

    /// Bytes of every sealed chunk but the last.
    fn piece(&self) -> usize {
        self.chunk + blob::TAG
    }

    /// Opens the next chunk and appends it to `data`.
    fn open(&mut self, piece: &[u8], last: bool, data: &mut Vec<u8>) -> Result<(), Error> {
        // No blob has such a piece: what is short was cut, and only a blob of nothing is empty.
        if piece.len() < blob::TAG || (piece.len() == blob::TAG && self.index != 0) {
            return Err(Error::Ta(Status::NotAuthentic));
        }
        let request = UnsealRequest {
            key: self.key.reference(),
            context: self.context.len() as u32,
            index: self.index,
            last,
        };
        self.key.client.call(
            &request,
            &[self.key.front(), self.context, &self.header, piece],
            |_, opened| {
                if opened.len() != piece.len() - blob::TAG {
                    let length = opened.len();
                    return Err(ProtocolError::Payload {
                        command: "unseal",
                        length,
                    }
                    .into());
                }
                data.extend_from_slice(opened);
                Ok(())
            },
        )?;
        self.index += 1;
        Ok(())
    }
}

pub(super) fn check_context(context: &[u8]) -> Result<(), Error> {
    let status = Status::PayloadTooLong;
    Error::expect_most("bytes of context", context.len(), limits::CONTEXT, status)
}

pub(super) fn write(output: &mut impl Write, bytes: &[u8]) -> Result<(), Error> {
    output
        .write_all(bytes)
        .map_err(|error| Error::stream("the output cannot be written", error))
}

pub(super) fn flush(output: &mut impl Write) -> Result<(), Error> {
    output
        .flush()
        .map_err(|error| Error::stream("the output cannot be written", error))
}
