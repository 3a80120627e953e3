//! What the terminal sends: keys, pastes, changes of size. Read by a thread of its own.
//!
//! A plain blocking thread rather than crossterm's `EventStream`: that one remembers the waker of its first poll, so
//! whoever only looks whether something waits puts it to sleep for good. And with crossterm's feature `use-dev-tty`:
//! its other way of waiting never returns from a terminal that hangs up. Used by the loop alone.

use super::panic;
use crossterm::event::{Event, poll, read};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How soon the thread notices that it is to end.
const NOTICE: Duration = Duration::from_millis(100);
/// How long the end waits for the thread.
const PATIENCE: Duration = Duration::from_millis(500);
/// Events that wait for the loop; more come no faster than it takes them.
const WAITING: usize = 256;

/// The terminal's events, as long as this lives.
pub(super) struct Keys {
    events: mpsc::Receiver<Event>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    /// Begins to read. Only one may live at a time: two would share the input between them.
    pub(super) fn start() -> std::io::Result<Self> {
        let (sender, events) = mpsc::channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name(panic::OWN_THREADS[2].to_owned())
            .spawn(move || read_until(&stopped, &sender))?;
        Ok(Self { events, stop, thread: Some(thread) })
    }

    /// The next event; `None`: the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// An event that waits already.
    pub(super) fn waiting(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

impl Drop for Keys {
    /// Ends the thread before anybody else reads the terminal.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.events.close();
        while self.events.try_recv().is_ok() {}
        // A terminal that sent half a key keeps the thread for as long as it likes; the drain must not wait for it.
        let until = Instant::now() + PATIENCE;
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(PATIENCE / 100);
        }
    }
}

fn read_until(stopped: &AtomicBool, events: &mpsc::Sender<Event>) {
    while !stopped.load(Ordering::Acquire) {
        let event = match poll(NOTICE) {
            // A terminal that has hung up has no events and makes no errors.
            Ok(false) if !std::io::stdin().is_terminal() => return,
            Ok(false) => continue,
            Ok(true) => read(),
            Err(error) => Err(error),
        };
        // An error means that there is no terminal any more; closing the channel says so.
        let Ok(event) = event else { return };
        if events.blocking_send(event).is_err() {
            return;
        }
    }
}
