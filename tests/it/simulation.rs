//! The sender engine in a simulated world: time, network, store, processes and operators all come from one seed.

mod contract;
mod memory_store;
