//! Mutual authentication of two holders of one key: the three-pass exchange of ISO/IEC 9798-4
//! (mechanism 4) on AES-CMAC, its messages and what its MACs cover.
//!
//! ```text
//! B -> A   M1 = "CLV1" || R_B                          challenge
//! A -> B   M2 = "CLV2" || R_B || R_A || T_A            respond
//! B -> A   M3 = "CLV3" || R_B || R_A || T_B            confirm; A confirms M3
//!
//! T_A = CMAC(K', "claviger 9798-4 v1" || 2 || R_A || R_B || names)
//! T_B = CMAC(K', "claviger 9798-4 v1" || 3 || R_B || R_A || names)
//! S   = KDF (K', "claviger 9798-4 v1 session", R_B || R_A || names)   32 bytes
//! K'  = KDF (K,  "claviger 9798-4 v1", "")                            |K| bytes
//!
//! names = |A| || A || |B| || B      each length one byte, A the responder, B the challenger
//! R_A, R_B: 16 random bytes         T: 16 bytes
//! KDF(K, label, context): NIST SP 800-108r1 in counter mode with AES-CMAC as PRF, r = 32, the
//!     length in bits as 32 bits at the end, label and context parted by a zero byte
//! ```
//!
//! The third byte of the tags' input keeps the directions apart, so nobody can answer a challenge
//! with what another party, or the same one, said in the other direction. Both nonces, fresh and
//! taken once, keep out what was said before. This module builds bytes; it computes no MAC.

use heapless::Vec;

use crate::{PartyName, Status};

/// Bytes of a nonce.
pub const NONCE: usize = 16;
/// Bytes of a tag.
pub const TAG: usize = 16;
/// Bytes of a session key.
pub const SESSION_KEY: usize = 32;

/// The label that the tags start with and that K' is derived under.
pub const LABEL: &[u8] = b"claviger 9798-4 v1";
/// The label that a session key is derived under.
pub const SESSION_LABEL: &[u8] = b"claviger 9798-4 v1 session";

/// Bytes of the longest [`Exchange::names`].
const NAMES: usize = 2 * (1 + PartyName::MAX);
/// Bytes of the longest input of a tag.
const TAG_INPUT: usize = LABEL.len() + 1 + 2 * NONCE + NAMES;
/// Bytes of the longest context of a session key.
const SESSION_CONTEXT: usize = 2 * NONCE + NAMES;

/// The longest of the three messages.
pub const MESSAGE: usize = 4 + 2 * NONCE + TAG;

/// One message of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// M1: the challenger's nonce.
    Challenge {
        /// R_B.
        challenger_nonce: [u8; NONCE],
    },
    /// M2: the responder's nonce and its proof.
    Response {
        /// R_B, as it was received.
        challenger_nonce: [u8; NONCE],
        /// R_A.
        responder_nonce: [u8; NONCE],
        /// T_A.
        tag: [u8; TAG],
    },
    /// M3: the challenger's proof.
    Confirmation {
        /// R_B.
        challenger_nonce: [u8; NONCE],
        /// R_A, as it was received.
        responder_nonce: [u8; NONCE],
        /// T_B.
        tag: [u8; TAG],
    },
}

