//! Leases: one holder at a time, and a fence that rises with every new one.

use super::Factory;
use super::stage::{LONG_TTL_MS, SENDER, granted, holder, take, take_over};
use wacast::store::{LeaseAnswer, LeaseView, RECEIPTS, Store, StoreError};

async fn held(store: &dyn Store, process: &str, gone: Option<u64>) -> LeaseView {
    match store.take_lease(SENDER, &holder(process), LONG_TTL_MS, gone).await.unwrap() {
        LeaseAnswer::Held(view) => view,
        LeaseAnswer::Granted(lease) => panic!("granted: {lease:?}"),
    }
}

pub async fn one_holder_at_a_time(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert_eq!(store.lease(SENDER).await.unwrap(), None, "nobody has ever held it");
    let lease = take(&*store, SENDER, "one").await;
    assert_eq!(lease.subject, SENDER);
    let view = held(&*store, "two", None).await;
    assert_eq!((view.subject.as_str(), &view.holder, view.fence), (SENDER, &holder("one"), lease.fence));
    assert!(view.ends_in_ms > 0 && view.ends_in_ms <= LONG_TTL_MS, "{}", view.ends_in_ms);
    let again = take(&*store, SENDER, "one").await;
    assert_eq!(again, lease, "the same process keeps its fence");
    take(&*store, RECEIPTS, "two").await;
    take(&*store, "100000000000002", "three").await;
    assert_eq!(store.lease(SENDER).await.unwrap().unwrap().holder, holder("one"), "other subjects are others");
}

pub async fn of_two_who_ask_at_once_one_holds(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let (one, two) = (holder("one"), holder("two"));
    let (one, two) = tokio::join!(
        store.take_lease(SENDER, &one, LONG_TTL_MS, None),
        store.take_lease(SENDER, &two, LONG_TTL_MS, None)
    );
    let answers = [one.unwrap(), two.unwrap()];
    let granted = answers.iter().filter(|answer| matches!(answer, LeaseAnswer::Granted(_))).count();
    assert_eq!(granted, 1, "{answers:?}");
}

pub async fn others_read_what_the_holder_says(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = granted(store.take_lease(SENDER, &holder("one"), 5_000, None).await.unwrap());
    store.renew_lease(&lease, LONG_TTL_MS, "{\"pace\":60}").await.unwrap();
    let view = store.lease(SENDER).await.unwrap().unwrap();
    assert_eq!(view.status, "{\"pace\":60}");
    assert!(view.ends_in_ms > 5_000, "prolonged: {}", view.ends_in_ms);
    assert_eq!(held(&*store, "two", None).await.status, "{\"pace\":60}");
}

pub async fn a_lease_given_back_is_free_and_worthless(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let old = take(&*store, SENDER, "one").await;
    store.release_lease(&old).await.unwrap();
    assert_eq!(store.lease(SENDER).await.unwrap(), None);
    let error = store.renew_lease(&old, LONG_TTL_MS, "").await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost), "{error}");
    let new = take(&*store, SENDER, "two").await;
    assert!(new.fence > old.fence, "the fence rises: {} after {}", new.fence, old.fence);
    let _ = store.release_lease(&old).await;
    assert_eq!(held(&*store, "three", None).await.fence, new.fence, "an old lease gives nobody else's back");
}

pub async fn a_lease_that_ended_goes_to_the_next(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let old = granted(store.take_lease(SENDER, &holder("one"), stores.ttl_ms(), None).await.unwrap());
    stores.let_leases_end().await;
    let view = store.lease(SENDER).await.unwrap().expect("it ended, but was not given back");
    assert!(view.ends_in_ms <= 0, "{}", view.ends_in_ms);
    let new = take(&*store, SENDER, "two").await;
    assert!(new.fence > old.fence);
    let error = store.renew_lease(&old, LONG_TTL_MS, "mine").await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost), "{error}");
    assert_eq!(store.lease(SENDER).await.unwrap().unwrap().holder, holder("two"));
}

pub async fn a_renewed_lease_does_not_end(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = granted(store.take_lease(SENDER, &holder("one"), stores.ttl_ms(), None).await.unwrap());
    store.renew_lease(&lease, stores.ttl_ms() + LONG_TTL_MS, "").await.unwrap();
    stores.let_leases_end().await;
    assert_eq!(held(&*store, "two", None).await.fence, lease.fence);
}

pub async fn only_the_holder_that_is_gone_is_taken_over(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let first = take(&*store, SENDER, "one").await;
    assert_eq!(held(&*store, "two", Some(first.fence + 1)).await.fence, first.fence, "not that holder");
    let second = take_over(&*store, &first, "two").await;
    assert!(second.fence > first.fence);
    let view = held(&*store, "three", Some(first.fence)).await;
    assert_eq!(view.fence, second.fence, "the one that is gone has gone already");
    assert_eq!(view.holder, holder("two"));
}
