//! Test vectors of other people, through the real commands wherever those can take them.
//!
//! A real device is slow to make and delete keys, so there each n-th vector stands for the rest:
//! what it computes with is the code that is tested in full on a workstation.

mod cmac;
mod derived;
mod hmac;
mod sealed;
mod shares;
mod signatures;
mod siv;

use claviger::{Algorithm, Client, Key};
use claviger_tests::Device;

/// A device, of which a user imports keys, uses each once and deletes it.
struct Keys {
    client: Client,
    _device: Device,
}

impl Keys {
    fn new() -> Keys {
        let device = Device::fresh();
        Keys {
            client: device.user(0),
            _device: device,
        }
    }

    /// What comes of using a key with these bytes.
    fn with<T>(&self, algorithm: Algorithm, secret: &[u8], use_it: impl FnOnce(Key) -> T) -> T {
        let creation = self.client.create("vector").algorithm(algorithm);
        let result = use_it(creation.import(secret).unwrap());
        self.client.delete("vector").unwrap();
        result
    }
}

/// How many vectors were tried, and skipped, of one source.
#[derive(Debug, Default)]
struct Count {
    seen: usize,
    tried: usize,
    skipped: usize,
}

impl Count {
    /// Whether the next vector is tried here.
    fn next(&mut self) -> bool {
        self.seen += 1;
        let tried = !Device::REAL || self.seen.is_multiple_of(8);
        // Not `+= usize::from(tried)`, which rustc 1.95 miscompiles (rust-lang/rust#158206).
        if tried {
            self.tried += 1;
        }
        tried
    }

    /// The next vector cannot be tried.
    fn skip(&mut self) {
        self.seen += 1;
        self.skipped += 1;
    }

    /// Says how many there were: none gets lost unnoticed.
    #[track_caller]
    fn expect(&self, source: &str, seen: usize, skipped: usize) {
        println!("{source}: {self:?}");
        assert_eq!((self.seen, self.skipped), (seen, skipped), "{source}");
        assert!(Device::REAL || self.tried + self.skipped == seen);
        assert!(self.tried > 0);
    }
}

/// The lines of a data file that are not comments, cut at spaces, `-` standing for nothing.
fn lines<const N: usize>(file: &str) -> impl Iterator<Item = [&str; N]> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let fields: [&str; N] = fields.try_into().unwrap();
            fields.map(|field| if field == "-" { "" } else { field })
        })
}
