//! What is due fires once, what is too late is held, whatever the clocks, the processes and the restarts do.

use crate::bed::{Bed, TestClock, at, request};
use std::sync::Arc;
use wacast::clock::Clock;
use wacast::domain::broadcast::Broadcast;
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::domain::time::{HOUR, MINUTE, SECOND};
use wacast::scheduler::{self, Ticked, tick};
use wacast::service::Service;
use wacast::service::view::BroadcastRequest;

const SYNC_EVERY: std::time::Duration = std::time::Duration::from_hours(6);
const GRACE: i64 = 15 * MINUTE;

async fn tick_at(bed: &Bed, time: &str) -> Ticked {
    bed.clock.set(time);
    tick(&bed.service, bed.clock.now(), GRACE).await.unwrap()
}

async fn scheduled(bed: &Bed, time: &str) -> Broadcast {
    let asked = BroadcastRequest { start_at: Some(at(time)), repeat: true, ..request("hello", "diwali") };
    bed.service.start(asked).await.unwrap().broadcast
}

async fn status(bed: &Bed, broadcast: &Broadcast) -> (BroadcastStatus, Option<PauseReason>) {
    let broadcast = bed.store.broadcast(&broadcast.id).await.unwrap();
    (broadcast.status, broadcast.reason)
}

#[tokio::test]
async fn a_broadcast_fires_when_it_is_due_and_not_before() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let broadcast = scheduled(&bed, "2026-11-08T12:30:00Z").await;
    assert_eq!(broadcast.total, 3);
    // The audience is whoever is there when it starts.
    bed.people("diwali", 7).await;
    assert_eq!(tick_at(&bed, "2026-11-08T12:29:59.999Z").await, Ticked::default());
    assert_eq!(status(&bed, &broadcast).await.0, BroadcastStatus::Scheduled);
    let ticked = tick_at(&bed, "2026-11-08T12:30:00Z").await;
    assert_eq!(ticked.fired, std::slice::from_ref(&broadcast.id));
    let started = bed.store.broadcast(&broadcast.id).await.unwrap();
    assert_eq!((started.status, started.total), (BroadcastStatus::Preparing, 7));
    assert!(!started.definition.audience.uploads.is_empty());
    assert_eq!(tick_at(&bed, "2026-11-08T12:30:01Z").await, Ticked::default(), "once");
}

#[tokio::test]
async fn late_within_the_grace_starts_and_beyond_it_is_held() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let broadcast = scheduled(&bed, "2026-11-08T12:30:00Z").await;
    assert_eq!(tick_at(&bed, "2026-11-08T12:45:00Z").await.fired, [broadcast.id]);

    let late = scheduled(&bed, "2026-11-08T13:30:00Z").await;
    let ticked = tick_at(&bed, "2026-11-08T13:45:00.001Z").await;
    assert_eq!(ticked.held, std::slice::from_ref(&late.id));
    assert_eq!(status(&bed, &late).await, (BroadcastStatus::Paused, Some(PauseReason::Absence)));
    let detail = bed.store.broadcast(&late.id).await.unwrap().detail;
    assert!(detail.contains("Sun 8 Nov 19:00 India time") && detail.contains("15 min"), "{detail}");
    assert_eq!(tick_at(&bed, "2026-11-08T13:45:01Z").await, Ticked::default(), "it waits for a word");
    bed.service.resume(&late.id).await.unwrap();
    assert_eq!(tick_at(&bed, "2026-11-08T13:45:02Z").await.fired, [late.id]);
}

#[tokio::test]
async fn a_template_that_may_not_be_sent_any_more_holds_it() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let broadcast = scheduled(&bed, "2026-11-08T12:30:00Z").await;
    bed.sandbox.set_template_status("hello", "en_US", "PAUSED").unwrap();
    let ticked = tick_at(&bed, "2026-11-08T12:30:00Z").await;
    assert_eq!((ticked.fired.len(), ticked.held.len()), (0, 1));
    let paused = bed.store.broadcast(&broadcast.id).await.unwrap();
    assert_eq!((paused.status, paused.reason), (BroadcastStatus::Paused, Some(PauseReason::Template)));
    assert!(paused.detail.contains("paused"), "{}", paused.detail);
    bed.sandbox.set_template_status("hello", "en_US", "APPROVED").unwrap();
    bed.service.resume(&broadcast.id).await.unwrap();
    assert_eq!(tick_at(&bed, "2026-11-08T12:31:00Z").await.fired, [broadcast.id]);
}

#[tokio::test]
async fn a_paused_or_cancelled_one_does_not_fire() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let paused = scheduled(&bed, "2026-11-08T12:30:00Z").await;
    let cancelled = scheduled(&bed, "2026-11-08T12:30:00Z").await;
    bed.service.pause(&paused.id).await.unwrap();
    bed.service.cancel(&cancelled.id).await.unwrap();
    assert_eq!(tick_at(&bed, "2026-11-08T12:30:00Z").await, Ticked::default());
}

