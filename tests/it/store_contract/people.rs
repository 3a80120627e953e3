//! One person over all uploads and broadcasts, and the people of a list in pages.

use super::Factory;
use super::stage::{
    NOW, Run, accepted, failed, in_doubt, number, phone, retry, running, running_under, undelivered, upload,
};
use wacast::domain::broadcast::UploadId;

pub async fn a_list_is_looked_through_newest_first(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let old = upload(&*store, "fans", [1, 2, 3, 4]).await;
    let new = upload(&*store, "fans", [2, 5]).await;
    let expected = [(new, 1, 2), (new, 2, 5), (old, 1, 1), (old, 3, 3), (old, 4, 4)];
    for limit in [1, 2, 3, 10] {
        let (mut seen, mut after, mut calls) = (Vec::new(), None, 0);
        loop {
            let looked = store.look_through(&[old, new], after, limit).await.unwrap();
            assert!(looked.people.len() <= limit as usize);
            seen.extend(looked.people.into_iter().map(|(place, number)| (UploadId(place.upload), place.row, number)));
            calls += 1;
            after = looked.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected.map(|(upload, row, person)| (upload, row, number(person))), "{limit} at a time");
        assert!(calls <= 6 / limit + 1, "each call looks at as many rows as it may: {calls}");
    }
    assert!(store.look_through(&[], None, 5).await.unwrap().people.is_empty());
}

pub async fn a_person_is_found_in_every_upload(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let fans = upload(&*store, "fans", [1, 2]).await;
    let beta = upload(&*store, "beta", [3, 1]).await;
    let gone = upload(&*store, "beta", [1]).await;
    let unfinished = super::stage::begin_upload(&*store, "beta").await;
    store.add_rows(unfinished, super::stage::rows([1])).await.unwrap();
    store.undo_upload(gone).await.unwrap();
    let found = store.rows_with(&[phone(1), phone(77)], 10).await.unwrap();
    let places: Vec<_> = found.iter().map(|(place, _)| (UploadId(place.upload), place.row)).collect();
    assert_eq!(places, [(beta, 2), (fans, 1)]);
    assert_eq!(found[0].1, number(1));
    assert_eq!(store.rows_with(&[phone(1)], 1).await.unwrap().len(), 1);
}

pub async fn a_person_is_found_in_every_broadcast(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let first = running(&store, 3).await;
    let second = running(&store, 2).await;
    let of = |run: &Run, seq: u32| (run.id.clone(), seq);
    let found = store.broadcasts_to(&[phone(1)], 10).await.unwrap();
    assert_eq!(found, [of(&second, 1), of(&first, 1)], "newest first");
    assert_eq!(store.broadcasts_to(&[phone(2), phone(1)], 2).await.unwrap(), [of(&second, 1), of(&first, 1)]);
    assert_eq!(store.broadcasts_to(&[phone(2)], 10).await.unwrap(), [of(&first, 2)]);
    assert!(store.broadcasts_to(&[phone(9)], 10).await.unwrap().is_empty());
}

pub async fn who_gets_a_message_already_is_told_apart(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let older = running(&store, 7).await;
    let ids = |runs: &[&Run]| runs.iter().map(|run| run.id.clone()).collect::<Vec<_>>();
    let among = async |people: &[u32], runs: &[&Run]| {
        let phones: Vec<_> = people.iter().map(|person| phone(*person)).collect();
        store.recipients_among(&phones, &ids(runs)).await.unwrap()
    };
    let intents = older.open(5).await;
    older.settle(&intents[0], accepted(&intents[0])).await;
    older.settle(&intents[1], failed(131_026)).await;
    older.settle(&intents[2], in_doubt()).await;
    older.settle(&intents[3], retry(130_429, NOW)).await;
    // Taken, failed, not sure, to be tried again, under way, waiting; and somebody who is in none.
    let everybody = [6, 5, 4, 3, 2, 1, 0, 99];
    assert_eq!(among(&everybody, &[&older]).await, [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (6, 0)]);
    older.fold(0, 1, undelivered(131_026, None)).await;
    assert_eq!(among(&[0, 1, 6], &[&older]).await, [(2, 0)], "a receipt says that it did not arrive");

    let newer = running_under(&store, &older.lease, 5..8).await;
    assert_eq!(
        among(&[4, 5, 6, 7], &[&newer, &older]).await,
        [(0, 1), (1, 0), (2, 0), (3, 0)],
        "each once, at the first"
    );
    assert_eq!(among(&[4, 5, 7], &[&older]).await, [(0, 0), (1, 0)], "others are not asked for");
    assert_eq!(among(&[4, 5, 7], &[&newer]).await, [(1, 0), (2, 0)]);
    store.cancel(&newer.id, NOW).await.unwrap();
    assert_eq!(among(&[5, 7], &[&newer, &older]).await, [(0, 1)], "who was cancelled does not get it");
    assert!(among(&[], &[&older]).await.is_empty() && among(&[5], &[]).await.is_empty());
}

pub async fn attempts_of_one_recipient_are_told_in_order(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let intents = run.open(2).await;
    run.settle(&intents[0], retry(130_429, NOW)).await;
    run.settle(&intents[1], failed(131_026)).await;
    let again = run.open_one().await;
    run.settle(&again, accepted(&again)).await;
    let told = store.attempts(&run.id, 0).await.unwrap();
    let said: Vec<_> = told.iter().map(|one| (one.attempt, one.status.as_str(), one.code, one.undelivered)).collect();
    assert_eq!(said, [(1, "failed", 130_429, false), (2, "sent", 0, false)]);
    assert!(!told[1].wamid.is_empty() && told[0].wamid.is_empty());
    assert_eq!(store.attempts(&run.id, 1).await.unwrap().len(), 1);
    assert!(store.attempts(&run.id, 9).await.unwrap().is_empty());
}
