//! Folding receipts: what each of them does to each state, in any order and however often.

use super::Factory;
use super::stage::{LONG_TTL_MS, NOW, Run, accepted, failed, holder, in_doubt, reached, retry, running, undelivered};
use wacast::domain::ids::BroadcastId;
use wacast::domain::state::RecipientState::{self, Accepted, Delivered, Failed, InDoubt, Queued, Read, Sending, Sent};
use wacast::domain::time::{HOUR, MINUTE, Millis};
use wacast::store::{Evidence, FoldReport, Intent, RECEIPTS, Verdict};

/// What becomes of a state by sent, delivered, read, failed, and failed with a retry. `?`: not laid down, but
/// legal. The newest attempt is the second.
const NEWEST: [(RecipientState, &str); 8] = [
    (Queued, "sdrqq"),
    (Sending, "sdrfq"),
    (Accepted, "sdrfq"),
    (Sent, "sdrfq"),
    (Delivered, "ddrdd"),
    (Read, "rrrrr"),
    (Failed, "fdrf?"),
    (InDoubt, "sdrfq"),
];

/// The same when the receipt belongs to the first attempt.
const OLDER: [(RecipientState, &str); 8] = [
    (Queued, "qdrqq"),
    (Sending, "gdrgg"),
    (Accepted, "adraa"),
    (Sent, "sdrss"),
    (Delivered, "ddrdd"),
    (Read, "rrrrr"),
    (Failed, "fdrff"),
    (InDoubt, "idrii"),
];

const RETRY_DUE: Millis = Millis(NOW.0 + 10 * MINUTE);

fn every_evidence() -> [Evidence; 5] {
    [
        reached(Sent),
        reached(Delivered),
        reached(Read),
        undelivered(131_026, None),
        undelivered(131_049, Some(RETRY_DUE)),
    ]
}

/// Brings everybody to a second attempt and then each to the wanted state.
async fn bring(run: &Run, wanted: &[RecipientState]) {
    let first = run.open(5_000).await;
    let refused = first.iter().map(|intent| run.outcome(intent, retry(131_016, NOW))).collect();
    run.store.settle(&run.lease, refused).await.unwrap();
    let mut second: Vec<Intent> = run.open(5_000).await;
    second.sort_by_key(|intent| intent.seq);
    assert_eq!(second.len(), wanted.len());
    let (mut outcomes, mut receipts) = (vec![], vec![]);
    for (intent, state) in second.iter().zip(wanted) {
        let verdict = match state {
            Sending => continue,
            Queued => retry(131_016, NOW.plus(HOUR)),
            Failed => failed(131_026),
            InDoubt => in_doubt(),
            _ => accepted(intent),
        };
        outcomes.push(run.outcome(intent, verdict));
        if matches!(state, Sent | Delivered | Read) {
            receipts.push(run.receipt(intent.seq, intent.attempt, reached(*state)));
        }
    }
    run.store.settle(&run.lease, outcomes).await.unwrap();
    run.fold_all(receipts).await;
    let letters: String = wanted.iter().map(|state| state.letter()).collect();
    assert_eq!(run.letters().await, letters);
}

async fn follows_the_table(stores: &dyn Factory, attempt: u32, table: &[(RecipientState, &str)]) {
    let store = stores.fresh().await;
    let wanted: Vec<_> = table.iter().flat_map(|(state, _)| [*state; 5]).collect();
    let run = running(&store, u32::try_from(wanted.len()).unwrap()).await;
    bring(&run, &wanted).await;
    for (seq, from) in (0..).zip(&wanted) {
        let (row, column) = (seq as usize / 5, seq as usize % 5);
        let evidence = every_evidence()[column].clone();
        let moves = vec![run.receipt(seq, attempt, evidence.clone())];
        let report = store.fold_receipts(&run.receipts, moves, 0).await.unwrap();
        let now = run.row(seq).await.state;
        let what = format!("{} by {evidence:?} of attempt {attempt} → {}", from.word(), now.word());
        assert!(now == *from || from.may_become(now), "not legal: {what}");
        let expected = table[row].1.chars().nth(column).unwrap();
        assert!(expected == '?' || expected == now.letter(), "expected {expected}: {what}");
        let changed = u64::from(now != *from);
        assert_eq!(report, FoldReport { moved: changed, without_effect: 1 - changed, unknown: 0 }, "{what}");
    }
    run.check().await;
}

