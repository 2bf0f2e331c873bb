//! Completion scripts and manual pages, made from the grammar.

use std::{path::Path, process::ExitCode};

use clap_complete::Shell;
use serde_json::json;

use crate::{
    Outcome,
    args::grammar,
    failure::Failure,
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
        clap_mangen::Man::new(grammar())
            .render(&mut page)
            .map_err(|source| Failure::local("the manual page cannot be made", source))?;
        if printer.is_json() {
            return printer.print(&json!({ "man": String::from_utf8_lossy(&page) }), "");
        }
        write_stdout(&page)?;
        return Ok(ExitCode::SUCCESS);
    };
    let shown = directory.display().to_string();
    clap_mangen::generate_to(grammar(), directory)
        .map_err(|source| Failure::local(format!("{shown} cannot be written"), source))?;
    printer.print(&json!({ "out": shown }), "")
}
