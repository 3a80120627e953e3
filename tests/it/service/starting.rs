//! Broadcasts are made.

use crate::bed::{Bed, at, column, request};
use wacast::domain::state::BroadcastStatus;
use wacast::domain::time::{DAY, HOUR};
use wacast::service::Kind;
use wacast::service::view::BroadcastRequest;

#[tokio::test]
async fn a_start_fixes_template_variables_and_audience() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let asked = BroadcastRequest {
        bindings: column("1", "NAME"),
        label: " Diwali ".into(),
        ..request("order_update", "diwali")
    };
    let started = bed.service.start(BroadcastRequest { expect: Some(3), ..asked }).await.unwrap();
    assert!(!started.replay);
    let broadcast = started.broadcast;
    assert_eq!((broadcast.status, broadcast.total), (BroadcastStatus::Preparing, 3));
    let definition = &broadcast.definition;
    assert_eq!(definition.label, "Diwali");
    assert_eq!(definition.template.name, "order_update");
    assert_eq!(definition.bindings, column("1", "name"), "columns as the uploads write them");
    assert_eq!(definition.audience.uploads.len(), 1);
    // Whoever comes later is not in it.
    bed.import("diwali", "phone\n+12015550199\n").await;
    let view = bed.service.broadcast(&broadcast.id).await.unwrap();
    assert_eq!(view.broadcast.definition.audience.uploads.len(), 1);
    assert_eq!(view.to_json()["recipients"], 3);
}

#[tokio::test]
async fn an_audience_of_another_size_than_said_is_refused_with_both_figures() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let error =
        bed.service.start(BroadcastRequest { expect: Some(4), ..request("hello", "diwali") }).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Conflict, "count_differs"));
    assert_eq!((&error.details["expected"], &error.details["people"]), (&4.into(), &3.into()));
    assert!(bed.service.broadcasts(false, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_repeat_within_a_day_is_refused_unless_it_says_so() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let asked = request("hello", "diwali");
    let first = bed.service.start(asked.clone()).await.unwrap().broadcast;
    assert_eq!(bed.service.plan(&asked, |_, _| {}).await.unwrap().repeat_of, Some(first.id.clone()));
    let error = bed.service.start(asked.clone()).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Conflict, "looks_like_repeat"));
    assert_eq!(error.details["broadcast_id"], first.id.as_str());
    bed.service.start(BroadcastRequest { repeat: true, ..asked.clone() }).await.unwrap();

    bed.clock.advance(DAY + 1);
    assert_eq!(bed.service.plan(&asked, |_, _| {}).await.unwrap().repeat_of, None);
    let third = bed.service.start(asked.clone()).await.unwrap().broadcast;
    // One that was cancelled before anybody was sent to does not count.
    let cancelled = bed.service.cancel(&third.id).await.unwrap();
    assert_eq!((cancelled.broadcast.status, cancelled.will_not_get_it), (BroadcastStatus::Cancelled, 3));
    assert_eq!(bed.service.plan(&asked, |_, _| {}).await.unwrap().repeat_of, None);
    bed.service.start(asked).await.unwrap();
}

#[tokio::test]
async fn a_key_gives_the_same_answer_however_things_have_gone_on() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let key = |content: &str| Some(("order-17".to_owned(), content.to_owned()));
    let asked = BroadcastRequest {
        idempotency: key("a"),
        start_at: Some(at("2026-11-08T11:00:00Z")),
        expect: Some(3),
        ..request("order_update", "diwali")
    };
    let asked = BroadcastRequest { bindings: column("1", "name"), ..asked };
    let first = bed.service.start(asked.clone()).await.unwrap();
    assert_eq!(first.broadcast.status, BroadcastStatus::Scheduled);
    // Its time has passed, its template is paused, its list has grown, it is under way: the answer is the same.
    bed.people("diwali", 5).await;
    bed.service.fire(&first.broadcast).await.unwrap();
    bed.sandbox.set_template_status("order_update", "en_US", "PAUSED").unwrap();
    bed.clock.advance(2 * HOUR);
    let again = bed.service.start(asked.clone()).await.unwrap();
    assert!(again.replay);
    assert_eq!(
        (again.broadcast.id, again.broadcast.status, again.broadcast.total),
        (first.broadcast.id, BroadcastStatus::Scheduled, 3)
    );
    let error = bed.service.start(BroadcastRequest { idempotency: key("b"), ..asked }).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Wrong, "key_reused"));
    assert_eq!(bed.service.broadcasts(false, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_start_many_times_at_once_makes_one_broadcast() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let starts = (0..16).map(|_| {
        let service = bed.another();
        let asked = BroadcastRequest { idempotency: Some(("k".into(), "c".into())), ..request("hello", "diwali") };
        tokio::spawn(async move { service.start(asked).await })
    });
    let mut ids = std::collections::HashSet::new();
    let mut new = 0;
    for start in starts.collect::<Vec<_>>() {
        let started = start.await.unwrap().unwrap();
        new += u32::from(!started.replay);
        ids.insert(started.broadcast.id);
    }
    assert_eq!((ids.len(), new), (1, 1));
}
