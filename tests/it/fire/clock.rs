//! The wall clock is stepped by an hour, back and forth, in the middle of things. A library that the test compiles
//! shifts it for wacast's processes only; the clocks that only run forward stay as they are.

use super::door::Door;
use super::judge::Case;
use super::site::{On, PATIENCE, Plan, Seat, Site, kill, signal, wait_at_most, wait_for};
use super::stopped::{keeps_the_pace, stop_between_commits};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use wacast::sandbox::PHONE_NUMBER_ID;

const HOUR: i64 = 3_600;

/// A clock that the processes of some seats have in common.
struct Wall {
    library: PathBuf,
    file: PathBuf,
}

impl Wall {
    fn new(folder: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fire/shift_clock.c");
        let library = folder.join("shift_clock.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
        let output = compiler.output().expect("cc, which Rust links with");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let wall = Self { library, file: folder.join("clock") };
        wall.is_off_by(0);
        wall
    }

    fn hangs_over(&self, seat: &mut Seat) {
        seat.environment.push(("LD_PRELOAD".into(), self.library.clone().into()));
        seat.environment.push(("WACAST_TEST_CLOCK".into(), self.file.clone().into()));
    }

    /// Sets it to so many seconds from the true time, in one step.
    fn is_off_by(&self, seconds: i64) {
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, seconds.to_string()).unwrap();
        std::fs::rename(beside, &self.file).unwrap();
    }
}

/// An hour back, two forward, and right again, in the middle of a broadcast with retries; then a crash in between.
pub async fn stepped(on: On) {
    let mut case = Case::new("wall clock stepped", on);
    let site = Site::new(on, Plan { people: 900, refused_once: 10, messages_per_second: 100, ..Plan::default() }).await;
    let wall = Wall::new(site.folder.path());
    let mut seat = site.seat("wacast");
    wall.hangs_over(&mut seat);
    let people = site.import(&seat);
    let id = seat.send("people");
    let mut running = seat.headless();
    for (step, off_by) in [-HOUR, HOUR, 0, -HOUR].into_iter().enumerate() {
        site.until_taken((step + 1) * 120);
        wall.is_off_by(off_by);
        let taken = site.taken();
        let took = wait_at_most(Duration::from_secs(8), "it goes on", || site.taken() > taken + 50);
        case.note("50 more in", took);
        if step == 0 {
            // Taken over as fast as ever, by the lock file.
            kill(running);
            case.look_after_crash(&site, &seat, &id);
            running = seat.headless();
            let taken = site.taken();
            case.note("after SIGKILL", wait_at_most(Duration::from_secs(8), "it goes on", || site.taken() > taken));
        }
    }
    case.judge(&site, &seat, &id, &people);
    keeps_the_pace(&site);
    // A step back stops the scheduler's alarm clock, and the watchdog sets it again.
    let ticks_missed = seat.log().matches("no tick for").count();
    assert!(ticks_missed <= 4, "{ticks_missed}");
    running.drain();
}

/// Who was refused for five seconds does not wait for an hour because the clock was set back meanwhile.
pub async fn set_back_before_retries(on: On) {
    let mut case = Case::new("wall clock set back before retries", on);
    let site = Site::new(on, Plan { people: 200, refused_once: 10, messages_per_second: 100, ..Plan::default() }).await;
    let wall = Wall::new(site.folder.path());
    let mut seat = site.seat("wacast");
    wall.hangs_over(&mut seat);
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    site.until_taken(50);
    wall.is_off_by(-HOUR);
    let took = wait_for("it completes", || seat.status(&id)["status"] == "completed");
    case.note("completed after", took);
    case.judge(&site, &seat, &id, &people);
    running.drain();
}

/// A stopped holder can only be taken over when its lease has ended; a clock that was set back does not make that an
/// hour.
pub async fn set_back_while_the_holder_is_stopped(on: On) {
    let mut case = Case::new("wall clock set back, holder stopped", on);
    let site = Site::new(on, Plan { people: 500, messages_per_second: 100, ..Plan::default() }).await;
    let wall = Wall::new(site.folder.path());
    let second_door = Door::to(site.sandbox.address()).await;
    let mut first = site.seat("first");
    let mut second = site.seat_with("second", PHONE_NUMBER_ID, second_door.address());
    wall.hangs_over(&mut first);
    wall.hangs_over(&mut second);
    let people = site.import(&first);
    let id = first.send("people");
    let frozen = first.headless();
    site.until_taken(100);
    let taking_over = second.headless();
    stop_between_commits(&site, on, &frozen);
    wall.is_off_by(-HOUR);
    site.receipts.lead_to(second.address());
    let took = wait_at_most(PATIENCE, "the second takes over", || second_door.posts() > 0);
    case.note("take-over", took);
    signal(&frozen, Signal::CONT);
    case.judge(&site, &second, &id, &people);
    frozen.drain();
    taking_over.drain();
}

/// What is due in an hour starts when the clock says so, once, and a clock that is set back does not start it again.
pub async fn a_schedule(on: On) {
    let case = Case::new("wall clock stepped over a schedule", on);
    let site = Site::new(on, Plan { people: 100, ..Plan::default() }).await;
    let wall = Wall::new(site.folder.path());
    let mut seat = site.seat("wacast");
    wall.hangs_over(&mut seat);
    let people = site.import(&seat);
    let running = seat.headless();
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(HOUR - 60);
    let arguments = ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"];
    let made = seat.json(&[&arguments[..], &["--at", &at.to_string()]].concat());
    let id = made["broadcast_id"].as_str().unwrap().to_owned();
    assert_eq!(seat.status(&id)["status"], "scheduled");
    wall.is_off_by(-HOUR);
    assert_eq!(seat.status(&id)["status"], "scheduled");
    assert_eq!(site.taken(), 0);
    wall.is_off_by(HOUR);
    wait_for("it starts", || site.taken() > 0);
    wall.is_off_by(0);
    wait_at_most(PATIENCE, "it completes", || seat.status(&id)["status"] == "completed");
    wall.is_off_by(HOUR);
    case.judge(&site, &seat, &id, &people);
    running.drain();
}
