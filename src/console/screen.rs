//! The terminal itself: taking it over, giving it back, and writing frames to it from a thread of its own.
//!
//! The thread holds a slot for one frame, the newest. A terminal that stops reading blocks that thread and nothing
//! else; when it reads again it gets the newest frame, not the backlog. Only the runner calls this.

use super::text::{cells, width};
use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{Command, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long leaving waits for a terminal that does not read.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether a screen can be shown here; else why not, in words.
pub fn can_show() -> Result<(), String> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err("this is not a terminal".to_owned());
    }
    match std::env::var("TERM").unwrap_or_default().as_str() {
        "" => return Err("TERM is not set".to_owned()),
        "dumb" => return Err("the terminal is dumb (TERM=dumb)".to_owned()),
        _ => {}
    }
    crossterm::terminal::size().map(|_| ()).map_err(|error| format!("the terminal's size cannot be told: {error}"))
}

/// One picture for the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The cells.
    pub buffer: Buffer,
    /// Where the cursor is shown, if at all.
    pub cursor: Option<Position>,
    /// Nothing that the terminal shows may be relied on: it was resized, which loses cells also when it is back at
    /// its size before anybody looks.
    pub whole: bool,
    /// Clicks and the wheel come in; off, the terminal's own selection works without a further key.
    pub mouse: bool,
}

#[derive(Default)]
struct Slot {
    frame: Option<Frame>,
    /// Text for the terminal's clipboard.
    clipboard: Option<String>,
    stop: bool,
    ended: bool,
    gone: bool,
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
    written: Notify,
}

