//! Rows as text.

use super::rows::{FLOOR, Row, distinct, floor, short};

/// One line a row, compared with the floor by their minima, which boots agree on best. The last column is empty where
/// nothing is stored.
pub(super) fn lines(rows: &[Row]) -> String {
    let floor = floor(rows);
    let mut cells = vec![cells([
        "us of counted instructions",
        "min",
        "median",
        "n",
        "/ empty",
        "- empty",
        "bytes stored",
    ])];
    for row in rows {
        let what = match row.by.as_str() {
            "library" => row.what(),
            by => format!("{} by {by}", row.what()),
        };
        cells.push(vec![
            what,
            format!("{:.1}", row.min_us),
            format!("{:.1}", row.median_us),
            row.n.to_string(),
            floor.map_or_else(String::new, |floor| format!("{:.2}", row.min_us / floor)),
            floor.map_or_else(String::new, |floor| format!("{:.1}", row.min_us - floor)),
            if row.stored == 0 {
                String::new()
            } else {
                row.stored.to_string()
            },
        ]);
    }
    align(&cells)
}

/// One line an operation, who did it in the columns: the least time of each, and that of the library by the floor.
pub(super) fn peers(rows: &[Row]) -> String {
    let floor = floor(rows);
    let who = distinct(rows.iter().map(|row| row.by.clone()));
    let mut heading = vec!["us of counted instructions".to_owned()];
    heading.extend(who.iter().cloned());
    heading.push("/ empty".to_owned());
    heading.extend(
        who.iter()
            .skip(1)
            .map(|who| format!("{who} / {}", &rows[0].by)),
    );
    let mut cells = vec![heading];
    for what in distinct(rows.iter().map(Row::what)) {
        let times: Vec<Option<f64>> = who
            .iter()
            .map(|who| {
                let row = row_of(rows, &what, who);
                row.map(|row| row.min_us)
            })
            .collect();
        let ours = times[0];
        let ratio = |one: Option<f64>, other: Option<f64>| {
            one.zip(other)
                .map_or_else(String::new, |(one, other)| format!("{:.2}", one / other))
        };
        let mut line = vec![what.clone()];
        line.extend(
            times
                .iter()
                .map(|time| time.map_or_else(String::new, micros)),
        );
        line.push(if what == FLOOR {
            String::new()
        } else {
            ratio(ours, floor)
        });
        line.extend(times.iter().skip(1).map(|time| ratio(*time, ours)));
        cells.push(line);
    }
    align(&cells)
}

/// As [`peers`], by the clock: in empty invokes of the same boot, since the host's time says nothing of a device's.
pub(super) fn clock(rows: &[Row]) -> String {
    let who = distinct(rows.iter().map(|row| row.by.clone()));
    let mut heading = vec!["in empty invokes of the same boot".to_owned()];
    heading.extend(who.iter().cloned());
    let mut cells = vec![heading];
    for what in distinct(rows.iter().map(Row::what)) {
        let mut line = vec![what.clone()];
        line.extend(who.iter().map(|who| {
            let both = row_of(rows, &what, who).zip(row_of(rows, FLOOR, who));
            both.map_or_else(String::new, |(row, floor)| {
                format!("{:.2}", row.median_us / floor.median_us)
            })
        }));
        cells.push(line);
    }
    align(&cells)
}

/// One line an operation, its sizes in the columns: the medians, which a single slow one does not move.
pub(super) fn sizes(rows: &[Row]) -> String {
    let mut sizes: Vec<u64> = rows.iter().filter_map(|row| row.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut heading = vec!["us of counted instructions, by keys".to_owned()];
    heading.extend(sizes.iter().map(|size| short(*size)));
    let mut cells = vec![heading];
    let sized = rows.iter().filter(|row| row.size.is_some());
    for operation in distinct(sized.map(|row| row.operation.clone())) {
        let mut line = vec![operation.clone()];
        for size in &sizes {
            let row = rows
                .iter()
                .find(|row| row.operation == operation && row.size == Some(*size));
            line.push(row.map_or_else(String::new, |row| micros(row.median_us)));
        }
        cells.push(line);
    }
    align(&cells)
}

fn row_of<'a>(rows: &'a [Row], what: &str, who: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.what() == what && row.by == who)
}

fn micros(time: f64) -> String {
    format!("{time:.1}")
}

fn cells<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// The first column to the left, the others to the right.
pub(super) fn align(cells: &[Vec<String>]) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let lengths = cells.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in cells {
        let mut line = format!("{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::rows::row;
    use super::*;

    fn measured() -> Vec<Row> {
        vec![
            row(FLOOR, None, "library", 100.0),
            row("mac", Some(16), "library", 130.0),
            row("mac", Some(16), "command", 13000.0),
            row("mac", Some(1024), "library", 140.0),
        ]
    }

    #[test]
    fn lines_are_aligned_and_compared() {
        let mut rows = measured();
        rows[3].stored = 4096;
        let expected = "\
us of counted instructions      min   median   n  / empty  - empty  bytes stored
empty invoke                  100.0    101.0  50     1.00      0.0
mac 16                        130.0    131.0  50     1.30     30.0
mac 16 by command           13000.0  13001.0  50   130.00  12900.0
mac 1 KiB                     140.0    141.0  50     1.40     40.0          4096
";
        assert_eq!(lines(&rows), expected);
    }

    #[test]
    fn who_did_it_stands_side_by_side() {
        let expected = "\
us of counted instructions  library  command  / empty  command / library
empty invoke                  100.0
mac 16                        130.0  13000.0     1.30             100.00
mac 1 KiB                     140.0              1.40
";
        assert_eq!(peers(&measured()), expected);
    }

    #[test]
    fn clocks_are_compared_with_their_own_boot() {
        let rows = [
            row(FLOOR, None, "1 CPU", 99.0),
            row("mac", Some(16), "1 CPU", 149.0),
            row(FLOOR, None, "2 CPU", 199.0),
            row("mac", Some(16), "2 CPU", 199.0),
        ];
        let expected = "\
in empty invokes of the same boot  1 CPU  2 CPU
empty invoke                        1.00   1.00
mac 16                              1.50   1.00
";
        assert_eq!(clock(&rows), expected);
    }

    #[test]
    fn sizes_stand_side_by_side() {
        let expected = "\
us of counted instructions, by keys     16  1 KiB
mac                                  131.0  141.0
";
        assert_eq!(sizes(&measured()), expected);
    }
}