pub async fn receipts_of_the_newest_attempt_follow_the_table(stores: &dyn Factory) {
    follows_the_table(stores, 2, &NEWEST).await;
}

pub async fn receipts_of_an_older_attempt_follow_the_table(stores: &dyn Factory) {
    follows_the_table(stores, 1, &OLDER).await;
}

pub async fn disorder_ends_where_order_ends(stores: &dyn Factory) {
    let orders = [
        [Sent, Delivered, Read],
        [Sent, Read, Delivered],
        [Delivered, Sent, Read],
        [Delivered, Read, Sent],
        [Read, Sent, Delivered],
        [Read, Delivered, Sent],
    ];
    let store = stores.fresh().await;
    let run = running(&store, 12).await;
    for intent in run.open(12).await {
        run.settle(&intent, accepted(&intent)).await;
    }
    for (seq, order) in (0..).zip(orders) {
        for state in order {
            run.fold(seq, 1, reached(state)).await;
        }
    }
    assert_eq!(run.letters().await, "rrrrrraaaaaa");
    let together = |(seq, order): (u32, [RecipientState; 3])| order.map(|state| run.receipt(seq, 1, reached(state)));
    run.fold_all((6..).zip(orders).flat_map(together).collect()).await;
    assert_eq!(run.letters().await, "r".repeat(12), "in one batch as well");
}

pub async fn a_double_has_no_effect(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    for intent in run.open(2).await {
        run.settle(&intent, accepted(&intent)).await;
    }
    let first = run.fold(0, 1, reached(Delivered)).await;
    assert_eq!(first, FoldReport { moved: 1, ..FoldReport::default() });
    let second = run.fold(0, 1, reached(Delivered)).await;
    assert_eq!(second, FoldReport { without_effect: 1, ..FoldReport::default() });
    let double = run.receipt(1, 1, undelivered(131_026, None));
    let report = run.fold_all(vec![double.clone(), double]).await;
    assert_eq!(report, FoldReport { moved: 1, without_effect: 1, unknown: 0 });
    assert_eq!(run.letters().await, "df");
    assert_eq!(store.failures(&run.id).await.unwrap(), [(131_026, 1)]);
    assert_eq!(run.log().await.len(), 2);
}

pub async fn what_the_store_does_not_know_is_counted(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let intent = run.open_one().await;
    run.settle(&intent, accepted(&intent)).await;
    let mut elsewhere = run.receipt(0, 1, reached(Read));
    elsewhere.broadcast = BroadcastId::from_random(77);
    let moves = vec![
        elsewhere,
        run.receipt(0, 1, reached(Delivered)),
        run.receipt(2, 1, reached(Read)),
        run.receipt(u32::MAX, 1, undelivered(1, Some(NOW))),
    ];
    let report = run.fold_all(moves).await;
    assert_eq!(report, FoldReport { moved: 1, without_effect: 0, unknown: 3 });
    assert_eq!(run.letters().await, "dq", "and the known one is not held up");
}

pub async fn evidence_writes_the_log_row_that_no_answer_wrote(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 6).await;
    let intents = run.open(6).await;
    for doubtful in &intents[..3] {
        run.settle(doubtful, in_doubt()).await;
    }
    run.settle(&intents[5], accepted(&intents[5])).await;
    let moves = vec![
        run.receipt(0, 1, reached(Sent)),
        run.receipt(1, 1, undelivered(131_026, None)),
        run.receipt(2, 1, reached(Read)),
        run.receipt(3, 1, reached(Delivered)),
        run.receipt(4, 1, undelivered(131_049, Some(RETRY_DUE))),
        run.receipt(5, 1, undelivered(131_026, None)),
    ];
    run.fold_all(moves).await;
    assert_eq!(run.letters().await, "sfrdqf");
    let mut log = run.log().await;
    log.sort();
    let words: Vec<_> = log.iter().map(|row| (row.0, row.2.as_str(), row.3)).collect();
    let expected = [
        (0, "sent", 0),
        (1, "failed", 131_026),
        (2, "sent", 0),
        (3, "sent", 0),
        (4, "failed", 131_049),
        (5, "sent", 0),
    ];
    assert_eq!(words, expected, "and the row of the one that was answered stays what Meta answered");
    let rows = store.log(Some(&run.id), 0, 10).await.unwrap();
    let proven = rows.iter().find(|row| row.seq == 0).unwrap();
    assert_eq!(proven.timestamp, NOW.plus(-3_000), "the evidence's time");
    run.fold(0, 1, reached(Delivered)).await;
    run.fold(3, 1, reached(Read)).await;
    assert_eq!(run.log().await.len(), 6, "one row an attempt");
}

