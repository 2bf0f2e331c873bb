//! The vault to its last slot.

use claviger::{Algorithm, Client, Error, Status, identity::uid_identity};
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

/// What root has reserved is taken by nobody else, by revoking either; root revokes for them.
#[test]
fn nobody_takes_what_is_reserved_for_root() {
    let (bench, _) = Bench::new(|_| {});
    let on = bench.switch_on();
    let fill = |what: &str, make: &dyn Fn(&Client, &str) -> Result<(), Error>| {
        for uid in 2000.. {
            let user = on.device.user(uid);
            let mut number = 0;
            let refused = loop {
                match make(&user, &format!("{what}{number}")) {
                    Ok(()) => number += 1,
                    Err(error) => break error,
                }
            };
            match refused.status() {
                Some(Status::QuotaExceeded) => {}
                status => return assert_eq!(status, Some(Status::VaultFull)),
            }
        }
    };
    fill("key", &|user, label| {
        user.generate(label, Algorithm::Aes128Cmac).map(drop)
    });
    fill("family", &|user, label| user.revoke(Some(label)).map(drop));
    let free = || on.root.info().unwrap().vault.unwrap().free as usize;
    assert_eq!(free(), limits::ROOT_KEYS);
    let user = on.device.user(5000);
    assert_eq!(status(user.revoke(None)), Status::VaultFull);
    on.root.revoke_of(uid_identity(5000), None).unwrap();
    user.revoke(None).unwrap();
    on.root.generate("mine", Algorithm::Aes128Cmac).unwrap();
    assert_eq!(free(), limits::ROOT_KEYS - 2);
}
