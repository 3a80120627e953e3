//! What people and scripts read: who failed and why, lists of recipients, the log, the day's figures.

use super::Factory;
use super::stage::{
    NOW, Run, SENDER, accepted, failed, in_doubt, phone, reached, retry, running, running_under, take, take_over,
    undelivered,
};
use std::collections::HashSet;
use wacast::domain::opt_out::Kinds;
use wacast::domain::state::RecipientState::{self, Accepted, Delivered, Failed, Queued, Read};
use wacast::domain::time::{DAY, HOUR, MINUTE};
use wacast::store::{Outcome, Store};

async fn seqs(run: &Run, state: Option<RecipientState>, after: Option<u32>, limit: u32) -> Vec<u32> {
    let rows = run.store.recipients(&run.id, state, after, limit).await.unwrap();
    assert!(rows.iter().all(|row| state.is_none_or(|state| row.state == state)));
    rows.into_iter().map(|row| row.seq).collect()
}

pub async fn failures_are_counted_by_code(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 7).await;
    assert!(store.failures(&run.id).await.unwrap().is_empty());
    for intent in run.open(6).await {
        let verdict = match intent.seq {
            0..=2 => failed(131_026),
            3 => failed(131_049),
            4 => retry(131_016, NOW.plus(HOUR)),
            _ => accepted(&intent),
        };
        run.settle(&intent, verdict).await;
    }
    assert_eq!(store.failures(&run.id).await.unwrap(), [(131_026, 3), (131_049, 1)], "a retry has not failed");
    run.fold(5, 1, undelivered(131_049, None)).await;
    run.fold(0, 1, reached(Delivered)).await;
    run.fold(1, 1, reached(Read)).await;
    run.fold(1, 1, reached(Read)).await;
    assert_eq!(store.failures(&run.id).await.unwrap(), [(131_049, 2), (131_026, 1)], "late proof takes it back");
    run.fold(2, 1, reached(Delivered)).await;
    assert_eq!(store.failures(&run.id).await.unwrap(), [(131_049, 2)], "and a code with nobody goes");
    let failed: u64 = store.failures(&run.id).await.unwrap().iter().map(|(_, count)| count).sum();
    assert_eq!(failed, store.counts(&run.id).await.unwrap().get(Failed));
}

pub async fn recipients_are_listed_by_state_and_page(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 12).await;
    for intent in run.open(8).await {
        let verdict = if intent.seq % 2 == 0 { accepted(&intent) } else { failed(131_026) };
        run.settle(&intent, verdict).await;
    }
    assert_eq!(seqs(&run, Some(Accepted), None, 10).await, [0, 2, 4, 6]);
    assert_eq!(seqs(&run, Some(Accepted), Some(2), 1).await, [4]);
    assert_eq!(seqs(&run, Some(Failed), Some(7), 9).await, [0; 0]);
    assert_eq!(seqs(&run, Some(Queued), None, 3).await, [8, 9, 10]);
    assert_eq!(seqs(&run, Some(Queued), Some(10), 3).await, [11]);
    assert_eq!(seqs(&run, None, Some(4), 3).await, [5, 6, 7]);
    assert_eq!(seqs(&run, Some(Read), None, 9).await, [0; 0]);
    for page in [1, 5, 12, 5_000] {
        let (mut found, mut after) = (vec![], None);
        loop {
            let next = seqs(&run, None, after, page).await;
            let Some(last) = next.last() else { break };
            after = Some(*last);
            found.extend(next);
        }
        assert_eq!(found, (0..12).collect::<Vec<_>>(), "pages of {page}");
    }
    let row = run.row(3).await;
    assert_eq!((row.phone, row.name.as_str(), row.attempt, row.code), (phone(3), "Person 3", 1, 131_026));
    let unknown = store.recipients(&wacast::domain::ids::BroadcastId::from_random(5), None, None, 1).await;
    assert!(unknown.is_err() || unknown.unwrap().is_empty());
}

