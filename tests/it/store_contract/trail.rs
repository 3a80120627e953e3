//! The audit trail: in order, chained, whole whoever appends at the same time.

use super::Factory;
use super::stage::NOW;
use std::sync::Arc;
use wacast::domain::audit::{Act, BEGINNING, Entry, broken_at};
use wacast::store::Store;

/// Something that was done.
pub fn act(what: &str) -> Act {
    Act {
        at: NOW,
        who: "asha at the console on vps-1".to_owned(),
        what: what.to_owned(),
        subject: "0000002s".to_owned(),
        detail: "\"quoted\" and नमस्ते".to_owned(),
    }
}

/// The whole trail, checked for being one chain from the beginning.
pub async fn whole_trail(store: &dyn Store) -> Vec<Entry> {
    let trail = store.audit_trail(0, 5_000).await.unwrap();
    assert_eq!(broken_at(0, BEGINNING, &trail), None);
    trail
}

pub async fn acts_are_chained_in_order(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert_eq!(store.audit_trail(0, 10).await.unwrap(), []);
    let mut appended = vec![];
    for what in ["import", "start", "pause", "resume", "cancel"] {
        appended.push(store.append_act(act(what)).await.unwrap());
    }
    assert_eq!(appended[0], Entry::after(0, BEGINNING, act("import")));
    assert_eq!(appended.iter().map(|entry| entry.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(whole_trail(&*store).await, appended);

    let store = stores.reopen(store).await;
    appended.push(store.append_act(act("decide")).await.unwrap());
    assert_eq!(whole_trail(&*store).await, appended, "it goes on where it stood");
}

pub async fn the_trail_is_paged_by_rising_ids(stores: &dyn Factory) {
    let store = stores.fresh().await;
    for _ in 0..7 {
        store.append_act(act("pause")).await.unwrap();
    }
    let whole = whole_trail(&*store).await;
    let mut paged = vec![];
    loop {
        let page = store.audit_trail(paged.last().map_or(0, |entry: &Entry| entry.id), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    assert_eq!(store.audit_trail(0, 0).await.unwrap(), []);
    assert_eq!(store.audit_trail(u64::MAX, 5).await.unwrap(), []);
}

pub async fn acts_at_the_same_time_make_one_chain(stores: &dyn Factory) {
    let store = stores.fresh().await;
    append_from_many_hands(&[Arc::clone(&store), store]).await;
}

/// Appends through each of these at the same time, and checks that the chain is whole.
pub async fn append_from_many_hands(stores: &[Arc<dyn Store>]) {
    let mut hands = tokio::task::JoinSet::new();
    for (hand, store) in stores.iter().enumerate() {
        let store = Arc::clone(store);
        hands.spawn(async move {
            for number in 0..15 {
                store.append_act(act(&format!("act {number} of hand {hand}"))).await.unwrap();
            }
        });
    }
    hands.join_all().await;
    let mut acts: Vec<_> = whole_trail(&*stores[0]).await.into_iter().map(|entry| entry.act.what).collect();
    acts.sort();
    acts.dedup();
    assert_eq!(acts.len(), 15 * stores.len(), "each once");
}
