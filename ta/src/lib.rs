//! claviger-ta
