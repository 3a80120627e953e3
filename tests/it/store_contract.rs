//! The contract of the ledger: what every engine behind the `Store` trait must do, tested from outside.
//!
//! An engine joins with a [`Factory`] and one line, `contract_suite!(name, factory)`; each case then runs
//! against a store of its own. The cases know no engine and look at behaviour only.

pub mod audience;
pub mod calls;
pub mod doubts;
pub mod fences;
pub mod folding;
pub mod freezing;
pub mod keeping;
pub mod leases;
pub mod making;
pub mod opt_outs;
pub mod people;
pub mod prices;
pub mod random_walk;
pub mod receipts;
pub mod recovery;
pub mod reports;
pub mod settling;
pub mod stage;
pub mod steering;
mod suite;
pub mod trail;
pub mod undoing;
pub mod uploads;
pub mod windows;

pub(crate) use suite::contract_suite;

use async_trait::async_trait;
use std::sync::Arc;
use wacast::store::Store;

/// Makes the stores that the cases look at.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A new, empty store.
    async fn fresh(&self) -> Arc<dyn Store>;

    /// Closes a store of this factory and opens it again from what it has written.
    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store>;

    /// How long the leases of cases about their end last; short for an engine that cannot move its clock.
    fn ttl_ms(&self) -> i64;

    /// Returns when every lease of [`Factory::ttl_ms`] has ended by the store's clock.
    async fn let_leases_end(&self);
}
