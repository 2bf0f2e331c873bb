//! A power cut in the middle of work, and what is there after it.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{ALICE, BADGE, BLOB, Narrator, OK, REFUSED, Show, text};
use crate::guest::Job;

/// Makes keys without end, and names each when `claviger` has reported success.
const MAKE_KEYS: &str = "i=0; while claviger generate spare-$i --algorithm aes-256-siv >/dev/null; do echo spare-$i; i=$((i + 1)); done";
/// From the first acknowledgement to the cut, in which more are made.
const UNTIL_THE_CUT: Duration = Duration::from_secs(3);

impl Show<'_> {
    /// Cuts the power, and gives the labels of the keys that were acknowledged before it.
    pub(super) fn power_cut(self) -> Result<(Narrator, Vec<String>)> {
        let Show {
            guest,
            mut narrator,
            ..
        } = self;
        narrator.step("Power cut: QEMU is killed while the device is making keys");
        let written = guest.kill_during(
            &Job::new(ALICE, &["sh", "-c", MAKE_KEYS]),
            // A whole line: however slow the machine, one key is acknowledged.
            "\n",
            UNTIL_THE_CUT,
        )?;
        // The last line may have been cut.
        let acknowledged: Vec<String> = text(&written.stdout)
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .map(str::to_owned)
            .collect();
        ensure!(
            !acknowledged.is_empty(),
            "no key was acknowledged before the cut: {}",
            text(&written.stderr)
        );
        narrator.note(&format!(
            "{} more keys were acknowledged before it",
            acknowledged.len()
        ));
        Ok((narrator, acknowledged))
    }

    pub(super) fn after_the_cut(
        &mut self,
        public_key: &[u8],
        acknowledged: &[String],
    ) -> Result<()> {
        self.narrator.step("The keys are still there, and the same");
        let list = text(&self.claviger(ALICE, "list", OK)?.stdout);
        let has = |label: &str| {
            list.lines()
                .any(|line| line.split(' ').next() == Some(label))
        };
        let all = ["telemetry", "link", "identity", "report"]
            .into_iter()
            .chain(acknowledged.iter().map(String::as_str))
            .all(has);
        self.narrator
            .check(all, "every key that was acknowledged is listed")?;
        let again = self.quietly(ALICE, "public-key identity", OK)?.stdout;
        self.narrator
            .check(again == public_key, "the public key is the one from before")?;

        self.narrator
            .step("The blob from before the power cut still opens");
        self.opens("telemetry", ALICE, BLOB)?;

        self.narrator
            .step("What was revoked before the power cut stays revoked");
        let mac = format!("mac @{BADGE} --in {BLOB}");
        let output = self.claviger(ALICE, &mac, REFUSED)?;
        self.narrator
            .check(output.stdout.is_empty(), "the wrapped key does no work")
    }
}
