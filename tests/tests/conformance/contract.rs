//! Numbers, names and sizes of the contract that must never change. (The bytes of its messages
//! and the numbers of its statuses are pinned in the contract's own crate.)

use claviger::{
    Algorithm, Export, Home, Identity, Origin, Permission, Permissions, State, Usage,
    proto::{Command, Digits, KeyRef, Label, Login, Place, Uuid, limits, message::*},
};
use claviger_tests::{frames::header, label};
use serde::Serialize;

/// Matches without a wildcard, so that a command without a pinned number does not compile.
const fn pinned_id(command: Command) -> (u32, &'static str) {
    match command {
        Command::Info => (1, "info"),
        Command::SelfTest => (2, "self-test"),
        Command::Random => (3, "random"),
        Command::Generate => (4, "generate"),
        Command::Import => (5, "import"),
        Command::List => (6, "list"),
        Command::Describe => (7, "describe"),
        Command::Delete => (8, "delete"),
        Command::PublicKey => (9, "public-key"),
        Command::Seal => (10, "seal"),
        Command::Unseal => (11, "unseal"),
        Command::Mac => (12, "mac"),
        Command::VerifyMac => (13, "verify-mac"),
        Command::MacStart => (14, "mac-start"),
        Command::MacUpdate => (15, "mac-update"),
        Command::MacFinish => (16, "mac-finish"),
        Command::VerifyMacFinish => (17, "verify-mac-finish"),
        Command::Sign => (18, "sign"),
        Command::Challenge => (19, "challenge"),
        Command::Respond => (20, "respond"),
        Command::Confirm => (21, "confirm"),
        Command::Lock => (22, "lock"),
        Command::FactoryReset => (23, "factory-reset"),
        Command::DeclareLost => (68, "declare-lost"),
        Command::Rotate => (24, "rotate"),
        Command::Retire => (25, "retire"),
        Command::SetState => (26, "set-state"),
        Command::SetPolicy => (27, "set-policy"),
        Command::CatchUp => (28, "catch-up"),
        Command::Reseal => (29, "reseal"),
        Command::Encrypt => (30, "encrypt"),
        Command::Decrypt => (31, "decrypt"),
        Command::Derive => (32, "derive"),
        Command::Combine => (33, "combine"),
        Command::Wrap => (34, "wrap"),
        Command::Revoke => (35, "revoke"),
        Command::Unwrap => (36, "unwrap"),
        Command::ComponentStart => (40, "component-start"),
        Command::ComponentShow => (41, "component-show"),
        Command::ComponentEnter => (42, "component-enter"),
        Command::ComponentCancel => (43, "component-cancel"),
        Command::Share => (44, "share"),
        Command::RestoreStart => (45, "restore-start"),
        Command::RestoreShare => (46, "restore-share"),
        Command::RestoreCancel => (47, "restore-cancel"),
        Command::AuditRead => (50, "audit-read"),
        Command::AuditCheckpoint => (51, "audit-checkpoint"),
        Command::AuditStrict => (52, "audit-strict"),
        Command::AuditRelease => (53, "audit-release"),
        Command::DeviceKey => (54, "device-key"),
        Command::InstallCertificate => (55, "install-certificate"),
        Command::RestoreTrustAdd => (57, "restore-trust-add"),
        Command::RestoreTrustList => (58, "restore-trust-list"),
        Command::RestoreTrustRemove => (59, "restore-trust-remove"),
        Command::Batch => (56, "batch"),
        Command::PendingList => (60, "pending-list"),
        Command::PendingCancel => (61, "pending-cancel"),
        Command::QuotaShow => (62, "quota-show"),
        Command::QuotaSet => (63, "quota-set"),
        Command::Chown => (64, "chown"),
        Command::Rename => (65, "rename"),
        Command::ListAll => (66, "list-all"),
        Command::ListGranted => (67, "list-granted"),
    }
}

