//! Pure types and decisions: no I/O, no clock reads, no knowledge of any other part.
//!
//! Everything here can be tested with plain values. Times are handed in. Used by every other part.

pub mod account;
pub mod attempt_id;
pub mod audit;
pub mod binding;
pub mod broadcast;
pub mod cost;
pub mod error_policy;
pub mod ids;
pub mod marketing;
pub mod media;
pub mod message;
pub mod nearest;
pub mod opt_out;
pub mod phone;
pub mod pricing;
pub mod receipt;
pub mod said;
pub mod schedule;
pub mod state;
pub mod sweep;
pub mod template;
pub mod time;
