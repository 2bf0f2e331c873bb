//! The bytes of every message, pinned.
