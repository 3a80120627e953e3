//! What the cases stand on: made-up people, and a running broadcast in one line.
//!
//! All times are fixed numbers; only leases end by the store's own clock. [`Run`] checks after each of its
//! steps that the counts add up, so that every case is a case about that as well.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use wacast::domain::broadcast::{Audience, Broadcast, Counts, Definition, Number, UploadId};
use wacast::domain::ids::BroadcastId;
use wacast::domain::phone::Phone;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::template::Template;
use wacast::domain::time::Millis;
use wacast::store::{
    BroadcastMade, Evidence, FoldReport, Holder, Intent, Lease, LeaseAnswer, NewBroadcast, NewRecipient, NewUpload,
    Outcome, RECEIPTS, ReceiptMove, RecipientRow, Store, UploadBegun, UploadReport, UploadRow, Verdict,
};

/// The time of the cases; the beginning of a quarter hour.
pub const NOW: Millis = Millis(1_800_000_000_000);
/// The sender of the cases.
pub const SENDER: &str = "100000000000001";
/// Longer than any case takes.
pub const LONG_TTL_MS: i64 = 600_000;

/// A made-up phone.
pub fn phone(person: u32) -> Phone {
    Phone::from_digits(919_999_900_000 + u64::from(person)).unwrap()
}

/// A made-up person.
pub fn number(person: u32) -> Number {
    let attributes = BTreeMap::from([("city".to_owned(), format!("City {person}"))]);
    Number { phone: phone(person), name: format!("Person {person}"), attributes }
}

/// Rows 1, 2, … of an upload.
pub fn rows(people: impl IntoIterator<Item = u32>) -> Vec<UploadRow> {
    people.into_iter().zip(1..).map(|(person, row)| UploadRow { row, number: number(person) }).collect()
}

/// An upload to be begun, without a key.
pub fn new_upload(list: &str) -> NewUpload {
    NewUpload { list: list.to_owned(), source: "people.csv".to_owned(), tags: vec![], idempotency: None }
}

/// Begins an upload that must be new.
pub async fn begin_upload(store: &dyn Store, list: &str) -> UploadId {
    match store.begin_upload(new_upload(list), NOW).await.unwrap() {
        UploadBegun::New(id) => id,
        other => panic!("not new: {other:?}"),
    }
}

/// Uploads these people into a list.
pub async fn upload(store: &dyn Store, list: &str, people: impl IntoIterator<Item = u32>) -> UploadId {
    let id = begin_upload(store, list).await;
    let rows = rows(people);
    let received = rows.len() as u64;
    store.add_rows(id, rows).await.unwrap();
    let report = UploadReport { received, imported: received, ..UploadReport::default() };
    store.finish_upload(id, report, NOW).await.unwrap();
    id
}

/// A template by its name.
pub fn template(name: &str) -> Template {
    Template {
        id: "77".to_owned(),
        name: name.to_owned(),
        language: "en_US".to_owned(),
        status: "APPROVED".to_owned(),
        category: "MARKETING".to_owned(),
        quality: "GREEN".to_owned(),
        parameter_format: "POSITIONAL".to_owned(),
        components: vec![],
    }
}

/// What a broadcast of `launch` to a list is made from; its audience is not fixed yet.
pub fn definition(list: Option<&str>) -> Definition {
    Definition {
        label: "Launch".to_owned(),
        sender: SENDER.to_owned(),
        template: template("launch"),
        bindings: BTreeMap::new(),
        audience: Audience { list: list.map(str::to_owned), uploads: vec![] },
        messages_per_second: None,
        rehearsal: false,
    }
}

/// A broadcast to be prepared at once, with a new id.
pub fn new_broadcast(definition: Definition, total: u32) -> NewBroadcast {
    NewBroadcast {
        id: BroadcastId::from_random(fastrand::u64(..)),
        definition,
        status: BroadcastStatus::Preparing,
        start_at: None,
        total,
        occurrence: None,
        idempotency: None,
        refuse_repeats_since: None,
    }
}

/// Makes a broadcast that must be new.
pub async fn make(store: &dyn Store, new: NewBroadcast) -> Broadcast {
    match store.make_broadcast(new, NOW).await.unwrap() {
        BroadcastMade::New(broadcast) => broadcast,
        other => panic!("not new: {other:?}"),
    }
}

