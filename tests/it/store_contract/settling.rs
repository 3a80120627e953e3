//! Settling: what each outcome does, once, however often and in whatever order it is told.

use super::Factory;
use super::stage::{
    NOW, Run, accepted, failed, in_doubt, phone, reached, recipient, retry, running, running_under, undelivered,
};
use wacast::domain::state::RecipientState::{Delivered, Sent};
use wacast::domain::time::{HOUR, SECOND};
use wacast::store::{Intent, Outcome, Verdict};

fn sent_row(seq: u32, attempt: u32) -> (u32, u32, String, i64) {
    (seq, attempt, "sent".to_owned(), 0)
}

fn failed_row(seq: u32, attempt: u32, code: i64) -> (u32, u32, String, i64) {
    (seq, attempt, "failed".to_owned(), code)
}

/// One of each kind.
fn one_of_each(run: &Run, intents: &[Intent]) -> Vec<Outcome> {
    let follow_up = Verdict::Failed { code: 131_049, response: "{}".to_owned(), retry_at: Some(NOW.plus(24 * HOUR)) };
    vec![
        run.outcome(&intents[0], accepted(&intents[0])),
        run.outcome(&intents[1], follow_up),
        run.outcome(&intents[2], retry(131_016, NOW.plus(SECOND))),
        run.outcome(&intents[3], in_doubt()),
    ]
}

pub async fn every_verdict_moves_and_is_on_record(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 6).await;
    let intents = run.open(5).await;
    let mut outcomes = one_of_each(&run, &intents);
    outcomes.push(run.outcome(&intents[4], Verdict::Unsent { due: None }));
    store.settle(&run.lease, outcomes).await.unwrap();
    run.check().await;
    assert_eq!(run.letters().await, "afqiqq");
    assert_eq!(run.log().await, [sent_row(0, 1), failed_row(1, 1, 131_049), failed_row(2, 1, 131_016)]);

    let rows = run.rows().await;
    assert_eq!((rows[0].wamid.as_str(), rows[0].code), ("wamid.0.1", 0));
    assert_eq!((rows[1].code, rows[1].due), (131_049, Some(NOW.plus(24 * HOUR))));
    assert_eq!((rows[2].code, rows[2].due), (131_016, Some(NOW.plus(SECOND))));
    assert_eq!(rows[3].detail, "the connection was reset");
    let log = store.log(Some(&run.id), 0, 1).await.unwrap().remove(0);
    assert_eq!((log.phone, log.timestamp, log.response.as_str()), (phone(0), NOW, "{\"ok\":1}"));
    assert_eq!(log.broadcast, run.id);
    assert_eq!(recipient(0).phone, log.phone);
}

pub async fn the_same_outcome_twice_counts_once(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 4).await;
    let intents = run.open(4).await;
    let outcomes = one_of_each(&run, &intents);
    let twice = [outcomes.clone(), outcomes.clone()].concat();
    store.settle(&run.lease, twice).await.unwrap();
    run.check().await;
    let (letters, log) = (run.letters().await, run.log().await);
    assert_eq!((letters.as_str(), log.len()), ("afqi", 3), "in one batch");
    store.settle(&run.lease, outcomes).await.unwrap();
    run.check().await;
    assert_eq!((run.letters().await, run.log().await), (letters, log), "and in another");
    let again = run.open_at(5, NOW.plus(SECOND)).await;
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].seq, again[0].attempt, again[0].tries), (2, 2, 1), "one try was used up");
}

pub async fn an_empty_settling_is_nothing(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 1).await;
    store.settle(&run.lease, vec![]).await.unwrap();
    assert_eq!(run.letters().await, "q");
}

pub async fn a_late_answer_after_a_receipt_leaves_its_record(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 5).await;
    let intents = run.open(5).await;
    for (seq, state) in [(0, Sent), (1, Delivered), (2, Delivered), (3, Sent)] {
        run.fold(seq, 1, reached(state)).await;
    }
    run.fold(4, 1, undelivered(131_026, None)).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], accepted(&intents[1])).await;
    run.settle(&intents[2], failed(131_000)).await;
    run.settle(&intents[3], in_doubt()).await;
    run.settle(&intents[4], accepted(&intents[4])).await;
    assert_eq!(run.letters().await, "sddsf", "the receipts know better");
    let log = run.log().await;
    for seq in 0..5 {
        assert_eq!(log.iter().filter(|row| row.0 == seq).count(), 1, "one row an attempt: {log:?}");
    }
    assert!(log.contains(&sent_row(0, 1)) && log.contains(&sent_row(1, 1)), "{log:?}");
    assert_eq!(run.row(0).await.wamid, "wamid.0.1");
    assert_eq!(run.row(1).await.wamid, "wamid.1.1");
}

