//! The trusted application as OP-TEE loads it: entry points and the platform under them.

#![no_std]
#![no_main]

extern crate alloc;

mod optee;
