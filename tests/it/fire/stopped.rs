//! SIGSTOP: a process that is frozen (a suspended machine, a debugger, a starved container) and woken again.

use super::door::Door;
use super::judge::Case;
use super::site::{On, Plan, Site, signal, wait_at_most, wait_for};
use rustix::process::Signal;
use std::time::{Duration, Instant};
use wacast::sandbox::PHONE_NUMBER_ID;

fn plan() -> Plan {
    Plan { people: 900, messages_per_second: 120, latency_ms: (10, 60), ..Plan::default() }
}

/// Another process takes over when the lease has ended, and the woken one writes nothing any more.
pub async fn longer_than_the_lease(on: On) {
    let mut case = Case::new("SIGSTOP longer than the lease", on);
    let site = Site::new(on, plan()).await;
    let (first_door, second_door) = (Door::to(site.sandbox.address()).await, Door::to(site.sandbox.address()).await);
    let first = site.seat_with("first", PHONE_NUMBER_ID, first_door.address());
    let second = site.seat_with("second", PHONE_NUMBER_ID, second_door.address());
    site.receipts.lead_to(first.address());
    let people = site.import(&first);
    let id = site.send(&first, "people");
    let frozen = first.headless();
    site.until_taken(100);
    let taking_over = second.headless();

    signal(&frozen, Signal::STOP);
    site.receipts.lead_to(second.address());
    let took = wait_at_most(Duration::from_secs(30), "the second takes over", || second_door.posts() > 0);
    case.note("take-over by the lease's end", took);
    assert!(took > Duration::from_secs(7), "not before the lease has ended: {took:?}");
    let before = (first_door.posts(), second_door.posts());
    signal(&frozen, Signal::CONT);
    wait_for("the second sends", || second_door.posts() > before.1 + 200);
    wait_for("the first notices", || first.log().contains("the lease is gone"));
    case.judge(&site, &second, &id, &people);
    assert_eq!(first_door.posts(), before.0, "the woken one wrote");
    assert!(site.sandbox.summary().worst_second <= 120, "{}", site.sandbox.summary().worst_second);
    taking_over.drain();
    frozen.drain();
}

/// It goes on by itself, and nobody takes over.
pub async fn for_a_moment(on: On) {
    let mut case = Case::new("SIGSTOP shorter than the lease", on);
    let site = Site::new(on, plan()).await;
    let second_door = Door::to(site.sandbox.address()).await;
    let first = site.seat("first");
    let second = site.seat_with("second", PHONE_NUMBER_ID, second_door.address());
    let people = site.import(&first);
    let id = site.send(&first, "people");
    let running = first.headless();
    site.until_taken(100);
    let watching = second.headless();
    for length in [Duration::from_millis(300), Duration::from_secs(3)] {
        signal(&running, Signal::STOP);
        let since = Instant::now();
        wait_for("a while goes by", || since.elapsed() >= length);
        let before = site.taken();
        signal(&running, Signal::CONT);
        let took = wait_at_most(Duration::from_secs(10), "it goes on", || site.taken() > before + 20);
        case.note("goes on after", took);
    }
    case.judge(&site, &first, &id, &people);
    assert_eq!(second_door.posts(), 0, "nobody else sends");
    assert!(site.sandbox.summary().worst_second <= 120, "{}", site.sandbox.summary().worst_second);
    running.drain();
    watching.drain();
}
