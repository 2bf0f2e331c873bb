//! The end of imports, and the end of everything.

use claviger::{Algorithm, Client, Error, Status, Usage};
use claviger_tests::{ALICE, BOB, Device, factory_reset, status};

fn import(client: &Client, label: &str) -> Result<claviger::Key, Error> {
    let creation = client.create(label).algorithm(Algorithm::Aes128Cmac);
    creation.import(&[7; 16])
}

#[test]
fn a_locked_vault_takes_no_imports() {
    let device = Device::fresh();
    let (root, alice) = (device.user(0), device.user(ALICE));
    let imported = import(&alice, "before").unwrap();
    let locked = || alice.info().unwrap().vault.unwrap().locked.unwrap();
    assert!(!locked());
    root.lock().unwrap();
    assert!(locked());
    for client in [&root, &alice, &device.group(ALICE, ALICE)] {
        assert_eq!(status(import(client, "after")), Status::Locked);
        client.generate("generated", Algorithm::Aes128Cmac).unwrap();
        assert_eq!(status(client.key("after")), Status::NotFound);
    }
    // What was imported before stays, and may be deleted, but does not come back.
    imported.mac(b"message").unwrap();
    alice.delete("before").unwrap();
    assert_eq!(status(import(&alice, "before")), Status::Locked);
    // Locking twice is locking once.
    root.lock().unwrap();
    assert!(locked());
    factory_reset(&root);
    assert!(!locked());
    import(&alice, "before").unwrap();
}

#[test]
fn a_factory_reset_leaves_nothing() {
    let device = Device::fresh();
    let root = device.user(0);
    let clients = [device.user(ALICE), device.user(BOB), root.clone()];
    for client in &clients {
        client.generate("key", Algorithm::Aes128Cmac).unwrap();
    }
    let creation = clients[0].create("challenge");
    let challenge = creation
        .algorithm(Algorithm::Aes128Cmac)
        .usage(Usage::Challenge)
        .generate()
        .unwrap();
    challenge.challenge("a", "b").unwrap();
    root.lock().unwrap();
    let before = root.info().unwrap();
    factory_reset(&root);
    let after = root.info().unwrap();
    assert_eq!(after.instance, before.instance, "it went on running");
    assert_ne!(
        after.confirmation, before.confirmation,
        "a token serves once"
    );
    let (before, after) = (before.vault.unwrap(), after.vault.unwrap());
    assert_ne!(after.id, before.id);
    assert_eq!(
        (after.keys, after.damaged, after.locked),
        (0, 0, Some(false))
    );
    assert_eq!(after.free, before.keys + before.free);
    for client in &clients {
        assert_eq!(client.list().unwrap(), []);
        assert_eq!(status(client.key("key")), Status::NotFound);
        client.generate("key", Algorithm::Aes128Cmac).unwrap();
    }
}

#[test]
fn a_factory_reset_wants_its_token() {
    let device = Device::fresh();
    let root = device.user(0);
    root.generate("key", Algorithm::Aes128Cmac).unwrap();
    let before = root.info().unwrap();
    let token = before.confirmation.unwrap();
    for byte in 0..4 {
        let mut wrong = token;
        wrong.0[byte] ^= 1;
        let refused = root.factory_reset(&wrong.to_string());
        assert_eq!(status(refused), Status::BadConfirmation);
    }
    for malformed in ["", "0", "0000000", "000000000", "ABCDEF00", "yes"] {
        let refused = root.factory_reset(malformed);
        assert!(matches!(refused, Err(Error::Name { .. })), "{malformed}");
    }
    let after = root.info().unwrap();
    assert_eq!(after.vault, before.vault);
    assert_eq!(after.confirmation, before.confirmation);
    root.key("key").unwrap().mac(b"message").unwrap();
    root.factory_reset(&token.to_string()).unwrap();
    let again = root.factory_reset(&token.to_string());
    assert_eq!(status(again), Status::BadConfirmation);
}
