//! A key serves the one usage that it was made for.

use claviger::{Algorithm, Status, Usage, proto::Command};
use claviger_tests::{ALICE, Device, status};

use crate::requests::{Role, ask, role};

#[test]
fn every_command_on_every_key_of_another_family() {
    let device = Device::fresh();
    let client = device.user(ALICE);
    let (mut refused, mut served) = (0, 0);
    for algorithm in Algorithm::ALL {
        for usage in algorithm.usages() {
            let label = format!("{}/{}", algorithm.name(), usage.name());
            let creation = client.create(&label).algorithm(*algorithm);
            creation.usage(*usage).generate().unwrap();
            for command in Command::ALL {
                let Role::Uses(needed) = role(*command) else {
                    continue;
                };
                let answer = ask(&client, *command, &label);
                if needed == *usage {
                    // Garbage that is to be checked is not authentic, but that was looked at.
                    let expected = match command {
                        Command::Unseal | Command::VerifyMac => Status::NotAuthentic,
                        Command::Confirm => Status::NoChallenge,
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
    // Nine families, ten commands; each family has two or three of its own.
    assert_eq!((refused, served), (67, 23));
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
            assert_eq!(status(confirmed), Status::WrongUsage);
        }
    }
}
