//! Fields one behind the other in a fixed number of bytes, integers big-endian: how records lie in
//! storage, and in what outlives a call. `None` says that a field did not fit, or is not one.

use crate::{Identity, Label, Login, Uuid};

/// Puts fields into bytes, front to back.
pub struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    /// Puts to the front of these bytes.
    #[must_use]
    pub fn new(bytes: &'a mut [u8]) -> Writer<'a> {
        Writer { rest: bytes }
    }

    /// Bytes that are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// As it is.
    pub fn put(&mut self, field: &[u8]) -> Option<()> {
        let (here, rest) = core::mem::take(&mut self.rest).split_at_mut_checked(field.len())?;
        here.copy_from_slice(field);
        self.rest = rest;
        Some(())
    }

    /// One byte of length, then the field.
    pub fn put_short(&mut self, field: &[u8]) -> Option<()> {
        self.put(&[u8::try_from(field.len()).ok()?])?;
        self.put(field)
    }

    /// Two bytes of length, then the field.
    pub fn put_long(&mut self, field: &[u8]) -> Option<()> {
        self.put(&u16::try_from(field.len()).ok()?.to_be_bytes())?;
        self.put(field)
    }

    /// Login (1) and UUID (16).
    pub fn put_identity(&mut self, identity: &Identity) -> Option<()> {
        self.put(&[identity.login as u8])?;
        self.put(&identity.id.0)
    }

    /// 0 for none: numbers that are never 0.
    pub fn put_number(&mut self, number: Option<u64>) -> Option<()> {
        self.put(&number.unwrap_or(0).to_be_bytes())
    }
}

/// Takes fields out of bytes, front to back.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Takes from the front of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// What is left.
    #[must_use]
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// As many bytes as there are wanted.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*field)
    }

    /// One byte.
    pub fn take_byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    /// Four bytes.
    pub fn take_u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn take_u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// A number, 0 being none.
    pub fn take_number(&mut self) -> Option<Option<u64>> {
        self.take_u64()
            .map(|number| Some(number).filter(|number| *number != 0))
    }

    /// A field behind its one byte of length.
    pub fn take_short(&mut self) -> Option<&'a [u8]> {
        let len = self.take_byte()?;
        let (field, rest) = self.rest.split_at_checked(usize::from(len))?;
        self.rest = rest;
        Some(field)
    }

    /// A field behind its two bytes of length.
    pub fn take_long(&mut self) -> Option<&'a [u8]> {
        let len = u16::from_be_bytes(self.take()?);
        let (field, rest) = self.rest.split_at_checked(usize::from(len))?;
        self.rest = rest;
        Some(field)
    }

    /// A label behind its one byte of length.
    pub fn take_label(&mut self) -> Option<Label> {
        label(self.take_short()?)
    }

    /// A label, an empty one being none.
    pub fn take_optional_label(&mut self) -> Option<Option<Label>> {
        match self.take_short()? {
            [] => Some(None),
            bytes => label(bytes).map(Some),
        }
    }

    /// Login (1) and UUID (16).
    pub fn take_identity(&mut self) -> Option<Identity> {
        let login = match self.take_byte()? {
            1 => Login::User,
            2 => Login::Group,
            _ => return None,
        };
        Some(Identity {
            login,
            id: Uuid(self.take()?),
        })
    }
}

fn label(bytes: &[u8]) -> Option<Label> {
    Label::try_from(core::str::from_utf8(bytes).ok()?).ok()
}
