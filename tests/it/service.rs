//! The use cases, over a real store and the sandbox.

mod commanding;
mod importing;
mod planning;
mod receipts;
mod starting;
