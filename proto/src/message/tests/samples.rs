//! Messages that stand within others, and their bytes. Every `Option` has a value.

use crate::{
    Algorithm, Digits, Export, Home, Identity, KeyRef, Label, Login, Origin, Permission,
    Permissions, State, Usage, Uuid,
    message::{
        Grant, KeyDescription, KeySummary, NewKey, Output, Policy, SharePolicy, Source, SourceKind,
    },
};

pub(super) fn label(text: &str) -> Label {
    Label::try_from(text).unwrap()
}

pub(super) fn key_ref(text: &str) -> KeyRef {
    KeyRef::try_from(text).unwrap()
}

pub(super) const OWNER: Identity = Identity {
    login: Login::Group,
    id: Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf]),
};

macro_rules! owner_json {
    () => {
        r#"{"login":"group","id":"00010203-0405-0607-0809-0a0b0c0d0e0f"}"#
    };
}

macro_rules! device_json {
    () => {
        r#""dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd""#
    };
}

macro_rules! administrator_json {
    () => {
        r#"{"login":"user","id":"ef0180a3-13f3-5d1c-b7f5-888c0e21059a"}"#
    };
}

/// A key of another owner's, and a child of it.
pub(super) const KEY: &str = "group:00010203-0405-0607-0809-0a0b0c0d0e0f~a/b#c";

macro_rules! key_json {
    () => {
        r#""group:00010203-0405-0607-0809-0a0b0c0d0e0f~a/b#c""#
    };
}

/// The contract takes any policy; whether it fits a key is for the trusted application to say.
pub(super) fn policy() -> Policy {
    Policy {
        owner: Permissions::of(&[Permission::Seal, Permission::Unseal]),
        grants: [
            Grant {
                to: OWNER,
                may: Permissions::of(&[Permission::Unseal]),
            },
            Grant {
                to: Identity::ADMINISTRATOR,
                may: Permissions::NONE,
            },
        ]
        .into_iter()
        .collect(),
        max_uses: Some(u64::MAX),
        min_context: 16,
        rotate_after_uses: Some(17),
        rotate_after_bytes: Some(18),
        export: Export::Shares,
        shares: Some(SharePolicy {
            threshold: 2,
            shares: 3,
            recipients: Digits([0xcd; 32]),
        }),
        export_derived: true,
        rollback_level: 1000,
        fixed_owner: true,
    }
}

macro_rules! policy_json {
    () => {
        concat!(
            r#"{"owner":["seal","unseal"],"grants":[{"to":"#,
            owner_json!(),
            r#","may":["unseal"]},{"to":"#,
            administrator_json!(),
            r#","may":[]}],"#,
            r#""max_uses":18446744073709551615,"min_context":16,"rotate_after_uses":17,"#,
            r#""rotate_after_bytes":18,"export":"shares","shares":{"threshold":2,"shares":3,"#,
            r#""recipients":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"},"#,
            r#""export_derived":true,"rollback_level":1000,"fixed_owner":true}"#,
        )
    };
}

pub(super) fn new_key() -> NewKey {
    NewKey {
        key: label("new"),
        algorithm: Algorithm::KdfCmac,
        usage: Some(Usage::Derive),
        children: Some(Algorithm::Aes128Gcm),
        ratchet: true,
        pre_activation: false,
        home: Home::Wrapped,
        family: Some(label("fleet")),
        policy: policy(),
        recipients: [Digits([0xef; 32])].into_iter().collect(),
    }
}

macro_rules! new_key_json {
    () => {
        concat!(
            r#"{"key":"new","algorithm":"kdf-cmac","usage":"derive","children":"aes-128-gcm","#,
            r#""ratchet":true,"pre_activation":false,"home":"wrapped","family":"fleet","policy":"#,
            policy_json!(),
            r#","recipients":["efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef"]}"#
        )
    };
}

