//! Moving blobs to the newest version of their key, without their plaintext leaving the TEE.

use std::io::{Read, Write};

use claviger_proto::{Status, blob, blob::Header, message::ResealRequest};

use super::{
    seal::{check_context, flush, write},
    stream::{Pieces, fill},
};
use crate::{Error, Key, error::ProtocolError, process::Process};

/// A blob that lies somewhere and can be replaced as a whole, for [`Key::reseal_all`].
/// [`crate::files::SealedFile`] is one in a file, [`SealedBytes`] one in memory.
pub trait SealedBlob {
    /// The context under which it was sealed.
    fn context(&self) -> &[u8];

    /// Has `make` read the blob and write its successor, which takes the blob's place if `make`
    /// says `true`. If it says `false`, or anything fails, the blob stays as it was.
    ///
    /// # Errors
    /// What `make` gave; [`Error::Stream`].
    fn replace(&mut self, make: Make<'_>) -> Result<bool, Error>;
}

/// Reads a blob, writes its successor, and says whether that is to take the blob's place.
pub type Make<'a> = &'a mut dyn FnMut(&mut dyn Read, &mut dyn Write) -> Result<bool, Error>;

/// A blob in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBytes {
    /// The context under which it was sealed.
    pub context: Vec<u8>,
    /// The blob.
    pub blob: Vec<u8>,
}

impl SealedBlob for SealedBytes {
    fn context(&self) -> &[u8] {
        &self.context
    }

    fn replace(&mut self, make: Make<'_>) -> Result<bool, Error> {
        let mut successor = Vec::with_capacity(self.blob.len());
        let replaced = make(&mut self.blob.as_slice(), &mut successor)?;
        if replaced {
            self.blob = successor;
        }
        Ok(replaced)
    }
}

/// What [`Key::reseal_all`] did so far.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<B> {
    /// Moved to the newest version.
    pub resealed: Vec<B>,
    /// Sealed by the newest version already, as their headers say.
    pub newest: Vec<B>,
    /// As they were, each with what failed.
    pub failed: Vec<(B, Error)>,
}

impl<B> Report<B> {
    /// How many blobs were dealt with.
    #[must_use]
    pub fn done(&self) -> usize {
        self.resealed.len() + self.newest.len() + self.failed.len()
    }
}

impl Key {
    /// Opens a blob of any version that is not retired, and seals what was in it under the newest
    /// one. The plaintext stays in the TEE; who does this needs both permissions.
    ///
    /// # Errors
    /// As [`Key::unseal`] and [`Key::seal`].
    pub fn reseal(&self, context: &[u8], blob: &[u8]) -> Result<Vec<u8>, Error> {
        let mut successor = Vec::with_capacity(blob.len());
        self.reseal_stream(context, blob, &mut successor)?;
        Ok(successor)
    }

    /// As [`Key::reseal`], of a blob of any size in constant memory; says how many bytes it wrote.
    /// An error means that what was written is worthless.
    ///
    /// # Errors
    /// As [`Key::reseal`]; [`Error::Stream`] if reading or writing fails; [`Error::Ta`] with
    /// `Superseded` if the key was rotated meanwhile: begin again.
    pub fn reseal_stream(
        &self,
        context: &[u8],
        mut input: impl Read,
        output: impl Write,
    ) -> Result<u64, Error> {
        let mut front = [0; blob::HEADER];
        let length = fill(&mut input, &mut front)?;
        let header = Header::decode(&front[..length])?;
        self.reseal_chunks(context, header, input, output)
    }

    /// Moves many blobs to the newest version of their key, one after the other, and shows
    /// `progress` the report after each. A blob is replaced when its successor is complete; one
    /// that fails stays as it was, and the next is tried.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// # use claviger::{Algorithm, Client, SealedBytes, transport::emulator::Emulator};
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// let key = client.generate("records", Algorithm::Aes256Siv)?;
    /// let sealed = |n: u8| {
    ///     let (context, blob) = (vec![n], key.seal(&[n], b"record")?);
    ///     Ok::<_, claviger::Error>(SealedBytes { context, blob })
    /// };
    /// let blobs = vec![sealed(1)?, sealed(2)?];
    /// let key = key.rotate()?;
    /// let report = key.reseal_all(blobs, |report| println!("{} done", report.done()))?;
    /// assert_eq!((report.resealed.len(), report.failed.len()), (2, 0));
    /// key.retire(1)?;
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Key::refresh`], before the first blob; what fails later is in the report.
    pub fn reseal_all<B: SealedBlob>(
        &self,
        blobs: impl IntoIterator<Item = B>,
        mut progress: impl FnMut(&Report<B>),
    ) -> Result<Report<B>, Error> {
        let key = self.refresh()?;
        let mut report = Report {
            resealed: Vec::new(),
            newest: Vec::new(),
            failed: Vec::new(),
        };
        for mut blob in blobs {
            let replaced = match key.reseal_one(&mut blob) {
                // The policy rotated the key under the stream; the next version has room.
                Err(Error::Ta(Status::Superseded)) => key.reseal_one(&mut blob),
                other => other,
            };
            match replaced {
                Ok(true) => report.resealed.push(blob),
                Ok(false) => report.newest.push(blob),
                Err(error) => report.failed.push((blob, error)),
            }
            progress(&report);
        }
        Ok(report)
    }

    fn reseal_one(&self, blob: &mut impl SealedBlob) -> Result<bool, Error> {
        let context = blob.context().to_vec();
        blob.replace(&mut |mut input, output| {
            let mut front = [0; blob::HEADER];
            let length = fill(&mut input, &mut front)?;
            let header = Header::decode(&front[..length])?;
            if header.key == self.id() && header.version == self.description().version {
                return Ok(false);
            }
            self.reseal_chunks(&context, header, input, output)?;
            Ok(true)
        })
    }

    /// All that is behind a blob's header.
    fn reseal_chunks(
        &self,
        context: &[u8],
        header: Header,
        input: impl Read,
        mut output: impl Write,
    ) -> Result<u64, Error> {
        check_context(context)?;
        let process = Process::current();
        let old = header.encode();
        let mut new = Vec::new();
        let mut index = 0;
        let mut written = 0;
        let mut pieces = Pieces::new(input, header.chunk as usize + blob::TAG);
        while let Some((piece, last)) = pieces.next()? {
            process.expect_current()?;
            if piece.len() < blob::TAG {
                return Err(Error::Ta(Status::NotAuthentic));
            }
            let request = ResealRequest {
                key: self.reference(),
                context: context.len() as u32,
                index,
                last,
            };
            let front = if index == 0 { blob::HEADER } else { 0 };
            let parts = [self.front(), context, &old, &new, piece];
            let resealed = self.client.call(&request, &parts, |_, resealed| {
                if resealed.len() != front + piece.len() {
                    let length = resealed.len();
                    return Err(ProtocolError::Payload {
                        command: "reseal",
                        length,
                    }
                    .into());
                }
                Ok(resealed.to_vec())
            })?;
            write(&mut output, &resealed)?;
            written += resealed.len() as u64;
            if index == 0 {
                new = resealed[..blob::HEADER].to_vec();
            }
            index += 1;
        }
        flush(&mut output)?;
        Ok(written)
    }
}