#[tokio::test]
async fn a_schedule_keeps_its_wall_time_over_a_change_of_the_clocks() {
    for (zone, begin, times) in [
        // Forward on 29 March 2026 in London, on 8 March in New York; never in India.
        (
            "Europe/London",
            "2026-03-27T20:00:00Z",
            ["2026-03-28T18:00:00Z", "2026-03-29T17:00:00Z", "2026-03-30T17:00:00Z"],
        ),
        (
            "Europe/London",
            "2026-10-23T20:00:00Z",
            ["2026-10-24T17:00:00Z", "2026-10-25T18:00:00Z", "2026-10-26T18:00:00Z"],
        ),
        (
            "America/New_York",
            "2026-03-06T23:30:00Z",
            ["2026-03-07T23:00:00Z", "2026-03-08T22:00:00Z", "2026-03-09T22:00:00Z"],
        ),
        (
            "Asia/Kolkata",
            "2026-03-27T20:00:00Z",
            ["2026-03-28T12:30:00Z", "2026-03-29T12:30:00Z", "2026-03-30T12:30:00Z"],
        ),
    ] {
        let bed = Bed::at(begin).await;
        bed.people("diwali", 3).await;
        let schedule = bed.service.add_schedule(&request("hello", "diwali"), "0 18 * * *", zone).await.unwrap();
        for time in times {
            assert_eq!(bed.service.schedules().await.unwrap()[0].next_fire_at, Some(at(time)), "{zone}");
            bed.clock.set(time);
            let early = tick(&bed.service, at(time).plus(-1), GRACE).await.unwrap();
            assert_eq!(early, Ticked::default(), "{zone} {time}");
            let ticked = tick(&bed.service, at(time).plus(SECOND), GRACE).await.unwrap();
            assert_eq!(ticked.fired.len(), 1, "{zone} {time}: {ticked:?}");
            let fired = bed.store.broadcast(&ticked.fired[0]).await.unwrap();
            assert_eq!(fired.occurrence, Some((schedule.id.clone(), at(time))));
            assert_eq!(fired.status, BroadcastStatus::Preparing);
        }
    }
}

#[tokio::test]
async fn two_schedulers_on_one_store_fire_once() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    scheduled(&bed, "2026-11-08T12:30:00Z").await;
    bed.service.add_schedule(&request("hello", "diwali"), "0 18 * * *", "Asia/Kolkata").await.unwrap();
    bed.clock.set("2026-11-08T12:30:00Z");
    let ticks = (0..8).map(|_| {
        let (service, now): (Service, _) = (bed.another(), bed.clock.now());
        tokio::spawn(async move { tick(&service, now, GRACE).await.unwrap() })
    });
    for ticked in ticks.collect::<Vec<_>>() {
        assert_eq!(ticked.await.unwrap().troubles, Vec::<String>::new());
    }
    let made = bed.store.broadcasts(false, 100).await.unwrap();
    assert_eq!(made.len(), 2, "one for the date, one for the schedule");
    assert!(made.iter().all(|broadcast| broadcast.status == BroadcastStatus::Preparing), "{made:?}");
}

#[tokio::test]
async fn a_restart_between_firing_and_moving_on_fires_once() {
    let mut bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let schedule = bed.service.add_schedule(&request("hello", "diwali"), "0 18 * * *", "Asia/Kolkata").await.unwrap();
    let planned_at = schedule.next_fire_at.unwrap();
    bed.clock.set("2026-11-08T12:30:00Z");
    // Fired, and then the process was killed before the schedule moved on.
    let first = bed.service.fire_occurrence(&schedule, planned_at).await.unwrap();
    bed.restart().await;
    let ticked = tick_at(&bed, "2026-11-08T12:30:05Z").await;
    assert_eq!(ticked.fired, [first.id]);
    assert_eq!(bed.store.broadcasts(false, 100).await.unwrap().len(), 1);
    assert_eq!(bed.service.schedules().await.unwrap()[0].next_fire_at, Some(at("2026-11-09T12:30:00Z")));
    assert_eq!(tick_at(&bed, "2026-11-08T12:30:06Z").await, Ticked::default());
}

#[tokio::test]
async fn occurrences_missed_in_a_long_absence_become_one_that_is_held() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    bed.service.add_schedule(&request("hello", "diwali"), "0 */2 * * *", "UTC").await.unwrap();
    let ticked = tick_at(&bed, "2026-11-09T09:00:00Z").await;
    assert_eq!((ticked.fired.len(), ticked.held.len()), (0, 1), "{ticked:?}");
    let held = bed.store.broadcast(&ticked.held[0]).await.unwrap();
    assert_eq!((held.status, held.reason), (BroadcastStatus::Paused, Some(PauseReason::Absence)));
    assert_eq!(tick_at(&bed, "2026-11-09T09:00:01Z").await, Ticked::default());
    assert_eq!(tick_at(&bed, "2026-11-09T10:00:00Z").await.fired.len(), 1, "the next one is on time");
}

