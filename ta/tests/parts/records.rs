//! What was begun with a key ends with its record: no other record goes on with it, though a restore
//! gives that the same owner, label, id and version.

use claviger_proto::{Export, Usage};

use super::{
    forger::Forger,
    restores::restore,
    shares::{holders, share, shared_key},
    *,
};

const SECRET: [u8; 32] = [0x5c; 32];

/// Alice's key `backup` with a secret that others know, and what it says of itself.
fn imported(bench: &mut Bench, usage: Usage, export: Export) -> KeyDescription {
    let mut new = new_key("backup", Algorithm::Aes256Cmac);
    new.usage = Some(usage);
    new.policy = Policy {
        export,
        ..Policy::of(usage)
    };
    let request = ImportRequest { new };
    bench.call(ALICE, &request, &SECRET).unwrap().0
}

/// Puts a key in place of one that is deleted, with all that anyone can choose as it was.
fn replace(bench: &mut Bench, description: &KeyDescription, secret: &[u8]) {
    bench.delete("backup");
    let holders = holders(2);
    let given = Forger::new().share(description, secret, &holders);
    let key = restore(bench, &given, &holders, &[1, 2]).key.unwrap();
    assert_eq!(
        (key.owner, &key.key, key.id, key.version),
        (
            description.owner,
            &description.key,
            description.id,
            description.version
        )
    );
}

#[test]
fn a_wrapped_copy_ends_with_the_record_it_is_of() {
    for secret in [SECRET, [0xee; 32]] {
        let mut bench = Bench::new();
        let description = imported(&mut bench, Usage::Mac, Export::Wrapped);
        let request = WrapRequest {
            key: key_ref("backup"),
            family: None,
        };
        let (_, copy) = bench.call(ALICE, &request, b"").unwrap();
        let key = format!("@{}", copy.len());
        let message = [&copy[..], b"m"].concat();
        assert!(bench.mac(&key, &message).is_ok());
        replace(&mut bench, &description, &secret);
        assert!(bench.mac("backup", b"m").is_ok());
        for again in [false, true] {
            if again {
                bench.reboot();
            }
            assert_eq!(bench.mac(&key, &message), Err(Status::Revoked));
            let describe = DescribeRequest { key: key_ref(&key) };
            let refused = bench.call(ALICE, &describe, &copy).err();
            assert_eq!(refused, Some(Status::Revoked));
        }
    }
}

#[test]
fn a_stream_ends_with_the_record_it_was_begun_with() {
    let mut bench = Bench::new();
    let description = imported(&mut bench, Usage::Mac, Export::Nothing);
    let start = MacStartRequest {
        key: key_ref("backup"),
        verify: false,
        version: None,
    };
    let mut session = Session::new(Caller::Identified(ALICE));
    bench.call_in(&mut session, &start, b"").unwrap();
    replace(&mut bench, &description, &SECRET);
    let refused = bench.call_in(&mut session, &MacFinishRequest {}, b"m");
    assert_eq!(refused.err(), Some(Status::NoStream));
}

#[test]
fn a_challenge_ends_with_the_record_it_was_made_with() {
    let mut bench = Bench::new();
    let description = imported(&mut bench, Usage::Challenge, Export::Nothing);
    let party = |name: &str| claviger_proto::PartyName::try_from(name).unwrap();
    for replaced in [false, true] {
        let challenge = ChallengeRequest {
            key: key_ref("backup"),
            me: party("b"),
            peer: party("a"),
        };
        let (_, challenge) = bench.call(ALICE, &challenge, b"").unwrap();
        let respond = RespondRequest {
            key: key_ref("backup"),
            me: party("a"),
            peer: party("b"),
        };
        let (_, response) = bench.call(ALICE, &respond, &challenge).unwrap();
        if replaced {
            replace(&mut bench, &description, &SECRET);
        }
        let confirm = ConfirmRequest {
            key: key_ref("backup"),
            session_key: false,
        };
        let refused = bench.call(ALICE, &confirm, &response).err();
        assert_eq!(refused, replaced.then_some(Status::NoChallenge));
    }
}

/// Also where a genuine restore brings the same key back.
#[test]
fn a_genuine_restore_makes_another_record() {
    let mut bench = Bench::new();
    let holders = holders(2);
    let new = shared_key(Algorithm::Aes256Cmac, 2, &holders);
    bench.ask(ALICE, &GenerateRequest { new }).unwrap();
    let given = share(&mut bench, ALICE, "backup", &holders).unwrap();
    let start = MacStartRequest {
        key: key_ref("backup"),
        verify: true,
        version: Some(1),
    };
    let tag = bench.mac("backup", b"m").unwrap();
    let mut session = Session::new(Caller::Identified(ALICE));
    bench.call_in(&mut session, &start, b"").unwrap();
    bench
        .call_in(&mut session, &MacUpdateRequest {}, b"m")
        .unwrap();
    bench.delete("backup");
    restore(&mut bench, &given, &holders, &[2, 1]).key.unwrap();
    assert_eq!(bench.mac("backup", b"m"), Ok(tag.clone()));
    let refused = bench.call_in(&mut session, &VerifyMacFinishRequest {}, &tag);
    assert_eq!(refused.err(), Some(Status::NoStream));
}
