//! Receipts as they came: kept in order until they are folded, and no longer.

use super::Factory;
use super::stage::{NOW, accepted, in_doubt, reached, retry, running, take};
use wacast::domain::state::RecipientState::Delivered;
use wacast::store::{RECEIPTS, RawReceipt, Store};

fn body(number: usize) -> RawReceipt {
    RawReceipt {
        received_at: NOW.plus(i64::try_from(number).unwrap()),
        body: format!("{{\"body\":{number}}}").into_bytes(),
    }
}

async fn stored(store: &dyn Store, limit: u32) -> Vec<(u64, RawReceipt)> {
    let found = store.receipts(limit).await.unwrap();
    assert!(found.windows(2).all(|pair| pair[0].id < pair[1].id), "ids rise");
    found
        .into_iter()
        .map(|receipt| (receipt.id, RawReceipt { received_at: receipt.received_at, body: receipt.body }))
        .collect()
}

fn bodies(found: &[(u64, RawReceipt)]) -> Vec<RawReceipt> {
    found.iter().map(|(_, receipt)| receipt.clone()).collect()
}

pub async fn bodies_come_back_as_they_came(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert!(store.receipts(10).await.unwrap().is_empty());
    let odd = RawReceipt { received_at: NOW, body: vec![0, 255, b'\n', b'"'] };
    store.append_receipts(vec![body(1), odd.clone()]).await.unwrap();
    store.append_receipts(vec![]).await.unwrap();
    store.append_receipts(vec![body(2)]).await.unwrap();
    assert_eq!(bodies(&stored(&*store, 10).await), [body(1), odd.clone(), body(2)], "in order");
    assert_eq!(bodies(&stored(&*store, 2).await), [body(1), odd.clone()]);
    assert!(store.receipts_backlog().await.unwrap() > 0);
    let store = stores.reopen(store).await;
    assert_eq!(bodies(&stored(&*store, 10).await), [body(1), odd, body(2)]);
}

pub async fn folding_drops_what_was_folded_and_no_more(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 1).await;
    let intent = run.open_one().await;
    run.settle(&intent, accepted(&intent)).await;
    store.append_receipts((0..5).map(body).collect()).await.unwrap();
    let found = stored(&*store, 3).await;
    let moves = vec![run.receipt(0, 1, reached(Delivered))];
    store.fold_receipts(&run.receipts, moves, found[2].0).await.unwrap();
    assert_eq!(run.letters().await, "d");
    let rest = stored(&*store, 10).await;
    assert_eq!(bodies(&rest), [body(3), body(4)]);
    store.append_receipts(vec![body(5)]).await.unwrap();
    store.fold_receipts(&run.receipts, vec![], found[2].0).await.unwrap();
    let rest = stored(&*store, 10).await;
    assert_eq!(bodies(&rest), [body(3), body(4), body(5)], "once more drops nothing else");
    store.fold_receipts(&run.receipts, vec![], rest[2].0).await.unwrap();
    assert!(stored(&*store, 10).await.is_empty());
    assert_eq!(store.receipts_backlog().await.unwrap(), 0);

    let store = stores.reopen(store).await;
    store.append_receipts(vec![body(6)]).await.unwrap();
    let next = stored(&*store, 10).await;
    assert!(next[0].0 > rest[2].0, "ids go on rising when all were dropped");
}

pub async fn none_is_missed_while_others_append(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, RECEIPTS, "folder").await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            for round in 0..15 {
                let first = writer * 1_000 + round * 10;
                store.append_receipts((first..first + 3).map(body).collect()).await.unwrap();
            }
        });
    }
    let (mut seen, mut last) = (vec![], 0);
    loop {
        let done = writers.is_empty();
        let found = stored(&*store, 7).await;
        if let Some((id, _)) = found.last() {
            assert!(found[0].0 > last, "none appears below one that was returned");
            last = *id;
            store.fold_receipts(&lease, vec![], last).await.unwrap();
            seen.extend(bodies(&found));
        } else if done {
            break;
        }
        while writers.try_join_next().is_some() {}
        tokio::task::yield_now().await;
    }
    seen.sort_by_key(|receipt| receipt.received_at);
    let expected: Vec<_> = (0..4_usize)
        .flat_map(|writer| {
            (0..15).flat_map(move |round| (0..3).map(move |one| body(writer * 1_000 + round * 10 + one)))
        })
        .collect();
    assert_eq!(seen, expected);
}

pub async fn attempts_are_found_by_metas_id(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    let intents = run.open(3).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], retry(131_016, NOW)).await;
    run.settle(&intents[2], in_doubt()).await;
    let again = run.open_one().await;
    assert_eq!((again.seq, again.attempt), (1, 2));
    run.settle(&again, accepted(&again)).await;
    assert!(store.attempts_of(&["wamid.of another".to_owned()]).await.unwrap().is_empty(), "asked before and after");
    // The answer of the third never came, but a receipt did.
    run.fold(2, 1, reached(Delivered)).await;
    let mut asked = vec!["wamid.of another".to_owned(), String::new()];
    for seq in 0..3 {
        asked.push(run.row(seq).await.wamid);
    }
    let id = run.id.clone();
    drop(run);
    let store = stores.reopen(store).await;
    let mut found = store.attempts_of(&asked).await.unwrap();
    found.sort_by_key(|place| place.seq);
    let told: Vec<_> = found.iter().map(|place| (&place.wamid, &place.broadcast, place.seq, place.attempt)).collect();
    assert_eq!(told, [(&asked[2], &id, 0, 1), (&asked[3], &id, 1, 2), (&asked[4], &id, 2, 1)]);
    assert!(store.attempts_of(&[]).await.unwrap().is_empty());
    assert!(store.attempts_of(&[String::new()]).await.unwrap().is_empty(), "those without an id are nobody's");
}

pub async fn so_many_bytes_come_at_a_time(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, RECEIPTS, "driver").await;
    let body = |letter: u8, bytes: usize| RawReceipt { received_at: NOW, body: vec![letter; bytes] };
    let mebibyte = 1 << 20;
    for (letter, mebibytes) in [(1, 3), (2, 3), (3, 3), (4, 9), (5, 1)] {
        store.append_receipts(vec![body(letter, mebibytes * mebibyte)]).await.unwrap();
    }
    assert!(store.receipts_backlog_bytes().await.unwrap() >= 19 << 20);
    let mut came = Vec::new();
    loop {
        let some = store.receipts(1_000).await.unwrap();
        let Some(last) = some.last() else { break };
        came.push(some.iter().map(|one| one.body[0]).collect::<Vec<_>>());
        store.fold_receipts(&lease, vec![], last.id).await.unwrap();
    }
    assert_eq!(came, [vec![1, 2], vec![3], vec![4], vec![5]], "one that is too large comes alone");
}
