//! Times, and what was stored meanwhile.

use std::{fs, path::PathBuf, time::Instant};

use serde_json::json;

use crate::supplicant;

/// What is measured: an operation, of so many bytes or among so many keys, by whom.
#[derive(Debug, Clone)]
pub struct What {
    /// Named alike whoever does it.
    pub operation: String,
    /// Bytes, or keys, where their number matters.
    pub size: Option<usize>,
    /// Who does it.
    pub by: &'static str,
}

impl What {
    /// What the command does instead of the library.
    #[must_use]
    pub fn by_command(self) -> What {
        What {
            by: "command",
            ..self
        }
    }
}

impl From<&str> for What {
    fn from(operation: &str) -> What {
        What {
            operation: operation.to_owned(),
            size: None,
            by: "library",
        }
    }
}

impl From<&String> for What {
    fn from(operation: &String) -> What {
        operation.as_str().into()
    }
}

impl From<(&str, usize)> for What {
    fn from((operation, size): (&str, usize)) -> What {
        What {
            size: Some(size),
            ..operation.into()
        }
    }
}

/// Measures, and prints what it measured.
pub struct Bench {
    /// Where Linux counts what tee-supplicant does, through which all storage of OP-TEE goes.
    supplicant: PathBuf,
}

impl Bench {
    /// Of the device on which it runs.
    ///
    /// # Panics
    /// If tee-supplicant does not run.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it looks for a process")]
    pub fn new() -> Bench {
        let supplicant = supplicant::process().join("io");
        Bench { supplicant }
    }

    /// Measures it `n` times, after once unmeasured where it is done often.
    pub fn measure<T>(&self, what: impl Into<What>, n: usize, mut act: impl FnMut() -> T) {
        self.measure_on(what, n, || (), |()| act());
    }

    /// As [`Bench::measure`], each time with what `prepare` made unmeasured.
    pub fn measure_on<S, T>(
        &self,
        what: impl Into<What>,
        n: usize,
        mut prepare: impl FnMut() -> S,
        mut act: impl FnMut(S) -> T,
    ) {
        if n >= 100 {
            drop(act(prepare()));
        }
        let mut times = Vec::with_capacity(n);
        let mut stored = 0;
        for _ in 0..n {
            let prepared = prepare();
            let before = self.stored();
            times.push(timed(|| act(prepared)));
            stored += self.stored() - before;
        }
        self.report(what, times, stored);
    }

    /// Measures `n` times how long one takes of `calls` in a row, where not all take alike.
    pub fn measure_amortised<T>(
        &self,
        what: impl Into<What>,
        n: usize,
        calls: u64,
        mut act: impl FnMut() -> T,
    ) {
        self.measure_parts(what, n, calls, || (0..calls).for_each(|_| drop(act())));
    }

    /// Measures what each of so many items costs that are done by one call.
    pub fn measure_items<T>(&self, what: &str, items: usize, mut act: impl FnMut() -> T) {
        drop(act());
        self.measure_parts(what, 20, items as u64, act);
    }

    /// Measures it `n` times, and reports what each of its `parts` took.
    fn measure_parts<T>(
        &self,
        what: impl Into<What>,
        n: usize,
        parts: u64,
        mut act: impl FnMut() -> T,
    ) {
        let before = self.stored();
        let times = (0..n).map(|_| timed(&mut act) / parts as f64).collect();
        self.report(what, times, (self.stored() - before) / parts);
    }

    /// Prints a row: how long each call took, and how many bytes they stored in all.
    ///
    /// # Panics
    /// If there was no call.
    pub fn report(&self, what: impl Into<What>, mut times: Vec<f64>, stored: u64) {
        times.sort_by(f64::total_cmp);
        let n = times.len();
        print(what, times[0], times[n / 2], n, stored / n as u64);
    }

    /// Bytes that tee-supplicant has written so far.
    fn stored(&self) -> u64 {
        let counts = fs::read_to_string(&self.supplicant).unwrap();
        let written = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
        written.unwrap().parse().unwrap()
    }
}

/// Prints a row as JSON: microseconds, the number of calls, and the bytes that each stored.
pub fn print(what: impl Into<What>, min_us: f64, median_us: f64, n: usize, stored: u64) {
    let What {
        operation,
        size,
        by,
    } = what.into();
    let row = json!({
        "operation": operation,
        "size": size,
        "by": by,
        "min_us": min_us,
        "median_us": median_us,
        "n": n,
        "stored": stored,
    });
    println!("{row}");
}

/// Microseconds that it takes.
pub fn timed<T>(act: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    let result = act();
    let time = start.elapsed().as_secs_f64() * 1e6;
    drop(result);
    time
}
