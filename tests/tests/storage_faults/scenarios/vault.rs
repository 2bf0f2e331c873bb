//! Changes of the vault as a whole, and of the audit logs.

use claviger::{Algorithm, Client, Status, audit::LogOf, identity::uid_identity};
use claviger_proto::{
    Digits,
    audit::Event,
    message::{
        AuditCheckpointRequest, AuditReadRequest, AuditReleaseRequest, AuditStrictRequest,
        DescribeRequest, FactoryResetRequest, ImportRequest, InstallCertificateRequest,
        LockRequest, QuotaSetRequest, RestoreTrustAddRequest, RestoreTrustRemoveRequest,
    },
};
use claviger_ta::workstation::Fault;
use claviger_tests::{ALICE, Device, Handle, new_key};

use super::{Call, Prepared, Scenario, Tells, import, keys::a_full_shard, made, same, three_keys};
use crate::{bench::On, view::View};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "lock",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| Call::new(&on.root, LockRequest {}, &[]))
        },
        done: locked,
        tells: Tells::Before(Event::Locked),
        status: Status::Ok,
    },
    Scenario {
        name: "lock two shards",
        prepare: |device| {
            two_shards(device);
            Prepared::new(|on| Call::new(&on.root, LockRequest {}, &[]))
        },
        done: locked,
        tells: Tells::Before(Event::Locked),
        status: Status::Ok,
    },
    Scenario {
        name: "restore trust",
        prepare: |device| {
            two_shards(device);
            Prepared::new(|on| {
                let device = Digits([7; 32]);
                Call::new(&on.root, RestoreTrustAddRequest { device }, &[])
            })
        },
        done: |before, after| trusted(before, after, &[Digits([7; 32])]),
        tells: Tells::Before(Event::RestoreTrust),
        status: Status::Ok,
    },
    Scenario {
        name: "restore distrust",
        prepare: |device| {
            three_keys(device);
            let root = device.user(0);
            root.request(&RestoreTrustAddRequest { device: OLD }, &[])
                .unwrap();
            Prepared::new(|on| Call::new(&on.root, RestoreTrustRemoveRequest { device: OLD }, &[]))
        },
        done: |before, after| trusted(before, after, &[]),
        tells: Tells::Before(Event::RestoreTrust),
        status: Status::Ok,
    },
    Scenario {
        name: "factory reset",
        prepare: |device| {
            three_keys(device);
            device.user(0).lock().unwrap();
            Prepared::new(reset)
        },
        done: empty,
        tells: Tells::With(&[]),
        status: Status::Ok,
    },
    Scenario {
        name: "factory reset of two shards",
        prepare: |device| {
            two_shards(device);
            device.user(0).lock().unwrap();
            Prepared::new(reset)
        },
        done: empty,
        tells: Tells::With(&[]),
        status: Status::Ok,
    },
    Scenario {
        name: "a certificate",
        prepare: |device| {
            three_keys(device);
            let certificate = certificate(&device.user(0), 1);
            Prepared::new(move |on| Call::new(&on.root, InstallCertificateRequest {}, &certificate))
        },
        done: same,
        tells: Tells::With(&[Event::CertificateInstalled]),
        status: Status::Ok,
    },
    Scenario {
        name: "another certificate",
        prepare: |device| {
            three_keys(device);
            let root = device.user(0);
            root.install_certificate(&certificate(&root, 1)).unwrap();
            let certificate = certificate(&root, 2);
            Prepared::new(move |on| Call::new(&on.root, InstallCertificateRequest {}, &certificate))
        },
        done: same,
        tells: Tells::With(&[Event::CertificateInstalled]),
        status: Status::Ok,
    },
    Scenario {
        name: "read a log for which events wait",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| {
                let request = AuditReadRequest {
                    of: None,
                    shared: false,
                    from: 0,
                };
                Call::new(&on.root, request, &[])
            })
        },
        done: same,
        tells: Tells::With(&[]),
        status: Status::Ok,
    },
    Scenario {
        name: "sign a log for which events wait",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| {
                let request = AuditCheckpointRequest {
                    of: None,
                    shared: false,
                };
                Call::new(&on.root, request, b"nonce")
            })
        },
        done: same,
        tells: Tells::With(&[]),
        status: Status::Ok,
    },
    Scenario {
        name: "have a full log refuse",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| Call::new(&on.root, AuditStrictRequest {}, &[]))
        },
        done: same,
        tells: Tells::Before(Event::AuditStrict),
        status: Status::Ok,
    },
    Scenario {
        name: "set a quota of keys",
        prepare: |device| {
            three_keys(device);
            Prepared::new(|on| {
                let (owner, keys) = (uid_identity(ALICE), 1);
                Call::new(&on.root, QuotaSetRequest { owner, keys }, &[])
            })
        },
        done: same,
        tells: Tells::Before(Event::QuotaSet),
        status: Status::Ok,
    },
    Scenario {
        name: "release one's own log",
        prepare: |device| {
            a_log_that_refuses(device);
            let log = device.user(0).audit_log(LogOf::Caller).unwrap();
            let keep = log.first() + log.records().len() as u64;
            Prepared::new(move |on| {
                let request = AuditReleaseRequest {
                    of: None,
                    shared: false,
                    keep,
                };
                Call::new(&on.root, request, &[])
            })
        },
        done: same,
        tells: Tells::Before(Event::AuditReleased),
        status: Status::Ok,
    },
    Scenario {
        name: "release another's log",
        prepare: |device| {
            import(&device.user(ALICE), "hers").unwrap();
            Prepared::new(|on| {
                let of = Some(uid_identity(ALICE));
                let request = AuditReleaseRequest {
                    of,
                    shared: false,
                    keep: 1,
                };
                Call::new(&on.root, request, &[])
            })
        },
        done: same,
        tells: Tells::Before(Event::AuditReleased),
        status: Status::Ok,
    },
    Scenario {
        name: "import that overwrites the oldest page of a log",
        prepare: |device| {
            a_full_log(device);
            Prepared::new(|on| {
                let new = new_key("new", Algorithm::Aes128Cmac);
                Call::new(&on.root, ImportRequest { new }, &[3; 16])
            })
        },
        done: made,
        tells: Tells::With(&[Event::Created]),
        status: Status::Ok,
    },
    Scenario {
        name: "import refused by a full log",
        prepare: |device| {
            a_log_that_refuses(device);
            Prepared::new(|on| {
                let new = new_key("new", Algorithm::Aes128Cmac);
                Call::new(&on.root, ImportRequest { new }, &[3; 16])
            })
        },
        done: same,
        tells: Tells::With(&[]),
        status: Status::AuditFull,
    },
    Scenario {
        name: "a refusal",
        prepare: |device| {
            three_keys(device);
            import(&device.user(ALICE), "hers").unwrap();
            Prepared::new(|on| {
                let key = Handle::of(&on.users[1], uid_identity(0), "a").key;
                Call::new(&on.users[1], DescribeRequest { key }, &[])
            })
        },
        done: same,
        tells: Tells::With(&[Event::Refused]),
        status: Status::NotFound,
    },
];

