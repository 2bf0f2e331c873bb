//! Wrapped, derived and combined keys as programs see them, and what software without a TEE makes
//! of the same secrets.

#[path = "../lib_common/mod.rs"]
mod lib_common;

mod children;
mod combined;
mod roles;
mod wrapped;

const SECRET: [u8; 32] = [7; 32];

fn hex(text: &str) -> Vec<u8> {
    let digits = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}
