//! A key serves the one usage that it was made for.

use claviger::{Algorithm, Status, Usage, proto::Command};
use claviger_tests::{
    ALICE, Device, Handle, new_key_for,
    requests::{CHILDREN, Role, ask, role},
    status,
};

#[test]
fn every_command_on_every_key_of_another_family() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let (mut refused, mut served, mut keys) = (0, 0, 0);
    for algorithm in Algorithm::ALL {
        for usage in algorithm.usages() {
            let label = format!("{}/{}", algorithm.name(), usage.name());
            let mut new = new_key_for(&label, *algorithm, *usage);
            if *usage == Usage::Derive {
                new.children = Some(CHILDREN);
            }
            Handle::generate(&client, new).unwrap();
            keys += 1;
            for command in Command::ALL {
                let Role::Uses(needed) = role(*command) else {
                    continue;
                };
                let answer = ask(&client, *command, &label);
                if needed.contains(usage) {
                    // Garbage that is to be checked is not authentic, but that was looked at.
                    let expected = match command {
                        Command::Unseal
                        | Command::Reseal
                        | Command::VerifyMac
                        | Command::Decrypt
                        | Command::Unwrap => Status::NotAuthentic,
                        Command::Confirm => Status::NoChallenge,
                        // Its digests are longer.
                        Command::Sign if *algorithm == Algorithm::EcdsaP384 => Status::BadPayload,
                        _ => Status::Ok,
                    };
                    assert_eq!(answer, expected, "{command:?} with {label}");
                    served += 1;
                } else {
                    assert_eq!(answer, Status::WrongUsage, "{command:?} with {label}");
                    refused += 1;
                }
            }
        }
    }
    // Each family's keys times its commands: seal 2 x 3, mac 3 x 3, sign 3 x 2, challenge 2 x 3,
    // encrypt 4 x 2, agree and decapsulate 2 x 1 each, derive 2 x 2, unwrap 2 x 1.
    assert_eq!(keys, 22);
    let uses = Command::ALL.iter();
    let uses = uses.filter(|command| matches!(role(**command), Role::Uses(_)));
    assert_eq!(uses.count(), 16);
    assert_eq!((refused, served), (22 * 16 - 45, 45));
}

/// The key with which one makes MACs is not the one with which one answers challenges, also
/// where their bytes are the same.
#[test]
fn derived_keys_leave_where_that_was_allowed() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let make = |label: &str, export: bool| {
        let creation = client.create(label).algorithm(Algorithm::Aes128Cmac);
        let creation = creation.usage(Usage::Challenge).export_derived(export);
        creation.import(&[7; 16]).unwrap()
    };
    let (keeps, gives) = (make("keeps", false), make("gives", true));
    for (key, allowed) in [(&keeps, false), (&gives, true)] {
        let m1 = key.challenge("server", "device").unwrap();
        let m2 = gives.respond("device", "server", &m1).unwrap();
        let confirmed = key.confirm_with_session_key(&m2);
        if allowed {
            assert!(confirmed.unwrap().session_key.is_some());
        } else {
            assert_eq!(status(confirmed), Status::NotExportable);
        }
    }
}
