//! Times, and what was stored meanwhile.

use std::{fs, path::PathBuf, time::Instant};

use claviger_tests::supplicant;

/// Measures, and prints what it measured.
pub(crate) struct Bench {
    /// Where Linux counts what tee-supplicant does, through which all storage of OP-TEE goes.
    supplicant: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let supplicant = supplicant::process().join("io");
        Bench { supplicant }
    }

    /// Measures it `n` times, after once unmeasured where it is done often.
    pub(crate) fn measure<T>(&self, name: &str, n: usize, mut act: impl FnMut() -> T) {
        self.measure_on(name, n, || (), |()| act());
    }

    /// As [`Bench::measure`], each time with what `prepare` made unmeasured.
    pub(crate) fn measure_on<S, T>(
        &self,
        name: &str,
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
        self.report(name, times, stored);
    }

    /// Measures `n` times how long one takes of `calls` in a row, where not all take alike.
    pub(crate) fn measure_amortised<T>(
        &self,
        name: &str,
        n: usize,
        calls: u64,
        mut act: impl FnMut() -> T,
    ) {
        let before = self.stored();
        let mut batch = || timed(|| (0..calls).for_each(|_| drop(act()))) / calls as f64;
        let times = (0..n).map(|_| batch()).collect();
        self.report(name, times, (self.stored() - before) / calls);
    }

    /// Prints a row: how long each call took, and how many bytes they stored in all.
    pub(crate) fn report(&self, name: &str, mut times: Vec<f64>, stored: u64) {
        times.sort_by(f64::total_cmp);
        let (min, median, n) = (times[0], times[times.len() / 2], times.len());
        let stored = stored / n as u64;
        println!(
            r#"{{"name":"{name}","min_us":{min:.2},"median_us":{median:.2},"n":{n},"stored":{stored}}}"#
        );
    }

    /// Bytes that tee-supplicant has written so far.
    fn stored(&self) -> u64 {
        let counts = fs::read_to_string(&self.supplicant).unwrap();
        let written = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
        written.unwrap().parse().unwrap()
    }
}

/// Microseconds that it takes.
pub(crate) fn timed<T>(act: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    let result = act();
    let time = start.elapsed().as_secs_f64() * 1e6;
    drop(result);
    time
}
