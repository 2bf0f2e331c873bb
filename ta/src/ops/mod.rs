//! The operations: one file for each verb, each the whole of what a command does. None trusts its
//! request further than its type says; each is kept out of the others' stack frames.

mod challenge;
mod confirm;
mod delete;
mod describe;
mod factory_reset;
mod generate;
mod import;
mod info;
mod list;
mod lock;
mod mac;
mod mac_stream;
mod new_key;
mod public_key;
mod random;
mod respond;
mod seal;
mod self_test;
mod sign;
mod unseal;

pub(crate) use challenge::challenge;
pub(crate) use confirm::confirm;
pub(crate) use delete::delete;
pub(crate) use describe::describe;
pub(crate) use factory_reset::factory_reset;
pub(crate) use generate::generate;
pub(crate) use import::import;
pub(crate) use info::info;
pub(crate) use list::list;
pub(crate) use lock::lock;
pub(crate) use mac::{mac, verify_mac};
pub(crate) use mac_stream::{mac_finish, mac_start, mac_update, verify_mac_finish};
pub(crate) use public_key::public_key;
pub(crate) use random::random;
pub(crate) use respond::respond;
pub(crate) use seal::seal;
pub(crate) use self_test::self_test;
pub(crate) use sign::sign;
pub(crate) use unseal::unseal;
