//! What a device with Claviger does, whatever it is: an emulated one here, a real one in a guest.

mod audit;
mod batch;
mod challenge;
mod components;
mod contract;
mod encrypt;
mod frames;
mod fuzz;
mod grants;
mod headers;
mod info;
mod keys;
mod lock;
mod mac;
mod model;
mod ownership;
mod ratchet;
mod seal;
mod seal_tampering;
mod sessions;
mod shares;
mod sign;
mod states;
mod unwrap;
mod usage;
mod versions;