pub async fn a_large_audience_is_listed_without_gaps(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2_150).await;
    let intents = store.open_window(&run.lease, &run.id, 2_000, Kinds::ALL, NOW).await.unwrap();
    let outcomes: Vec<Outcome> =
        intents.iter().filter(|i| i.seq % 400 == 0).map(|i| run.outcome(i, failed(1))).collect();
    store.settle(&run.lease, outcomes).await.unwrap();
    assert_eq!(seqs(&run, Some(Failed), None, 100).await, [0, 400, 800, 1_200, 1_600]);
    assert_eq!(seqs(&run, Some(Failed), Some(400), 2).await, [800, 1_200]);
    assert_eq!(seqs(&run, Some(Queued), None, 1).await, [2_000]);
    assert_eq!(seqs(&run, None, Some(998), 3).await, [999, 1_000, 1_001]);
    assert_eq!(seqs(&run, None, Some(2_147), 9).await, [2_148, 2_149]);
}

/// All ids after `after`, page by page.
async fn walk_log(store: &dyn Store, page: u32) -> Vec<u64> {
    let mut ids: Vec<u64> = vec![];
    loop {
        let next = store.log(None, ids.last().copied().unwrap_or(0), page).await.unwrap();
        if next.is_empty() {
            return ids;
        }
        ids.extend(next.iter().map(|row| row.id));
    }
}

pub async fn the_log_is_paged_by_rising_ids(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let one = running(&store, 6).await;
    let two = running_under(&store, &one.lease, 20..24).await;
    for run in [&one, &two, &one] {
        for intent in run.open(3).await {
            let verdict = if intent.seq == 1 { failed(131_026) } else { accepted(&intent) };
            run.settle(&intent, verdict).await;
        }
    }
    let all = store.log(None, 0, 100).await.unwrap();
    assert_eq!(all.len(), 9);
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id) && all[0].id > 0);
    let ids: Vec<_> = all.iter().map(|row| row.id).collect();
    for page in [1, 2, 4, 9, 50] {
        assert_eq!(walk_log(&*store, page).await, ids, "pages of {page}");
    }
    let of_two = store.log(Some(&two.id), 0, 100).await.unwrap();
    assert_eq!(of_two.iter().map(|row| row.seq).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(store.log(Some(&two.id), of_two[0].id, 1).await.unwrap(), of_two[1..2]);
    let tail: Vec<_> = store.log_tail(4).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(tail, ids.iter().rev().take(4).copied().collect::<Vec<_>>(), "newest first");
}

pub async fn a_reader_of_the_log_misses_no_row(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let one = running_under(&store, &lease, 0..60).await;
    let two = running_under(&store, &lease, 100..160).await;
    let mut writers = tokio::task::JoinSet::new();
    for run in [&one, &two] {
        for intents in run.open(60).await.chunks(30) {
            let outcomes: Vec<_> = intents.iter().map(|intent| run.outcome(intent, accepted(intent))).collect();
            let (store, lease) = (store.clone(), lease.clone());
            writers.spawn(async move {
                for batch in outcomes.chunks(3) {
                    store.settle(&lease, batch.to_vec()).await.unwrap();
                }
            });
        }
    }
    let (mut seen, mut after) = (HashSet::new(), 0);
    loop {
        let done = writers.is_empty();
        let rows = store.log(None, after, 10).await.unwrap();
        if rows.is_empty() && done {
            break;
        }
        for row in rows {
            assert!(row.id > after);
            after = row.id;
            assert!(seen.insert((row.broadcast, row.seq)), "no row twice");
        }
        while writers.try_join_next().is_some() {}
        tokio::task::yield_now().await;
    }
    assert_eq!(seen.len(), 120);
}

