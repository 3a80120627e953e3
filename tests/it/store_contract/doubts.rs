//! People in doubt: what an operator's word does to them, that evidence goes on counting afterwards, and whom a restored
//! backup puts in doubt.

use super::Factory;
use super::stage::{
    NOW, Run, SENDER, accepted, failed, in_doubt, preparing, reached, recipient, retry, running, running_under, take,
    take_over, undelivered,
};
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::Kinds;
use wacast::domain::state::RecipientState::{self, Accepted, Delivered, InDoubt, Read, Sent};
use wacast::domain::time::{HOUR, Millis};
use wacast::store::DoubtDecision::{self, CountAsSent, GiveUp, SendAgain};
use wacast::store::{AudiencePlace, Intent, RECEIPTS, RESTORED, StoreError, Verdict};

const WORD: &str = "asha looked at the phones";
const LATER: Millis = Millis(NOW.0 + HOUR);

async fn decide(run: &Run, seqs: Option<&[u32]>, decision: DoubtDecision) -> u64 {
    let moved = run.store.decide_doubts(&run.id, seqs, decision, WORD, LATER).await.unwrap();
    run.check().await;
    moved
}

/// A run of which everybody is in doubt about the first attempt.
async fn doubtful(stores: &dyn Factory, people: u32) -> (Run, Vec<Intent>) {
    let store = stores.fresh().await;
    let run = running(&store, people).await;
    let intents = run.open(people).await;
    let outcomes = intents.iter().map(|intent| run.outcome(intent, in_doubt())).collect();
    store.settle(&run.lease, outcomes).await.unwrap();
    assert_eq!(run.letters().await, "i".repeat(people as usize));
    (run, intents)
}

async fn log_of(run: &Run, seq: u32) -> Vec<(u32, String)> {
    run.log().await.into_iter().filter(|row| row.0 == seq).map(|row| (row.1, row.2)).collect()
}

fn sent_row(attempt: u32) -> (u32, String) {
    (attempt, "sent".to_owned())
}

pub async fn an_operators_word_moves_who_is_in_doubt(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 8).await;
    let intents = run.open(7).await;
    for intent in &intents[..5] {
        run.settle(intent, in_doubt()).await;
    }
    run.settle(&intents[5], accepted(&intents[5])).await;
    assert_eq!(run.letters().await, "iiiiiagq");
    assert_eq!(decide(&run, Some(&[0, 5, 6, 7, 99]), CountAsSent).await, 1, "the others are not in doubt");
    assert_eq!(decide(&run, Some(&[1]), GiveUp).await, 1);
    assert_eq!(decide(&run, Some(&[2]), SendAgain).await, 1);
    assert_eq!(run.letters().await, "afqiiagq");
    let rows = run.rows().await;
    for row in &rows[..2] {
        let told = (row.attempt, row.code, row.detail.as_str(), row.changed_at, row.due);
        assert_eq!(told, (1, 0, WORD, Some(LATER), None));
    }
    assert_eq!(rows[2].due, Some(LATER), "at once");
    assert_eq!(store.failures(&run.id).await.unwrap(), [(0, 1)]);
    assert_eq!(run.log().await.len(), 1, "there was no answer but one");

    assert_eq!(decide(&run, Some(&[0, 1, 2]), GiveUp).await, 0, "decided already");
    assert_eq!(decide(&run, Some(&[]), GiveUp).await, 0);
    assert_eq!(decide(&run, None, CountAsSent).await, 2, "whoever is left");
    assert_eq!(decide(&run, None, CountAsSent).await, 0);
    assert_eq!(run.letters().await, "afqaaagq");
    assert_eq!(store.recipients(&run.id, Some(InDoubt), None, 10).await.unwrap(), []);

    let unknown = store.decide_doubts(&BroadcastId::from_random(5), None, GiveUp, WORD, NOW).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))), "{unknown:?}");
    let many: Vec<u32> = (0..5_001).collect();
    let refused = store.decide_doubts(&run.id, Some(&many), GiveUp, WORD, NOW).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

pub async fn a_decision_survives_reopening(stores: &dyn Factory) {
    let (run, _) = doubtful(stores, 3).await;
    decide(&run, Some(&[0]), CountAsSent).await;
    decide(&run, Some(&[1]), GiveUp).await;
    decide(&run, Some(&[2]), SendAgain).await;
    let before = run.rows().await;
    let Run { store, lease, receipts, id } = run;
    let run = Run { store: stores.reopen(store).await, lease, receipts, id };
    assert_eq!(run.rows().await, before);
    let again = run.open_at(1, LATER).await;
    assert_eq!((again[0].seq, again[0].attempt), (2, 2));
}

