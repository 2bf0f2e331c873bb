//! Tells what happens, and counts what held.

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use super::{ALICE, ROOT, text};
use crate::guest::Output;
use crate::report::seconds;

/// Tells what happens, on stdout.
pub(super) struct Narrator {
    started: Instant,
    steps: u32,
    checks: u32,
}

impl Narrator {
    pub(super) fn new() -> Self {
        println!("Claviger on real OP-TEE, in an emulated ARMv8 machine");
        Self {
            started: Instant::now(),
            steps: 0,
            checks: 0,
        }
    }

    pub(super) fn step(&mut self, what: &str) {
        self.steps += 1;
        println!("\n{:>3}. {what}", self.steps);
    }

    pub(super) fn command(&self, uid: u32, words: &[&str], output: &Output, show_stdout: bool) {
        let who = match uid {
            ROOT => "root",
            ALICE => "alice",
            _ => "bob",
        };
        let shown: Vec<String> = words
            .iter()
            .map(|word| {
                if word.contains(' ') {
                    format!("'{word}'")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        println!("      {who}$ claviger {}", shown.join(" "));
        if show_stdout {
            self.quote(&output.stdout);
        }
        self.quote(&output.stderr);
        if output.status != 0 {
            println!("        exit code {}", output.status);
        }
    }

    pub(super) fn quote(&self, output: &[u8]) {
        for line in text(output).lines() {
            println!("        {line}");
        }
    }

    pub(super) fn expect(&mut self, output: Output, expected: u8) -> Result<Output> {
        if output.status != expected {
            bail!(
                "step {}: exit code {} where {expected} was expected",
                self.steps,
                output.status
            );
        }
        self.checks += 1;
        Ok(output)
    }

    pub(super) fn check(&mut self, held: bool, what: &str) -> Result<()> {
        ensure!(held, "step {}: this did not hold: {what}", self.steps);
        self.checks += 1;
        self.note(what);
        Ok(())
    }

    pub(super) fn note(&self, what: &str) {
        println!("      -> {what}");
    }

    pub(super) fn close(&self) {
        println!(
            "\nAll of it held: {} steps, {} checks, {}.",
            self.steps,
            self.checks,
            seconds(self.started.elapsed())
        );
    }
}