pub async fn the_days_figure_counts_whole_quarter_hours(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 5).await;
    let intents = run.open(5).await;
    for (intent, minutes) in intents.iter().zip([0, 14, 15, 31]) {
        let mut outcome = run.outcome(intent, accepted(intent));
        outcome.at = NOW.plus(minutes * MINUTE);
        store.settle(&run.lease, vec![outcome]).await.unwrap();
    }
    run.settle(&intents[4], failed(131_026)).await;
    let since = async |minutes: i64| store.people_reached_since(NOW.plus(minutes * MINUTE)).await.unwrap();
    assert_eq!(since(-60).await, 4);
    assert_eq!(since(0).await, 4);
    assert_eq!(since(14).await, 4, "the quarter hour counts whole");
    assert_eq!((since(15).await, since(29).await), (2, 2));
    assert_eq!((since(30).await, since(44).await, since(45).await), (1, 1, 0));
    assert_eq!(store.people_reached_since(NOW.plus(-DAY)).await.unwrap(), 4);
}

pub async fn what_a_receipt_proves_was_accepted_counts_once(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let intents = run.open(2).await;
    run.settle(&intents[0], in_doubt()).await;
    run.fold(0, 1, reached(Delivered)).await;
    run.fold(1, 1, reached(Read)).await;
    assert_eq!(store.people_reached_since(NOW.plus(-DAY)).await.unwrap(), 2);
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], accepted(&intents[1])).await;
    assert_eq!(store.people_reached_since(NOW.plus(-DAY)).await.unwrap(), 2, "the late answer is the same message");
}

pub async fn people_reached_are_counted_once_at_their_newest(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 6).await;
    let intents = run.open(6).await;
    let phones: Vec<_> = intents.iter().map(|intent| intent.phone).collect();
    for (intent, minutes) in intents.iter().zip([0, 14, 15, 31]) {
        let mut outcome = run.outcome(intent, accepted(intent));
        outcome.at = NOW.plus(minutes * MINUTE);
        store.settle(&run.lease, vec![outcome]).await.unwrap();
    }
    run.settle(&intents[4], in_doubt()).await;
    run.settle(&intents[5], failed(131_026)).await;
    let since = async |minutes: i64| store.people_reached_since(NOW.plus(minutes * MINUTE)).await.unwrap();
    assert_eq!((since(-60).await, since(0).await, since(14).await), (5, 5, 5), "in doubt counts, refused does not");
    assert_eq!((since(15).await, since(30).await, since(45).await), (2, 1, 0));
    let among = async |minutes: i64| store.reached_among(&phones, NOW.plus(minutes * MINUTE)).await.unwrap();
    assert_eq!(among(0).await, [0, 1, 2, 3, 4]);
    assert_eq!(among(15).await, [2, 3]);

    // The same people once more, an hour later: nobody is counted twice, and they are at the later time from now on.
    let again = running_under(&store, &run.lease, 0..6).await;
    assert_eq!(again.open(2).await.iter().map(|intent| intent.phone).collect::<Vec<_>>(), phones[..2]);
    for (seq, late) in [(0, accepted(&intents[0])), (1, in_doubt())] {
        let mut outcome = again.outcome(&intents[seq], late);
        outcome.at = NOW.plus(60 * MINUTE);
        store.settle(&again.lease, vec![outcome.clone()]).await.unwrap();
        store.settle(&again.lease, vec![outcome]).await.unwrap();
    }
    assert_eq!((since(0).await, since(60).await), (5, 2));
    let quarters = store.people_reached(NOW.plus(-DAY)).await.unwrap();
    assert_eq!(quarters.iter().map(|(_, people)| people).sum::<u64>(), 5);
    assert!(quarters.is_sorted() && quarters.iter().all(|(_, people)| *people > 0), "{quarters:?}");
}

pub async fn people_a_crash_left_in_doubt_count_as_reached(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    run.open(2).await;
    assert_eq!(store.people_reached_since(NOW.plus(-DAY)).await.unwrap(), 0, "an intent alone reaches nobody");
    store.recover(&take_over(&*store, &run.lease, "heir").await, NOW).await.unwrap();
    assert_eq!(store.people_reached_since(NOW.plus(-DAY)).await.unwrap(), 2);
}
