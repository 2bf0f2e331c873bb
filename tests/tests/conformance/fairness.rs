//! Nobody fills a table for the others: what waits is listed and ended, keys are counted by who
//! may have them.

use claviger::{Algorithm, Client, Error, Status, components::Ceremony, identity::uid_identity};
use claviger_proto::message::PendingKind;
use claviger_tests::{ALICE, BOB, CAROL, Device, factory_reset, status};

fn start(client: &Client, key: &str) -> Result<Ceremony, Error> {
    let creation = client.create(key).algorithm(Algorithm::Aes128Cmac);
    creation.assemble(&[uid_identity(BOB), uid_identity(CAROL)])
}

#[test]
fn who_lost_a_name_lists_and_ends_what_waits() {
    let device = Device::fresh();
    let [root, alice, bob] = [0, ALICE, BOB].map(|uid| device.user(uid));
    let lost = start(&alice, "joint").unwrap().id();
    assert_eq!(status(start(&alice, "other")), Status::QuotaExceeded);
    let [waits] = &alice.pending().unwrap()[..] else {
        panic!("one waits")
    };
    assert_eq!(
        (waits.kind, waits.owner, waits.key.as_str()),
        (PendingKind::Components, uid_identity(ALICE), "joint")
    );
    assert!(waits.age < 60 && waits.timeout > 800, "{waits:?}");
    let id = waits.id.to_string();
    assert!(!lost.to_string().contains(&id), "it is not the name");

    assert_eq!(bob.pending().unwrap(), []);
    assert_eq!(status(bob.pending_cancel(&id)), Status::NoCeremony);
    let of_alice = Some(uid_identity(ALICE));
    assert_eq!(
        status(bob.pending_cancel_all(of_alice)),
        Status::AdministratorOnly
    );
    assert_eq!(bob.pending_cancel_all(None).unwrap(), 0);
    assert_eq!(status(device.public().pending()), Status::LoginRequired);
    alice.pending_cancel(&id).unwrap();
    assert_eq!(status(alice.pending_cancel(&id)), Status::NoCeremony);
    assert_eq!(
        status(bob.component_show(&lost.to_string())),
        Status::NoCeremony
    );

    // Root sees everyone's, and ends one, an owner's, or all.
    start(&alice, "joint").unwrap();
    start(&bob, "joint").unwrap();
    let all = root.pending().unwrap();
    assert_eq!(all.len(), 2);
    let of_bob = all.iter().find(|one| one.owner == uid_identity(BOB));
    root.pending_cancel(&of_bob.unwrap().id.to_string())
        .unwrap();
    assert_eq!(bob.pending().unwrap(), []);
    assert_eq!(root.pending_cancel_all(of_alice).unwrap(), 1);
    start(&alice, "joint").unwrap();
    assert_eq!(alice.pending_cancel_all(None).unwrap(), 1);
    start(&bob, "joint").unwrap();
    assert_eq!(root.pending_cancel_all(None).unwrap(), 1);
    assert_eq!(root.pending().unwrap(), []);
}

#[test]
fn a_quota_of_keys_is_what_root_says() {
    let device = Device::fresh();
    let [root, alice, bob] = [0, ALICE, BOB].map(|uid| device.user(uid));
    let make = |client: &Client, key: &str| client.generate(key, Algorithm::Aes128Cmac).map(drop);
    let of_alice = uid_identity(ALICE);
    make(&alice, "a").unwrap();
    make(&alice, "b").unwrap();
    let usual = alice.quota(None).unwrap();
    assert_eq!((usual.held, usual.set), (2, false));
    assert_eq!(usual.keys, root.info().unwrap().limits.owner_keys);

    // Below what is held: nothing is lost, and nothing comes.
    let quota = root.set_quota(of_alice, 1).unwrap();
    assert_eq!((quota.keys, quota.held, quota.set), (1, 2, true));
    assert_eq!(status(make(&alice, "c")), Status::QuotaExceeded);
    alice.key("a").unwrap().mac(b"message").unwrap();
    make(&bob, "a").unwrap();
    alice.delete("a").unwrap();
    assert_eq!(status(make(&alice, "c")), Status::QuotaExceeded);
    alice.delete("b").unwrap();
    make(&alice, "c").unwrap();
    assert_eq!(status(make(&alice, "d")), Status::QuotaExceeded);
    assert_eq!(
        root.quota(Some(of_alice)).unwrap(),
        alice.quota(None).unwrap()
    );

    for refused in [
        alice.set_quota(of_alice, 400),
        alice.quota(Some(uid_identity(BOB))),
    ] {
        assert_eq!(status(refused), Status::AdministratorOnly);
    }
    assert_eq!(status(root.set_quota(uid_identity(0), 5)), Status::NoQuota);
    let room = root.info().unwrap().limits.keys;
    assert_eq!(
        status(root.set_quota(of_alice, room + 1)),
        Status::BadHeader
    );
    // It outlives a start; the usual one takes no place.
    device.reboot();
    let [root, alice] = [0, ALICE].map(|uid| device.user(uid));
    assert_eq!(status(make(&alice, "d")), Status::QuotaExceeded);
    assert!(!root.set_quota(of_alice, usual.keys).unwrap().set);
    make(&alice, "d").unwrap();
    let mut uids = 3000..;
    let refused = loop {
        let owner = uid_identity(uids.next().unwrap());
        if let Err(error) = root.set_quota(owner, 0) {
            break error;
        }
    };
    assert_eq!(refused.status(), Some(Status::QuotasFull));
    assert_eq!(uids.start, 3000 + claviger_proto::limits::QUOTAS as u32 + 1);
    factory_reset(&root);
    assert!(!root.quota(Some(uid_identity(3000))).unwrap().set);
}

