//! The JSON header of every request and response. JSON carries what a person wants to read;
//! bytes travel in the payload ([`crate::command::Command`] says which).
//!
//! A header is one JSON object with exactly the fields of its struct. A request that uses a key
//! names it by a [`crate::KeyRef`]; if that is a wrapped key, its bytes come first in the payload.

use serde::{Deserialize, Serialize};

/// Declares messages alike: what they derive, and that an unknown field is an error.
macro_rules! messages {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$field_doc:meta])+ $field:ident: $type:ty,)* })+) => {
        $(
            $(#[$doc])+
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$field_doc])+ pub $field: $type,)*
            }
        )+
    };
}

mod audit;
mod device;
mod fairness;
mod keys;
mod life;
mod parts;
mod work;

pub use audit::*;
pub use device::*;
pub use fairness::*;
pub use keys::*;
pub use life::*;
pub use parts::*;
pub use work::*;

messages! {
    /// An answer that says nothing but the status.
    Done {}
}

#[cfg(test)]
mod tests;
