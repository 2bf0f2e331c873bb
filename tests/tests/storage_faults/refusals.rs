//! What a refusal costs in storage tells nothing of other owners' keys.

use claviger::{Algorithm, Status, identity::uid_identity};
use claviger_proto::{Command, Label, Place};
use claviger_tests::{
    ALICE, CAROL,
    frames::send_command,
    requests::{Role, request, role},
};

use crate::bench::Bench;

/// How a request names Alice's key.
fn of_alice(name: &str) -> String {
    let place = Place::Vault {
        owner: Some(uid_identity(ALICE)),
        label: Label::try_from(name).unwrap(),
    };
    let key = claviger_proto::KeyRef { place, child: None };
    format!("\"{key}")
}

/// Each command that names a key, of another's, of none, and of one that is in memory: with the same
/// status after as many storage operations.
#[test]
fn another_owners_key_costs_what_an_absent_one_costs() {
    let (bench, image) = Bench::new(|device| {
        let alice = device.user(ALICE);
        for name in ["there", "third"] {
            alice.generate(name, Algorithm::HmacSha256).unwrap();
        }
    });
    let asked = |command: Command, name: &str, in_memory: bool| {
        let on = bench.with(&image);
        let carol = on.device.user(CAROL);
        on.root.list().unwrap();
        if in_memory {
            let alice = on.device.user(ALICE);
            alice.key("there").unwrap().mac(b"message").unwrap();
        }
        let (header, payload) = request(command, "target");
        let header = header.replace("\"target", &of_alice(name));
        assert!(header.contains(name), "{header}");
        bench.disk().disarm();
        let mut costs = Vec::new();
        let mut statuses = Vec::new();
        // The first is recorded, the others are counted only.
        for _ in 0..3 {
            statuses.push(send_command(&carol, command, &header, &payload));
            costs.push(bench.disk().disarm());
        }
        (statuses, costs)
    };
    let mut tried = 0;
    for command in Command::ALL {
        match role(*command) {
            Role::Manages | Role::Uses(_) => {}
            _ if *command == Command::Batch => {}
            _ => continue,
        }
        let absent = asked(*command, "where", false);
        if *command != Command::Batch {
            let refused = [Status::NotFound, Status::AdministratorOnly];
            assert!(refused.contains(&absent.0[0]), "{command:?} {absent:?}");
        }
        for in_memory in [false, true] {
            let there = asked(*command, "there", in_memory);
            assert_eq!(there, absent, "{command:?}, in memory: {in_memory}");
        }
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}
