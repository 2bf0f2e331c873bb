//! What measures, by the name that it has here.

pub(crate) use claviger_tests::measure::{Bench, What, timed};