#[test]
fn every_command_is_this_number() {
    for command in Command::ALL {
        assert_eq!((command.id(), command.name()), pinned_id(*command));
    }
}

/// Checks that these are all, with these numbers and names.
macro_rules! pinned {
    ($enum:ident, $($name:ident = $number:literal, $text:literal;)+) => {{
        let expected = [$(($enum::$name, $number, $text)),+];
        assert_eq!(expected.map(|(one, ..)| one), $enum::ALL);
        for (one, number, name) in expected {
            assert_eq!(one as u8, number);
            assert_eq!($enum::try_from(number), Ok(one));
            assert_eq!(one.name(), name);
            assert_eq!(header(&one), format!("\"{name}\""));
        }
        for number in 0..=u8::MAX {
            let known = [$($number),+].contains(&number);
            assert_eq!($enum::try_from(number).is_ok(), known, "{number}");
        }
    }};
}

/// Stored in slots and in JSON, so neither numbers nor names may change.
#[test]
fn attributes_of_keys_are_these_numbers_and_names() {
    pinned!(
        Algorithm,
        Aes256Siv = 1, "aes-256-siv";
        Aes128Siv = 2, "aes-128-siv";
        Aes128Cmac = 3, "aes-128-cmac";
        Aes256Cmac = 4, "aes-256-cmac";
        HmacSha256 = 5, "hmac-sha256";
        EcdsaP256 = 6, "ecdsa-p256";
        Ed25519 = 7, "ed25519";
        EcdsaP384 = 8, "ecdsa-p384";
        Aes128Gcm = 9, "aes-128-gcm";
        Aes256Gcm = 10, "aes-256-gcm";
        Aes128Ccm = 11, "aes-128-ccm";
        Aes256Ccm = 12, "aes-256-ccm";
        EcdhP256 = 13, "ecdh-p256";
        X25519 = 14, "x25519";
        MlKem768 = 15, "ml-kem-768";
        XWing = 16, "x-wing";
        KdfCmac = 17, "kdf-cmac";
        HkdfSha256 = 18, "hkdf-sha256";
        Aes128Kw = 19, "aes-128-kw";
        Aes256Kw = 20, "aes-256-kw";
    );
    pinned!(
        Usage,
        Seal = 1, "seal";
        Mac = 2, "mac";
        Sign = 3, "sign";
        Challenge = 4, "challenge";
        Encrypt = 5, "encrypt";
        Agree = 6, "agree";
        Decapsulate = 7, "decapsulate";
        Derive = 8, "derive";
        Unwrap = 9, "unwrap";
    );
    pinned!(
        Permission,
        Seal = 0, "seal";
        Unseal = 1, "unseal";
        Mac = 2, "mac";
        VerifyMac = 3, "verify-mac";
        Sign = 4, "sign";
        Challenge = 5, "challenge";
        Encrypt = 6, "encrypt";
        Decrypt = 7, "decrypt";
        Agree = 8, "agree";
        Decapsulate = 9, "decapsulate";
        Derive = 10, "derive";
        Unwrap = 11, "unwrap";
    );
    pinned!(
        Origin,
        Generated = 1, "generated";
        Imported = 2, "imported";
        Derived = 3, "derived";
        Received = 4, "received";
        Assembled = 5, "assembled";
    );
    pinned!(
        State,
        PreActivation = 1, "pre-activation";
        Active = 2, "active";
        Suspended = 3, "suspended";
        Deactivated = 4, "deactivated";
        Compromised = 5, "compromised";
        Destroyed = 6, "destroyed";
    );
    pinned!(
        Export,
        Nothing = 0, "nothing";
        Wrapped = 1, "wrapped";
        Shares = 2, "shares";
    );
    pinned!(
        Home,
        Vault = 1, "vault";
        Wrapped = 2, "wrapped";
    );
}

