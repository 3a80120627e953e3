//! Calls of the largest size, and calls whose caller went away.

use super::Factory;
use super::stage::{
    NOW, Run, SENDER, accepted, begin_upload, definition, make, new_broadcast, phone, preparing, reached, recipient,
    rows, running, running_under, take,
};
use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wacast::domain::opt_out::Kinds;
use wacast::domain::pricing::{Mark, Pricing};
use wacast::domain::state::BroadcastStatus;
use wacast::domain::state::RecipientState::{Accepted, Cancelled, Delivered, Sending};
use wacast::store::{AudiencePlace, Intent, Outcome, RECEIPTS, RawReceipt, ReceiptMove, UploadReport};

const LARGEST: u32 = 5_000;

pub async fn the_largest_calls_are_answered(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let upload = begin_upload(&*store, "fans").await;
    store.add_rows(upload, rows(0..LARGEST)).await.unwrap();
    let phones: Vec<_> = (1..=LARGEST).map(phone).collect();
    let (in_list, in_upload) = store.known_phones(upload, &phones).await.unwrap();
    assert_eq!((in_list.len(), in_upload.len()), (0, LARGEST as usize - 1));
    store.finish_upload(upload, UploadReport::default(), NOW).await.unwrap();
    let page = store.audience_page(&[upload], None, LARGEST).await.unwrap();
    assert_eq!(page.len(), LARGEST as usize);

    let lease = take(&*store, SENDER, "driver").await;
    let mut fixed = definition(Some("fans"));
    fixed.audience.uploads = vec![upload];
    let id = make(&*store, new_broadcast(fixed, LARGEST)).await.id;
    let place = AudiencePlace { upload: upload.0, row: LARGEST };
    store.add_recipients(&lease, &id, 0, (0..LARGEST).map(recipient).collect(), place).await.unwrap();
    store.begin_running(&lease, &id, LARGEST, NOW).await.unwrap();
    let intents = store.open_window(&lease, &id, LARGEST, Kinds::ALL, NOW).await.unwrap();
    assert_eq!(intents.len(), LARGEST as usize);
    let outcome = |intent: &Intent| Outcome {
        broadcast: id.clone(),
        seq: intent.seq,
        attempt: intent.attempt,
        phone: intent.phone,
        at: NOW,
        verdict: accepted(intent),
    };
    store.settle(&lease, intents.iter().map(outcome).collect()).await.unwrap();
    assert_eq!(store.counts(&id).await.unwrap().get(Accepted), u64::from(LARGEST));
    assert_eq!(store.log(Some(&id), 0, LARGEST).await.unwrap().len(), LARGEST as usize);

    let receipts = take(&*store, RECEIPTS, "driver").await;
    let body = RawReceipt { received_at: NOW, body: vec![b' '; 3_000] };
    store.append_receipts(vec![body; LARGEST as usize]).await.unwrap();
    let last = store.receipts(LARGEST).await.unwrap().last().unwrap().id;
    let proof = |intent: &Intent| ReceiptMove {
        broadcast: id.clone(),
        seq: intent.seq,
        attempt: 1,
        wamid: "wamid".to_owned(),
        at: NOW,
        evidence: reached(Delivered),
        mark: Mark::reached(Delivered, Pricing::of("marketing", "regular", None)),
    };
    let report = store.fold_receipts(&receipts, intents.iter().map(proof).collect(), last).await.unwrap();
    assert_eq!(report.moved, u64::from(LARGEST));
    assert_eq!(store.prices(&id).await.unwrap()[0].messages, u64::from(LARGEST));
    let rows = store.recipients(&id, Some(Delivered), None, LARGEST).await.unwrap();
    assert_eq!(rows.len(), LARGEST as usize);
}

/// Begins a call and drops it before its answer, if it has none at once.
fn begin_and_drop<T>(call: impl Future<Output = T>) -> Option<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

pub async fn a_caller_that_went_away_leaves_nothing_half_done(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let Run { lease, receipts, id, .. } = running(&store, 60).await;
    let mut held = vec![];
    for _ in 0..10 {
        held.extend(begin_and_drop(store.open_window(&lease, &id, 3, Kinds::ALL, NOW)).into_iter().flatten().flatten());
        held.extend(store.open_window(&lease, &id, 1, Kinds::ALL, NOW).await.unwrap());
    }
    // Closing waits for what was begun.
    let run = Run { store: stores.reopen(store).await, lease, receipts, id };
    let store = &run.store;
    held.extend(run.open(LARGEST).await);
    assert_eq!(held.iter().map(|intent| intent.seq).collect::<HashSet<_>>().len(), held.len(), "none twice");
    assert_eq!(store.counts(&run.id).await.unwrap().get(Sending), 60);
    let known: Vec<_> = held.iter().map(|intent| (intent.seq, intent.attempt)).collect();
    let lost = store.requeue_unheld(&run.lease, &run.id, &known).await.unwrap();
    assert_eq!(lost, 60 - held.len() as u64);
    held.extend(run.open(LARGEST).await);
    assert_eq!(held.len(), 60);

    let outcomes: Vec<_> = held.iter().map(|intent| run.outcome(intent, accepted(intent))).collect();
    for batch in outcomes.chunks(7) {
        begin_and_drop(store.settle(&run.lease, batch.to_vec()));
        assert_eq!(store.counts(&run.id).await.unwrap().total(), 60);
    }
    store.settle(&run.lease, outcomes).await.unwrap();
    run.check().await;
    assert_eq!(run.letters().await, "a".repeat(60));
    assert_eq!(run.log().await.len(), 60);
    assert_eq!(store.people_reached_since(NOW).await.unwrap(), 60);
}

pub async fn a_dropped_page_is_added_whole_or_not_at_all(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let id = preparing(&*store, 0..40).await.id;
    let mut frozen = 0;
    while frozen < 40 {
        let page = || (frozen..frozen + 4).map(recipient).collect::<Vec<_>>();
        let place = AudiencePlace { upload: 1, row: frozen + 4 };
        begin_and_drop(store.add_recipients(&lease, &id, frozen, page(), place));
        // The one that was dropped may come first, later or not at all.
        let _ = store.add_recipients(&lease, &id, frozen, page(), place).await;
        assert_eq!(store.frozen_so_far(&id).await.unwrap(), (frozen + 4, Some(place)));
        frozen += 4;
    }
    store.begin_running(&lease, &id, 40, NOW).await.unwrap();
    let rows = store.recipients(&id, None, None, 100).await.unwrap();
    assert!(rows.iter().all(|row| row.phone == phone(row.seq)), "each once and in order");
    assert_eq!(rows.len(), 40);
}

pub async fn a_large_audience_is_cancelled_whole(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let answered = running(&store, 4_500).await;
    let dropped = running_under(&store, &answered.lease, 0..2_500).await;
    answered.open(10).await;
    store.cancel(&answered.id, NOW).await.unwrap();
    answered.check().await;
    let counts = store.counts(&answered.id).await.unwrap();
    assert_eq!((counts.get(Cancelled), counts.get(Sending)), (4_490, 10));

    begin_and_drop(store.cancel(&dropped.id, NOW));
    let Run { lease, receipts, id, .. } = dropped;
    drop(answered);
    let run = Run { store: stores.reopen(store).await, lease, receipts, id };
    run.check().await;
    let expected = if run.status().await == BroadcastStatus::Cancelled { "c" } else { "q" };
    assert_eq!(run.letters().await, expected.repeat(2_500), "all of them or none");
}
