//! Reading and writing beside the work: each in a thread of its own, a few pieces ahead and behind.
//!
//! A stream that is sealed waits for its source, for the TEE and for its sink in turn. With these
//! around source and sink it waits for the slowest of them only, where there is more than one
//! processor.

use std::{
    io::{self, ErrorKind, Read, Write},
    mem,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use claviger_proto::limits::CHUNK;

use crate::{TransportError, process::Process, wiped::Wiped};

/// Pieces that are ready before they are asked for, or wait to be written.
const PIECES: usize = 2;

/// Bytes read at once; wiped when they are used.
type Piece = Wiped;

/// A reader that is read ahead. If it is dropped before the end, its thread ends once the reader has
/// given what it was asked for last. In a process that is forked it only fails.
pub struct ReadAhead {
    /// Whose the thread is.
    process: Process,
    /// Always there, but while it is dropped.
    pieces: Option<Receiver<io::Result<Piece>>>,
    piece: Piece,
    given: usize,
    ended: bool,
}

impl ReadAhead {
    /// Begins to read.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn new(mut reader: impl Read + Send + 'static) -> io::Result<ReadAhead> {
        let (sender, pieces) = sync_channel(PIECES);
        let read = move || {
            loop {
                let mut piece = Piece::from(vec![0; CHUNK]);
                let result = match reader.read(&mut piece) {
                    Ok(length) => {
                        piece.truncate(length);
                        Ok(piece)
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let over = result.as_ref().map_or(true, |piece| piece.is_empty());
                // Nobody may want it any more.
                if sender.send(result).is_err() || over {
                    return;
                }
            }
        };
        thread::Builder::new().name("read".to_owned()).spawn(read)?;
        Ok(ReadAhead {
            process: Process::current(),
            pieces: Some(pieces),
            piece: Piece::default(),
            given: 0,
            ended: false,
        })
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.process.is_current() {
            return Err(another_process());
        }
        if self.given == self.piece.len() && !self.ended {
            self.given = 0;
            let next = self.pieces.as_ref().map(Receiver::recv);
            // An empty piece is the end, and so is a thread that is gone: it said why before.
            self.piece = next
                .and_then(Result::ok)
                .unwrap_or_else(|| Ok(Piece::default()))?;
            self.ended = self.piece.is_empty();
        }
        let rest = self.piece.get(self.given..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        if !self.process.is_current() {
            // A thread of the other process may have it locked.
            mem::forget(self.pieces.take());
        }
    }
}

fn another_process() -> io::Error {
    io::Error::other(TransportError::AnotherProcess)
}

/// A writer that is written to behind whoever writes. What it was given is written when it is
/// dropped, too; whether that went well, only [`WriteBehind::finish`] tells. In a process that is
/// forked it only fails.
pub struct WriteBehind<W> {
    /// Whose the thread is.
    process: Process,
    pieces: Option<SyncSender<Piece>>,
    writer: Option<JoinHandle<io::Result<W>>>,
}

impl<W: Write + Send + 'static> WriteBehind<W> {
    /// Takes a writer.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn new(mut writer: W) -> io::Result<WriteBehind<W>> {
        let (pieces, receiver) = sync_channel::<Piece>(PIECES);
        let write = move || {
            for piece in receiver {
                writer.write_all(&piece)?;
            }
            writer.flush()?;
            Ok(writer)
        };
        let handle = thread::Builder::new().name("write".to_owned());
        Ok(WriteBehind {
            process: Process::current(),
            pieces: Some(pieces),
            writer: Some(handle.spawn(write)?),
        })
    }

    /// Waits until all is written, and gives the writer back.
    ///
    /// # Errors
    /// The first of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.end()
    }
}

impl<W> WriteBehind<W> {
    fn end(&mut self) -> io::Result<W> {
        if !self.process.is_current() {
            // The thread, which the other process has, is not waited for, nor told anything.
            mem::forget((self.pieces.take(), self.writer.take()));
            return Err(another_process());
        }
        self.pieces = None;
        let gone = || io::Error::from(ErrorKind::BrokenPipe);
        let writer = self.writer.take().ok_or_else(gone)?;
        writer.join().map_err(|_| gone())?
    }
}

impl<W> Write for WriteBehind<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pieces = self.pieces.as_ref();
        let pieces = pieces.filter(|_| self.process.is_current());
        let sent = pieces.is_some_and(|pieces| pieces.send(bytes.to_vec().into()).is_ok());
        if sent {
            return Ok(bytes.len());
        }
        // The thread ended, which it does only where the writer failed.
        match self.end() {
            Err(error) => Err(error),
            Ok(_) => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    /// Does not wait: [`WriteBehind::finish`] does.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W> Drop for WriteBehind<W> {
    fn drop(&mut self) {
        // Whoever did not finish does not ask.
        let _unasked = self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Gives so many bytes, some at a time, and then fails, or ends.
    struct Source {
        left: usize,
        fails: bool,
    }

    impl Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.left == 0 && self.fails {
                return Err(ErrorKind::TimedOut.into());
            }
            let length = buffer.len().min(self.left).min(70_000);
            for (place, byte) in buffer[..length].iter_mut().enumerate() {
                *byte = ((self.left - place) % 251) as u8;
            }
            self.left -= length;
            Ok(length)
        }
    }

    #[derive(Clone, Default)]
    struct Sink {
        bytes: Arc<Mutex<Vec<u8>>>,
        room: Option<usize>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut all = self.bytes.lock().unwrap();
            if self.room.is_some_and(|room| all.len() >= room) {
                return Err(ErrorKind::StorageFull.into());
            }
            all.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn all_is_read_in_order() {
        for left in [0, 1, 70_000, 1_000_000] {
            let source = || Source { left, fails: false };
            let (mut plain, mut ahead) = (Vec::new(), Vec::new());
            source().read_to_end(&mut plain).unwrap();
            let mut reader = ReadAhead::new(source()).unwrap();
            reader.read_to_end(&mut ahead).unwrap();
            assert!(plain == ahead && ahead.len() == left);
            assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0, "the end stays");
        }
    }

    #[test]
    fn a_reader_that_fails_is_told_of_behind_what_it_gave() {
        let source = Source {
            left: 100_000,
            fails: true,
        };
        let mut read = Vec::new();
        let error = ReadAhead::new(source).unwrap().read_to_end(&mut read);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(read.len(), 100_000);
    }

    #[test]
    fn all_is_written_in_order_also_if_nobody_asks() {
        for finishes in [true, false] {
            let sink = Sink::default();
            let mut writer = WriteBehind::new(sink.clone()).unwrap();
            for number in 0..100_u8 {
                writer.write_all(&[number; 1000]).unwrap();
            }
            if finishes {
                writer.finish().unwrap();
            } else {
                drop(writer);
            }
            let written = sink.bytes.lock().unwrap();
            assert_eq!(written.len(), 100_000);
            assert!(written.is_sorted());
        }
    }

    #[test]
    fn a_writer_that_fails_is_told_of() {
        let full = || {
            WriteBehind::new(Sink {
                room: Some(1000),
                ..Sink::default()
            })
            .unwrap()
        };
        let mut writer = full();
        let error = (0..1000).find_map(|_| writer.write_all(&[1; 1000]).err());
        assert_eq!(error.unwrap().kind(), ErrorKind::StorageFull);
        let mut writer = full();
        writer.write_all(&[1; 1000]).unwrap();
        writer.write_all(&[1; 1000]).unwrap();
        let finished = writer.finish();
        assert_eq!(finished.err().unwrap().kind(), ErrorKind::StorageFull);
    }
}
