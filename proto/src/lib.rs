//! claviger-proto
