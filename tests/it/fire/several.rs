//! Several processes on one store: take-over, a sender each, and steering from one that does not send.

use super::door::Door;
use super::judge::{Case, count};
use super::site::{On, PATIENCE, Plan, SECOND_SENDER, Site, kill, signal, wait_at_most, wait_for};
use rustix::process::Signal;
use std::time::{Duration, Instant};
use wacast::sandbox::PHONE_NUMBER_ID;

/// On the same host a crash is noticed by the lock file, and a clean exit by the lease that was given back.
pub async fn taken_over(on: On) {
    let mut case = Case::new("take-over on one host", on);
    let site = Site::new(on, Plan { people: 900, latency_ms: (50, 100), ..Plan::default() }).await;
    let doors = [Door::to(site.sandbox.address()).await, Door::to(site.sandbox.address()).await];
    let seats = [("first", &doors[0]), ("second", &doors[1])]
        .map(|(name, door)| site.seat_with(name, PHONE_NUMBER_ID, door.address()));
    site.receipts.lead_to(seats[0].address());
    let people = site.import(&seats[0]);
    let id = seats[0].send("people");

    let first = seats[0].headless();
    site.until_taken(100);
    let second = seats[1].headless();
    wait_for("the second watches", || seats[1].log().contains("another process drives") || log_is_up(&seats[1]));
    kill(first);
    let took = wait_at_most(PATIENCE, "the second sends", || doors[1].posts() > 0);
    case.note("after SIGKILL", took);
    site.receipts.lead_to(seats[1].address());
    // A lease ends nine seconds after its last renewal at the earliest: this one was not waited for.
    assert!(took < Duration::from_secs(8), "{took:?}");
    case.look_after_crash(&site, &seats[1], &id);

    let first = seats[0].headless();
    site.until_taken(400);
    let before = doors[0].posts();
    let since = Instant::now();
    signal(&second, Signal::TERM);
    wait_at_most(PATIENCE, "the first sends again", || doors[0].posts() > before);
    case.note("after SIGTERM", since.elapsed());
    site.receipts.lead_to(seats[0].address());
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    drop(second);
    case.judge(&site, &seats[0], &id, &people);
    first.drain();
}

fn log_is_up(seat: &super::site::Seat) -> bool {
    seat.log().contains("wacast is running")
}

/// Two senders, each driven by a process of its own on one store, at the same time; one of them is killed.
pub async fn two_senders(on: On) {
    let mut case = Case::new("two senders, two processes", on);
    let site = Site::new(on, Plan { people: 500, latency_ms: (30, 80), ..Plan::default() }).await;
    let one = site.seat("one");
    let two = site.seat_with("two", SECOND_SENDER, site.door.address());
    let people_of_one = site.import_list(&one, "one", 0, 500);
    let people_of_two = site.import_list(&two, "two", 50_000, 500);
    let id_of_one = one.send("one");
    let id_of_two = two.send("two");
    let running_one = one.headless();
    let running_two = two.headless();
    let taken = |sender: &str| {
        let page = site.sandbox.ledger(0, 5_000);
        page.items.iter().filter(|row| row.sender == sender).count()
    };
    wait_for("both send", || taken(PHONE_NUMBER_ID) > 50 && taken(SECOND_SENDER) > 50);
    kill(running_two);
    case.look_after_crash(&site, &one, &id_of_two);
    let before = taken(PHONE_NUMBER_ID);
    wait_for("the other one goes on", || taken(PHONE_NUMBER_ID) > before + 50);
    let running_two = two.headless();
    let broadcasts = [(id_of_one.clone(), people_of_one), (id_of_two, people_of_two)];
    case.judge_all(&site, &one, &broadcasts);
    for row in site.sandbox.ledger(0, 5_000).items {
        let sender = if row.opaque.contains(&id_of_one) { PHONE_NUMBER_ID } else { SECOND_SENDER };
        assert_eq!(row.sender, sender, "{row:?}");
    }
    running_one.drain();
    running_two.drain();
}

/// `status`, `pause` and `resume` from a process that does not hold the lease, again and again.
pub async fn steered_by_a_third_process(on: On) {
    let mut case = Case::new("paused and resumed from outside", on);
    let site = Site::new(on, Plan { people: 700, latency_ms: (30, 80), ..Plan::default() }).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    for round in 1..=3 {
        site.until_taken(round * 120);
        let since = Instant::now();
        assert_eq!(seat.json(&["pause", &id, "--json"])["status"], "paused");
        wait_for("nobody is under way", || count(&seat.status(&id), "sending") == 0);
        case.note("still after", since.elapsed());
        let taken = site.taken();
        assert_eq!(seat.status(&id)["status"], "paused");
        assert_eq!(site.taken(), taken, "it stands still");
        seat.json(&["resume", &id, "--json"]);
        wait_at_most(PATIENCE, "it goes on", || site.taken() > taken + 20);
    }
    case.judge(&site, &seat, &id, &people);
    assert_eq!(count(&seat.status(&id), "in_doubt"), 0, "a pause leaves nobody in doubt");
    running.drain();
}