/// The longest of those, by what it takes in JSON.
fn longest<T: Copy + Serialize>(all: &[T]) -> T {
    *all.iter().max_by_key(|value| header(value).len()).unwrap()
}

fn longest_label() -> Label {
    label(&"k".repeat(Label::MAX))
}

const GROUP: Identity = Identity {
    login: Login::Group,
    id: Uuid([0; 16]),
};

fn longest_key() -> KeyRef {
    let place = Place::Vault {
        owner: Some(GROUP),
        label: longest_label(),
    };
    let child = Some(longest_label());
    KeyRef { place, child }
}

fn longest_policy() -> Policy {
    let all = Permissions::of(Permission::ALL);
    let grant = Grant {
        to: GROUP,
        may: all,
    };
    Policy {
        owner: all,
        grants: vec![grant; limits::GRANTS].into_iter().collect(),
        max_uses: Some(u64::MAX),
        min_context: u32::MAX,
        rotate_after_uses: Some(u64::MAX),
        rotate_after_bytes: Some(u64::MAX),
        export: longest(Export::ALL),
        shares: Some(SharePolicy {
            threshold: u8::MAX,
            shares: u8::MAX,
            recipients: Digits([0; 32]),
        }),
        export_derived: false,
        rollback_level: u32::MAX,
        fixed_owner: false,
    }
}

fn longest_description() -> KeyDescription {
    KeyDescription {
        key: longest_label(),
        id: Digits([0; 16]),
        algorithm: longest(Algorithm::ALL),
        usage: longest(Usage::ALL),
        children: Some(longest(Algorithm::ALL)),
        ratchet: false,
        origin: longest(Origin::ALL),
        state: longest(State::ALL),
        version: u32::MAX,
        versions: [u32::MAX; limits::VERSIONS].into_iter().collect(),
        owner: GROUP,
        home: longest(Home::ALL),
        family: Some(longest_label()),
        policy: longest_policy(),
        uses_left: Some(u64::MAX),
        version_uses: Some(u64::MAX),
        version_bytes: Some(u64::MAX),
        check_value: Some(Digits([0; 5])),
    }
}

fn longest_new_key() -> NewKey {
    NewKey {
        key: longest_label(),
        algorithm: longest(Algorithm::ALL),
        usage: Some(longest(Usage::ALL)),
        children: Some(longest(Algorithm::ALL)),
        ratchet: false,
        pre_activation: false,
        home: longest(Home::ALL),
        family: Some(longest_label()),
        policy: longest_policy(),
        recipients: [Digits([0; 32]); limits::SHARES].into_iter().collect(),
    }
}

#[test]
fn the_longest_requests_fit() {
    let source = Source {
        kind: SourceKind::Encapsulate,
        key: Some(longest_key()),
        version: Some(u32::MAX),
        algorithm: Some(longest(Algorithm::ALL)),
        bytes: u32::MAX,
    };
    // What limits::HEADER counts with.
    assert!(header(&longest_key()).len() <= 174);
    assert!(header(&source).len() <= 290, "{}", header(&source).len());
    let output = Output {
        new: Some(longest_new_key()),
        length: u32::MAX,
    };
    let combine = CombineRequest {
        sources: vec![source; limits::SOURCES].into_iter().collect(),
        salt: u32::MAX,
        info: u32::MAX,
        output: output.clone(),
    };
    let derive = DeriveRequest {
        key: longest_key(),
        output,
    };
    let unwrap = UnwrapRequest {
        key: longest_key(),
        version: Some(u32::MAX),
        padded: false,
        new: longest_new_key(),
    };
    let policy = SetPolicyRequest {
        key: longest_key(),
        policy: longest_policy(),
    };
    let components = ComponentStartRequest {
        new: longest_new_key(),
        custodians: [GROUP; limits::CUSTODIANS].into_iter().collect(),
    };
    for length in [
        header(&components).len(),
        header(&combine).len(),
        header(&derive).len(),
        header(&unwrap).len(),
        header(&policy).len(),
    ] {
        println!("{length} bytes");
        assert!(length <= limits::HEADER);
    }
}