pub async fn an_older_attempt_moves_nobody(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 5).await;
    let first = run.open(5).await;
    for intent in &first {
        run.settle(intent, retry(131_016, NOW)).await;
    }
    let second = run.open(5).await;
    assert!(second.iter().all(|intent| intent.attempt == 2));
    run.settle(&first[0], accepted(&first[0])).await;
    run.settle(&first[1], failed(131_026)).await;
    run.settle(&first[2], retry(131_016, NOW)).await;
    run.settle(&first[3], Verdict::Unsent { due: None }).await;
    run.settle(&first[4], in_doubt()).await;
    assert_eq!(run.letters().await, "ggggg");
    assert!(run.open(5).await.is_empty());
    let log = run.log().await;
    assert_eq!(log.len(), 5, "each attempt has its row: {log:?}");
    run.settle(&second[0], accepted(&second[0])).await;
    run.settle(&second[1], accepted(&second[1])).await;
    assert_eq!(run.letters().await, "aaggg");
    assert_eq!(run.row(0).await.wamid, "wamid.0.2");
    assert_eq!(run.log().await.len(), 7);
}

pub async fn a_definite_answer_settles_a_doubt(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    let intents = run.open(3).await;
    for intent in &intents {
        run.settle(intent, in_doubt()).await;
    }
    assert!(run.log().await.is_empty(), "no row before there is evidence");
    assert!(run.open(3).await.is_empty(), "nobody in doubt is sent to again");
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], failed(131_026)).await;
    assert_eq!(run.letters().await, "afi");
    assert_eq!(run.log().await, [sent_row(0, 1), failed_row(1, 1, 131_026)]);
    run.settle(&intents[0], in_doubt()).await;
    assert_eq!(run.letters().await, "afi", "a doubt after the answer is none");
}

pub async fn what_never_left_is_the_same_attempt_again(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let intents = run.open(2).await;
    run.settle(&intents[0], Verdict::Unsent { due: None }).await;
    run.settle(&intents[1], Verdict::Unsent { due: Some(NOW.plus(SECOND)) }).await;
    assert_eq!(run.letters().await, "qq");
    assert!(run.log().await.is_empty());
    assert_eq!(store.next_due(&run.id).await.unwrap(), Some(NOW.plus(SECOND)));
    assert_eq!(run.open_at(5, NOW.plus(SECOND - 1)).await, intents[..1], "the other one waits");
    assert_eq!(run.open_at(5, NOW.plus(SECOND)).await, intents[1..]);
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], retry(131_016, NOW)).await;
    let again = run.open_one().await;
    assert_eq!((again.attempt, again.tries), (2, 1));
    run.settle(&again, Verdict::Unsent { due: None }).await;
    assert_eq!(run.open_one().await, again, "a retry that never left as well");
}

pub async fn waiting_uses_up_no_try(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 1).await;
    let mut seen = vec![];
    for counts in [true, false, false, true, false] {
        let intent = run.open_one().await;
        seen.push((intent.attempt, intent.tries));
        let verdict = Verdict::Retry { code: 130_429, response: String::new(), due: NOW, counts };
        run.settle(&intent, verdict).await;
    }
    let last = run.open_one().await;
    seen.push((last.attempt, last.tries));
    assert_eq!(seen, [(1, 0), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2)]);
    assert_eq!(run.log().await.len(), 5, "retries add rows");
}

pub async fn outcomes_of_several_broadcasts_in_one_batch(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let one = running(&store, 2).await;
    let two = running_under(&store, &one.lease, 10..12).await;
    let (of_one, of_two) = (one.open(2).await, two.open(2).await);
    let outcomes = vec![
        one.outcome(&of_one[0], accepted(&of_one[0])),
        two.outcome(&of_two[0], failed(131_026)),
        one.outcome(&of_one[1], in_doubt()),
    ];
    store.settle(&one.lease, outcomes).await.unwrap();
    assert_eq!((one.letters().await, two.letters().await), ("ai".to_owned(), "fg".to_owned()));
    assert_eq!(two.log().await, [failed_row(0, 1, 131_026)]);
}

pub async fn settling_from_many_hands_at_once_loses_nothing(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 200).await;
    let intents = run.open(200).await;
    let mut hands = tokio::task::JoinSet::new();
    for hand in 0..8 {
        // Each outcome is told by two hands.
        let mine = intents.iter().filter(|intent| intent.seq % 4 == hand % 4);
        let outcomes: Vec<_> = mine.map(|intent| run.outcome(intent, accepted(intent))).collect();
        let (store, lease) = (store.clone(), run.lease.clone());
        hands.spawn(async move {
            for batch in outcomes.chunks(7) {
                store.settle(&lease, batch.to_vec()).await.unwrap();
            }
        });
    }
    hands.join_all().await;
    run.check().await;
    assert_eq!(run.letters().await, "a".repeat(200));
    assert_eq!(run.log().await.len(), 200);
    assert_eq!(store.people_reached_since(NOW).await.unwrap(), 200);
}