/// A broadcast to `people` that is being prepared, nobody frozen yet.
pub async fn preparing(store: &dyn Store, people: Range<u32>) -> Broadcast {
    let total = people.end - people.start;
    let list = format!("list {}", fastrand::u64(..));
    let upload = upload(store, &list, people).await;
    let mut definition = definition(Some(&list));
    definition.audience.uploads = vec![upload];
    make(store, new_broadcast(definition, total)).await
}

/// A recipient to be frozen.
pub fn recipient(person: u32) -> NewRecipient {
    NewRecipient {
        phone: phone(person),
        name: format!("Person {person}"),
        values: vec![format!("Person {person}"), "Diwali".to_owned()],
        skipped: None,
    }
}

/// A recipient who is left out.
pub fn skipped(person: u32, reason: &str) -> NewRecipient {
    NewRecipient { skipped: Some(reason.to_owned()), ..recipient(person) }
}

/// A process that asks for leases.
pub fn holder(process: &str) -> Holder {
    Holder {
        process: process.to_owned(),
        host: "host.example.com".to_owned(),
        pid: 4_711,
        boot_id: "a-boot".to_owned(),
        lock_file: format!("/run/wacast/{process}.lock"),
        face: "headless".to_owned(),
    }
}

/// Takes a lease that must be free.
pub async fn take(store: &dyn Store, subject: &str, process: &str) -> Lease {
    granted(store.take_lease(subject, &holder(process), LONG_TTL_MS, None).await.unwrap())
}

/// Takes a lease over from a holder that is gone.
pub async fn take_over(store: &dyn Store, from: &Lease, process: &str) -> Lease {
    granted(store.take_lease(&from.subject, &holder(process), LONG_TTL_MS, Some(from.fence)).await.unwrap())
}

/// The lease, if it was granted.
pub fn granted(answer: LeaseAnswer) -> Lease {
    match answer {
        LeaseAnswer::Granted(lease) => lease,
        LeaseAnswer::Held(view) => panic!("held: {view:?}"),
    }
}

/// A broadcast with the lease that drives it.
pub struct Run {
    pub store: Arc<dyn Store>,
    pub lease: Lease,
    pub receipts: Lease,
    pub id: BroadcastId,
}

/// A running broadcast to `people` persons, with the sender's lease and that of the receipts.
pub async fn running(store: &Arc<dyn Store>, people: u32) -> Run {
    let lease = take(&**store, SENDER, "driver").await;
    running_under(store, &lease, 0..people).await
}

/// A running broadcast to these people under a lease.
pub async fn running_under(store: &Arc<dyn Store>, lease: &Lease, people: Range<u32>) -> Run {
    let (store, lease) = (Arc::clone(store), lease.clone());
    let total = people.end - people.start;
    let id = preparing(&*store, people.clone()).await.id;
    let broadcast = store.broadcast(&id).await.unwrap();
    let uploads = &broadcast.definition.audience.uploads;
    let mut stored = 0;
    let mut place = None;
    loop {
        let page = store.audience_page(uploads, place, 700).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        place = Some(*last);
        let recipients: Vec<_> = page
            .iter()
            .map(|(_, number)| recipient(u32::try_from(number.phone.digits() - 919_999_900_000).unwrap()))
            .collect();
        let added = u32::try_from(recipients.len()).unwrap();
        store.add_recipients(&lease, &id, stored, recipients, *last).await.unwrap();
        stored += added;
    }
    store.begin_running(&lease, &id, total, NOW).await.unwrap();
    let receipts = take(&*store, RECEIPTS, "driver").await;
    Run { store, lease, receipts, id }
}

impl Run {
    /// Opens a window at [`NOW`].
    pub async fn open(&self, limit: u32) -> Vec<Intent> {
        self.open_at(limit, NOW).await
    }

    /// Opens a window.
    pub async fn open_at(&self, limit: u32, now: Millis) -> Vec<Intent> {
        let intents = self.store.open_window(&self.lease, &self.id, limit, now).await.unwrap();
        self.check().await;
        intents
    }

    /// Opens a window of one and takes it out.
    pub async fn open_one(&self) -> Intent {
        let mut intents = self.open(1).await;
        assert_eq!(intents.len(), 1, "somebody is due");
        intents.remove(0)
    }