impl Shared {
    /// The slot holds plain values that are right after every step, so that a panic elsewhere spoils none.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that writes frames, and its slot. Clones are handles of the same.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    /// Starts the thread; it takes the terminal's screen over with the first bytes that it writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        thread::Builder::new().name("console-writer".to_owned()).spawn(move || write_frames(&for_thread, out))?;
        Ok(Self { shared })
    }

    /// Hands over a frame. One that was not written yet is forgotten.
    pub fn show(&self, mut frame: Frame) {
        let mut slot = self.shared.lock();
        frame.whole |= slot.frame.as_ref().is_some_and(|forgotten| forgotten.whole);
        slot.frame = Some(frame);
        drop(slot);
        self.shared.changed.notify_all();
    }

    /// Puts text into the terminal's clipboard, as far as the terminal lets that be done.
    pub fn copy(&self, text: String) {
        self.shared.lock().clipboard = Some(text);
        self.shared.changed.notify_all();
    }

    /// Whether the last frame is with the terminal, so that drawing another is worth it.
    pub fn is_free(&self) -> bool {
        self.shared.lock().frame.is_none()
    }

    /// Waits until a frame was written, or the terminal is gone.
    pub async fn written(&self) {
        self.shared.written.notified().await;
    }

    /// Whether writing failed: there is no terminal any more.
    pub fn is_gone(&self) -> bool {
        self.shared.lock().gone
    }

    /// Gives the screen back and ends the thread; does not wait for a terminal that does not read. `true`: given back.
    pub fn stop(&self) -> bool {
        let mut slot = self.shared.lock();
        slot.stop = true;
        self.shared.changed.notify_all();
        let until = Instant::now() + PATIENCE;
        while !slot.ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            slot = self.shared.changed.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

fn write_frames(shared: &Shared, mut out: impl Write) {
    let mut shown = Frame { buffer: Buffer::empty(Rect::ZERO), cursor: None, whole: false, mouse: false };
    let mut alive = send(&mut out, &take_over());
    loop {
        let (frame, clipboard) = {
            let mut slot = shared.lock();
            slot.gone |= !alive;
            while slot.frame.is_none() && slot.clipboard.is_none() && !slot.stop {
                slot = shared.changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
            }
            if slot.stop {
                break;
            }
            (slot.frame.take(), slot.clipboard.take())
        };
        if let (Some(text), true) = (clipboard, alive) {
            let mut bytes = Vec::new();
            add(&mut bytes, CopyToClipboard::to_clipboard_from(text));
            alive = send(&mut out, &bytes);
        }
        if let (Some(frame), true) = (frame, alive) {
            alive = send(&mut out, &bytes_for(&shown, &frame));
            shown = frame;
        }
        shared.written.notify_one();
    }
    send(&mut out, &give_back());
    shared.lock().ended = true;
    shared.changed.notify_all();
    shared.written.notify_one();
}

fn send(out: &mut impl Write, bytes: &[u8]) -> bool {
    out.write_all(bytes).and_then(|()| out.flush()).is_ok()
}

/// Buttons and wheel, in the form that works beyond column 223. Crossterm's own command asks for every movement too,
/// which a slow line would have to carry.
struct Mouse(bool);

impl Command for Mouse {
    fn write_ansi(&self, out: &mut impl std::fmt::Write) -> std::fmt::Result {
        out.write_str(if self.0 { "\x1b[?1000h\x1b[?1006h" } else { "\x1b[?1006l\x1b[?1000l" })
    }
}

/// Writing to a vector cannot fail; what it would say is of no use to anyone.
fn add(bytes: &mut Vec<u8>, command: impl Command) {
    let _never = queue!(bytes, command);
}

fn take_over() -> Vec<u8> {
    let mut bytes = Vec::new();
    add(&mut bytes, EnterAlternateScreen);
    add(&mut bytes, EnableBracketedPaste);
    add(&mut bytes, Hide);
    add(&mut bytes, Clear(ClearType::All));
    bytes
}

/// What gives the terminal back as it was, as bytes for any way out.
pub fn give_back() -> Vec<u8> {
    let mut bytes = Vec::new();
    add(&mut bytes, EndSynchronizedUpdate);
    add(&mut bytes, SetAttribute(Attribute::Reset));
    add(&mut bytes, Mouse(false));
    add(&mut bytes, DisableBracketedPaste);
    add(&mut bytes, Show);
    add(&mut bytes, LeaveAlternateScreen);
    bytes
}

/// The bytes that turn what the terminal shows into the new frame.
fn bytes_for(shown: &Frame, frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    add(&mut bytes, BeginSynchronizedUpdate);
    add(&mut bytes, Hide);
    if frame.mouse != shown.mouse {
        add(&mut bytes, Mouse(frame.mouse));
    }
    let whole = frame.whole || shown.buffer.area != frame.buffer.area;
    let empty = Buffer::empty(frame.buffer.area);
    let before = if whole { &empty } else { &shown.buffer };
    if whole {
        add(&mut bytes, SetAttribute(Attribute::Reset));
        add(&mut bytes, Clear(ClearType::All));
    }
    let mut changes = before.diff(&frame.buffer);
    // Looked at once a row: a row that changes has many cells that do.
    let mut odd_rows: Vec<u16> = changes.iter().map(|(_, row, _)| *row).collect();
    odd_rows.dedup();
    odd_rows.retain(|row| is_odd(before, *row) || is_odd(&frame.buffer, *row));
    changes.retain(|(_, row, _)| !odd_rows.contains(row));
    // The same as above: the backend writes into a vector.
    let _never = CrosstermBackend::new(&mut bytes).draw(changes.into_iter());
    for row in odd_rows {
        draw_anew(&mut bytes, &frame.buffer, row);
    }
    if let Some(position) = frame.cursor {
        add(&mut bytes, MoveTo(position.x, position.y));
        add(&mut bytes, Show);
    }
    add(&mut bytes, EndSynchronizedUpdate);
    bytes
}

/// Whether a row holds letters that terminals give another width than we do: those made of several characters, as in
/// Devanagari and in emoji.
fn is_odd(buffer: &Buffer, row: u16) -> bool {
    (0..buffer.area.width).any(|column| {
        buffer
            .cell((column, row))
            .is_some_and(|cell| !cell.symbol().is_ascii() && cell.symbol().chars().nth(1).is_some())
    })
}

/// Writes a whole row on a cleared line, each cell at its own place, so that no terminal's idea of a letter's width moves
/// what stands behind it or leaves a part of it behind.
fn draw_anew(bytes: &mut Vec<u8>, buffer: &Buffer, row: u16) {
    add(bytes, MoveTo(0, row));
    add(bytes, SetAttribute(Attribute::Reset));
    add(bytes, Clear(ClearType::CurrentLine));
    let mut free = 0;
    for column in 0..buffer.area.width {
        let Some(cell) = buffer.cell((column, row)).filter(|_| column >= free) else { continue };
        // What a wide letter covers is not written.
        free = column.saturating_add(cells(width(cell.symbol()).max(1)));
        // The same as above: the backend writes into a vector. One at a time: each begins with a move.
        let _never = CrosstermBackend::new(&mut *bytes).draw(std::iter::once((column, row, cell)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A terminal that reads only when it is told to.
    struct Stalled {
        go: mpsc::Receiver<()>,
        got: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(|_| io::Error::other("gone"))?;
            self.got.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn frame(text: &str) -> Frame {
        Frame { buffer: Buffer::with_lines([text]), cursor: None, whole: false, mouse: false }
    }

    #[tokio::test]
    async fn a_terminal_that_does_not_read_gets_the_newest_frame_later_and_blocks_nobody() {
        let (go, waits) = mpsc::channel();
        let got = Arc::new(Mutex::new(Vec::new()));
        let writer = Writer::start(Stalled { go: waits, got: Arc::clone(&got) }).unwrap();
        for count in 0..1_000 {
            writer.show(frame(&format!("frame{count:04}")));
        }
        go.send(()).unwrap(); // taking over
        go.send(()).unwrap(); // the newest frame
        writer.written().await;
        assert!(writer.is_free());
        let text = String::from_utf8_lossy(&got.lock().unwrap()).into_owned();
        assert!(text.contains("frame0999") && !text.contains("frame0000"), "{text}");
        go.send(()).unwrap();
        assert!(writer.stop(), "given back");
        let text = String::from_utf8_lossy(&got.lock().unwrap()).into_owned();
        assert!(text.ends_with("\u{1b}[?1049l"), "{text:?}");
    }

    #[tokio::test]
    async fn a_terminal_that_is_gone_is_known_as_such() {
        let (go, waits) = mpsc::channel();
        drop(go);
        let writer = Writer::start(Stalled { go: waits, got: Arc::default() }).unwrap();
        writer.show(frame("x"));
        writer.written().await;
        assert!(writer.is_gone());
    }

    #[test]
    fn after_a_resize_everything_is_written() {
        let resized = Frame { whole: true, ..frame("one two") };
        let text = String::from_utf8_lossy(&bytes_for(&frame("one two"), &resized)).into_owned();
        assert!(text.contains("one") && text.contains("two"), "{text:?}");
    }

    #[test]
    fn letters_of_uncertain_width_leave_nothing_behind() {
        let text = String::from_utf8_lossy(&bytes_for(&frame("दीपा one"), &frame("Asha one"))).into_owned();
        assert!(text.contains("\u{1b}[2K"), "the line is cleared: {text:?}");
        for letter in ["A", "s", "h", "a", "o", "n", "e"] {
            assert!(text.contains(letter), "all of it is written anew: {text:?}");
        }
    }

    #[test]
    fn only_what_changed_is_written() {
        let bytes = bytes_for(&frame("one two"), &frame("one too"));
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains('o') && !text.contains("one"), "{text:?}");
    }
}
