//! The ledger in an SQLite file: the contract, and what is true of this engine alone.

use crate::store_contract::{Factory, contract_suite};
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use wacast::clock::Clock;
use wacast::domain::time::Millis;
use wacast::store::Store;
use wacast::store::sqlite::SqliteStore;

/// A clock that stands until it is moved.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    fn running(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

struct Files {
    folder: tempfile::TempDir,
    made: AtomicU32,
    clock: Arc<HandClock>,
}

impl Files {
    fn new() -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000_000)));
        Self { folder: tempfile::tempdir().unwrap(), made: AtomicU32::new(0), clock }
    }

    async fn open(&self, path: PathBuf) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open_with_clock(&path, self.clock.clone()).await.unwrap())
    }
}

#[async_trait]
impl Factory for Files {
    async fn fresh(&self) -> Arc<dyn Store> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        self.open(self.folder.path().join(format!("{number}.db"))).await
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let path = PathBuf::from(store.place());
        store.close().await;
        self.open(path).await
    }

    fn ttl_ms(&self) -> i64 {
        10_000
    }

    async fn let_leases_end(&self) {
        self.clock.0.fetch_add(self.ttl_ms() + 1, Ordering::SeqCst);
    }
}

contract_suite!(contract, Files::new());
