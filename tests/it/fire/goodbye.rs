//! Told to end: SIGTERM from a service manager, SIGHUP when the SSH connection is gone, a terminal that goes away.
//! What is under way is waited for and recorded, and the next start goes on.

use super::judge::{Case, count};
use super::site::{On, PATIENCE, Plan, Site, signal, wait_at_most, wait_for};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::process::Signal;
use std::io::Read;
use std::time::{Duration, Instant};

/// The first signal drains, a second one ends at once.
pub async fn told_to_end(on: On) {
    let mut case = Case::new("SIGTERM and SIGHUP", on);
    let site = Site::new(on, Plan { latency_ms: (100, 300), ..Plan::default() }).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    for asked in [Signal::HUP, Signal::TERM] {
        let mut running = seat.headless();
        site.until_taken(site.taken() + 150);
        let since = Instant::now();
        signal(&running, asked);
        let status = running.child.wait().unwrap();
        case.note("drained in", since.elapsed());
        assert_eq!(status.code(), Some(0), "{asked:?}");
        let view = seat.status(&id);
        assert_eq!((count(&view, "sending"), count(&view, "in_doubt")), (0, 0), "a drain leaves nobody open: {view}");
    }
    // The API hangs, so the drain would take long; whoever asks twice does not want to wait.
    let mut running = seat.headless();
    site.until_taken(site.taken() + 100);
    site.sandbox.change(|settings| settings.latency_ms = (20_000, 20_000)).unwrap();
    let (served, before) = (site.door.posts(), site.taken());
    wait_for("some hang", || site.door.posts() > served + 5 || site.taken() > before + 5);
    signal(&running, Signal::TERM);
    wait_for("it drains", || seat.log().matches("draining: nothing new").count() == 3);
    signal(&running, Signal::TERM);
    let since = Instant::now();
    assert_eq!(running.child.wait().unwrap().code(), Some(130));
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    case.look_after_crash(&site, &seat, &id);
    site.sandbox.change(|settings| settings.latency_ms = (1, 20)).unwrap();

    let last = seat.headless();
    case.judge(&site, &seat, &id, &people);
    last.drain();
}

/// The console's terminal is closed under it.
pub async fn the_terminal_goes_away(on: On) {
    let mut case = Case::new("console loses its terminal", on);
    let site = Site::new(on, Plan { people: 600, latency_ms: (50, 150), ..Plan::default() }).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");

    let pair = native_pty_system().openpty(PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_wacast"));
    command.args(["--config", seat.config().to_str().unwrap()]);
    command.cwd(site.folder.path());
    command.env("XDG_STATE_HOME", site.folder.path());
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let master = pair.master;
    let mut reader = master.try_clone_reader().unwrap();
    // Reads what the console draws until nobody reads any more: then the last hold on the terminal is gone.
    let (enough, read_on) = std::sync::mpsc::channel::<()>();
    let reading = std::thread::spawn(move || {
        let mut bytes = [0; 4_096];
        while read_on.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty)
            && matches!(reader.read(&mut bytes), Ok(1..))
        {}
    });
    site.until_taken(200);
    drop(enough);
    reading.join().unwrap();
    let since = Instant::now();
    drop(master);
    wait_at_most(PATIENCE, "it ends by itself", || child.try_wait().unwrap().is_some());
    case.note("ended in", since.elapsed());
    let view = seat.status(&id);
    assert_eq!((count(&view, "sending"), count(&view, "in_doubt")), (0, 0), "it drained: {view}");

    let last = seat.headless();
    case.judge(&site, &seat, &id, &people);
    last.drain();
}
