//! The vault to its last slot.

use claviger::{Algorithm, Error, Status};

use crate::bench::Bench;

#[test]
fn the_last_slot_is_the_last() {
    let (bench, _) = Bench::new(|_| {});
    let on = bench.switch_on();
    let room = on.root.info().unwrap().limits.keys;
    for number in 0..room {
        on.root
            .generate(&format!("key-{number}"), Algorithm::Aes128Cmac)
            .unwrap();
    }
    let refused = on.root.generate("one-more", Algorithm::Aes128Cmac);
    assert!(matches!(refused, Err(Error::Ta(Status::VaultFull))));
    on.root.delete("key-700").unwrap();
    on.root.generate("one-more", Algorithm::Aes128Cmac).unwrap();
    drop(on);

    let on = bench.switch_on();
    let vault = on.root.info().unwrap().vault.unwrap();
    assert_eq!((vault.keys, vault.free), (room, 0));
    let mut labels: Vec<_> = on
        .root
        .list()
        .unwrap()
        .into_iter()
        .map(|key| key.key)
        .collect();
    labels.sort();
    labels.dedup();
    assert_eq!(labels.len(), room as usize, "each key is listed once");
    for label in ["key-0", "key-699", "one-more", &format!("key-{}", room - 1)] {
        on.root.key(label).unwrap().mac(b"still there").unwrap();
    }
    assert!(matches!(
        on.root.key("key-700"),
        Err(Error::Ta(Status::NotFound))
    ));
}
