//! Completion scripts and manual pages, made from the grammar.

use std::{path::Path, process::ExitCode};

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use crate::{
    Outcome,
    args::grammar,
    failure::Failure,
    files::{Destination, Secrecy},
    output::{Printer, write_stdout},
};

pub(crate) fn completions(shell: Shell, printer: &Printer) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut grammar(), "claviger", &mut script);
    if printer.is_json() {
        let script = String::from_utf8_lossy(&script);
        return printer.print(&json!({ "completions": script }), "");
    }
    write_stdout(&script)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn man(out: Option<&Path>, printer: &Printer) -> Outcome {
    let Some(directory) = out else {
        let mut page = Vec::new();
        Man::new(grammar())
            .render(&mut page)
            .map_err(|source| Failure::local("the manual page cannot be made", source))?;
        if printer.is_json() {
            return printer.print(&json!({ "man": String::from_utf8_lossy(&page) }), "");
        }
        write_stdout(&page)?;
        return Ok(ExitCode::SUCCESS);
    };
    let shown = directory.display().to_string();
    let mut grammar = grammar().disable_help_subcommand(true);
    grammar.build();
    pages(&grammar, directory)?;
    printer.print(&json!({ "out": shown }), "")
}

/// Writes a page for each command, and for those below it.
fn pages(command: &Command, directory: &Path) -> Result<(), Failure> {
    for below in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        pages(below, directory)?;
    }
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)
        .map_err(|source| Failure::local("the manual page cannot be made", source))?;
    let path = directory.join(page.get_filename());
    Destination::open(&path, Secrecy::Ordinary)?.put(&text)
}
