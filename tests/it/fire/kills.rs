//! SIGKILL at random moments, many times in one broadcast, and at named points of the program.

use super::judge::Case;
use super::site::{On, Plan, Site, kill, wait_for};
use std::time::{Duration, Instant};

/// On one host a dead process is taken over within seconds; much longer means that something of it was in the way.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// Again and again in one broadcast: while it starts, takes the lease, freezes, sends, or has just begun to.
pub async fn at_random(on: On) {
    let mut case = Case::new("SIGKILL at random", on);
    let mut random = fastrand::Rng::with_seed(case.seed);
    let kills = kills();
    let site =
        Site::new(on, Plan { people: 400 + kills * 150, refused_once: 10, latency_ms: (20, 80), ..Plan::default() })
            .await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let mut slowest = Duration::ZERO;
    for round in 0..kills {
        let running = seat.headless();
        if round % 2 == 0 {
            // Any moment of the first two seconds, from before it has read its configuration.
            let moment = Duration::from_micros(random.u64(1_000..2_000_000));
            let since = Instant::now();
            wait_for("the moment comes", || since.elapsed() >= moment);
        } else {
            let taken = site.taken();
            let wanted = (taken + random.usize(1..150)).min(people.len() - 20);
            slowest = slowest.max(wait_for("it goes on", || site.taken() > taken || taken >= wanted));
            site.until_taken(wanted);
        }
        kill(running);
        case.look_after_crash(&site, &seat, &id);
    }
    case.note("goes on at the latest after", slowest);
    assert!(slowest < TAKE_OVER, "{slowest:?}");
    let last = seat.headless();
    case.judge(&site, &seat, &id, &people);
    last.drain();
}

/// Two processes on one store, and again and again one of them is killed, whichever drives, and started again.
pub async fn one_of_two_at_random(on: On) {
    let mut case = Case::new("SIGKILL at random, two processes", on);
    let mut random = fastrand::Rng::with_seed(case.seed);
    let kills = kills();
    let site = Site::new(on, Plan { people: 400 + kills * 100, latency_ms: (20, 80), ..Plan::default() }).await;
    let seats = [site.seat("first"), site.seat("second")];
    let people = site.import(&seats[0]);
    let id = seats[0].send("people");
    let mut running = seats.each_ref().map(|seat| Some(seat.headless()));
    for _ in 0..kills {
        let moment = Duration::from_micros(random.u64(1_000..2_500_000));
        let since = Instant::now();
        wait_for("the moment comes", || since.elapsed() >= moment);
        let place = random.usize(..2);
        site.receipts.lead_to(seats[1 - place].address());
        kill(running[place].take().unwrap());
        case.look_after_crash(&site, &seats[1 - place], &id);
        running[place] = Some(seats[place].headless());
    }
    case.judge(&site, &seats[0], &id, &people);
    running.into_iter().flatten().for_each(crate::real::Wacast::drain);
}

/// How many kills at random moments.
fn kills() -> usize {
    std::env::var("WACAST_FIRE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// Where the program can be made to die, and at which passings.
const POINTS: [(&str, &[u64]); 14] = [
    ("while_freezing", &[1, 2]),
    ("before_running", &[1]),
    ("after_running", &[1]),
    ("after_recovery", &[1]),
    ("after_intent", &[1, 3]),
    ("before_send", &[1, 40]),
    ("after_answer", &[1, 40]),
    ("before_settle", &[1, 5]),
    ("after_settle", &[1, 5]),
    ("before_fold", &[1, 2]),
    ("after_fold", &[1]),
    ("before_complete", &[1]),
    ("after_complete", &[1]),
    ("at_release", &[1]),
];

/// At every point of the engine between two durable steps, one after the other in one broadcast.
pub async fn at_each_point(on: On) {
    let mut case = Case::new("SIGKILL at named points", on);
    let site = Site::new(on, Plan { people: 2_100, refused_once: 10, latency_ms: (1, 10), ..Plan::default() }).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    // A transaction that is open on the server when its process dies; SQLite knows nothing like it.
    let in_transaction: &[(&str, &[u64])] = &[("before_commit", &[1, 3, 8, 15])];
    let more = if on == On::MongoDb { in_transaction } else { &[] };
    let mut slowest = Duration::ZERO;
    let (freezing, sending) = POINTS.split_at(4);
    for (point, passings) in freezing.iter().chain(more).chain(sending) {
        for passing in *passings {
            let drives = || seat.log().matches("driving the sender").count();
            let before = drives();
            let mut running = seat.headless_with(&[("WACAST_DIE_AT", &format!("{point}:{passing}"))]);
            if *point == "at_release" {
                wait_for("it completes", || drives() > before && seat.status(&id)["status"] == "completed");
                super::site::signal(&running, rustix::process::Signal::TERM);
            }
            let what = format!("it dies at {point}:{passing}");
            slowest = slowest.max(wait_for(&what, || running.child.try_wait().unwrap().is_some()));
            let status = running.child.wait().unwrap();
            let signal = std::os::unix::process::ExitStatusExt::signal(&status);
            assert_eq!(signal, Some(9), "{point}:{passing}: {status}");
            case.look_after_crash(&site, &seat, &id);
        }
    }
    case.note("the next one dies at the latest after", slowest);
    assert!(slowest < TAKE_OVER, "{slowest:?}");
    let last = seat.headless();
    case.judge(&site, &seat, &id, &people);
    last.drain();
}
