//! The command line.
mod args;
mod exit;
mod terminal;
