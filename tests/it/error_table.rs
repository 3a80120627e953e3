//! Every row of the error policy, by answer and by receipt, through the sandbox, the real client and engine, and SQLite:
//! what becomes of the person, of the broadcast and of the sender.
//!
//! What each code is to lead to is laid down by the policy's own test; here it is what each action does.

pub mod site;

use futures_util::future::join_all;
use site::{Site, phone};
use std::collections::BTreeSet;
use std::time::Duration;
use wacast::clock::{Clock, SystemClock};
use wacast::domain::error_policy::{Action, ErrorPolicy, Rule};
use wacast::domain::phone::Phone;
use wacast::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use wacast::domain::time::HOUR;
use wacast::sandbox::{Provoked, Settings};
use wacast::service::view::WhyNotFaster;
use wacast::store::RecipientRow;

/// A row of the policy, provoked in one of two ways.
#[derive(Debug, Clone)]
pub struct Case {
    pub what: Provoked,
    pub rule: Rule,
}

impl Case {
    /// What is to be done; a message that was taken cannot be malformed.
    pub fn action(&self) -> Action {
        self.rule.action_for(&self.what.details, self.what.by_receipt)
    }
}

/// Every row of the built-in table in both ways; of ranges the last code.
pub fn cases() -> Vec<Case> {
    let policy = ErrorPolicy::built_in();
    let table = include_str!("../../assets/error_policy.csv");
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(table.as_bytes());
    let mut cases = Vec::new();
    for row in reader.records().map(Result::unwrap) {
        let codes: Vec<i64> = match &row[0] {
            "transient" | "unknown" | "unknown-5xx" => vec![999_999],
            codes => match codes.split_once('-') {
                Some((_, last)) => vec![last.parse().unwrap()],
                None => codes.split('/').map(|code| code.parse().unwrap()).collect(),
            },
        };
        for code in codes {
            for by_receipt in [false, true] {
                let subcode: Option<i64> = row[1].parse().ok();
                let only_by_answer = subcode.is_some() || matches!(&row[0], "transient" | "unknown-5xx");
                // A receipt with code 0 is one without a code.
                if by_receipt && (only_by_answer || code == 0) {
                    continue;
                }
                let transient = !by_receipt && (&row[0] == "transient" || code == 2);
                let http_status = (&row[0] == "unknown-5xx").then_some(502);
                let what = Provoked { code, subcode, details: "a test".into(), transient, http_status, by_receipt };
                let status = (!by_receipt).then(|| http_status.unwrap_or(400));
                let rule = policy.rule_for(code, subcode, status, transient).clone();
                assert_eq!(rule.title, row[9].trim(), "the row of {code} is the one that counts");
                cases.push(Case { what, rule });
            }
        }
    }
    assert!(cases.len() > 270, "{} cases", cases.len());
    cases
}

/// Each with a phone of its own.
pub fn with_phones(cases: Vec<Case>) -> Vec<(Phone, Case)> {
    (0..).map(phone).zip(cases).collect()
}

async fn site_for(cases: &[(Phone, Case)], settings: Settings) -> Site {
    let site = Site::new(0.0, settings).await;
    site.provoke(cases.iter().map(|(phone, case)| (*phone, case.what.clone())));
    site
}

fn of(rows: &[RecipientRow], phone: Phone) -> Option<&RecipientRow> {
    rows.iter().find(|row| row.phone == phone)
}

/// Somebody who waits for a minute, so that the broadcast with this person in it does not end meanwhile.
pub fn waiter(phone: Phone) -> (Phone, Provoked) {
    let waiter = Phone::from_digits(phone.digits() + 50_000).unwrap();
    (waiter, Provoked { code: 131_057, ..Provoked::default() })
}

/// How long from now somebody waits.
fn wait_ms(row: &RecipientRow) -> Option<i64> {
    row.due.map(|due| due.since(SystemClock.now()))
}

