//! What a panic does while the console is up: of the screen's own threads, it gives the terminal back first; of any
//! other, it touches nothing on the screen, is logged, and is told to the operator.

use super::screen;
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use tokio::sync::mpsc;

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// The names of the threads that the screen belongs to.
pub const OWN_THREADS: [&str; 3] = ["console", "console-writer", "console-keys"];

/// The hook while it stands; dropped, the one before is back.
pub struct Guard {
    before: Arc<Hook>,
}

impl Guard {
    /// Puts the hook in front of the one that stands. `told` hears of panics in other parts.
    pub fn install(told: mpsc::Sender<String>) -> Self {
        let before: Arc<Hook> = Arc::from(panic::take_hook());
        let inner = Arc::clone(&before);
        panic::set_hook(Box::new(move |info| {
            let own = std::thread::current().name().is_some_and(|name| OWN_THREADS.contains(&name));
            if own {
                give_back_now();
                inner(info);
            } else {
                // Not the hook before: it writes to the screen.
                let what = info.payload_as_str().unwrap_or("no words").to_owned();
                let place = info.location().map_or_else(String::new, ToString::to_string);
                tracing::error!(%what, %place, "a part of wacast panicked");
                // Full: the operator reads one of them already.
                let _full = told.try_send(what);
            }
        }));
        Self { before }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let before = Arc::clone(&self.before);
        panic::set_hook(Box::new(move |info| before(info)));
    }
}

/// Out of raw mode and off the alternate screen, whatever the writer is at. Nothing can be done if that fails.
pub fn give_back_now() {
    let _raw = crossterm::terminal::disable_raw_mode();
    let mut out = std::io::stdout();
    let _gone = out.write_all(&screen::give_back()).and_then(|()| out.flush());
}
