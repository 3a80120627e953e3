//! The loop: one event in, everything else that waits taken too, requests out, one frame drawn.
//!
//! It runs on a thread of its own with a small runtime of its own, so that neither a slow frame nor a slow terminal can
//! hold up sending; and a panic in it is known by its thread. Drawing happens on change, at most every 33 ms.

use super::actions::Action;
use super::keys::Keys;
use super::look::Role;
use super::message::{Answer, Click, Event, Leaving, Request};
use super::model::Model;
use super::panic::{self, Guard};
use super::screen::{Frame, Writer};
use super::update::update;
use super::view::{self, Drawn};
use crate::die;
use crate::domain::time::Millis;
use crate::service::view::Snapshot;
use crossterm::event::{Event as TerminalEvent, MouseButton, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Between two frames.
const FRAME: Duration = Duration::from_millis(33);
/// The largest screen that is drawn; a terminal that claims more gets this much.
const LARGEST: (u16, u16) = (1_000, 400);

/// How the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The operator wants what is under way finished first.
    Drain,
    /// The operator wants to stop at once.
    Now,
    /// Out of the set-up: try it on the sandbox.
    Sandbox,
    /// Out of the set-up: the configuration was written; start with it.
    Configured,
    /// The terminal is gone: finish what is under way.
    TerminalGone,
    /// It was told to stop from outside.
    Stopped,
}

/// Why the console could not go on. Sending is not touched by it.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The terminal cannot be taken over.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] std::io::Error),
    /// A bug in the console.
    #[error("the console ended by a bug of its own; the log file says more")]
    Panicked,
}

/// Tells the time.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// What the loop listens to and talks to.
pub struct Wires {
    /// To the task that acts.
    pub requests: mpsc::Sender<Request>,
    /// From it.
    pub answers: mpsc::Receiver<Answer>,
    /// Pictures of everything, once there are some; `None` in the set-up.
    pub pictures: Option<watch::Receiver<Option<Arc<Snapshot>>>>,
    /// What stands in the way of the first one, in words.
    pub opening: Option<watch::Receiver<Option<String>>>,
    /// Parts that broke, in words.
    pub broken: Option<watch::Receiver<Option<String>>>,
    /// The time.
    pub now: Now,
    /// Told to stop from outside.
    pub stop: CancellationToken,
}

/// Runs the loop on its own thread until it ends.
pub async fn run(model: Model, wires: Wires) -> Result<Ended, ConsoleError> {
    let (done, ended) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name(panic::OWN_THREADS[0].to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let ended = runtime.map_err(ConsoleError::from).and_then(|runtime| runtime.block_on(on_terminal(model, wires)));
        // The caller has gone: nobody is left to tell.
        let _nobody = done.send(ended);
    })?;
    ended.await.unwrap_or(Err(ConsoleError::Panicked))
}

/// Takes the terminal over, runs the loop, gives it back.
async fn on_terminal(model: Model, wires: Wires) -> Result<Ended, ConsoleError> {
    let (told, panics) = mpsc::channel(4);
    let guard = Guard::install(told);
    crossterm::terminal::enable_raw_mode()?;
    // Without this crossterm drops bold and reverse too under NO_COLOR, and the selection with them.
    crossterm::style::force_color_output(true);
    let writer = match Writer::start(std::io::stdout()) {
        Ok(writer) => writer,
        Err(error) => {
            panic::give_back_now();
            return Err(error.into());
        }
    };
    let ended = match Keys::start() {
        Ok(keys) => {
            let hot = Drawn::default();
            let new =
                Loop { model, wires, panics, writer: writer.clone(), drawn_at: None, last: None, hot, resized: false };
            Ok(new.run(keys).await)
        }
        Err(error) => Err(error.into()),
    };
    writer.stop();
    let raw = crossterm::terminal::disable_raw_mode();
    drop(guard);
    match ended {
        // A terminal that has hung up has no mode to be given back to, and that is no fault.
        Ok(Ended::TerminalGone | Ended::Stopped) => {}
        _ => raw?,
    }
    ended
}

struct Loop {
    model: Model,
    wires: Wires,
    panics: mpsc::Receiver<String>,
    writer: Writer,
    drawn_at: Option<Instant>,
    last: Option<Frame>,
    /// What a click means where, on the last frame.
    hot: Drawn,
    /// Since the last frame.
    resized: bool,
}

/// What the loop wakes up for.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
enum Wake {
    Event(Event),
    Ended(Ended),
    Draw,
    Nothing,
}

impl Loop {
    async fn run(mut self, mut keys: Keys) -> Ended {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // The first frame before the store has answered.
        self.draw();
        let mut dirty = false;
        loop {
            match self.wait(&mut keys, &mut ticks, dirty).await {
                Wake::Ended(ended) => return ended,
                Wake::Draw => {
                    self.draw();
                    dirty = false;
                }
                Wake::Nothing => {}
                Wake::Event(event) => {
                    dirty = true;
                    if let Some(ended) = self.apply(event) {
                        return ended;
                    }
                    // What waits already is taken before anything is drawn.
                    while let Some(event) = keys.waiting() {
                        if let Some(ended) = from_terminal(&self.hot, event).and_then(|event| self.apply(event)) {
                            return ended;
                        }
                    }
                }
            }
        }
    }