pub async fn a_failed_receipt_can_queue_again(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 1).await;
    let intent = run.open_one().await;
    run.settle(&intent, accepted(&intent)).await;
    run.fold(0, 1, undelivered(131_049, Some(RETRY_DUE))).await;
    assert_eq!(store.next_due(&run.id).await.unwrap(), Some(RETRY_DUE));
    assert!(run.open_at(1, RETRY_DUE.plus(-1)).await.is_empty());
    let again = run.open_at(1, RETRY_DUE).await;
    assert_eq!((again[0].attempt, again[0].tries), (2, 1), "it used up a try");
    run.fold(0, 1, undelivered(131_049, Some(RETRY_DUE))).await;
    assert_eq!(run.letters().await, "g", "the older attempt fails the newer one never");
    run.settle(&again[0], accepted(&again[0])).await;
    run.fold(0, 1, undelivered(131_049, None)).await;
    assert_eq!(run.letters().await, "a");
}

pub async fn a_retry_by_receipt_need_not_use_up_a_try(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let intents = run.open(2).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], in_doubt()).await;
    let limited = |counts| {
        let (code, response) = (131_056, String::new());
        Evidence::Failed { code, response, retry: Some(NOW), counts, max_tries: 0, retry_at: None }
    };
    for (attempt, counts, tries) in [(1, false, 0), (2, true, 1), (3, false, 1)] {
        run.fold_all((0..2).map(|seq| run.receipt(seq, attempt, limited(counts))).collect()).await;
        let again = run.open(2).await;
        let told: Vec<_> = again.iter().map(|intent| (intent.seq, intent.attempt, intent.tries)).collect();
        assert_eq!(told, [(0, attempt + 1, tries), (1, attempt + 1, tries)]);
        for intent in &again {
            run.settle(intent, accepted(intent)).await;
        }
    }
}

pub async fn waiting_uses_up_no_try_of_a_receipt(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    // Both are at their third attempt: one had to wait twice, the other was tried twice.
    for attempt in 1..=2 {
        for intent in run.open(2).await {
            assert_eq!(intent.attempt, attempt);
            let (code, response) = (131_016, String::new());
            run.settle(&intent, Verdict::Retry { code, response, due: NOW, counts: intent.seq == 1 }).await;
        }
    }
    for intent in run.open(2).await {
        run.settle(&intent, accepted(&intent)).await;
    }
    let last = Evidence::Failed {
        code: 131_000,
        response: "{}".into(),
        retry: Some(RETRY_DUE),
        counts: true,
        max_tries: 3,
        retry_at: None,
    };
    run.fold_all((0..2).map(|seq| run.receipt(seq, 3, last.clone())).collect()).await;
    assert_eq!(run.letters().await, "qf");
    assert_eq!((run.row(1).await.code, run.row(1).await.due), (131_000, None), "failed for good");
    assert_eq!(run.open_at(2, RETRY_DUE).await[0].tries, 1);
}

