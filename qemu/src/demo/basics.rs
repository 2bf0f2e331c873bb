//! Keys at work: sealing, authentication, signatures; and who has no use of them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::{ALICE, BLOB, BOB, CONTEXT, KEPT, OK, REFUSED, ROOT, SECRET, Show, TAMPERED, text};

impl Show<'_> {
    pub(super) fn basics(&mut self) -> Result<()> {
        self.silently(ROOT, &["mkdir", "-m", "1777", KEPT])?;
        self.silently(
            ALICE,
            &["sh", "-c", &format!("printf %s '{SECRET}' >/tmp/reading")],
        )?;
        self.silently(
            ALICE,
            &[
                "dd",
                "if=/dev/urandom",
                "of=/tmp/fleet-key",
                "bs=16",
                "count=1",
            ],
        )?;
        self.silently(ALICE, &["chmod", "644", "/tmp/fleet-key"])?;

        self.narrator
            .step("The trusted application tests itself, and says what it is");
        self.claviger(ALICE, "self-test", OK)?;
        self.claviger(ALICE, "info", OK)?;

        self.narrator
            .step("A key is generated in OP-TEE; nobody outside ever sees it");
        self.claviger(ALICE, "generate telemetry --algorithm aes-256-siv", OK)?;
        self.claviger(ALICE, "list", OK)?;

        self.narrator.step("Data is sealed, bound to its context");
        self.seal_and_unseal()?;

        self.narrator.step("Tampering is refused");
        self.tamper()?;

        self.narrator
            .step("Two holders of a key prove it to each other, neither showing it");
        self.authenticate()
    }

    fn seal_and_unseal(&mut self) -> Result<()> {
        let seal = format!("seal telemetry --in /tmp/reading --out {BLOB}");
        self.in_context(ALICE, &seal, OK)?;
        let sealed = self.silently(ALICE, &["cat", BLOB])?.stdout;
        ensure!(
            !contains(&sealed, SECRET.as_bytes()),
            "the sealed blob shows the plaintext"
        );
        self.opens("telemetry", ALICE, BLOB)
    }

    fn tamper(&mut self) -> Result<()> {
        self.flip_a_bit(BLOB, "/tmp/tampered")?;
        self.refuses(
            ALICE,
            "unseal telemetry --in /tmp/tampered",
            TAMPERED,
            "one flipped bit: refused, and nothing comes out",
        )?;
        let words = ["unseal", "telemetry", "--in", BLOB, "--context", "device 8"];
        ensure!(!words.contains(&CONTEXT), "that is the same context");
        let output = self.words(ALICE, &words, TAMPERED)?;
        self.narrator.check(
            output.stdout.is_empty(),
            "another context: refused, and nothing comes out",
        )
    }

    /// The sensor is alice, the gateway bob; the fleet gave both the same key.
    fn authenticate(&mut self) -> Result<()> {
        for uid in [ALICE, BOB] {
            self.claviger(
                uid,
                "import link --algorithm aes-128-cmac --usage challenge --in /tmp/fleet-key",
                OK,
            )?;
        }
        self.silently(ALICE, &["rm", "/tmp/fleet-key"])?;
        self.claviger(
            BOB,
            "challenge link --me gateway --peer sensor --out /tmp/m1",
            OK,
        )?;
        self.claviger(
            ALICE,
            "respond link --me sensor --peer gateway --in /tmp/m1 --out /tmp/m2",
            OK,
        )?;
        self.claviger(BOB, "confirm link --in /tmp/m2 --out /tmp/m3", OK)?;
        self.claviger(ALICE, "confirm link --in /tmp/m3", OK)?;
        self.narrator
            .note("gateway and sensor are sure of each other");
        let words = ["confirm", "link", "--in", "/tmp/m3"];
        let output = self.run(ALICE, &words)?;
        self.narrator.command(ALICE, &words, &output, true);
        self.narrator.check(
            output.status == REFUSED || output.status == TAMPERED,
            "the last message again: refused",
        )
    }

    /// Gives the public key.
    pub(super) fn sign_and_verify(&mut self) -> Result<Vec<u8>> {
        self.narrator
            .step("The device signs, and openssl on this machine verifies");
        self.claviger(ALICE, "generate identity --algorithm ecdsa-p256", OK)?;
        let public_key = self.claviger(ALICE, "public-key identity", OK)?.stdout;
        let signature = self
            .quietly(ALICE, "sign identity --in /tmp/reading", OK)?
            .stdout;
        self.openssl_verifies(&public_key, &signature)?;
        Ok(public_key)
    }

    fn openssl_verifies(&mut self, public_key: &[u8], signature: &[u8]) -> Result<()> {
        let file = |name: &str, content: &[u8]| -> Result<PathBuf> {
            let path = self.folder.path().join(name);
            fs::write(&path, content)?;
            Ok(path)
        };
        let key = file("public.pem", public_key)?;
        let signature = file("signature", signature)?;
        let message = file("message", SECRET.as_bytes())?;
        let mut openssl = Command::new("openssl");
        openssl
            .args(["dgst", "-sha256", "-verify"])
            .arg(key)
            .arg("-signature")
            .arg(signature)
            .arg(message);
        let output = openssl.output().context("cannot start openssl")?;
        println!(
            "      $ openssl dgst -sha256 -verify public.pem -signature signature message   (outside the device)"
        );
        self.narrator.quote(&output.stdout);
        self.narrator
            .check(output.status.success(), "the signature is good")
    }

    pub(super) fn another_user(&mut self) -> Result<()> {
        self.narrator
            .step("Another user of the same device gets nowhere");
        let unseal = |key: &str| format!("unseal {key} --in {BLOB}");
        let other = self.refuses(
            BOB,
            &unseal("telemetry"),
            REFUSED,
            "bob cannot use alice's key",
        )?;
        let absent = self.in_context(BOB, &unseal("nothing"), REFUSED)?;
        let as_for_absent =
            text(&other.stderr).replace("telemetry", "nothing") == text(&absent.stderr);
        self.narrator.check(
            as_for_absent,
            "he is told what he is told of a key that does not exist",
        )?;
        self.narrator
            .step("root administers, and has no use of the key either");
        self.refuses(
            ROOT,
            &unseal("telemetry"),
            REFUSED,
            "root has no such key of its own",
        )?;
        self.refuses(
            ROOT,
            &format!("{} --owner {ALICE}", unseal("telemetry")),
            REFUSED,
            "nor can it use alice's",
        )?;
        Ok(())
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        assert!(contains(b"abcd", b"bc"));
        assert!(!contains(b"abcd", b"bd"));
        assert!(!contains(b"a", b"ab"));
    }
}
