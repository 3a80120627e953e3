//! The Cloud API misbehaves: away, overloaded, cutting connections, silent. Nothing is lost, receipts settle what can
//! be settled, and the sending goes on by itself.

use super::judge::{Case, count};
use super::site::{On, PATIENCE, Plan, Site, wait_at_most, wait_for};
use std::time::Duration;
use wacast::sandbox::{Fault, FaultKind};

/// Connections are refused for some seconds, twice.
pub async fn dead_for_a_while(on: On) {
    let mut case = Case::new("API away", on);
    let site = Site::new(on, Plan { people: 700, ..Plan::default() }).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    for round in 1..=2 {
        site.until_taken(round * 150);
        site.door.close().await;
        site.until_it_stands_still();
        let taken = site.taken();
        assert_eq!(seat.status(&id)["status"], "running", "waiting is not pausing");
        site.door.open().await;
        let took = wait_at_most(PATIENCE, "it goes on by itself", || site.taken() > taken + 20);
        case.note("goes on after", took);
    }
    case.judge(&site, &seat, &id, &people);
    running.drain();
}

/// Bursts of 503 that say that nothing was taken: tried again later, nobody in doubt, no attempt beyond the policy.
pub async fn overloaded(on: On) {
    let case = Case::new("API answers 503 in bursts", on);
    let site = Site::new(on, Plan { people: 700, ..Plan::default() }).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    for round in 1..=3 {
        site.until_taken(round * 120);
        site.sandbox.break_with(Fault::times(FaultKind::Unavailable, 40));
    }
    case.judge(&site, &seat, &id, &people);
    let view = seat.status(&id);
    assert_eq!(count(&view, "in_doubt"), 0, "{view}");
    assert_eq!(count(&view, "failed"), 10, "only who fails by a receipt: {view}");
    running.drain();
}

/// Taken and then cut: receipts settle every one. Cut before: nobody knows, and nobody is sent to twice.
pub async fn cutting(on: On) {
    let case = Case::new("API cuts connections", on);
    let site = Site::new(on, Plan { people: 700, ..Plan::default() }).await;
    // Nobody is saved by a quick receipt from being sent to again.
    site.sandbox.change(|settings| settings.receipts_paused = true).unwrap();
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    // Fewer in a row than hold the sender, and once just as many.
    let faults = [
        (FaultKind::CutAfter, 9),
        (FaultKind::Malformed, 5),
        (FaultKind::CutBefore, 8),
        (FaultKind::UnavailableWithoutCode, 8),
        (FaultKind::CutAfter, 12),
    ];
    for (round, (kind, times)) in faults.into_iter().enumerate() {
        site.until_taken(80 * (round + 1));
        site.sandbox.break_with(Fault::times(kind, times));
    }
    site.until_taken(500);
    // In the middle of everything that is under way.
    site.door.cut();
    wait_for("it completes", || seat.status(&id)["status"] == "completed");
    assert!(count(&seat.status(&id), "in_doubt") >= 26, "who was cut off is in doubt at first");
    site.sandbox.change(|settings| settings.receipts_paused = false).unwrap();
    case.judge(&site, &seat, &id, &people);
    let view = seat.status(&id);
    assert!(count(&view, "in_doubt") <= 16 + site.plan.max_in_flight, "only whom the sandbox did not take: {view}");
    running.drain();
}

/// No answer at all, until the requests time out.
pub async fn hanging(on: On) {
    let case = Case::new("API hangs", on);
    let site = Site::new(on, Plan { people: 700, ..Plan::default() }).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    site.until_taken(100);
    site.sandbox.break_with(Fault::times(FaultKind::HangAfter, 6));
    site.sandbox.break_with(Fault::times(FaultKind::Hang, 6));
    site.until_taken(400);
    // All at once: everything in flight hangs, and nothing goes until it times out.
    site.sandbox.break_with(Fault::lasting(FaultKind::Hang, Duration::from_secs(20)));
    case.judge(&site, &seat, &id, &people);
    running.drain();
}
