//! The console: what an operator sees and presses.
//!
//! State ([`model`]) changes only in [`update`], which is pure; what has to be done leaves it as requests. Drawing
//! reads the state and nothing else. Nothing outside this module knows ratatui or crossterm. Called by the program's
//! entry with a service that runs already; it never sends anything itself.

pub mod actions;
pub mod dialog;
pub mod field;
pub mod load;
pub mod look;
pub mod message;
pub mod model;
pub mod set_up;
pub mod set_up_form;
pub mod text;
pub mod update;
pub mod wizard;
pub mod words;
pub mod view;
