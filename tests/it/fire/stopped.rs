//! SIGSTOP: a process that is frozen (a suspended machine, a debugger, a starved container) and woken again.

use super::door::Door;
use super::judge::Case;
use super::site::{On, PATIENCE, Plan, Site, signal, wait_at_most, wait_for};
use crate::real::Wacast;
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
    let id = first.send("people");
    let frozen = first.headless();
    site.until_taken(100);
    let taking_over = second.headless();

    stop_between_commits(&site, on, &frozen);
    site.receipts.lead_to(second.address());
    let took = wait_at_most(PATIENCE, "the second takes over", || second_door.posts() > 0);
    case.note("take-over by the lease's end", took);
    // A lease is for ten seconds, and was renewed a second or, with a slow store, a few before.
    assert!(took > Duration::from_secs(5), "not before the lease has ended: {took:?}");
    let before = (first_door.posts(), second_door.posts());
    signal(&frozen, Signal::CONT);
    wait_for("the second sends", || second_door.posts() > before.1 + 200);
    wait_for("the first notices", || first.log().contains("the lease is gone"));
    case.judge(&site, &second, &id, &people);
    assert_eq!(first_door.posts(), before.0, "the woken one wrote");
    keeps_the_pace(&site);
    taking_over.drain();
    frozen.drain();
}

/// SIGSTOP at a moment when the process does not hold SQLite's lock. Whoever is stopped in the middle of a commit keeps
/// everybody from the file until it goes on or is killed: nobody can take over then, and nothing is sent.
pub fn stop_between_commits(site: &Site, on: On, wacast: &Wacast) {
    wait_for("it is stopped without SQLite's lock", || {
        signal(wacast, Signal::STOP);
        if on == On::MongoDb || !is_locked(&site.store_url) {
            return true;
        }
        signal(wacast, Signal::CONT);
        false
    });
}

fn is_locked(store_url: &str) -> bool {
    let file = rusqlite::Connection::open(store_url.trim_start_matches("sqlite://")).unwrap();
    file.busy_timeout(Duration::from_millis(200)).unwrap();
    file.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_err()
}

/// Nobody sends at a pace of its own beside another: that would be twice as much. At the sandbox, behind a door and on a
/// busy machine, a message may come later than it was written, so more may come in a second than left in one. What leaves
/// is tested to the message with the engine.
pub fn keeps_the_pace(site: &Site) {
    let worst = site.sandbox.summary().worst_second;
    let most = site.plan.messages_per_second as usize * 3 / 2;
    assert!(worst <= most, "{worst} of at most {most} in a second");
}

/// It goes on by itself, and nobody takes over.
pub async fn for_a_moment(on: On) {
    let mut case = Case::new("SIGSTOP shorter than the lease", on);
    let site = Site::new(on, plan()).await;
    let second_door = Door::to(site.sandbox.address()).await;
    let first = site.seat("first");
    let second = site.seat_with("second", PHONE_NUMBER_ID, second_door.address());
    let people = site.import(&first);
    let id = first.send("people");
    let running = first.headless();
    site.until_taken(100);
    let watching = second.headless();
    for length in [Duration::from_millis(300), Duration::from_secs(3)] {
        signal(&running, Signal::STOP);
        let since = Instant::now();
        wait_for("a while goes by", || since.elapsed() >= length);
        let before = site.taken();
        signal(&running, Signal::CONT);
        let took = wait_at_most(PATIENCE, "it goes on", || site.taken() > before + 20);
        case.note("goes on after", took);
    }
    case.judge(&site, &first, &id, &people);
    assert_eq!(second_door.posts(), 0, "nobody else sends");
    keeps_the_pace(&site);
    running.drain();
    watching.drain();
}