/// The fields of a [`NewKey`] that are an `Option`, within a field `new`.
pub(super) const NEW_KEY_OPTIONS: &[&str] = &[
    "new.usage",
    "new.children",
    "new.family",
    "new.policy.max_uses",
    "new.policy.rotate_after_uses",
    "new.policy.rotate_after_bytes",
    "new.policy.shares",
];

pub(super) fn description() -> KeyDescription {
    KeyDescription {
        key: label("a/b"),
        id: Digits([0xab; 16]),
        algorithm: Algorithm::HkdfSha256,
        usage: Usage::Derive,
        children: Some(Algorithm::XWing),
        ratchet: false,
        origin: Origin::Received,
        state: State::PreActivation,
        version: 7,
        versions: [5, 7].into_iter().collect(),
        owner: OWNER,
        home: Home::Vault,
        family: Some(label("fleet")),
        policy: policy(),
        uses_left: Some(8),
        version_uses: Some(9),
        version_bytes: Some(u64::MAX),
        check_value: Some(Digits([0xcc; 5])),
    }
}

macro_rules! description_json {
    () => {
        concat!(
            r#"{"key":"a/b","id":"abababababababababababababababab","algorithm":"hkdf-sha256","#,
            r#""usage":"derive","children":"x-wing","ratchet":false,"origin":"received","#,
            r#""state":"pre-activation","version":7,"versions":[5,7],"owner":"#,
            owner_json!(),
            r#","home":"vault","family":"fleet","policy":"#,
            policy_json!(),
            r#","uses_left":8,"version_uses":9,"version_bytes":18446744073709551615,"#,
            r#""check_value":"cccccccccc"}"#,
        )
    };
}

/// The fields of a [`KeyDescription`] that are an `Option`.
pub(super) const DESCRIPTION_OPTIONS: &[&str] = &[
    "children",
    "family",
    "policy.max_uses",
    "policy.rotate_after_uses",
    "policy.rotate_after_bytes",
    "policy.shares",
    "uses_left",
    "version_uses",
    "version_bytes",
    "check_value",
];

pub(super) fn summary() -> KeySummary {
    KeySummary {
        key: label("a/b"),
        id: Digits([0xab; 16]),
        algorithm: Algorithm::Aes256Siv,
        usage: Usage::Seal,
        origin: Origin::Assembled,
        state: State::Active,
        version: 7,
        owner: OWNER,
        may: Permissions::of(&[Permission::Unseal]),
    }
}

macro_rules! summary_json {
    () => {
        concat!(
            r#"{"key":"a/b","id":"abababababababababababababababab","algorithm":"aes-256-siv","#,
            r#""usage":"seal","origin":"assembled","state":"active","version":7,"owner":"#,
            owner_json!(),
            r#","may":["unseal"]}"#
        )
    };
}

pub(super) fn output() -> Output {
    Output {
        new: Some(new_key()),
        length: 48,
    }
}

macro_rules! output_json {
    () => {
        concat!(r#"{"new":"#, new_key_json!(), r#","length":48}"#)
    };
}

pub(super) fn sources() -> [Source; 4] {
    let kinds = [
        SourceKind::Key,
        SourceKind::Agree,
        SourceKind::Decapsulate,
        SourceKind::Encapsulate,
    ];
    kinds.map(|kind| Source {
        kind,
        key: Some(key_ref("@420#c")),
        version: Some(3),
        algorithm: Some(Algorithm::MlKem768),
        bytes: 1184,
    })
}

macro_rules! sources_json {
    (@ $kind:literal) => {
        concat!(
            r#"{"kind":""#,
            $kind,
            r#"","key":"@420#c","version":3,"algorithm":"ml-kem-768","bytes":1184}"#
        )
    };
    () => {
        concat!(
            "[",
            sources_json!(@ "key"),
            ",",
            sources_json!(@ "agree"),
            ",",
            sources_json!(@ "decapsulate"),
            ",",
            sources_json!(@ "encapsulate"),
            "]"
        )
    };
}

pub(super) use {
    administrator_json, description_json, device_json, key_json, new_key_json, output_json,
    owner_json, policy_json, sources_json, summary_json,
};
