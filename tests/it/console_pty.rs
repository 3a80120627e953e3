//! The real program in a pseudo-terminal: an operator's way through it against the built-in sandbox.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// The longest that anything here may take to show on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A terminal with the program in it, seen as an operator sees it.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<vt100::Parser>, Condvar)>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

impl Terminal {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(80, 24)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_wacast"));
        command.args(arguments);
        command.cwd(std::env::temp_dir());
        for (name, value) in
            [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("LC_ALL", "C.UTF-8")].iter().chain(environment)
        {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let seen = Arc::new((Mutex::new(vt100::Parser::new(cells(24), cells(80), 0)), Condvar::new()));
        let filled = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                filled.0.lock().unwrap().process(&bytes[..count]);
                filled.1.notify_all();
            }
        });
        Self { master: pair.master, writer, child, seen }
    }

    /// Presses keys, as the bytes that a terminal sends for them.
    fn press(&mut self, bytes: &str) {
        self.writer.write_all(bytes.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits until the screen is as wanted.
    fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + DEADLINE;
        let mut parser = self.seen.0.lock().unwrap();
        loop {
            let text = parser.screen().contents();
            if wanted(&text) {
                return text;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}; the screen was\n{text}");
            parser = self.seen.1.wait_timeout(parser, left).unwrap().0;
        }
    }

    fn shows(&self, words: &str) -> String {
        self.until(words, |text| text.contains(words))
    }

    fn resize(&self, columns: u16, rows: u16) {
        self.seen.0.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Waits for the program's end and returns its exit code.
    fn ended(&mut self) -> u32 {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < end, "it does not end; the screen was\n{}", self.shows(""));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_given_back(&self) -> bool {
        let parser = self.seen.0.lock().unwrap();
        !parser.screen().alternate_screen() && !parser.screen().hide_cursor()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already in a test that passes.
        let _ended = self.child.kill();
    }
}

const ESC: &str = "\x1b";
const ENTER: &str = "\r";
const DOWN: &str = "\x1b[B";
const CTRL_C: &str = "\x03";

#[test]
fn an_operator_watches_pauses_composes_sends_and_quits() {
    let mut terminal = Terminal::start(&["demo"], &[]);
    let first = terminal.shows("sending");
    assert!(first.contains("REHEARSAL"), "{first}");

    terminal.press("?");
    terminal.shows("Help: Live");
    terminal.press(ESC);
    terminal.until("help gone", |text| !text.contains("Help: Live"));

    terminal.press("p");
    terminal.shows("is paused");
    for step in 0..40 {
        terminal.resize(20 + step * 5, 5 + step);
    }
    terminal.resize(80, 24);
    terminal.shows("paused by an operator");
    terminal.press("r");
    terminal.shows("goes on");

    terminal.press("n");
    terminal.shows("Who is to get it?");
    terminal.press(ENTER);
    terminal.shows("Which template?");
    terminal.until("the templates", |text| text.contains("hello"));
    terminal.press(DOWN);
    terminal.press(ENTER);
    terminal.shows("When is it to start?");
    terminal.press(ENTER);
    let review = terminal.shows("Type 400 to start it");
    assert!(review.contains("REHEARSAL"), "{review}");
    terminal.press("40");
    terminal.press(ENTER);
    terminal.shows("not to 40");
    terminal.press("400");
    terminal.press(ENTER);
    terminal.shows("hello has started");
    terminal.until("hello going out", |text| text.contains("hello / en_US") && !text.contains("taken 0"));

    terminal.press(CTRL_C);
    terminal.shows("finish what is under way, then quit");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
    terminal.until("the terminal given back", |_| true);
    assert!(terminal.is_given_back());
}

#[test]
fn a_messy_file_is_loaded_put_right_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let messy = "Mobile No.,Full name\n202 555 0123,Asha\n202 555 0124,दीपा 🎉\n98,Bo\n9.19E+11,Cy\n+12025550125,Di\n";
    std::fs::write(folder.path().join("messy.csv"), messy).unwrap();
    let mut terminal = Terminal::start(&["demo"], &[]);
    terminal.shows("sending");
    terminal.press("3");
    terminal.shows("Lists");
    terminal.press("o");
    terminal.shows("files on server");
    terminal.press(&format!("{}/", folder.path().display()));
    terminal.shows("messy.csv");
    terminal.press(ENTER);
    terminal.shows("Mobile No.");
    terminal.press(ENTER);
    terminal.shows("5 rows = 1 new + 0 known already + 4 rejected");
    terminal.press("r");
    let causes = terminal.shows("Rows that cannot be used, by cause");
    assert!(causes.contains("r puts right") && !causes.contains("202 555 0123"), "{causes}");
    terminal.press("r");
    terminal.shows("Put 3 rows right?");
    terminal.press(DOWN);
    terminal.shows("Two letters");
    terminal.press("us");
    terminal.shows("Enter does it.");
    terminal.press(ENTER);
    terminal.shows("2 of 3 rows are put right.");
    terminal.press(ENTER);
    terminal.shows("2 put right");
    terminal.press("x");
    terminal.shows("1 person leaves the list messy");
    terminal.press("\t");
    terminal.press(ENTER);
    terminal.shows("messy.csv is taken back");
    terminal.until("the files that are left", |text| {
        text.contains("messy.csv (fixed: country US)") && text.contains("Files loaded into messy")
    });
    terminal.press(CTRL_C);
    terminal.shows("finish what is under way, then quit");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn a_line_that_drops_ends_it_in_order() {
    let mut terminal = Terminal::start(&["demo"], &[("NO_COLOR", "1")]);
    terminal.shows("sending");
    let pid = terminal.child.process_id().unwrap();
    let status = std::process::Command::new("kill").args(["-HUP", &pid.to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(terminal.ended(), 0);
}