#[test]
fn the_longest_answers_fit() {
    let key = longest_description();
    println!("a description: {} bytes", header(&key).len());
    assert!(header(&key).len() <= limits::HEADER);
    let derived = DerivedResponse {
        key: Some(key.clone()),
        ciphertext: u32::MAX,
    };
    assert!(header(&derived).len() <= limits::HEADER);
    let summary = KeySummary {
        key: key.key,
        id: key.id,
        algorithm: key.algorithm,
        usage: key.usage,
        origin: key.origin,
        state: key.state,
        version: key.version,
        owner: key.owner,
        may: longest(
            &Usage::ALL
                .iter()
                .map(|usage| usage.permissions())
                .collect::<Vec<_>>(),
        ),
    };
    assert!(header(&summary).len() <= 488, "{}", header(&summary).len());
    let page = ListResponse {
        keys: vec![summary; limits::PAGE].into_iter().collect(),
        next: Some(u32::MAX),
    };
    assert_eq!(page.keys.len(), limits::PAGE);
    assert!(header(&page).len() <= limits::HEADER);
    let components = ComponentShowResponse {
        new: longest_new_key(),
        owner: GROUP,
        custodians: [GROUP; limits::CUSTODIANS].into_iter().collect(),
        entered: [GROUP; limits::CUSTODIANS].into_iter().collect(),
        timeout: u32::MAX,
    };
    assert!(header(&components).len() <= limits::HEADER);
    let entered = ComponentEnterResponse {
        entered: u8::MAX,
        expected: u8::MAX,
        check_value: Digits([0; 5]),
        key: Some(longest_description()),
        key_check_value: Some(Digits([0; 5])),
    };
    assert!(header(&entered).len() <= limits::HEADER);
    let page = AuditPage {
        vault: Digits([0; 16]),
        of: Some(GROUP),
        first: u64::MAX,
        before: Digits([0; 32]),
        records: u32::MAX,
        next: Some(u64::MAX),
    };
    assert!(header(&page).len() <= limits::HEADER);

    let number = u32::MAX;
    let response = InfoResponse {
        // Two characters each where JSON escapes them.
        version: (*"\"".repeat(16)).try_into().unwrap(),
        platform: (*"\"".repeat(64)).try_into().unwrap(),
        insecure: false,
        rollback_level: number,
        store: u16::MAX,
        vault: Some(VaultInfo {
            id: Digits([0; 16]),
            locked: Some(false),
            keys: number,
            free: number,
            damaged: number,
            degraded: number,
            missing: number,
            read_only: false,
            repaired: number,
        }),
        limits: Limits {
            header: number,
            payload: number,
            chunk: number,
            context: number,
            random: number,
            keys: number,
            owner_keys: number,
            versions: number,
            grants: number,
            wrapped: number,
            owner_wrapped: number,
            batch: number,
            sessions: number,
            caller_sessions: number,
            audit_logs: number,
            audit_log: number,
            custodians: number,
            shares: number,
            ceremonies: number,
            component_seconds: number,
            restore_seconds: number,
            challenges: number,
        },
        marks: Some(Marks {
            heap_peak: number,
            heap_now: number,
            heap_size: number,
            stack_peak: number,
            stack_size: number,
        }),
        build: Build::Release,
        instance: Digits([0; 16]),
        confirmation: Some(Digits([0; 4])),
    };
    assert!(header(&response).len() <= limits::HEADER);

    let result = SelfTestResult {
        primitive: (*"\"".repeat(24)).try_into().unwrap(),
        passed: false,
    };
    let mut response = SelfTestResponse {
        results: [result.clone()].into_iter().collect(),
    };
    while response.results.push(result.clone()).is_ok() {}
    assert!(header(&response).len() <= limits::HEADER);
}
