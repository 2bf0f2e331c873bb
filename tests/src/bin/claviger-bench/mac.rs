//! The same small operation by every kind of key.

use claviger::{Algorithm, Client, Key, Permission, identity::uid_identity, proto::limits};
use claviger_tests::{ALICE, BOB};

use crate::measure::Bench;

/// `alice` owns the keys; she grants `bob` the use of one.
pub(crate) fn by_every_kind_of_key(bench: &Bench, alice: &Client, bob: &Client) {
    let create = |label: &str| alice.create(label).algorithm(Algorithm::Aes128Cmac);
    let mac = |key: &Key| key.mac(&[7; 16]).unwrap();

    let granted = create("granted").grant(uid_identity(BOB), &[Permission::Mac]);
    granted.generate().unwrap();
    let granted = bob.key_of(uid_identity(ALICE), "granted").unwrap();
    bench.measure("mac 16 B, by a grantee", 500, || mac(&granted));

    // 256 uses are reserved at a time, and of a bound this small one.
    let counted = create("counted").max_uses(1 << 20).generate().unwrap();
    bench.measure("mac 16 B, counted", 200, || mac(&counted));
    bench.measure_amortised("mac 16 B, counted, amortised", 4, 256, || mac(&counted));
    let rarely = create("rarely").max_uses(31).generate().unwrap();
    bench.measure("mac 16 B, counted, reserving", 20, || mac(&rarely));

    for parent in [Algorithm::KdfCmac, Algorithm::HkdfSha256] {
        let name = parent.name();
        let parent = alice.create(name).algorithm(parent);
        let parent = parent.children(Algorithm::Aes128Cmac).generate().unwrap();
        let child = parent.child("child").unwrap();
        bench.measure(&format!("mac 16 B, child of {name}"), 300, || mac(&child));
    }

    let ratcheted = create("ratcheted").ratchet().generate().unwrap();
    bench.measure("mac 16 B, ratcheted", 300, || mac(&ratcheted));

    // One more than are kept unwrapped: each is displaced before it is used again.
    let numbers = 0..=limits::OWNER_UNWRAPPED;
    let wrapped = |number: usize| create(&format!("wrapped{number}")).wrapped().generate();
    let wrapped: Vec<Key> = numbers.map(|number| wrapped(number).unwrap()).collect();
    let mut turns = wrapped.iter().cycle();
    bench.measure("mac 16 B, wrapped, first use", 200, || {
        mac(turns.next().unwrap())
    });
    bench.measure("mac 16 B, wrapped, next use", 300, || mac(&wrapped[0]));
}
