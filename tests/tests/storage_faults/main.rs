//! What storage may do to a vault: the power cut at every operation, every operation failing in
//! every way, everything damaged that can be, and all of it at random against a simple model.

mod bench;
mod capacity;
mod change;
mod damage;
mod every_operation;
mod held_back;
mod histories;
mod judge;
mod life;
mod no_return;
mod passing;
mod refusals;
mod scenarios;
mod view;
