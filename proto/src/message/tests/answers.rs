//! The longer answers, and what in them may be absent.

use super::samples::*;
use crate::{Digits, message::*};

/// The fields of an optional description named `key` that are an `Option`, and more of such.
macro_rules! key_options {
    ($($more:literal),*) => {
        &[
            "key",
            "key.children",
            "key.family",
            "key.policy.max_uses",
            "key.policy.rotate_after_uses",
            "key.policy.rotate_after_bytes",
            "key.policy.shares",
            "key.uses_left",
            "key.version_uses",
            "key.version_bytes",
            "key.check_value",
            $($more),*
        ]
    };
}

/// The fields of a [`DerivedResponse`], or a [`RestoreShareResponse`], that are an `Option`.
pub(super) const DERIVED_OPTIONS: &[&str] = key_options!();
/// The fields of a [`ComponentEnterResponse`] that are an `Option`.
pub(super) const COMPONENT_OPTIONS: &[&str] = key_options!("key_check_value");
/// The fields of a request's `output` that are an `Option`.
pub(super) const OUTPUT_OPTIONS: &[&str] = &[
    "output.new",
    "output.new.usage",
    "output.new.children",
    "output.new.family",
    "output.new.policy.max_uses",
    "output.new.policy.rotate_after_uses",
    "output.new.policy.rotate_after_bytes",
    "output.new.policy.shares",
];

pub(super) fn derived() -> (DerivedResponse, &'static str) {
    let response = DerivedResponse {
        key: Some(description()),
        ciphertext: 1088,
    };
    let bytes = concat!(r#"{"key":"#, description_json!(), r#","ciphertext":1088}"#);
    (response, bytes)
}

pub(super) fn verdicts() -> SelfTestResponse {
    let results =
        [("aes-128-cmac", true), ("ed25519", false)].map(|(name, passed)| SelfTestResult {
            primitive: name.try_into().unwrap(),
            passed,
        });
    SelfTestResponse {
        results: results.into_iter().collect(),
    }
}

pub(super) const VERDICTS: &str = concat!(
    r#"{"results":[{"primitive":"aes-128-cmac","passed":true},"#,
    r#"{"primitive":"ed25519","passed":false}]}"#,
);

pub(super) fn info() -> InfoResponse {
    InfoResponse {
        version: "0.1.0".try_into().unwrap(),
        build: Build::Test,
        platform: "emulator".try_into().unwrap(),
        insecure: true,
        rollback_level: 1000,
        instance: Digits([0x11; 16]),
        confirmation: Some(Digits([0x22; 4])),
        store: 64,
        vault: Some(VaultInfo {
            id: Digits([0x33; 16]),
            locked: Some(true),
            keys: 1,
            free: 2,
            damaged: 3,
            degraded: 5,
            missing: 6,
            read_only: true,
            repaired: 4,
        }),
        limits: Limits {
            header: 5,
            payload: 6,
            chunk: 7,
            context: 8,
            random: 9,
            keys: 10,
            owner_keys: 11,
            versions: 12,
            grants: 13,
            wrapped: 14,
            owner_wrapped: 15,
            batch: 31,
            sessions: 16,
            caller_sessions: 17,
            audit_logs: 18,
            audit_log: 24,
            challenges: 25,
            custodians: 26,
            shares: 27,
            ceremonies: 28,
            component_seconds: 29,
            restore_seconds: 30,
        },
        marks: Some(Marks {
            heap_peak: 19,
            heap_now: 20,
            heap_size: 21,
            stack_peak: 22,
            stack_size: 23,
        }),
    }
}

pub(super) const INFO: &str = concat!(
    r#"{"version":"0.1.0","build":"test","platform":"emulator","insecure":true,"#,
    r#""rollback_level":1000,"instance":"11111111111111111111111111111111","#,
    r#""confirmation":"22222222","store":64,"#,
    r#""vault":{"id":"33333333333333333333333333333333","locked":true,"keys":1,"free":2,"#,
    r#""damaged":3,"degraded":5,"missing":6,"read_only":true,"repaired":4},"#,
    r#""limits":{"header":5,"payload":6,"chunk":7,"context":8,"random":9,"keys":10,"#,
    r#""owner_keys":11,"versions":12,"grants":13,"wrapped":14,"owner_wrapped":15,"batch":31,"#,
    r#""sessions":16,"caller_sessions":17,"audit_logs":18,"audit_log":24,"challenges":25,"#,
    r#""custodians":26,"shares":27,"ceremonies":28,"component_seconds":29,"#,
    r#""restore_seconds":30},"#,
    r#""marks":{"heap_peak":19,"heap_now":20,"heap_size":21,"stack_peak":22,"stack_size":23}}"#,
);
