//! The disk is full under an SQLite store. Nothing more is sent than can be recorded; with room made it goes on.

use super::judge::Case;
use super::site::{On, PATIENCE, Plan, Seat, Site, wait_at_most, wait_for};
use crate::real::Wacast;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file may not grow any more, by a limit of the process (as with a quota), and then it may.
pub async fn no_room_in_the_file() {
    let mut case = Case::new("file size limit", On::Sqlite);
    let site = Site::new(On::Sqlite, Plan::default()).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = limited(&seat, 1_500);
    wait_for("it hits the limit", || seat.log().contains("the store gives trouble"));
    site.until_it_stands_still();
    let taken = site.taken();
    assert!(taken < people.len() - 100, "the limit came too late to show anything: {taken}");
    let pid = running.child.id().to_string();
    let lifted = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
    assert!(lifted.expect("prlimit of util-linux").success());
    let took = wait_at_most(PATIENCE, "it goes on by itself", || site.taken() > taken + 20);
    case.note("goes on after", took);
    case.judge(&site, &seat, &id, &people);
    running.drain();
}

/// `wacast` whose files may grow to so many KiB; a write beyond it is an error to it, not a signal.
fn limited(seat: &Seat, kib: u64) -> Wacast {
    let command = seat.command(&["--no-tui"]);
    let mut shell = Command::new("bash");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f \"$0\"; exec \"$@\""]).arg(kib.to_string());
    shell.arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let log = std::fs::File::create(seat.config().with_extension("log")).unwrap();
    let child = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    Wacast { child }
}

/// A file system of its own that ends with the test.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where that is not permitted.
    fn new(folder: &Path, mib: u64) -> Option<Self> {
        let path = folder.join("disk");
        std::fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "wacast-fire"]).arg(&path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(path))
    }

    /// Leaves no more than so many bytes.
    fn fill(&self, leave: u64) {
        let mut filler = std::fs::File::create(self.0.join("filler")).unwrap();
        let block = vec![1; 64 << 10];
        while filler.write_all(&block).is_ok() {}
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(leave)).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The whole file system is full: in the middle of sending, and at a start.
pub async fn full() {
    let mut case = Case::new("disk full", On::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::new(folder.path(), 200) else {
        eprintln!("a file system may not be mounted here: the limit on the file's size is all that is tested");
        return case.leave_out();
    };
    let url = format!("sqlite://{}", disk.0.join("wacast.db").display());
    let site = Site::at(folder, url, Plan::default()).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");

    let running = seat.headless();
    site.until_taken(150);
    disk.fill(0);
    wait_for("it says so", || seat.log().contains("the store gives trouble"));
    site.until_it_stands_still();
    let taken = site.taken();
    assert!(taken < people.len() - 100, "{taken}");
    disk.make_room();
    // It goes on by itself, or it has seen how little room was left and asks for a word.
    let took = wait_at_most(PATIENCE, "it goes on, or says what to do", || {
        let view = seat.status(&id);
        if view["status"] == "paused" {
            assert!(view["reason"] == "store" && view.to_string().contains("make room"), "{view}");
            seat.json(&["resume", &id, "--json"]);
        }
        site.taken() > taken + 20
    });
    case.note("goes on after", took);
    running.drain();

    // Nearly full at a start: it does not begin what it could not record, and says what to do.
    disk.fill(8 << 20);
    let running = seat.headless();
    wait_for("it pauses", || seat.status(&id)["status"] == "paused");
    let view = seat.status(&id);
    assert_eq!(view["reason"], "store", "{view}");
    assert!(view.to_string().contains("make room"), "{view}");
    disk.make_room();
    seat.json(&["resume", &id, "--json"]);
    case.judge(&site, &seat, &id, &people);
    running.drain();
    drop(site);
}
