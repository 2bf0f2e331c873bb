//! claviger-tests
