//! Follow-ups for those who failed for a reason that passes: not before it has.

use crate::bed::{Bed, NOW, at, request};
use crate::by_hand::{ByHand, accepted};
use wacast::domain::broadcast::Pick;
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::domain::time::{DAY, HOUR, MINUTE};
use wacast::service::Kind;
use wacast::service::follow_up::FollowUpRequest;
use wacast::store::{Evidence, Verdict};

/// A broadcast to three that has ended: two failed until tomorrow, one was taken.
async fn with_two_held_back(bed: &Bed) -> ByHand {
    bed.people("diwali", 3).await;
    let id = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast.id;
    let now = at(NOW);
    let run = ByHand::run(&bed.store, &id, now).await;
    let held_back = |hours: i64| {
        move |_: &_| Verdict::Failed { code: 131_049, response: "{}".into(), retry_at: Some(now.plus(hours * HOUR)) }
    };
    run.send(1, now, held_back(23)).await;
    run.send(1, now, held_back(24)).await;
    run.send(1, now, accepted).await;
    run.complete(now).await;
    run
}

#[tokio::test]
async fn nobody_is_taken_up_before_the_time_that_was_asked_for() {
    let bed = Bed::new().await;
    let run = with_two_held_back(&bed).await;
    let retry = FollowUpRequest::new(run.id.clone(), Pick::Retry);
    bed.clock.advance(MINUTE);
    let early = bed.service.follow_up(retry.clone()).await.unwrap_err();
    assert_eq!((early.kind, early.code), (Kind::Conflict, "not_due_yet"), "{early}");
    assert!(early.message.contains("tomorrow") || early.message.contains("9 Nov"), "{early}");
    assert_eq!(early.details["due_at"], "2026-11-09T10:00:00.000Z", "the last of them: {}", early.details);
    let between = FollowUpRequest { start_at: Some(at(NOW).plus(23 * HOUR + MINUTE)), ..retry.clone() };
    assert_eq!(bed.service.follow_up(between).await.unwrap_err().code, "not_due_yet", "they are not split");
    let planned = FollowUpRequest { start_at: Some(at(NOW).plus(DAY)), ..retry.clone() };
    let planned = bed.service.follow_up(planned).await.unwrap();
    assert_eq!((planned.status, planned.total), (BroadcastStatus::Scheduled, 2));
    bed.clock.advance(DAY);
    let again = FollowUpRequest { repeat: true, ..retry };
    assert_eq!(bed.service.follow_up(again).await.unwrap().total, 2, "their time has come");
}

#[tokio::test]
async fn one_that_was_planned_waits_for_whoever_was_held_back_since() {
    let bed = Bed::new().await;
    let run = with_two_held_back(&bed).await;
    let planned =
        FollowUpRequest { start_at: Some(at(NOW).plus(DAY)), ..FollowUpRequest::new(run.id.clone(), Pick::Retry) };
    let planned = bed.service.follow_up(planned).await.unwrap();
    let until = at(NOW).plus(30 * HOUR);
    let late = Evidence::Failed {
        code: 131_049,
        response: "{}".into(),
        retry: None,
        counts: false,
        max_tries: 0,
        retry_at: Some(until),
    };
    run.receipt(2, at(NOW), late).await;
    bed.clock.advance(DAY);
    let fired = bed.service.fire(&planned).await.unwrap();
    assert_eq!((fired.status, fired.reason), (BroadcastStatus::Paused, Some(PauseReason::Window)), "{}", fired.detail);
    assert_eq!(fired.resume_at, Some(until), "it goes on by itself then");
    bed.clock.advance(6 * HOUR);
    let resumed = bed.store.resume(&planned.id, bed.service.now()).await.unwrap();
    assert_eq!(resumed.status, BroadcastStatus::Preparing);
}

