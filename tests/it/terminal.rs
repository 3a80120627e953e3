//! The real program in a pseudo-terminal, seen as an operator sees it: what stands on the screen, what came over the
//! line, and when. The line can be made slow, and be made to stop.

use crate::real::Workplace;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest that anything may take to show on a loaded machine.
const DEADLINE: Duration = Duration::from_mins(1);
/// How many bytes a slow line carries at once.
const PIECE: usize = 64;

pub const ESC: &str = "\x1b";
pub const ENTER: &str = "\r";
pub const DOWN: &str = "\x1b[B";
pub const CTRL_C: &str = "\x03";

/// What carries the bytes from the program to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// As fast as they come.
    Fast,
    /// So many bytes a second.
    Slow(u32),
    /// Nothing is read.
    Stopped,
    /// Whoever read has gone.
    Gone,
}

/// What the operator's side knows.
pub struct Seen {
    pub parser: vt100::Parser,
    /// Everything that came, as it came.
    pub bytes: Vec<u8>,
    /// When the newest of it came.
    pub at: Instant,
    pub line: Line,
}

/// A terminal with the program in it.
pub struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    reader: Option<JoinHandle<()>>,
    pub child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

/// Also after a test has failed while it looked.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

impl Workplace {
    /// The binary with this configuration in a terminal.
    pub fn terminal(&self, arguments: &[&str], environment: &[(&str, &str)], columns: u16, rows: u16) -> Terminal {
        let like = self.command(arguments);
        let mut command = CommandBuilder::new(like.get_program());
        command.args(like.get_args());
        for (name, value) in like.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            }
        }
        command.cwd(self.folder.path());
        Terminal::run(command, environment, columns, rows)
    }
}

impl Terminal {
    /// The binary with these arguments, in 80x24.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_wacast"));
        command.args(arguments);
        command.cwd(std::env::temp_dir());
        Self::run(command, environment, 80, 24)
    }

    fn run(mut command: CommandBuilder, environment: &[(&str, &str)], columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        for (name, value) in
            [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("LC_ALL", "C.UTF-8")].iter().chain(environment)
        {
            command.env(name, value);
        }
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        let seen = Seen { parser, bytes: Vec::new(), at: Instant::now(), line: Line::Fast };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let filled = Arc::clone(&seen);
        let reader = pair.master.try_clone_reader().unwrap();
        let reader = Some(std::thread::spawn(move || read(reader, &filled)));
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let writer = Some(pair.master.take_writer().unwrap());
        Self { master: Some(pair.master), writer, reader, child, seen }
    }

    /// Presses keys, as the bytes that a terminal sends for them.
    pub fn press(&mut self, bytes: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(bytes.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen.0)
    }

    /// Waits until what came is as wanted; when its last bytes came.
    pub fn when(&self, what: &str, wanted: impl Fn(&Seen) -> bool) -> Instant {
        let end = Instant::now() + DEADLINE;
        let mut seen = self.seen();
        while !wanted(&seen) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}; the screen was\n{}", seen.parser.screen().contents());
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
        seen.at
    }

    /// Waits until the screen's text is as wanted, and returns it.
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let text = std::cell::RefCell::new(String::new());
        self.when(what, |seen| {
            *text.borrow_mut() = seen.parser.screen().contents();
            wanted(&text.borrow())
        });
        text.into_inner()
    }

    pub fn shows(&self, words: &str) -> String {
        self.until(words, |text| text.contains(words))
    }

    /// What stands on the screen now.
    pub fn text(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// Waits until these bytes came, which no screen shows.
    pub fn sends(&self, what: &str, bytes: &str) {
        self.when(what, |seen| seen.bytes.windows(bytes.len()).any(|window| window == bytes.as_bytes()));
    }

    /// Presses the left button on these words and lets it go, as SGR reports.
    pub fn click(&mut self, words: &str) {
        let text = self.shows(words);
        let (row, line) = text.lines().enumerate().find(|(_, line)| line.contains(words)).unwrap();
        let column = line[..line.find(words).unwrap()].chars().count();
        self.press(&format!("\x1b[<0;{0};{1}M\x1b[<0;{0};{1}m", column + 1, row + 1));
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen().parser.screen_mut().set_size(cells(rows), cells(columns));
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
    }

    /// From here on the line is like this.
    pub fn line(&self, line: Line) {
        self.seen().line = line;
        self.seen.1.notify_all();
    }

    /// Closes the terminal, as a window that is closed or a connection that is lost. The program has to write
    /// something for its reader to notice.
    pub fn hang_up(&mut self) {
        self.line(Line::Gone);
        self.reader.take().unwrap().join().unwrap();
        self.writer = None;
        self.master = None;
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for the program's end and returns its exit code.
    pub fn ended(&mut self) -> u32 {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What it wrote last is read, too.
                if let Some(reader) = self.reader.take() {
                    reader.join().unwrap();
                }
                return status.exit_code();
            }
            assert!(Instant::now() < end, "it does not end; the screen was\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether every mode of the terminal is as it was before: the screen, the cursor, the mouse, pasting.
    pub fn is_given_back(&self) -> bool {
        let seen = self.seen();
        let screen = seen.parser.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already in a test that passes.
        let _ended = self.child.kill();
        let _status = self.child.wait();
        self.line(Line::Gone);
    }
}

fn read(mut reader: Box<dyn Read + Send>, seen: &(Mutex<Seen>, Condvar)) {
    let mut bytes = [0; 4_096];
    loop {
        let line = {
            let mut seen_now = lock(&seen.0);
            while seen_now.line == Line::Stopped {
                seen_now = seen.1.wait(seen_now).unwrap_or_else(PoisonError::into_inner);
            }
            seen_now.line
        };
        let most = match line {
            Line::Gone => return,
            Line::Slow(_) => PIECE,
            Line::Fast | Line::Stopped => bytes.len(),
        };
        // An error: the program has closed it.
        let Ok(count @ 1..) = reader.read(&mut bytes[..most]) else { return };
        let came = Instant::now();
        if let Line::Slow(bytes_per_second) = line {
            // They are there only when the line has carried them.
            std::thread::sleep(Duration::from_secs(count as u64) / bytes_per_second);
        }
        let mut seen_now = lock(&seen.0);
        seen_now.at = if matches!(line, Line::Slow(_)) { Instant::now() } else { came };
        seen_now.parser.process(&bytes[..count]);
        seen_now.bytes.extend_from_slice(&bytes[..count]);
        drop(seen_now);
        seen.1.notify_all();
    }
}
