use claviger_proto::{Origin, audit};
use claviger_ta::{crypto::check_value, workstation::Fault};

use super::*;

const OTHERS: [[u8; 16]; 2] = [[0x0f; 16], [0x33; 16]];
const LAST: [u8; 16] = [0x55, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The key that those three make.
fn whole() -> Vec<u8> {
    let xor = |place: usize| OTHERS[0][place] ^ OTHERS[1][place] ^ LAST[place];
    (0..16).map(xor).collect()
}

fn start_with(
    bench: &mut Bench,
    owner: Identity,
    new: NewKey,
    custodians: &[Identity],
) -> Result<Digits<8>, Status> {
    let request = ComponentStartRequest {
        new,
        custodians: custodians.iter().copied().collect(),
    };
    let response = bench.ask(owner, &request)?;
    assert_eq!(response.timeout, 900);
    Ok(response.ceremony)
}

fn start(bench: &mut Bench) -> Digits<8> {
    let new = new_key("joint", Algorithm::Aes128Cmac);
    start_with(bench, ALICE, new, &[ALICE, BOB, CAROL]).unwrap()
}

fn enter(
    bench: &mut Bench,
    who: Identity,
    ceremony: Digits<8>,
    component: &[u8],
) -> Result<ComponentEnterResponse, Status> {
    let (response, payload) = bench.call(who, &ComponentEnterRequest { ceremony }, component)?;
    assert!(payload.is_empty());
    Ok(response)
}

/// Two of three are in.
fn two(bench: &mut Bench) -> Digits<8> {
    let ceremony = start(bench);
    for (who, component) in [BOB, ALICE].into_iter().zip(OTHERS) {
        let response = enter(bench, who, ceremony, &component).unwrap();
        assert_eq!((response.key, response.key_check_value), (None, None));
    }
    ceremony
}

#[test]
fn three_custodians_make_the_key_that_none_of_them_has() {
    let mut bench = Bench::new();
    let mut new = new_key("whole", Algorithm::Aes128Cmac);
    let (imported, _) = bench
        .call(ALICE, &ImportRequest { new: new.clone() }, &whole())
        .unwrap();
    let ceremony = two(&mut bench);

    let shown = bench
        .ask(CAROL, &ComponentShowRequest { ceremony })
        .unwrap();
    new.key = Label::try_from("joint").unwrap();
    new.usage = Some(imported.usage);
    assert_eq!((&shown.new, shown.owner), (&new, ALICE));
    assert_eq!(*shown.custodians, [ALICE, BOB, CAROL]);
    assert_eq!(*shown.entered, [BOB, ALICE]);
    assert!((890..=900).contains(&shown.timeout));

    let response = enter(&mut bench, CAROL, ceremony, &LAST).unwrap();
    assert_eq!((response.entered, response.expected), (3, 3));
    assert_eq!(response.check_value.0, check_value(&LAST).unwrap());
    let expected = check_value(&whole()).unwrap();
    assert_eq!(response.key_check_value, Some(Digits(expected)));
    let key = response.key.unwrap();
    assert_eq!((key.origin, key.owner), (Origin::Assembled, ALICE));
    let described = DescribeRequest {
        key: key_ref("joint"),
    };
    assert_eq!(bench.ask(ALICE, &described), Ok(key));
    assert_eq!(bench.mac("joint", b"m"), bench.mac("whole", b"m"));
    // Whoever entered a component has no part in the key.
    assert_eq!(bench.ask(CAROL, &described).err(), Some(Status::NotFound));
    let again = enter(&mut bench, CAROL, ceremony, &LAST);
    assert_eq!(again, Err(Status::NoCeremony));
}

#[test]
fn the_audit_log_tells_who_entered_what() {
    let mut bench = Bench::new();
    let ceremony = two(&mut bench);
    enter(&mut bench, CAROL, ceremony, &LAST).unwrap();
    let mut seen = Vec::new();
    for who in [BOB, ALICE, CAROL] {
        let read = AuditReadRequest {
            of: None,
            shared: false,
            from: 0,
        };
        let (_, records) = bench.call(who, &read, b"").unwrap();
        let mut rest = records.as_slice();
        while !rest.is_empty() {
            let (record, behind) = audit::Record::decode(rest).unwrap();
            rest = behind;
            let of = (record.owner, record.label.unwrap().as_str().to_owned());
            assert_eq!(of, (Some(ALICE), "joint".to_owned()));
            seen.push((record.caller.unwrap(), record.event, record.detail));
        }
    }
    let expected = [
        (BOB, audit::Event::ComponentEntered, 1),
        (ALICE, audit::Event::ComponentEntered, 2),
        (CAROL, audit::Event::Created, Origin::Assembled as u32),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn who_has_no_part_in_a_ceremony_learns_of_none() {
    let mut bench = Bench::new();
    let new = new_key("joint", Algorithm::Aes128Cmac);
    let ceremony = start_with(&mut bench, ALICE, new, &[BOB, CAROL]).unwrap();
    let (stranger, root) = (user(1), Identity::ADMINISTRATOR);
    let none = Err(Status::NoCeremony);
    for who in [ALICE, stranger, root] {
        let entered = enter(&mut bench, who, ceremony, &LAST);
        assert_eq!(entered, Err(Status::NoCeremony));
    }
    for (who, sees) in [(ALICE, true), (BOB, true), (root, true), (stranger, false)] {
        let shown = bench.ask(who, &ComponentShowRequest { ceremony });
        assert_eq!(shown.is_ok(), sees);
        assert!(sees || shown == Err(Status::NoCeremony));
    }
    for who in [BOB, stranger] {
        let cancelled = bench.ask(who, &ComponentCancelRequest { ceremony });
        assert_eq!(cancelled, none);
    }
    let cancel = ComponentCancelRequest { ceremony };
    assert_eq!(bench.ask(root, &cancel), Ok(Done {}));
    assert_eq!(bench.ask(ALICE, &cancel), none);
    let ceremony = start(&mut bench);
    let cancel = ComponentCancelRequest { ceremony };
    assert_eq!(bench.ask(ALICE, &cancel), Ok(Done {}));
    assert_eq!(
        enter(&mut bench, BOB, ceremony, &LAST),
        Err(Status::NoCeremony)
    );
}

#[test]
fn what_cannot_be_put_together_is_not_begun() {
    let mut bench = Bench::new();
    let key = || new_key("joint", Algorithm::Aes128Cmac);
    for custodians in [&[][..], &[ALICE], &[ALICE, ALICE], &[ALICE, BOB, ALICE]] {
        let refused = start_with(&mut bench, ALICE, key(), custodians);
        assert_eq!(refused, Err(Status::BadHeader));
    }
    // Bob is a member of his group.
    let bobs_group = Identity {
        login: Login::Group,
        ..BOB
    };
    let refused = start_with(&mut bench, ALICE, key(), &[BOB, bobs_group]);
    assert_eq!(refused, Err(Status::BadHeader));
    let custodians = [ALICE, BOB];
    let wrapped = NewKey {
        home: Home::Wrapped,
        ..key()
    };
    let refused = start_with(&mut bench, ALICE, wrapped, &custodians);
    assert_eq!(refused, Err(Status::UnsupportedUsage));
    for algorithm in [
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        Algorithm::EcdhP256,
    ] {
        let refused = start_with(&mut bench, ALICE, new_key("joint", algorithm), &custodians);
        assert_eq!(refused, Err(Status::UnsupportedUsage));
    }
    let senseless = NewKey {
        policy: Policy {
            max_uses: Some(0),
            ..key().policy
        },
        ..key()
    };
    let refused = start_with(&mut bench, ALICE, senseless, &custodians);
    assert_eq!(refused, Err(Status::BadPolicy));
    bench.ask(ALICE, &GenerateRequest { new: key() }).unwrap();
    let refused = start_with(&mut bench, ALICE, key(), &custodians);
    assert_eq!(refused, Err(Status::AlreadyExists));
    bench.delete("joint");

    start_with(&mut bench, ALICE, key(), &custodians).unwrap();
    let other = new_key("other", Algorithm::Aes128Cmac);
    let refused = start_with(&mut bench, ALICE, other, &custodians);
    assert_eq!(refused, Err(Status::QuotaExceeded));
    // Who owns a key keeps the place that he has, however many others come.
    bench.ask(ALICE, &GenerateRequest { new: key() }).unwrap();
    for byte in 1..3 * limits::CEREMONIES as u8 {
        start_with(&mut bench, user(byte), key(), &custodians).unwrap();
    }
    let other = new_key("other", Algorithm::Aes128Cmac);
    let refused = start_with(&mut bench, ALICE, other, &custodians);
    assert_eq!(refused, Err(Status::QuotaExceeded), "it is there still");
    start_with(&mut bench, Identity::ADMINISTRATOR, key(), &custodians).unwrap();
}

#[test]
fn a_locked_vault_takes_no_components() {
    let mut bench = Bench::new();
    let ceremony = two(&mut bench);
    bench.lock();
    let refused = enter(&mut bench, CAROL, ceremony, &LAST);
    assert_eq!(refused, Err(Status::NoCeremony));
    let new = new_key("joint", Algorithm::Aes128Cmac);
    let refused = start_with(&mut bench, ALICE, new, &[ALICE, BOB]);
    assert_eq!(refused, Err(Status::Locked));
}

#[test]
fn a_bad_component_costs_nothing() {
    let mut bench = Bench::new();
    let ceremony = two(&mut bench);
    let zeros = [0x3c; 16];
    for bad in [
        &b""[..],
        &LAST[..15],
        &[7; 17],
        &[7; 65],
        &[0; 16],
        &OTHERS[0],
        &OTHERS[1],
        &zeros,
    ] {
        let refused = enter(&mut bench, CAROL, ceremony, bad);
        assert_eq!(refused, Err(Status::BadKey));
    }
    let refused = enter(&mut bench, BOB, ceremony, &LAST);
    assert_eq!(refused, Err(Status::AlreadyEntered));
    let response = enter(&mut bench, CAROL, ceremony, &LAST).unwrap();
    assert!(response.key.is_some());
}

#[test]
fn the_last_component_can_be_entered_again_if_the_key_was_not_kept() {
    let mut bench = Bench::new();
    let ceremony = two(&mut bench);
    let new = new_key("joint", Algorithm::Aes128Cmac);
    bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let refused = enter(&mut bench, CAROL, ceremony, &LAST);
    assert_eq!(refused, Err(Status::AlreadyExists));
    bench.delete("joint");

    // Whatever storage operation fails, the key is there, or can be had.
    let disk = bench.ground.disk().clone();
    let mut failures = 0;
    loop {
        disk.arm(Fault::CutBefore(failures));
        let entered = enter(&mut bench, CAROL, ceremony, &LAST);
        disk.disarm();
        if entered.is_ok() {
            break;
        }
        failures += 1;
        if enter(&mut bench, CAROL, ceremony, &LAST) == Err(Status::AlreadyExists) {
            break;
        }
        let described = DescribeRequest {
            key: key_ref("joint"),
        };
        if bench.ask(ALICE, &described).is_ok() {
            break;
        }
    }
    assert!(failures > 0);
    let new = new_key("whole", Algorithm::Aes128Cmac);
    bench.call(ALICE, &ImportRequest { new }, &whole()).unwrap();
    assert_eq!(bench.mac("joint", b"m"), bench.mac("whole", b"m"));
}

#[test]
fn components_time_out() {
    let mut bench = Bench::new();
    let ceremony = two(&mut bench);
    bench.ground.wait(limits::COMPONENT_SECONDS as u64 - 10);
    let shown = bench
        .ask(ALICE, &ComponentShowRequest { ceremony })
        .unwrap();
    assert!((1..=10).contains(&shown.timeout));
    bench.ground.wait(10);
    let refused = enter(&mut bench, CAROL, ceremony, &LAST);
    assert_eq!(refused, Err(Status::NoCeremony));

    let ceremony = two(&mut bench);
    assert!(
        enter(&mut bench, CAROL, ceremony, &LAST)
            .unwrap()
            .key
            .is_some()
    );
}

#[test]
fn what_ends_an_instance_ends_its_ceremonies() {
    let mut bench = Bench::new();
    let ceremony = two(&mut bench);
    bench.reboot();
    let refused = enter(&mut bench, CAROL, ceremony, &LAST);
    assert_eq!(refused, Err(Status::NoCeremony));

    let ceremony = two(&mut bench);
    bench.factory_reset();
    let refused = enter(&mut bench, CAROL, ceremony, &LAST);
    assert_eq!(refused, Err(Status::NoCeremony));

    // An emulated device lives on in another process.
    let ceremony = two(&mut bench);
    bench.resume();
    let response = enter(&mut bench, CAROL, ceremony, &LAST).unwrap();
    assert!(response.key.is_some());
}