#[tokio::test]
async fn whoever_has_not_read_it_is_told_apart_from_whoever_failed() {
    let bed = Bed::new().await;
    let run = with_two_held_back(&bed).await;
    let people = async |request: &FollowUpRequest| bed.service.picked(&request.audience()).await.unwrap().people;
    let not_read = FollowUpRequest::new(run.id.clone(), Pick::NotRead);
    assert_eq!(people(&not_read).await, 1);
    let with_code = |code| FollowUpRequest { code: Some(code), ..FollowUpRequest::new(run.id.clone(), Pick::Failed) };
    assert_eq!(people(&with_code(131_049)).await, 2);
    assert_eq!(people(&with_code(131_026)).await, 0);
    let early = bed.service.follow_up(with_code(131_049)).await.unwrap_err();
    assert_eq!(early.code, "not_due_yet", "a code says how long its people are to be left alone");
    assert_eq!(bed.service.follow_up(not_read.clone()).await.unwrap().total, 1);
    assert_eq!(bed.service.follow_up(not_read).await.unwrap_err().code, "looks_like_repeat");
    // The others are other people.
    bed.clock.advance(DAY + MINUTE);
    assert_eq!(bed.service.follow_up(with_code(131_049)).await.unwrap().total, 2);
    let all = FollowUpRequest::new(run.id.clone(), Pick::Failed);
    assert_eq!(bed.service.follow_up(all).await.unwrap_err().code, "looks_like_repeat", "some of them are the same");
}

#[tokio::test]
async fn who_was_held_back_too_often_is_never_to_be_tried_again() {
    let bed = Bed::new().await;
    bed.people("diwali", 1).await;
    let id = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast.id;
    let now = at(NOW);
    let run = ByHand::run(&bed.store, &id, now).await;
    run.send(1, now, |_| Verdict::Failed { code: 131_049, response: "{}".into(), retry_at: None }).await;
    run.complete(now).await;
    let picked = bed.service.picked(&FollowUpRequest::new(id, Pick::Failed).audience()).await.unwrap();
    let [cause] = picked.not_again.as_slice() else { panic!("{picked:?}") };
    assert!(picked.not_yet.is_empty() && cause.title.ends_with("not to be tried any more"), "{cause:?}");
}

#[tokio::test]
async fn who_is_better_left_alone_is_told_and_can_be_spared() {
    let bed = Bed::new().await;
    bed.people("diwali", 5).await;
    let id = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast.id;
    let now = at(NOW);
    let run = ByHand::run(&bed.store, &id, now).await;
    let failed = |code, retry_at| move |_: &_| Verdict::Failed { code, response: "{}".into(), retry_at };
    run.send(2, now, failed(131_026, None)).await;
    run.send(1, now, failed(131_049, Some(now.plus(DAY)))).await;
    run.send(2, now, failed(131_000, None)).await;
    run.complete(now).await;
    let all = FollowUpRequest::new(run.id.clone(), Pick::Failed);
    let picked = bed.service.picked(&all.audience()).await.unwrap();
    let told: Vec<_> = picked.not_again.iter().map(|cause| (cause.code, cause.count)).collect();
    assert_eq!((picked.people, told), (5, vec![(131_026, 2)]));
    let told: Vec<_> = picked.not_yet.iter().map(|(cause, until)| (cause.code, cause.count, *until)).collect();
    assert_eq!(told, [(131_049, 1, now.plus(DAY))], "one is not to be tried before tomorrow");
    let held_back = FollowUpRequest { code: Some(131_049), ..all.clone() };
    let picked = bed.service.picked(&held_back.audience()).await.unwrap();
    assert!(picked.not_yet.is_empty() && picked.not_again.is_empty(), "one that waits for it has nobody to spare");
    assert_eq!(picked.due, Some(now.plus(DAY)));
    let others = FollowUpRequest { without: vec![131_026, 131_049], ..all };
    let picked = bed.service.picked(&others.audience()).await.unwrap();
    assert_eq!((picked.people, picked.not_again.len(), picked.repeat_of), (2, 0, None));
    assert_eq!(bed.service.follow_up(others.clone()).await.unwrap().total, 2);
    assert_eq!(bed.service.follow_up(others).await.unwrap_err().code, "looks_like_repeat");
    // Those who were spared are other people.
    bed.clock.advance(DAY + MINUTE);
    let all = FollowUpRequest::new(run.id.clone(), Pick::Failed);
    assert!(bed.service.picked(&all.audience()).await.unwrap().not_yet.is_empty(), "the time has come");
    let retry = FollowUpRequest::new(run.id.clone(), Pick::Retry);
    assert_eq!(bed.service.follow_up(retry).await.unwrap().total, 1);
}