    /// What came of an intent.
    pub fn outcome(&self, intent: &Intent, verdict: Verdict) -> Outcome {
        let broadcast = self.id.clone();
        Outcome { broadcast, seq: intent.seq, attempt: intent.attempt, phone: intent.phone, at: NOW, verdict }
    }

    /// Settles one outcome under the lease.
    pub async fn settle(&self, intent: &Intent, verdict: Verdict) {
        self.settle_under(&self.lease, intent, verdict).await;
    }

    /// Settles one outcome under another lease.
    pub async fn settle_under(&self, lease: &Lease, intent: &Intent, verdict: Verdict) {
        self.store.settle(lease, vec![self.outcome(intent, verdict)]).await.unwrap();
        self.check().await;
    }

    /// What a receipt says of an attempt; Meta's clock is 3 s behind.
    pub fn receipt(&self, seq: u32, attempt: u32, evidence: Evidence) -> ReceiptMove {
        let wamid = format!("wamid.{seq}.{attempt}");
        ReceiptMove { broadcast: self.id.clone(), seq, attempt, wamid, at: NOW.plus(-3_000), evidence }
    }

    /// Folds one receipt.
    pub async fn fold(&self, seq: u32, attempt: u32, evidence: Evidence) -> FoldReport {
        self.fold_all(vec![self.receipt(seq, attempt, evidence)]).await
    }

    /// Folds receipts.
    pub async fn fold_all(&self, moves: Vec<ReceiptMove>) -> FoldReport {
        let told = moves.len() as u64;
        let report = self.store.fold_receipts(&self.receipts, moves, 0).await.unwrap();
        assert!(report.moved + report.without_effect + report.unknown <= told, "{report:?}");
        self.check().await;
        report
    }

    /// All recipients' states in order of seq, a letter each.
    pub async fn letters(&self) -> String {
        self.rows().await.iter().map(|row| row.state.letter()).collect()
    }

    /// All recipients.
    pub async fn rows(&self) -> Vec<RecipientRow> {
        self.store.recipients(&self.id, None, None, 5_000).await.unwrap()
    }

    /// One recipient.
    pub async fn row(&self, seq: u32) -> RecipientRow {
        self.rows().await.swap_remove(seq as usize)
    }

    /// The log of this broadcast as (seq, attempt, status, code).
    pub async fn log(&self) -> Vec<(u32, u32, String, i64)> {
        let rows = self.store.log(Some(&self.id), 0, 5_000).await.unwrap();
        rows.into_iter().map(|row| (row.seq, row.attempt, row.status, row.code)).collect()
    }

    /// Where the broadcast stands.
    pub async fn status(&self) -> BroadcastStatus {
        self.store.broadcast(&self.id).await.unwrap().status
    }

    /// The counts are those of the recipients one by one, and add up to the audience.
    pub async fn check(&self) {
        let mut counted = Counts::default();
        for row in self.rows().await {
            counted.add(row.state, 1);
        }
        let counts = self.store.counts(&self.id).await.unwrap();
        assert_eq!(counts, counted);
        assert_eq!(counts.total(), u64::from(self.store.broadcast(&self.id).await.unwrap().total));
    }
}

/// Meta took it.
pub fn accepted(intent: &Intent) -> Verdict {
    Verdict::Accepted { wamid: format!("wamid.{}.{}", intent.seq, intent.attempt), response: "{\"ok\":1}".to_owned() }
}

/// Refused for good.
pub fn failed(code: i64) -> Verdict {
    Verdict::Failed { code, response: format!("{{\"code\":{code}}}"), retry_at: None }
}

/// Refused, to be tried again.
pub fn retry(code: i64, due: Millis) -> Verdict {
    Verdict::Retry { code, response: format!("{{\"code\":{code}}}"), due, counts: true }
}

/// It may have been accepted.
pub fn in_doubt() -> Verdict {
    Verdict::InDoubt { detail: "the connection was reset".to_owned() }
}

/// A receipt that it got so far.
pub fn reached(state: RecipientState) -> Evidence {
    Evidence::Reached(state)
}

/// A receipt that it could not be delivered.
pub fn undelivered(code: i64, retry: Option<Millis>) -> Evidence {
    Evidence::Failed { code, response: format!("{{\"code\":{code}}}"), retry, retry_at: None }
}
