//! The life of a key: its versions, its states, whom it serves, where it lives, and the log of all that.

use anyhow::Result;

use super::{ALICE, BADGE, BLOB, BOB, OK, REFUSED, Show, TAMPERED, text};

impl Show<'_> {
    pub(super) fn life_of_a_key(&mut self) -> Result<()> {
        self.narrator
            .step("A key is rotated: it seals anew, and still opens what it sealed before");
        self.rotate()?;
        self.narrator
            .step("A suspended key makes nothing new, and opens what there is");
        self.suspend()?;
        self.narrator
            .step("Bob may open what alice sealed, because her key's policy says so");
        self.grant()?;
        self.narrator
            .step("A wrapped key is a file; it works in this device's OP-TEE only, until revoked");
        self.wrap_and_revoke()?;
        self.narrator
            .step("The device signs its log of all that, and anyone can check it");
        self.audit()
    }

    fn rotate(&mut self) -> Result<()> {
        self.silently(ALICE, &["cp", BLOB, "/tmp/old"])?;
        self.claviger(ALICE, "rotate telemetry", OK)?;
        self.opens("telemetry", ALICE, BLOB)?;
        self.in_context(ALICE, &format!("reseal telemetry {BLOB}"), OK)?;
        self.quietly(ALICE, "retire telemetry 1", OK)?;
        self.refuses(
            ALICE,
            "unseal telemetry --in /tmp/old",
            TAMPERED,
            "a copy that was not resealed stays closed: what opened it is destroyed",
        )?;
        self.opens("telemetry", ALICE, BLOB)
    }

    fn suspend(&mut self) -> Result<()> {
        self.quietly(ALICE, "suspend telemetry", OK)?;
        self.refuses(
            ALICE,
            "seal telemetry --in /tmp/reading",
            REFUSED,
            "nothing is sealed",
        )?;
        self.opens("telemetry", ALICE, BLOB)?;
        self.quietly(ALICE, "resume telemetry", OK)?;
        let output = self.quietly(ALICE, "seal telemetry --in /tmp/reading", OK)?;
        self.narrator
            .check(!output.stdout.is_empty(), "after that it seals again")
    }

    fn grant(&mut self) -> Result<()> {
        let generate = format!("generate report --algorithm aes-256-siv --grant {BOB}=unseal");
        self.claviger(ALICE, &generate, OK)?;
        self.in_context(
            ALICE,
            "seal report --in /tmp/reading --out /tmp/sealed-report",
            OK,
        )?;
        let key = format!("report --owner {ALICE}");
        self.opens(&key, BOB, "/tmp/sealed-report")?;
        self.refuses(
            BOB,
            &format!("seal {key} --in /tmp/reading"),
            REFUSED,
            "he cannot seal with it",
        )?;
        let tighten = format!("tighten report --no-grant {BOB}");
        self.quietly(ALICE, &tighten, OK)?;
        self.refuses(
            BOB,
            &format!("unseal {key} --in /tmp/sealed-report"),
            REFUSED,
            "what was granted can be taken back",
        )?;
        Ok(())
    }

    fn wrap_and_revoke(&mut self) -> Result<()> {
        let generate =
            format!("generate badge --algorithm aes-128-cmac --wrapped {BADGE} --family badges");
        self.claviger(ALICE, &generate, OK)?;
        let list = text(&self.quietly(ALICE, "list", OK)?.stdout);
        self.narrator
            .check(!list.contains("badge"), "it takes no room in the vault")?;
        let mac = format!("mac @{BADGE} --in /tmp/reading");
        let tag = self.claviger(ALICE, &mac, OK)?.stdout;
        let verify = format!(
            "verify-mac @{BADGE} --tag {} --in /tmp/reading",
            text(&tag).trim()
        );
        self.claviger(ALICE, &verify, OK)?;
        self.silently(ALICE, &["chmod", "644", BADGE])?;
        let output = self.claviger(BOB, &mac, REFUSED)?;
        self.narrator.check(
            output.stdout.is_empty(),
            "whoever copies the file has no use of the key",
        )?;
        self.claviger(ALICE, "revoke --family badges", OK)?;
        let output = self.claviger(ALICE, &mac, REFUSED)?;
        self.narrator
            .check(output.stdout.is_empty(), "nobody has, once it is revoked")
    }

    fn audit(&mut self) -> Result<()> {
        let device_key = self.claviger(ALICE, "device-key", OK)?.stdout;
        let write = format!("printf %s '{}' >/tmp/device.pem", text(&device_key));
        self.silently(ALICE, &["sh", "-c", &write])?;
        self.quietly(ALICE, "audit read --out /tmp/log", OK)?;
        self.quietly(ALICE, "audit checkpoint --out /tmp/checkpoint", OK)?;
        let verify = |log: &str| {
            format!(
                "audit verify --log {log} --checkpoint /tmp/checkpoint --device-key /tmp/device.pem"
            )
        };
        let log = text(&self.claviger(ALICE, &verify("/tmp/log"), OK)?.stdout);
        let events = [
            "created",
            "rotated",
            "retired",
            "state-changed",
            "policy-tightened",
            "revoked",
        ];
        self.narrator.check(
            events.iter().all(|event| log.contains(event)),
            "it tells of every change that was made",
        )?;
        self.flip_a_bit("/tmp/log", "/tmp/altered")?;
        let output = self.claviger(ALICE, &verify("/tmp/altered"), TAMPERED)?;
        self.narrator
            .check(output.stdout.is_empty(), "one flipped bit in the log shows")
    }
}
