//! The ledger in memory keeps the contract that the other engines keep.
//!
//! What its factory cannot do: a store that is opened again is the same one, since nothing is on a disk.

use super::memory_store::MemoryStore;
use crate::store_contract::{Factory, contract_suite};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use wacast::domain::time::Millis;
use wacast::store::Store;

struct Memory(Arc<AtomicI64>);

impl Memory {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000_000)))
    }
}

#[async_trait]
impl Factory for Memory {
    async fn fresh(&self) -> Arc<dyn Store> {
        let clock = self.0.clone();
        let time = Arc::new(move || Millis(clock.load(Ordering::SeqCst)));
        Arc::new(MemoryStore::new(fastrand::u64(..), time))
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store
    }

    fn ttl_ms(&self) -> i64 {
        10_000
    }

    async fn let_leases_end(&self) {
        self.0.fetch_add(self.ttl_ms() + 1, Ordering::SeqCst);
    }
}

contract_suite!(suite, Memory::new());