/// Whether a person stands as a code that touches nobody else wants it.
fn stands(case: &Case, row: Option<&RecipientRow>) -> bool {
    let Some(row) = row else { return false };
    let wait = wait_ms(row);
    let least = i64::from(case.rule.wait_s) * 1_000;
    row.code == case.what.code
        && match case.action() {
            Action::Fail => row.state == RecipientState::Failed && wait.is_none(),
            Action::FailRetryLater => row.state == RecipientState::Failed && wait > Some(23 * HOUR),
            Action::Retry | Action::SlowDown | Action::DelayRecipient => {
                row.state == RecipientState::Queued && wait > Some(least - 4_000)
            }
            _ => row.state == RecipientState::Queued,
        }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_about_one_person_leave_everybody_else_alone() {
    let alone = |case: &Case| {
        matches!(case.action(), Action::Fail | Action::FailRetryLater | Action::Retry | Action::DelayRecipient)
    };
    let cases = with_phones(cases().into_iter().filter(alone).collect());
    assert!(cases.len() > 80, "{}", cases.len());
    let site = site_for(&cases, Settings::default()).await;
    let mut people: Vec<Phone> = cases.iter().map(|(phone, _)| *phone).collect();
    let well = phone(40_000);
    people.push(well);
    let id = site.broadcast("MARKETING", &people).await;
    let mut seen = BTreeSet::new();
    let (broadcast, rows) = site
        .until(&id, "everybody's state", |_, rows| {
            seen.extend(cases.iter().filter(|(phone, case)| stands(case, of(rows, *phone))).map(|(phone, _)| *phone));
            seen.len() == cases.len() && of(rows, well).is_some_and(|row| row.state == RecipientState::Delivered)
        })
        .await;
    assert_eq!(broadcast.status, BroadcastStatus::Running, "{:?}", broadcast.detail);
    assert!(rows.iter().all(|row| row.state != RecipientState::InDoubt));
    assert!(!matches!(site.engine().link().status.borrow().why, WhyNotFaster::SlowedByApi { .. }));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_back_marketing_is_tried_again_for_marketing_alone() {
    // Marketing does not even go to +1.
    let people = [phone(1), Phone::from_digits(12_125_550_111).unwrap()];
    for by_receipt in [false, true] {
        let site = Site::new(0.0, Settings::default()).await;
        site.provoke(people.map(|phone| (phone, Provoked { code: 131_049, by_receipt, ..Provoked::default() })));
        for (category, expected) in [("MARKETING", [true, false]), ("UTILITY", [false; 2])] {
            let id = site.broadcast(category, &people).await;
            let ended = |row: &RecipientRow| matches!(row.state, RecipientState::Failed | RecipientState::Skipped);
            let through = |rows: &[RecipientRow]| rows.len() == 2 && rows.iter().all(ended);
            let (_, rows) = site.until(&id, "nobody gets it", |_, rows| through(rows)).await;
            assert_eq!(
                people.map(|phone| of(&rows, phone).is_some_and(|row| row.due.is_some())),
                expected,
                "{category} {by_receipt}"
            );
            // Six seconds lie between two messages to one person.
            tokio::time::sleep(Duration::from_millis(if category == "UTILITY" { 0 } else { 6_100 })).await;
        }
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_about_the_pace_slow_the_sender_and_fail_nobody() {
    for by_receipt in [false, true] {
        let slow = |case: &Case| case.action() == Action::SlowDown && case.what.by_receipt == by_receipt;
        let cases = with_phones(cases().into_iter().filter(slow).collect());
        assert!(cases.len() >= 9, "{}", cases.len());
        // All of them are under way before the first answer.
        let site = site_for(&cases, Settings { latency_ms: (700, 700), ..Settings::default() }).await;
        let people: Vec<Phone> = cases.iter().map(|(phone, _)| *phone).collect();
        let id = site.broadcast("UTILITY", &people).await;
        let mut seen = BTreeSet::new();
        let (broadcast, _) = site
            .until(&id, "everybody waits", |_, rows| {
                let now = cases.iter().filter(|(phone, case)| stands(case, of(rows, *phone)));
                seen.extend(now.map(|(phone, _)| *phone));
                seen.len() == cases.len()
            })
            .await;
        assert_eq!(broadcast.status, BroadcastStatus::Running);
        let mut status = site.engine().link().status;
        let slowed = |why: &WhyNotFaster| matches!(why, WhyNotFaster::SlowedByApi { until: Some(_), .. });
        let slowed = status.wait_for(|status| slowed(&status.why));
        tokio::time::timeout(Duration::from_mins(1), slowed).await.expect("the status says so").unwrap();
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_about_the_template_pause_their_broadcast_only() {
    let pauses = |case: &Case| matches!(case.action(), Action::PauseBroadcast(_));
    let cases = with_phones(cases().into_iter().filter(pauses).collect());
    assert!(cases.len() > 35, "{}", cases.len());
    let site = site_for(&cases, Settings::default()).await;
    let mut broadcasts = Vec::new();
    for (phone, case) in &cases {
        let waiter = waiter(*phone);
        site.provoke([waiter.clone()]);
        broadcasts.push((site.broadcast("UTILITY", &[*phone, waiter.0]).await, phone, case));
    }
    for (id, phone, case) in &broadcasts {
        let what = format!("{:?}", case.what);
        let (broadcast, _) = site
            .until(id, &what, |broadcast, rows| {
                broadcast.status == BroadcastStatus::Paused && stands(case, of(rows, **phone))
            })
            .await;
        assert_eq!(broadcast.reason, case.action().pause_reason(), "{what}");
        assert!(broadcast.detail.contains(&case.rule.title), "{what}: {}", broadcast.detail);
        assert!(broadcast.detail.contains(&case.what.code.to_string()), "{what}: {}", broadcast.detail);
    }
    let other = site.broadcast("UTILITY", &[phone(40_000)]).await;
    site.until(&other, "another goes on", |broadcast, _| broadcast.status == BroadcastStatus::Completed).await;
    site.end().await;
}

/// Everything of the sender stands still, one code after the other.
async fn everything_stops(cases: Vec<(Phone, Case)>) {
    let site = site_for(&cases, Settings::default()).await;
    // Somebody of it waits for a minute, so it runs on without sending.
    let waits = phone(40_001);
    site.provoke([(waits, Provoked { code: 131_057, ..Provoked::default() })]);
    let bystander = site.broadcast("UTILITY", &[waits]).await;
    site.until(&bystander, "the bystander", |_, rows| rows.iter().all(|row| row.code == 131_057) && rows.len() == 1)
        .await;
    for (phone, case) in &cases {
        let what = format!("{:?}", case.what);
        let waiter = waiter(*phone);
        site.provoke([waiter.clone()]);
        let id = site.broadcast("UTILITY", &[*phone, waiter.0]).await;
        let reason = case.action().pause_reason();
        let (broadcast, _) = site
            .until(&id, &what, |broadcast, rows| {
                broadcast.status == BroadcastStatus::Paused && stands(case, of(rows, *phone))
            })
            .await;
        assert_eq!(broadcast.reason, reason, "{what}");
        assert!(broadcast.detail.contains(&case.rule.title), "{what}: {}", broadcast.detail);
        let (other, _) =
            site.until(&bystander, &what, |broadcast, _| broadcast.status == BroadcastStatus::Paused).await;
        assert_eq!(other.reason, reason, "{what}");
        site.store.cancel(&id, SystemClock.now()).await.unwrap();
        site.store.resume(&bystander, SystemClock.now()).await.unwrap();
    }
    let rows = site.store.recipients(&bystander, None, None, 10).await.unwrap();
    assert_eq!((rows[0].state, rows[0].code), (RecipientState::Queued, 131_057), "the bystander lost nothing");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_about_sender_account_and_token_pause_everything_of_the_sender() {
    let all = |case: &Case| matches!(case.action(), Action::PauseSender | Action::PauseAccount | Action::StopAuth);
    let cases = with_phones(cases().into_iter().filter(all).collect());
    assert!(cases.len() > 120, "{}", cases.len());
    join_all(cases.chunks(16).map(|some| everything_stops(some.to_vec()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_a_share_of_failures_pauses_by_answer_and_by_receipt() {
    for by_receipt in [false, true] {
        let site = Site::new(150.0, Settings::default()).await;
        let people: Vec<Phone> = (0..1_500).map(phone).collect();
        // Never two in a row, so only the share can tell.
        let bad = people
            .iter()
            .step_by(2)
            .map(|phone| (*phone, Provoked { code: 131_009, by_receipt, ..Provoked::default() }));
        site.provoke(bad);
        let id = site.broadcast("UTILITY", &people).await;
        let (broadcast, _) =
            site.until(&id, "the pause", |broadcast, _| broadcast.status == BroadcastStatus::Paused).await;
        assert_eq!(broadcast.reason, Some(PauseReason::Failures));
        assert!(
            broadcast.detail.contains("131009") && broadcast.detail.contains("of the last"),
            "{}",
            broadcast.detail
        );
        assert!(site.sandbox.taken() < 1_000, "soon enough: {}", site.sandbox.taken());

        // Let go on, it counts from there: with everybody well it comes to its end.
        site.sandbox.change(|settings| settings.provoke.clear()).unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        site.store.resume(&id, SystemClock.now()).await.unwrap();
        site.until(&id, "the end", |broadcast, _| broadcast.status == BroadcastStatus::Completed).await;
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_nearly_used_up_slows_down_before_anybody_is_refused() {
    let site = Site::new(100.0, Settings { usage_percent: 96, ..Settings::default() }).await;
    let people: Vec<Phone> = (0..300).map(phone).collect();
    let id = site.broadcast("UTILITY", &people).await;
    let mut status = site.engine().link().status;
    let slowed = |why: &WhyNotFaster| matches!(why, WhyNotFaster::SlowedByApi { code: 80_007, until: None, .. });
    let slowed = status.wait_for(|status| slowed(&status.why) && status.pace < 60.0);
    tokio::time::timeout(Duration::from_mins(1), slowed).await.expect("slowed").unwrap();
    site.until(&id, "the end", |broadcast, _| broadcast.status == BroadcastStatus::Completed).await;
    assert!(site.sandbox.summary().refused.is_empty());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_held_for_a_judgement_are_shown() {
    let settings = Settings { message_status: "held_for_quality_assessment".into(), ..Settings::default() };
    let site = Site::new(20.0, settings).await;
    let people: Vec<Phone> = (0..60).map(phone).collect();
    site.broadcast("MARKETING", &people).await;
    let mut pictures = site.service.snapshot();
    let shown = pictures.wait_for(|picture| {
        picture.engine.held_back > 5 && picture.problems.iter().any(|problem| problem.what.contains("holds them back"))
    });
    tokio::time::timeout(Duration::from_mins(1), shown).await.expect("a problem").unwrap();
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_is_paused_by_answer_pauses_the_broadcast_and_loses_nobody() {
    // WhatsApp names a message and does not send it: nothing more may ever come.
    let silent = Settings { message_status: "paused".into(), receipts_paused: true, ..Settings::default() };
    let site = Site::new(50.0, silent).await;
    let people: Vec<Phone> = (0..200).map(phone).collect();
    let id = site.broadcast("MARKETING", &people).await;
    let in_doubt = |rows: &[RecipientRow]| rows.iter().filter(|row| row.state == RecipientState::InDoubt).count();
    let (broadcast, rows) = site
        .until(&id, "the pause", |broadcast, rows| {
            broadcast.status == BroadcastStatus::Paused && in_doubt(rows) == site.sandbox.taken()
        })
        .await;
    assert_eq!(broadcast.reason, Some(PauseReason::Template));
    assert!(in_doubt(&rows) > 0);
    assert!(rows.iter().all(|row| matches!(row.state, RecipientState::InDoubt | RecipientState::Queued)));
    // A receipt tells by our id what became of each.
    let taken = site.sandbox.ledger(0, 1).items.remove(0);
    let said = format!(
        r#"{{"id":"{}","status":"failed","timestamp":"1795305600","biz_opaque_callback_data":"{}","errors":[{{"code":132015}}]}}"#,
        taken.wamid, taken.opaque
    );
    assert_eq!(site.post_statuses(&said).await, 200);
    let again = |row: &RecipientRow| row.state == RecipientState::Queued && row.code == 132_015;
    site.until(&id, "who was not sent to waits again", |_, rows| rows.iter().filter(|row| again(row)).count() == 1)
        .await;
    site.end().await;
}
