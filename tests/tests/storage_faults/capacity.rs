//! The vault to its last slot.

use claviger::{Algorithm, Client, Error, Status};
use claviger_proto::limits;
use claviger_tests::status;

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

/// What root has reserved is taken by nobody else, by wrapping either; of the rest, who has few keys
/// finds a place where others have many.
#[test]
fn nobody_takes_what_is_reserved() {
    let (bench, _) = Bench::new(|_| {});
    let on = bench.switch_on();
    let make =
        |client: &Client, label: &str| client.generate(label, Algorithm::Aes128Cmac).map(drop);
    let fill = |client: &Client| {
        let made = (0..).map(|number| make(client, &format!("key{number}")));
        made.take_while(Result::is_ok).count()
    };
    let free = || on.root.info().unwrap().vault.unwrap().free as usize;
    for uid in 2000..2003 {
        fill(&on.device.user(uid));
    }
    assert_eq!(free(), limits::ROOT_KEYS + limits::FEW_KEYS_PLACES);
    // One user with many groups is one who has few.
    for gid in 2000..2100 {
        fill(&on.device.group(2000, gid));
    }
    let groups = limits::FEW_KEYS;
    assert_eq!(free(), limits::ROOT_KEYS + limits::FEW_KEYS_PLACES - groups);
    for uid in 3000..3000 + (limits::FEW_KEYS_PLACES / limits::FEW_KEYS) as u32 - 1 {
        assert_eq!(fill(&on.device.user(uid)), limits::FEW_KEYS);
    }
    assert_eq!(free(), limits::ROOT_KEYS);
    let user = on.device.user(5000);
    assert_eq!(status(make(&user, "key")), Status::VaultFull);
    let wrapped = |client: &Client| {
        let creation = client.create("w").algorithm(Algorithm::Aes128Cmac);
        creation.wrapped().generate().map(drop)
    };
    assert_eq!(status(wrapped(&user)), Status::VaultFull);
    wrapped(&on.root).unwrap();
    make(&on.root, "mine").unwrap();
    assert_eq!(free(), limits::ROOT_KEYS - 2);
}