    async fn wait(&mut self, keys: &mut Keys, ticks: &mut tokio::time::Interval, dirty: bool) -> Wake {
        let may_draw = dirty && self.writer.is_free();
        let draw_at = self.drawn_at.map_or_else(Instant::now, |at| at + FRAME);
        let needs_clock = self.model.needs_clock();
        let Wires { answers, pictures, opening, broken, stop, now, .. } = &mut self.wires;
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Ended(Ended::Stopped),
            key = keys.next() => match key {
                Some(event) => from_terminal(&self.hot, event).map_or(Wake::Nothing, Wake::Event),
                None => Wake::Ended(Ended::TerminalGone),
            },
            () = tokio::time::sleep_until(draw_at), if may_draw => Wake::Draw,
            () = self.writer.written() => {
                if self.writer.is_gone() { Wake::Ended(Ended::TerminalGone) } else { Wake::Nothing }
            }
            Some(answer) = answers.recv() => Wake::Event(Event::Answer(answer)),
            picture = next_picture(pictures) => picture.map_or(Wake::Nothing, |picture| Wake::Event(Event::Snapshot(picture))),
            Some(what) = self.panics.recv() => Wake::Event(Event::Broken(what)),
            words = next_words(opening) => words.map_or(Wake::Nothing, |words| Wake::Event(Event::Opening(words))),
            what = next_words(broken) => what.map_or(Wake::Nothing, |what| Wake::Event(Event::Broken(what))),
            _ = ticks.tick(), if needs_clock => Wake::Event(Event::Clock(now())),
        }
    }

    /// Takes an event in and passes its requests on; `Some` when it ends the console.
    fn apply(&mut self, event: Event) -> Option<Ended> {
        self.model.now = (self.wires.now)();
        self.resized |= matches!(event, Event::Resize(..));
        for request in update(&mut self.model, event) {
            if let Request::Leave(leaving) = request {
                return Some(match leaving {
                    Leaving::Drain => Ended::Drain,
                    Leaving::Now => Ended::Now,
                    Leaving::Sandbox => Ended::Sandbox,
                    Leaving::Configured => Ended::Configured,
                });
            }
            if let Request::Copy(text) = request {
                self.writer.copy(text);
                continue;
            }
            if self.wires.requests.try_send(request).is_err() {
                self.model.say(Role::Bad, "Too much waits to be done already: press it again in a moment.");
            }
        }
        None
    }

    fn draw(&mut self) {
        die::point("draw");
        let (columns, rows) = crossterm::terminal::size().unwrap_or(self.model.size);
        self.model.size = (columns.min(LARGEST.0), rows.min(LARGEST.1));
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.model.size.0, self.model.size.1));
        let drawn = view::render(&self.model, &mut buffer);
        let frame = Frame { buffer, cursor: drawn.cursor, whole: false, mouse: self.model.plain.is_none() };
        self.hot = drawn;
        self.drawn_at = Some(Instant::now());
        if self.resized || self.last.as_ref() != Some(&frame) {
            self.last = Some(frame.clone());
            self.writer.show(Frame { whole: std::mem::take(&mut self.resized), ..frame });
        }
    }
}

/// Whether a picture is more than the empty one that stands before the store has answered.
fn has_content(picture: &Snapshot) -> bool {
    picture.sender.is_some() || picture.store_trouble.is_some() || !picture.lists.is_empty() || picture.templates.0 > 0
}

fn from_terminal(hot: &Drawn, event: TerminalEvent) -> Option<Event> {
    match event {
        TerminalEvent::Key(key) => Some(Event::Key(key)),
        TerminalEvent::Paste(text) => Some(Event::Paste(text)),
        TerminalEvent::Resize(columns, rows) => Some(Event::Resize(columns, rows)),
        TerminalEvent::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => hot.click(mouse.column, mouse.row).map(Event::Click),
            MouseEventKind::ScrollUp => Some(Event::Click(Click::Act(Action::Up))),
            MouseEventKind::ScrollDown => Some(Event::Click(Click::Act(Action::Down))),
            _ => None,
        },
        TerminalEvent::FocusGained | TerminalEvent::FocusLost => None,
    }
}

/// The next picture that says something; waits for ever when there is none to come.
async fn next_picture(pictures: &mut Option<watch::Receiver<Option<Arc<Snapshot>>>>) -> Option<Arc<Snapshot>> {
    let Some(receiver) = pictures else { return std::future::pending().await };
    if receiver.changed().await.is_err() {
        *pictures = None;
        return None;
    }
    receiver.borrow_and_update().clone().filter(|picture| has_content(picture))
}

/// The next words; waits for ever when there are none to come.
async fn next_words(words: &mut Option<watch::Receiver<Option<String>>>) -> Option<String> {
    let Some(receiver) = words else { return std::future::pending().await };
    if receiver.changed().await.is_err() {
        *words = None;
        return None;
    }
    receiver.borrow_and_update().clone()
}
