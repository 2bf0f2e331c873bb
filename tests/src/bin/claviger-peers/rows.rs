//! Rows of what may not be offered at all.

use std::fmt::Display;

use claviger_tests::measure::{Bench, What};

/// A row of the PKCS#11 application.
pub(crate) fn pkcs11(operation: &str, size: Option<usize>) -> What {
    What {
        operation: operation.to_owned(),
        size,
        by: "pkcs11",
    }
}

/// Measures it `n` times, if it is done at all.
pub(crate) fn measure<T, E: Display>(
    bench: &Bench,
    what: What,
    n: usize,
    mut act: impl FnMut() -> Result<T, E>,
) {
    measure_on(bench, what, n, || (), |()| act());
}

/// As [`measure`], each time with what `prepare` made unmeasured.
pub(crate) fn measure_on<S, T, E: Display>(
    bench: &Bench,
    what: What,
    n: usize,
    mut prepare: impl FnMut() -> S,
    mut act: impl FnMut(S) -> Result<T, E>,
) {
    if let Err(error) = act(prepare()) {
        return left_out(&what, error);
    }
    let act = |prepared| act(prepared).unwrap_or_else(|error| panic!("{error}"));
    bench.measure_on(what, n, prepare, act);
}

/// Says that there is no such row.
pub(crate) fn left_out(what: &What, why: impl Display) {
    let What {
        operation,
        size,
        by,
    } = what;
    let of_size = size.map_or_else(String::new, |size| format!(" of {size} bytes"));
    eprintln!("{by} does no {operation}{of_size}: {why}");
}

/// How often an operation on so many bytes is measured: they repeat, and the long ones take the host minutes.
pub(crate) const fn repetitions(size: usize) -> usize {
    match size {
        0..=4096 => 200,
        4097..=65536 => 20,
        _ => 5,
    }
}