#[tokio::test]
async fn an_occurrence_that_is_just_due_goes_out_although_older_ones_were_missed() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    bed.service.add_schedule(&request("hello", "diwali"), "0 * * * *", "UTC").await.unwrap();
    let ticked = tick_at(&bed, "2026-11-08T15:05:00Z").await;
    assert_eq!((ticked.fired.len(), ticked.held.len()), (1, 0), "{ticked:?}");
    assert_eq!(bed.store.broadcasts(false, 100).await.unwrap().len(), 1);
    assert_eq!(bed.service.schedules().await.unwrap()[0].next_fire_at, Some(at("2026-11-08T16:00:00Z")));
}

#[tokio::test]
async fn after_a_short_absence_one_message_goes_out_and_not_one_a_minute_missed() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    bed.service.add_schedule(&request("hello", "diwali"), "* * * * *", "UTC").await.unwrap();
    assert_eq!(tick_at(&bed, "2026-11-08T10:10:30Z").await.fired.len(), 1);
    assert_eq!(tick_at(&bed, "2026-11-08T10:10:31Z").await, Ticked::default());
    assert_eq!(bed.store.broadcasts(false, 100).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_schedule_that_is_off_or_anothers_does_not_fire() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let off = bed.service.add_schedule(&request("hello", "diwali"), "0 18 * * *", "Asia/Kolkata").await.unwrap();
    bed.service.enable_schedule(&off.id, false).await.unwrap();
    let mut anothers = off.clone();
    anothers.id = "11111111".parse().unwrap();
    anothers.definition.sender = "another".into();
    anothers.enabled = true;
    bed.store.add_schedule(&anothers).await.unwrap();
    assert_eq!(tick_at(&bed, "2026-11-08T12:30:00Z").await, Ticked::default());
}

#[tokio::test]
async fn a_store_that_is_away_is_trouble_and_nothing_is_lost() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    // WhatsApp away and templates old: what is known is used, the broadcast goes out on time.
    let broadcast = scheduled(&bed, "2026-11-08T12:30:00Z").await;
    bed.clock.set("2026-11-08T12:30:00Z");
    let ticked = tick(&bed.cut_off(), bed.clock.now(), GRACE).await.unwrap();
    assert_eq!(ticked.fired, [broadcast.id]);
}

#[tokio::test]
async fn the_running_scheduler_ticks_and_stops() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let broadcast = scheduled(&bed, "2026-11-08T12:30:00Z").await;
    let clock: Arc<TestClock> = bed.clock.clone();
    let scheduler = scheduler::start(bed.service.clone(), clock, GRACE, SYNC_EVERY);
    bed.clock.advance(2 * HOUR + 30 * MINUTE);
    let mut pictures = bed.service.snapshot();
    let fired = pictures
        .wait_for(|picture| picture.open.iter().any(|view| view.broadcast.status == BroadcastStatus::Preparing));
    tokio::time::timeout(std::time::Duration::from_mins(1), fired).await.expect("it ticked").unwrap();
    scheduler.stop().await;
    assert_eq!(status(&bed, &broadcast).await.0, BroadcastStatus::Preparing);
}

#[tokio::test]
async fn the_running_scheduler_fetches_the_templates_anew() {
    let bed = Bed::new().await;
    bed.service.sync_templates().await.unwrap();
    let scheduler = scheduler::start(bed.service.clone(), bed.clock.clone(), GRACE, SYNC_EVERY);
    bed.sandbox.set_template_status("hello", "en_US", "REJECTED").unwrap();
    bed.clock.advance(6 * HOUR);
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let known = bed.service.templates().await.unwrap();
        if known.templates.iter().any(|template| template.status == "REJECTED") {
            break assert_eq!(known.synced_at, Some(bed.clock.now()));
        }
        assert!(std::time::Instant::now() < deadline, "not synced");
        tokio::task::yield_now().await;
    }
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_that_failed_is_tried_again_within_minutes() {
    let bed = Bed::new().await;
    let scheduler = scheduler::start(bed.service.clone(), bed.clock.clone(), GRACE, SYNC_EVERY);
    // As if nobody had answered at the start.
    assert_eq!(bed.service.templates().await.unwrap().synced_at, None);
    bed.clock.advance(6 * MINUTE);
    let synced = async {
        while bed.service.templates().await.unwrap().synced_at.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), synced).await.expect("they are synced");
    scheduler.stop().await;
}