fn two_shards(device: &Device) {
    a_full_shard(device);
    import(&device.user(0), "dddd").unwrap();
}

/// Root's log has as many pages as it may have, the last is full, and an event waits in the slot
/// that is used next.
fn a_full_log(device: &Device) {
    let first = || device.user(0).audit_log(LogOf::Caller).unwrap().first();
    loop {
        device.user(0).generate("k", Algorithm::Aes128Cmac).unwrap();
        device.user(0).delete("k").unwrap();
        // Looking writes what waits.
        let disk = device.workstation().disk();
        let image = disk.image();
        let before = first();
        import(&device.user(0), "new").unwrap();
        let displaced = first() > before;
        disk.restore(image);
        device.reboot();
        if displaced {
            break;
        }
    }
}

/// A strict vault in which root's log is full.
fn a_log_that_refuses(device: &Device) {
    let root = device.user(0);
    root.audit_strict().unwrap();
    let mut refused = None;
    while refused.is_none() {
        let done = root.generate("k", Algorithm::Aes128Cmac).map(drop);
        refused = done.and_then(|()| root.delete("k")).err();
    }
    assert_eq!(refused.unwrap().status(), Some(Status::AuditFull));
}

fn reset(on: &On) -> Call {
    // The token is in memory: storage is not asked for it.
    let disk = on.device.workstation().disk();
    disk.arm(Fault::CutBefore(0));
    let confirmation = on.root.info().unwrap().confirmation.unwrap();
    disk.disarm();
    Call::new(&on.root, FactoryResetRequest { confirmation }, &[])
}

/// What passes for a certificate of the device's key.
pub(crate) fn certificate(root: &Client, number: u8) -> Vec<u8> {
    let mut der = vec![0x30, 0x82, 1, 0];
    der.extend(root.device_key().unwrap().public.raw());
    der.resize(0x104, number);
    der
}

/// A device that was named before.
const OLD: Digits<32> = Digits([9; 32]);

fn trusted(before: &View, after: &View, devices: &[Digits<32>]) -> bool {
    let trusted = View {
        trusted: devices.to_vec(),
        ..before.clone()
    };
    trusted == *after
}

fn locked(before: &View, after: &View) -> bool {
    let locked = View {
        locked: true,
        ..before.clone()
    };
    locked == *after
}

fn empty(before: &View, after: &View) -> bool {
    after.vault != before.vault
        && after.keys.is_empty()
        && after.others == 0
        && !after.locked
        && after.damaged == 0
}