pub async fn evidence_counts_after_counting_as_sent(stores: &dyn Factory) {
    let (run, intents) = doubtful(stores, 6).await;
    decide(&run, None, CountAsSent).await;
    run.fold(0, 1, reached(Sent)).await;
    run.fold(1, 1, reached(Delivered)).await;
    run.fold(2, 1, undelivered(131_026, None)).await;
    run.fold(3, 1, undelivered(131_049, Some(LATER))).await;
    run.settle(&intents[4], accepted(&intents[4])).await;
    run.settle(&intents[5], failed(131_053)).await;
    assert_eq!(run.letters().await, "sdfqaa", "a late answer is on record and moves nobody");
    assert_eq!(log_of(&run, 0).await, [sent_row(1)], "the evidence is the attempt's row");
    assert_eq!(run.row(0).await.detail, "", "the word is gone with the proof");
    assert_eq!(run.row(2).await.code, 131_026);
    assert_eq!(run.log().await.len(), 6);
    let again = run.open_at(1, LATER).await;
    assert_eq!((again[0].seq, again[0].attempt, again[0].tries), (3, 2, 1));

    run.fold_all(vec![run.receipt(4, 1, undelivered(131_026, None)), run.receipt(5, 1, undelivered(131_026, None))])
        .await;
    assert_eq!(run.store.failures(&run.id).await.unwrap(), [(131_026, 3)]);
    run.fold_all(vec![run.receipt(2, 1, reached(Read)), run.receipt(5, 1, reached(Delivered))]).await;
    assert_eq!(run.letters().await, "sdrgfd");
    assert_eq!(run.store.failures(&run.id).await.unwrap(), [(131_026, 1)]);
    assert_eq!(run.log().await.len(), 6, "one row an attempt");
}

pub async fn late_proof_counts_after_giving_up(stores: &dyn Factory) {
    let (run, intents) = doubtful(stores, 4).await;
    decide(&run, None, GiveUp).await;
    assert_eq!(run.fold(0, 1, reached(Sent)).await.moved, 0, "that it left is not that it arrived");
    assert_eq!(run.fold(1, 1, undelivered(131_026, None)).await.moved, 0);
    run.settle(&intents[2], failed(131_053)).await;
    run.settle(&intents[3], accepted(&intents[3])).await;
    assert_eq!(run.letters().await, "ffff");
    assert_eq!(run.store.failures(&run.id).await.unwrap(), [(0, 4)]);
    assert!(run.rows().await.iter().all(|row| row.detail == WORD && row.code == 0 && row.attempt == 1));
    run.fold_all((0..4).map(|seq| run.receipt(seq, 1, reached(Delivered))).collect()).await;
    assert_eq!(run.letters().await, "dddd");
    assert_eq!(run.store.failures(&run.id).await.unwrap(), []);
    assert_eq!(run.log().await.len(), 4);
}

pub async fn who_is_sent_again_is_the_next_attempt(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let first = run.open(2).await;
    run.settle(&first[0], retry(131_016, NOW)).await;
    run.settle(&first[1], in_doubt()).await;
    let second = run.open_one().await;
    assert_eq!((second.attempt, second.tries), (2, 1));
    run.settle(&second, in_doubt()).await;
    assert_eq!(decide(&run, None, SendAgain).await, 2);
    assert_eq!(store.next_due(&run.id).await.unwrap(), Some(LATER));
    let again = run.open_at(5, LATER).await;
    let told: Vec<_> = again.iter().map(|intent| (intent.seq, intent.attempt, intent.tries)).collect();
    assert_eq!(told, [(0, 3, 1), (1, 2, 0)], "no try was used up");
    run.settle(&first[1], accepted(&first[1])).await;
    assert_eq!(run.letters().await, "gg", "the older attempt's late answer moves nobody");
    run.settle(&again[0], in_doubt()).await;
    run.settle(&again[1], accepted(&again[1])).await;
    decide(&run, None, SendAgain).await;
    let fourth = run.open_at(5, LATER).await;
    assert_eq!((fourth[0].seq, fourth[0].attempt, fourth[0].tries), (0, 4, 1), "as often as it is asked for");
}

