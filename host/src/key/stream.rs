//! Reading a stream in pieces, with a look ahead that tells the last.

use std::io::{ErrorKind, Read};

use crate::{Error, wiped::wipe};

/// A stream cut into pieces of `size` bytes; the last has 1 to `size`, or none if the stream is
/// empty.
pub(crate) struct Pieces<R> {
    reader: R,
    /// One byte more than a piece: it says whether another follows.
    buffer: Vec<u8>,
    filled: usize,
    given: usize,
    ended: bool,
}

impl<R: Read> Pieces<R> {
    pub(crate) fn new(reader: R, size: usize) -> Pieces<R> {
        Pieces {
            reader,
            buffer: vec![0; size + 1],
            filled: 0,
            given: 0,
            ended: false,
        }
    }

    /// The next piece and whether it is the last; `None` after that.
    pub(crate) fn next(&mut self) -> Result<Option<(&[u8], bool)>, Error> {
        if self.ended {
            return Ok(None);
        }
        self.buffer.copy_within(self.given..self.filled, 0);
        self.filled -= self.given;
        self.filled += fill(&mut self.reader, &mut self.buffer[self.filled..])?;
        let size = self.buffer.len() - 1;
        self.ended = self.filled <= size;
        self.given = self.filled.min(size);
        Ok(Some((&self.buffer[..self.given], self.ended)))
    }
}

impl<R> Drop for Pieces<R> {
    fn drop(&mut self) {
        wipe(&mut self.buffer);
    }
}

/// Reads until `buffer` is full or the stream ends.
pub(crate) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::stream("the input cannot be read", error)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte less than asked for, and is interrupted every other time.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            let most = buffer.len().div_ceil(2);
            self.0.read(&mut buffer[..most])
        }
    }

    fn cut(stream: &[u8], size: usize) -> Vec<(Vec<u8>, bool)> {
        let mut pieces = Pieces::new(Slow(stream, false), size);
        let mut all = Vec::new();
        while let Some((piece, last)) = pieces.next().unwrap() {
            all.push((piece.to_vec(), last));
        }
        all
    }

    #[test]
    fn the_last_piece_is_known_when_it_is_given() {
        let piece = |bytes: &[u8], last| (bytes.to_vec(), last);
        assert_eq!(cut(b"", 3), [piece(b"", true)]);
        assert_eq!(cut(b"ab", 3), [piece(b"ab", true)]);
        assert_eq!(cut(b"abc", 3), [piece(b"abc", true)]);
        assert_eq!(cut(b"abcd", 3), [piece(b"abc", false), piece(b"d", true)]);
        assert_eq!(
            cut(b"abcdef", 3),
            [piece(b"abc", false), piece(b"def", true)]
        );
    }
}
