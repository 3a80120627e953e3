//! Broadcasts are looked at, and told what to do.

use crate::bed::{Bed, at, request};
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::service::Kind;
use wacast::service::view::{BroadcastRequest, Driver};

#[tokio::test]
async fn pause_resume_and_cancel_do_what_they_say() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let id = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast.id;
    let paused = bed.service.pause(&id).await.unwrap();
    assert_eq!((paused.status, paused.reason), (BroadcastStatus::Paused, Some(PauseReason::Operator)));
    assert_eq!(bed.service.resume(&id).await.unwrap().status, BroadcastStatus::Preparing);
    assert_eq!(bed.service.resume(&id).await.unwrap_err().kind, Kind::Conflict);
    assert_eq!(bed.service.would_not_get_it(&id).await.unwrap(), 3);
    assert_eq!(bed.service.cancel(&id).await.unwrap().will_not_get_it, 3);
    for error in [
        bed.service.pause(&id).await.unwrap_err(),
        bed.service.resume(&id).await.unwrap_err(),
        bed.service.cancel(&id).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::Conflict, "{error}");
    }
    let nobody = "00000000".parse().unwrap();
    for error in [
        bed.service.broadcast(&nobody).await.unwrap_err(),
        bed.service.cancel(&nobody).await.unwrap_err(),
        bed.service.log(Some(&nobody), 0, 10).await.unwrap_err(),
        bed.service.report(&nobody, false, std::io::sink()).await.unwrap_err(),
    ] {
        assert_eq!((error.kind, error.code), (Kind::NotFound, "unknown_broadcast"));
    }
}

#[tokio::test]
async fn the_pace_is_not_set_where_nobody_drives() {
    let bed = Bed::new().await;
    assert_eq!(bed.service.set_pace(10.0).unwrap_err().code, "not_driving");
    assert_eq!(bed.service.set_pace(100.0).unwrap_err().code, "pace_too_high");
    assert_eq!(bed.service.set_pace(-1.0).unwrap_err().code, "bad_pace");
}

#[tokio::test]
async fn the_picture_shows_what_is_open_and_who_is_missing() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    bed.service.sync_templates().await.unwrap();
    let later = BroadcastRequest { start_at: Some(at("2026-11-08T11:00:00Z")), ..request("hello", "diwali") };
    let scheduled = bed.service.start(later).await.unwrap().broadcast;
    let asked = BroadcastRequest { repeat: true, ..request("hello", "diwali") };
    let now = bed.service.start(asked).await.unwrap().broadcast;
    let picture = bed.service.refresh().await;
    let open: Vec<_> = picture.open.iter().map(|view| view.broadcast.id.clone()).collect();
    assert_eq!(open, [now.id, scheduled.id.clone()], "under way first");
    assert_eq!(picture.driver, Driver::Nobody);
    assert_eq!(picture.lists[0].people, 3);
    assert_eq!((picture.templates.0, picture.templates.1), (10, 8));
    assert!(
        picture.problems.iter().any(|problem| problem.what.contains("no running wacast")),
        "{:?}",
        picture.problems
    );

    bed.service.hold(&scheduled, "it was due long ago").await.unwrap();
    let picture = bed.service.refresh().await;
    let problem = picture.problems.iter().find(|problem| problem.broadcast.as_ref() == Some(&scheduled.id)).unwrap();
    assert!(problem.what.contains("it was due long ago"), "{problem:?}");
}

#[tokio::test(start_paused = true)]
async fn the_picture_follows_changes_by_itself() {
    let bed = Bed::new().await;
    let mut pictures = bed.service.snapshot();
    bed.people("diwali", 3).await;
    pictures.wait_for(|picture| picture.lists.iter().any(|list| list.people == 3)).await.unwrap();
    // Another process's change is seen without a bell.
    bed.another().start(request("hello", "diwali")).await.unwrap();
    pictures.wait_for(|picture| picture.open.len() == 1).await.unwrap();
}

#[tokio::test]
async fn a_report_has_a_line_for_everybody() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let id = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast.id;
    let mut csv = Vec::new();
    assert_eq!(bed.service.report(&id, false, &mut csv).await.unwrap(), 0, "nobody is frozen yet");
    assert!(String::from_utf8(csv).unwrap().starts_with("phone,name,state,attempts,code,title,"));
}