pub async fn late_proof_cancels_sending_again(stores: &dyn Factory) {
    let (run, _) = doubtful(stores, 5).await;
    decide(&run, None, SendAgain).await;
    assert_eq!(run.open_at(1, LATER).await[0].attempt, 2);
    run.fold_all(vec![
        run.receipt(0, 1, reached(Delivered)),
        run.receipt(1, 1, reached(Delivered)),
        run.receipt(2, 1, reached(Sent)),
        run.receipt(3, 1, undelivered(131_026, None)),
    ])
    .await;
    assert_eq!(run.letters().await, "ddsqq", "whoever has it is not sent it again, under way or not");
    assert_eq!(run.fold(3, 1, reached(Sent)).await.moved, 0, "that it failed is known");
    let again = run.open_at(9, LATER).await;
    assert_eq!(again.iter().map(|intent| (intent.seq, intent.attempt)).collect::<Vec<_>>(), [(3, 2), (4, 2)]);
    run.fold(4, 1, undelivered(131_026, None)).await;
    assert_eq!(run.letters().await, "ddsgg", "the older attempt fails the newer one never");
    assert_eq!(run.log().await.len(), 5);
}

pub async fn each_doubtful_attempt_gets_its_row_from_evidence(stores: &dyn Factory) {
    let (run, _) = doubtful(stores, 2).await;
    decide(&run, None, SendAgain).await;
    for intent in run.open_at(2, LATER).await {
        run.settle(&intent, in_doubt()).await;
    }
    run.fold_all(vec![run.receipt(0, 1, reached(Delivered)), run.receipt(1, 2, reached(Delivered))]).await;
    run.fold_all(vec![run.receipt(0, 2, reached(Delivered)), run.receipt(1, 1, reached(Read))]).await;
    assert_eq!(run.letters().await, "dr");
    for seq in 0..2 {
        let mut log = log_of(&run, seq).await;
        log.sort();
        assert_eq!(log, [sent_row(1), sent_row(2)], "both reached WhatsApp, and both are on record");
    }
}

pub async fn nobody_is_sent_again_in_what_is_over(stores: &dyn Factory) {
    let (completed, _) = doubtful(stores, 2).await;
    let store = &completed.store;
    let cancelled = running_under(store, &completed.lease, 10..13).await;
    let intents = cancelled.open(2).await;
    cancelled.settle(&intents[0], in_doubt()).await;
    cancelled.settle(&intents[1], in_doubt()).await;
    assert!(store.complete(&completed.lease, &completed.id, NOW).await.unwrap());
    store.cancel(&cancelled.id, NOW).await.unwrap();
    for run in [&completed, &cancelled] {
        let refused = store.decide_doubts(&run.id, None, SendAgain, WORD, NOW).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        assert_eq!(decide(run, Some(&[0]), CountAsSent).await, 1);
        assert_eq!(decide(run, Some(&[1]), GiveUp).await, 1);
        run.fold(1, 1, reached(Read)).await;
    }
    assert_eq!((completed.letters().await, cancelled.letters().await), ("ar".to_owned(), "arc".to_owned()));
}

pub async fn what_was_recovered_is_decided_too(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 4).await;
    let intent = run.open_one().await;
    run.settle(&intent, retry(131_016, NOW)).await;
    run.open(3).await;
    let heir = take_over(&*store, &run.lease, "heir").await;
    assert_eq!(store.recover(&heir, NOW).await.unwrap(), [(run.id.clone(), 3)]);
    decide(&run, Some(&[0]), SendAgain).await;
    decide(&run, Some(&[1]), SendAgain).await;
    decide(&run, None, GiveUp).await;
    assert_eq!(run.letters().await, "qqfq");
    let again = store.open_window(&heir, &run.id, 9, Kinds::ALL, LATER).await.unwrap();
    let told: Vec<_> = again.iter().map(|intent| (intent.seq, intent.attempt, intent.tries)).collect();
    assert_eq!(told, [(0, 3, 1), (1, 2, 0), (3, 1, 0)]);
}

pub async fn a_large_number_of_doubts_is_decided_whole(stores: &dyn Factory) {
    let (run, _) = doubtful(stores, 2_300).await;
    assert_eq!(decide(&run, Some(&[1_500]), GiveUp).await, 1);
    assert_eq!(decide(&run, None, CountAsSent).await, 2_299);
    let counts = run.store.counts(&run.id).await.unwrap();
    assert_eq!((counts.get(Accepted), counts.get(InDoubt)), (2_299, 0));
    assert!(run.rows().await.iter().all(|row| row.detail == WORD));
    run.fold_all((0..2_300).map(|seq| run.receipt(seq, 1, reached(Delivered))).collect()).await;
    assert_eq!(run.store.counts(&run.id).await.unwrap().get(Delivered), 2_300);
}