/// One user with many groups, against an owner, who comes later, and uid 0.
#[cfg(feature = "emulator")]
mod many_groups {
    use claviger_proto::limits;
    use claviger_tests::label;

    use super::*;

    #[test]
    fn keys_of_all_groups_are_counted_together() {
        let device = Device::fresh();
        let make = |gid: u32, number: usize| {
            let key = format!("k{number}");
            let group = device.group(ALICE, gid);
            group.generate(&key, Algorithm::Aes128Cmac).map(drop)
        };
        for number in 0..limits::OWNER_KEYS {
            make(3000 + number as u32 % 5, number).unwrap();
        }
        for gid in 3000..3010 {
            assert_eq!(status(make(gid, 1000)), Status::QuotaExceeded);
        }
        // One of which uid 0 said how many it may have is counted apart.
        let root = device.user(0);
        let group = claviger::identity::gid_identity(3000);
        root.set_quota(group, 200).unwrap();
        make(3000, 1000).unwrap();
        make(3001, 1000).unwrap();
        device
            .user(ALICE)
            .generate("key", Algorithm::Aes128Cmac)
            .unwrap();
    }

    #[test]
    fn what_groups_begin_gives_way() {
        let device = Device::fresh();
        let alice = device.user(ALICE);
        alice.generate("key", Algorithm::Aes128Cmac).unwrap();
        for gid in 3000..3030 {
            start(&device.group(ALICE, gid), "joint").unwrap();
        }
        start(&alice, "joint").unwrap();
        let root = device.user(0);
        start(&root, "joint").unwrap();
        for gid in 3030..3060 {
            start(&device.group(ALICE, gid), "joint").unwrap();
        }
        assert_eq!(alice.pending().unwrap().len(), 1);
        let all = root.pending().unwrap();
        assert_eq!(all.len(), limits::CEREMONIES);
        assert!(all.iter().any(|one| one.owner == uid_identity(0)));
        assert_eq!(root.pending_cancel_all(None).unwrap(), all.len() as u32);
    }

    #[test]
    fn groups_take_few_audit_logs() {
        let device = Device::fresh();
        let make = |client: &Client| client.generate("key", Algorithm::Aes128Cmac).map(drop);
        for gid in 3000..3030 {
            make(&device.group(ALICE, gid)).unwrap();
        }
        // Who has none of his own asks for the shared one, which is root's to read.
        let own = |client: &Client| client.audit_log(claviger::audit::LogOf::Caller).is_ok();
        for uid in 1000..1000 + limits::AUDIT_LOGS as u32 {
            let user = device.user(uid);
            make(&user).unwrap();
            let place = (uid - 1000) as usize;
            let room = place < limits::AUDIT_LOGS - limits::GROUP_LOGS - 1;
            assert_eq!(own(&user), room, "{uid}");
        }
        // Uid 0's is there, however late he comes.
        let root = device.user(0);
        make(&root).unwrap();
        let log = root.audit_log(claviger::audit::LogOf::Caller).unwrap();
        assert_eq!(log.of(), Some(uid_identity(0)));
    }

    /// Whoever else was refused, and how often.
    #[test]
    fn refusals_are_told_under_the_callers_name() {
        let device = Device::fresh();
        let alice = device.user(ALICE);
        alice.generate("key", Algorithm::Aes128Cmac).unwrap();
        for number in 0..60 {
            let group = device.group(ALICE, 3000 + number);
            let user = device.user(3000 + number);
            for other in [group, user] {
                assert_eq!(status(other.key("theirs")), Status::NotFound);
            }
        }
        assert_eq!(status(alice.key("mine")), Status::NotFound);
        let log = alice.audit_log(claviger::audit::LogOf::Caller).unwrap();
        let last = log.records().last().unwrap();
        assert_eq!(last.event, claviger_proto::audit::Event::Refused);
        assert_eq!(last.caller, Some(uid_identity(ALICE)));
        assert_eq!(last.label, Some(label("mine")));
    }
}
