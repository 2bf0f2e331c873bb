//! Test vectors of other people for the primitives, straight through their functions. (Suite
//! `vectors` of crate `tests` has those that go through the commands of a device.)

mod aead;
mod derivation;
mod diffie_hellman;
mod encryption_to_a_key;
mod key_wrap;
mod shares;

/// The bytes that these digits stand for.
#[track_caller]
fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "{digits}");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// The lines of a data file that are not comments, as `N` fields of hexadecimal, `-` being empty.
fn cases<const N: usize>(file: &str) -> impl Iterator<Item = [Vec<u8>; N]> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let fields: [&str; N] = fields.try_into().unwrap();
            fields.map(|field| hex(if field == "-" { "" } else { field }))
        })
}
