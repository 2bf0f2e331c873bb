//! How one call lies in the one INOUT memory reference that it takes.
//!
//! ```text
//! offset  bytes  field            (integers little-endian)
//!      0      2  protocol version
//!      2      2  status           0 in a request
//!      4      4  header length    at most limits::HEADER
//!      8      4  payload length   at most limits::PAYLOAD
//!     12      4  reserved         0
//!     16      .  header           a JSON object
//!      .      .  payload          raw bytes
//! ```
//!
//! The reply lies in the same memory in the same form. A reply that does not fit is
//! `TEE_ERROR_SHORT_BUFFER` with the size that it needs.

use crate::{PROTOCOL_VERSION, Status, limits};

/// Bytes before the header.
pub const PREFIX: usize = 16;

/// The fixed part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// What the trusted application says; [`Status::Ok`] in a request.
    pub status: Status,
    /// Bytes of the JSON header.
    pub header: usize,
    /// Bytes of the payload.
    pub payload: usize,
}

impl Prefix {
    /// That of a frame that carries nothing but a status.
    #[must_use]
    pub const fn of(status: Status) -> Prefix {
        Prefix {
            status,
            header: 0,
            payload: 0,
        }
    }

    /// The whole frame's length.
    #[must_use]
    pub const fn frame_len(&self) -> usize {
        PREFIX
            .saturating_add(self.header)
            .saturating_add(self.payload)
    }

    /// The prefix as it travels.
    ///
    /// # Errors
    /// [`Status::HeaderTooLong`] or [`Status::PayloadTooLong`] past the contract's maxima.
    pub fn encode(&self) -> Result<[u8; PREFIX], Status> {
        let header = bounded(self.header, limits::HEADER).ok_or(Status::HeaderTooLong)?;
        let payload = bounded(self.payload, limits::PAYLOAD).ok_or(Status::PayloadTooLong)?;
        let [v0, v1] = PROTOCOL_VERSION.to_le_bytes();
        let [s0, s1] = self.status.code().to_le_bytes();
        let [h0, h1, h2, h3] = header.to_le_bytes();
        let [p0, p1, p2, p3] = payload.to_le_bytes();
        Ok([v0, v1, s0, s1, h0, h1, h2, h3, p0, p1, p2, p3, 0, 0, 0, 0])
    }

    /// Reads a prefix of a frame that lies in `available` bytes.
    ///
    /// # Errors
    /// [`Status::ProtocolVersion`], [`Status::HeaderTooLong`], [`Status::PayloadTooLong`];
    /// [`Status::BadFrame`] for an unknown status, reserved bits, or lengths past `available`.
    pub fn decode(bytes: &[u8; PREFIX], available: usize) -> Result<Prefix, Status> {
        let [
            v0,
            v1,
            s0,
            s1,
            h0,
            h1,
            h2,
            h3,
            p0,
            p1,
            p2,
            p3,
            reserved @ ..,
        ] = *bytes;
        if u16::from_le_bytes([v0, v1]) != PROTOCOL_VERSION {
            return Err(Status::ProtocolVersion);
        }
        let status = Status::from_code(u16::from_le_bytes([s0, s1])).ok_or(Status::BadFrame)?;
        let header = u32::from_le_bytes([h0, h1, h2, h3]) as usize;
        let payload = u32::from_le_bytes([p0, p1, p2, p3]) as usize;
        if header > limits::HEADER {
            return Err(Status::HeaderTooLong);
        }
        if payload > limits::PAYLOAD {
            return Err(Status::PayloadTooLong);
        }
        let prefix = Prefix {
            status,
            header,
            payload,
        };
        if reserved != [0; 4] || prefix.frame_len() > available {
            return Err(Status::BadFrame);
        }
        Ok(prefix)
    }

    /// Reads the prefix of a request: as [`Prefix::decode`], and its status must be 0.
    ///
    /// # Errors
    /// As [`Prefix::decode`].
    pub fn decode_request(bytes: &[u8; PREFIX], available: usize) -> Result<Prefix, Status> {
        let prefix = Self::decode(bytes, available)?;
        if prefix.status != Status::Ok {
            return Err(Status::BadFrame);
        }
        Ok(prefix)
    }
}

fn bounded(len: usize, maximum: usize) -> Option<u32> {
    if len > maximum {
        return None;
    }
    u32::try_from(len).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINNED: [u8; PREFIX] = [1, 0, 48, 0, 3, 1, 0, 0, 4, 2, 1, 0, 0, 0, 0, 0];

    #[test]
    fn a_prefix_is_these_bytes() {
        let prefix = Prefix {
            status: Status::NotAuthentic,
            header: 0x103,
            payload: 0x10204,
        };
        assert_eq!(prefix.encode().unwrap(), PINNED);
        assert_eq!(Prefix::decode(&PINNED, prefix.frame_len()), Ok(prefix));
    }

    #[test]
    fn each_field_is_checked() {
        let wrong = |place: usize, value: u8| {
            let mut bytes = PINNED;
            bytes[place] = value;
            Prefix::decode(&bytes, usize::MAX).unwrap_err()
        };
        assert_eq!(wrong(0, 2), Status::ProtocolVersion);
        assert_eq!(wrong(1, 1), Status::ProtocolVersion);
        assert_eq!(wrong(3, 0xff), Status::BadFrame);
        assert_eq!(wrong(5, 0x11), Status::HeaderTooLong);
        assert_eq!(wrong(7, 0xff), Status::HeaderTooLong);
        assert_eq!(wrong(11, 0xff), Status::PayloadTooLong);
        for reserved in 12..16 {
            assert_eq!(wrong(reserved, 1), Status::BadFrame);
        }
        let need = PREFIX + 0x103 + 0x10204;
        assert_eq!(Prefix::decode(&PINNED, need - 1), Err(Status::BadFrame));
        assert_eq!(Prefix::decode_request(&PINNED, need), Err(Status::BadFrame));
    }

    #[test]
    fn nothing_past_the_maxima_is_encoded() {
        let prefix = |header, payload| {
            Prefix {
                status: Status::Ok,
                header,
                payload,
            }
            .encode()
        };
        assert_eq!(prefix(limits::HEADER + 1, 0), Err(Status::HeaderTooLong));
        assert_eq!(prefix(0, limits::PAYLOAD + 1), Err(Status::PayloadTooLong));
        assert!(prefix(limits::HEADER, limits::PAYLOAD).is_ok());
    }
}
