//! Freezing an audience: goes on where it stood, adds nobody twice, and running begins only when it is whole.

use super::Factory;
use super::stage::{NOW, SENDER, preparing, recipient, skipped, take};
use wacast::domain::opt_out::Kinds;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::store::{AudiencePlace, StoreError};

const fn place(row: u32) -> AudiencePlace {
    AudiencePlace { upload: 1, row }
}

pub async fn freezing_goes_on_where_it_stood(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let id = preparing(&*store, 0..5).await.id;
    assert_eq!(store.frozen_so_far(&id).await.unwrap(), (0, None));
    store.add_recipients(&lease, &id, 0, vec![recipient(0), recipient(1)], place(2)).await.unwrap();
    assert_eq!(store.frozen_so_far(&id).await.unwrap(), (2, Some(place(2))));
    let store = stores.reopen(store).await;
    store.add_recipients(&lease, &id, 2, (2..5).map(recipient).collect(), place(5)).await.unwrap();
    assert_eq!(store.frozen_so_far(&id).await.unwrap(), (5, Some(place(5))));

    let rows = store.recipients(&id, None, None, 10).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.seq, row.phone, row.state, row.attempt)).collect();
    let expected: Vec<_> = (0..5).map(|seq| (seq, recipient(seq).phone, RecipientState::Queued, 0)).collect();
    assert_eq!(seen, expected);
    assert_eq!(rows[3].name, "Person 3");
    assert_eq!(store.counts(&id).await.unwrap().total(), 5);
}

pub async fn a_page_out_of_step_adds_nobody(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let id = preparing(&*store, 0..4).await.id;
    store.add_recipients(&lease, &id, 0, vec![recipient(0), recipient(1)], place(2)).await.unwrap();
    for from in [0, 1, 3, 4] {
        let error = store.add_recipients(&lease, &id, from, vec![recipient(2)], place(3)).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict(_)), "from {from}: {error}");
    }
    assert_eq!(store.frozen_so_far(&id).await.unwrap(), (2, Some(place(2))));
    assert_eq!(store.counts(&id).await.unwrap().total(), 2);
    store.add_recipients(&lease, &id, 2, vec![], place(4)).await.unwrap();
    assert_eq!(store.frozen_so_far(&id).await.unwrap(), (2, Some(place(4))), "the walk went on past nobody");
}

pub async fn the_same_page_twice_at_once_is_added_once(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let id = preparing(&*store, 0..2).await.id;
    let page = || vec![recipient(0), recipient(1)];
    let (one, two) = tokio::join!(
        store.add_recipients(&lease, &id, 0, page(), place(2)),
        store.add_recipients(&lease, &id, 0, page(), place(2))
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    assert_eq!(store.frozen_so_far(&id).await.unwrap().0, 2);
}

pub async fn whoever_is_left_out_is_counted_with_the_reason(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let id = preparing(&*store, 0..5).await.id;
    let people = vec![
        recipient(0),
        skipped(1, "opted out"),
        skipped(2, "no value for name"),
        skipped(3, "opted out"),
        recipient(4),
    ];
    store.add_recipients(&lease, &id, 0, people, place(5)).await.unwrap();
    let counts = store.counts(&id).await.unwrap();
    assert_eq!((counts.get(RecipientState::Queued), counts.get(RecipientState::Skipped)), (2, 3));
    let skips = store.skips(&id).await.unwrap();
    assert_eq!(skips, [("opted out".to_owned(), 2), ("no value for name".to_owned(), 1)], "most first");
    let row = store.recipients(&id, Some(RecipientState::Skipped), Some(1), 1).await.unwrap().remove(0);
    assert_eq!((row.seq, row.detail.as_str()), (2, "no value for name"));

    let begun = store.begin_running(&lease, &id, 5, NOW).await.unwrap();
    assert_eq!(begun.total, 5, "they are of the audience");
    let intents = store.open_window(&lease, &id, 10, Kinds::ALL, NOW).await.unwrap();
    assert_eq!(intents.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [0, 4], "but never sent to");
}

pub async fn running_begins_only_when_the_audience_is_whole(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let id = preparing(&*store, 0..3).await.id;
    store.add_recipients(&lease, &id, 0, vec![recipient(0), recipient(1)], place(2)).await.unwrap();
    for total in [0, 1, 3] {
        let error = store.begin_running(&lease, &id, total, NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict(_)), "total {total}: {error}");
    }
    assert_eq!(store.broadcast(&id).await.unwrap().status, BroadcastStatus::Preparing);
    let begun = store.begin_running(&lease, &id, 2, NOW.plus(7)).await.unwrap();
    assert_eq!((begun.status, begun.total, begun.started_at), (BroadcastStatus::Running, 2, Some(NOW.plus(7))));
    assert_eq!(store.broadcast(&id).await.unwrap(), begun);

    let late = store.add_recipients(&lease, &id, 2, vec![recipient(2)], place(3)).await.unwrap_err();
    assert!(matches!(late, StoreError::Conflict(_)), "a frozen audience stays as it is: {late}");
    let again = store.begin_running(&lease, &id, 2, NOW).await.unwrap_err();
    assert!(matches!(again, StoreError::Conflict(_)), "{again}");
}