pub async fn a_restored_backup_doubts_who_may_have_been_sent_to(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 9).await;
    let intents = run.open(5).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], retry(131_016, LATER)).await;
    run.settle(&intents[2], Verdict::Unsent { due: None }).await;
    run.settle(&intents[3], in_doubt()).await;
    assert_eq!(run.letters().await, "aqqigqqqq");

    assert_eq!(store.doubt_queued(&run.lease, &run.id, None, LATER).await.unwrap(), 2);
    run.check().await;
    assert_eq!(run.letters().await, "aiiigqqqq", "nobody who never had an intent");
    assert_eq!(store.doubt_queued(&run.lease, &run.id, Some(6), LATER).await.unwrap(), 2);
    run.check().await;
    assert_eq!(run.letters().await, "aiiigiiqq", "and those up to there; under way is recovery's");
    assert_eq!(store.doubt_queued(&run.lease, &run.id, Some(6), LATER).await.unwrap(), 0);
    assert_eq!(store.next_due(&run.id).await.unwrap(), None);
    let rows = run.rows().await;
    assert_eq!([1, 2, 5, 6].map(|seq: usize| rows[seq].attempt), [2, 1, 1, 1], "the one that would have been next");
    assert!([1, 2, 5, 6].iter().all(|seq: &usize| rows[*seq].detail == RESTORED));
    assert_eq!(rows[3].detail, "the connection was reset");
    let next = run.open_at(9, LATER).await;
    assert_eq!(next.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [7, 8]);

    run.fold(5, 1, reached(Delivered)).await;
    assert_eq!(log_of(&run, 5).await, [sent_row(1)], "evidence settles these doubts as it does others");
    run.settle(&intents[4], accepted(&intents[4])).await;
    decide(&run, Some(&[1, 6]), SendAgain).await;
    let again = run.open_at(9, LATER).await;
    let told: Vec<_> = again.iter().map(|intent| (intent.seq, intent.attempt, intent.tries)).collect();
    assert_eq!(told, [(1, 3, 1), (6, 2, 0)], "a number that may have been used is not used again");
}

pub async fn a_restored_backup_of_many_is_taken_into_use(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3_400).await;
    for intent in run.open(20).await {
        run.settle(&intent, accepted(&intent)).await;
    }
    assert_eq!(store.doubt_queued(&run.lease, &run.id, Some(3_199), NOW).await.unwrap(), 3_180);
    run.check().await;
    assert_eq!(decide(&run, None, GiveUp).await, 3_180);
    let counts = store.counts(&run.id).await.unwrap();
    assert_eq!((counts.get(RecipientState::Queued), counts.get(RecipientState::Failed)), (200, 3_180));
    assert_eq!(store.failures(&run.id).await.unwrap(), [(0, 3_180)]);
    assert_eq!(run.open(5_000).await.len(), 200);
}

pub async fn a_backup_from_before_the_start_is_taken_into_use(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let receipts = take(&*store, RECEIPTS, "driver").await;
    let id = preparing(&*store, 0..4).await.id;
    let place = AudiencePlace { upload: 1, row: 4 };
    store.add_recipients(&lease, &id, 0, (0..4).map(recipient).collect(), place).await.unwrap();
    assert_eq!(store.doubt_queued(&lease, &id, Some(1), NOW).await.unwrap(), 2);
    store.begin_running(&lease, &id, 4, NOW).await.unwrap();
    let run = Run { store, lease, receipts, id };
    assert_eq!(run.letters().await, "iiqq");
    decide(&run, Some(&[1]), SendAgain).await;
    let next = run.open_at(9, LATER).await;
    let told: Vec<_> = next.iter().map(|intent| (intent.seq, intent.attempt)).collect();
    assert_eq!(told, [(1, 2), (2, 1), (3, 1)], "each once");
}

pub async fn a_backup_is_taken_into_use_by_the_holder_alone(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    let heir = take_over(&*store, &run.lease, "heir").await;
    let stale = store.doubt_queued(&run.lease, &run.id, Some(1), NOW).await;
    assert!(matches!(stale, Err(StoreError::LeaseLost)), "{stale:?}");
    let other = take(&*store, "100000000000002", "other").await;
    let foreign = store.doubt_queued(&other, &run.id, Some(1), NOW).await;
    assert!(matches!(foreign, Err(StoreError::LeaseLost)), "{foreign:?}");
    let unknown = store.doubt_queued(&heir, &BroadcastId::from_random(5), Some(1), NOW).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))), "{unknown:?}");
    assert_eq!(run.letters().await, "qqq");
    store.cancel(&run.id, NOW).await.unwrap();
    let over = store.doubt_queued(&heir, &run.id, Some(1), NOW).await;
    assert!(matches!(over, Err(StoreError::Conflict(_))), "{over:?}");
    assert_eq!(run.letters().await, "ccc");
}
