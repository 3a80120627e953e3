//! What the cases stand on: made-up people, and a running broadcast in one line.
//!
//! All times are fixed numbers; only leases end by the store's own clock. [`Run`] checks after each of its
//! steps that the counts add up, so that every case is a case about that as well.

mod run;

pub use run::{Run, accepted, failed, in_doubt, reached, retry, running, running_under, undelivered};

use std::collections::BTreeMap;
use std::ops::Range;
use wacast::domain::broadcast::{Audience, Broadcast, Definition, Number, UploadId};
use wacast::domain::ids::BroadcastId;
use wacast::domain::phone::Phone;
use wacast::domain::state::BroadcastStatus;
use wacast::domain::template::Template;
use wacast::domain::time::Millis;
use wacast::store::{
    BroadcastMade, Holder, Lease, LeaseAnswer, NewBroadcast, NewRecipient, NewUpload, Store, UploadBegun, UploadReport,
    UploadRow,
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
        sub_category: "ORDER_STATUS".to_owned(),
        rejected_reason: "INVALID_FORMAT".to_owned(),
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
        audience: Audience { list: list.map(str::to_owned), uploads: vec![], follow_up: None, own: Vec::new() },
        messages_per_second: None,
        rehearsal: false,
        choices: wacast::domain::broadcast::Choices::default(),
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
