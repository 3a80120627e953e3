//! What the terminal sends: keys, pastes, changes of size. Read by a thread of its own.
//!
//! A plain blocking thread rather than crossterm's `EventStream`: that one remembers the waker of its first poll, so
//! whoever only looks whether something waits puts it to sleep for good. And the thread waits by itself rather than in
//! crossterm, which spins for ever, with a whole core, when the terminal hangs up while it waits. Used by the loop
//! alone.

use super::panic;
use crossterm::event::{Event, poll, read};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How soon the thread notices that it is to end, and a change of size, which is no input.
const NOTICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
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
        // A hang-up in the very moment between our look and crossterm's would keep the thread for ever; the drain
        // must not wait for it.
        let until = Instant::now() + PATIENCE;
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(PATIENCE / 100);
        }
    }
}

fn read_until(stopped: &AtomicBool, events: &mpsc::Sender<Event>) {
    while !stopped.load(Ordering::Acquire) {
        // Closing the channel says that there is no terminal any more.
        if !wait_for_input() || pass_on(events).is_none() {
            return;
        }
    }
}

/// Waits for input, at most for [`NOTICE`]; `false`: the terminal is gone.
fn wait_for_input() -> bool {
    let terminal = std::io::stdin();
    let mut looked = [PollFd::new(&terminal, PollFlags::IN)];
    match rustix::event::poll(&mut looked, Some(&NOTICE)) {
        Ok(_) => !looked[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        Err(error) => error == Errno::INTR,
    }
}

/// Passes on what has come, without waiting for more. `None`: no terminal, or nobody who listens.
fn pass_on(events: &mpsc::Sender<Event>) -> Option<()> {
    while poll(Duration::ZERO).ok()? {
        events.blocking_send(read().ok()?).ok()?;
    }
    Some(())
}