impl Message {
    /// The message as it travels.
    #[must_use]
    pub fn encode(&self) -> Vec<u8, MESSAGE> {
        match self {
            Message::Challenge { challenger_nonce } => {
                concat([b"CLV1", challenger_nonce, &[], &[]])
            }
            Message::Response {
                challenger_nonce,
                responder_nonce,
                tag,
            } => concat([b"CLV2", challenger_nonce, responder_nonce, tag]),
            Message::Confirmation {
                challenger_nonce,
                responder_nonce,
                tag,
            } => concat([b"CLV3", challenger_nonce, responder_nonce, tag]),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Status::BadPayload`] for anything that is not exactly one of the three.
    pub fn decode(bytes: &[u8]) -> Result<Message, Status> {
        let (kind, rest) = take(bytes)?;
        let (challenger_nonce, rest) = take(rest)?;
        if kind == *b"CLV1" && rest.is_empty() {
            return Ok(Message::Challenge { challenger_nonce });
        }
        let (responder_nonce, rest) = take(rest)?;
        let (tag, rest) = take(rest)?;
        match (&kind, rest) {
            (b"CLV2", []) => Ok(Message::Response {
                challenger_nonce,
                responder_nonce,
                tag,
            }),
            (b"CLV3", []) => Ok(Message::Confirmation {
                challenger_nonce,
                responder_nonce,
                tag,
            }),
            _ => Err(Status::BadPayload),
        }
    }
}

/// Which of the two proofs a tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// T_A, of the responder.
    Responder,
    /// T_B, of the challenger.
    Challenger,
}

/// What both sides know of one exchange once each nonce is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// B: who sent the challenge.
    pub challenger: PartyName,
    /// A: who responds.
    pub responder: PartyName,
    /// R_B.
    pub challenger_nonce: [u8; NONCE],
    /// R_A.
    pub responder_nonce: [u8; NONCE],
}

impl Exchange {
    /// The bytes that a proof's MAC covers.
    #[must_use]
    pub fn tag_input(&self, proof: Proof) -> Vec<u8, TAG_INPUT> {
        let names = self.names();
        let (responder, challenger) = (&self.responder_nonce, &self.challenger_nonce);
        match proof {
            Proof::Responder => concat([LABEL, &[2], responder, challenger, &names]),
            Proof::Challenger => concat([LABEL, &[3], challenger, responder, &names]),
        }
    }

    /// The context under which the session key is derived.
    #[must_use]
    pub fn session_context(&self) -> Vec<u8, SESSION_CONTEXT> {
        concat([&self.challenger_nonce, &self.responder_nonce, &self.names()])
    }

    fn names(&self) -> Vec<u8, NAMES> {
        let (responder, challenger) = (self.responder.as_str(), self.challenger.as_str());
        // A name has at most 64 characters, so its length is one byte.
        concat([
            &[responder.len() as u8],
            responder.as_bytes(),
            &[challenger.len() as u8],
            challenger.as_bytes(),
        ])
    }
}

/// Joins parts that fit by the arithmetic of `N`.
fn concat<const N: usize, const PARTS: usize>(parts: [&[u8]; PARTS]) -> Vec<u8, N> {
    let mut joined = Vec::new();
    for part in parts {
        let fits = joined.extend_from_slice(part).is_ok();
        debug_assert!(fits);
    }
    joined
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), Status> {
    bytes
        .split_first_chunk()
        .map(|(field, rest)| (*field, rest))
        .ok_or(Status::BadPayload)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: [(Message, &[u8]); 3] = [
        (
            Message::Challenge {
                challenger_nonce: [b'b'; 16],
            },
            b"CLV1bbbbbbbbbbbbbbbb",
        ),
        (
            Message::Response {
                challenger_nonce: [b'b'; 16],
                responder_nonce: [b'a'; 16],
                tag: [b't'; 16],
            },
            b"CLV2bbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaatttttttttttttttt",
        ),
        (
            Message::Confirmation {
                challenger_nonce: [b'b'; 16],
                responder_nonce: [b'a'; 16],
                tag: [b't'; 16],
            },
            b"CLV3bbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaatttttttttttttttt",
        ),
    ];

    #[test]
    fn messages_are_these_bytes() {
        for (message, bytes) in MESSAGES {
            assert_eq!(message.encode(), bytes);
            assert_eq!(Message::decode(bytes), Ok(message));
            for len in 0..bytes.len() {
                assert_eq!(Message::decode(&bytes[..len]), Err(Status::BadPayload));
            }
            let mut longer = std::vec::Vec::from(bytes);
            longer.push(0);
            assert_eq!(Message::decode(&longer), Err(Status::BadPayload));
        }
        assert_eq!(Message::decode(&[b'x'; MESSAGE]), Err(Status::BadPayload));
    }

    #[test]
    fn proofs_cover_these_bytes() {
        let exchange = Exchange {
            challenger: PartyName::try_from("server").unwrap(),
            responder: PartyName::try_from("dev:1").unwrap(),
            challenger_nonce: [b'b'; 16],
            responder_nonce: [b'a'; 16],
        };
        assert_eq!(
            exchange.tag_input(Proof::Responder),
            b"claviger 9798-4 v1\x02aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb\x05dev:1\x06server"
        );
        assert_eq!(
            exchange.tag_input(Proof::Challenger),
            b"claviger 9798-4 v1\x03bbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaa\x05dev:1\x06server"
        );
        assert_eq!(
            exchange.session_context(),
            b"bbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaa\x05dev:1\x06server"
        );
        let longest = PartyName::try_from(&*"n".repeat(64)).unwrap();
        let exchange = Exchange {
            challenger: longest.clone(),
            responder: longest,
            ..exchange
        };
        assert_eq!(exchange.tag_input(Proof::Responder).len(), TAG_INPUT);
        assert_eq!(exchange.session_context().len(), SESSION_CONTEXT);
    }
}