pub async fn a_late_sent_after_a_failed_moves_nobody(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 6).await;
    let intents = run.open(6).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], in_doubt()).await;
    run.settle(&intents[3], retry(131_016, RETRY_DUE)).await;
    run.settle(&intents[4], retry(131_016, RETRY_DUE)).await;
    run.settle(&intents[5], accepted(&intents[5])).await;
    // Accepted, in doubt, under way; and one that was refused before, which a receipt only repeats.
    let failures = (0..4).map(|seq| run.receipt(seq, 1, undelivered(131_049, Some(RETRY_DUE)))).collect();
    run.fold_all(failures).await;
    assert_eq!(run.letters().await, "qqqqqa");
    let late = (0..5).map(|seq| run.receipt(seq, 1, reached(Sent))).collect();
    assert_eq!(run.fold_all(late).await.moved, 1);
    assert_eq!(run.letters().await, "qqqqsa", "only who was refused by an answer may be sent after all");
    let both = vec![run.receipt(5, 1, undelivered(131_049, Some(RETRY_DUE))), run.receipt(5, 1, reached(Sent))];
    assert_eq!(run.fold_all(both).await.moved, 1, "in one batch as well");
    assert_eq!(run.letters().await, "qqqqsq");
    assert_eq!(store.next_due(&run.id).await.unwrap(), Some(RETRY_DUE));
    run.fold_all(vec![run.receipt(1, 1, reached(Delivered)), run.receipt(2, 1, reached(Read))]).await;
    assert_eq!(run.letters().await, "qdrqsq", "proof of delivery wins all the same");

    let again = run.open_at(1, RETRY_DUE).await;
    assert_eq!((again[0].seq, again[0].attempt), (0, 2));
    run.settle(&again[0], Verdict::Unsent { due: None }).await;
    assert_eq!(run.fold(0, 1, reached(Sent)).await.moved, 0, "nor when the next attempt never left");
    let again = run.open_at(9, RETRY_DUE).await;
    assert_eq!(again.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [0, 3, 5]);
    run.settle(&again[1], retry(131_016, RETRY_DUE)).await;
    assert_eq!(run.fold(3, 2, reached(Sent)).await.moved, 1, "another attempt is another matter");
    store.cancel(&run.id, NOW).await.unwrap();
    assert_eq!(run.letters().await, "gdrssg");
}

pub async fn late_proof_cancels_a_retry(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    let intents = run.open(3).await;
    run.settle(&intents[0], retry(131_016, NOW)).await;
    run.settle(&intents[1], retry(131_016, NOW)).await;
    run.settle(&intents[2], accepted(&intents[2])).await;
    run.fold(2, 1, undelivered(131_049, Some(NOW))).await;
    assert_eq!(run.letters().await, "qqq");
    run.fold_all(vec![run.receipt(0, 1, reached(Sent)), run.receipt(1, 1, reached(Read))]).await;
    run.fold(2, 1, reached(Delivered)).await;
    assert_eq!(run.letters().await, "srd");
    assert_eq!(store.next_due(&run.id).await.unwrap(), None);
    assert!(run.open_at(9, NOW.plus(HOUR)).await.is_empty(), "whoever has the message is not sent it again");
    assert!(store.complete(&run.lease, &run.id, NOW).await.unwrap());
}

pub async fn receipts_move_counts_after_the_end(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 4).await;
    for intent in run.open(4).await {
        let verdict = if intent.seq == 3 { in_doubt() } else { accepted(&intent) };
        run.settle(&intent, verdict).await;
    }
    assert!(store.complete(&run.lease, &run.id, NOW).await.unwrap());
    run.fold(0, 1, reached(Read)).await;
    run.fold(1, 1, undelivered(131_026, None)).await;
    run.fold(2, 1, undelivered(131_049, Some(RETRY_DUE))).await;
    run.fold(3, 1, reached(Sent)).await;
    assert_eq!(run.letters().await, "rffs", "nobody is queued in what is completed");
    assert_eq!(run.row(2).await.due, Some(RETRY_DUE), "but a follow-up may take this person up then");
    assert_eq!(store.next_due(&run.id).await.unwrap(), None);
}

pub async fn proof_counts_after_a_cancel(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    let intents = run.open(3).await;
    run.settle(&intents[0], retry(131_016, NOW.plus(HOUR))).await;
    run.settle(&intents[1], retry(131_016, NOW.plus(HOUR))).await;
    run.settle(&intents[2], accepted(&intents[2])).await;
    store.cancel(&run.id, NOW).await.unwrap();
    assert_eq!(run.letters().await, "cca");
    run.fold(0, 1, reached(Delivered)).await;
    run.fold(1, 1, undelivered(131_026, Some(NOW))).await;
    run.fold(2, 1, undelivered(131_049, Some(NOW))).await;
    assert_eq!(run.letters().await, "dcf", "nobody is queued in what is cancelled");
    let answer = store.take_lease(RECEIPTS, &holder("driver"), LONG_TTL_MS, None).await.unwrap();
    assert_eq!(super::stage::granted(answer), run.receipts);
}
