//! Writing to stdout and stderr, and asking on a terminal.
//!
//! What a script may read goes to stdout, questions and progress go to stderr. A reader who has gone
//! (`wacast status | head`) is no error.

use super::exit::Failure;
pub use crate::domain::said::{grouped, people};
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Prints a line on stdout.
pub fn line(text: &str) -> Result<(), Failure> {
    quietly(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints a JSON value on stdout.
pub fn json(value: &serde_json::Value) -> Result<(), Failure> {
    line(&format!("{value:#}"))
}

/// Prints a line on stderr; nobody being there to read it is no reason to stop.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Turns a reader who has gone into success.
pub fn quietly(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether questions can be asked: stdin and stderr are a terminal.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on stderr and reads one line. `None`: the input ended.
pub fn ask(question: &str) -> Result<Option<String>, Failure> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} ")?;
    stderr.flush()?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer)?;
    Ok((read > 0).then(|| answer.trim().to_owned()))
}

/// A line on stderr that is drawn over on a terminal, and said now and then elsewhere.
pub struct Progress {
    on_terminal: bool,
    every: Duration,
    said: Option<Instant>,
    open: bool,
}

impl Default for Progress {
    fn default() -> Self {
        let on_terminal = io::stderr().is_terminal();
        let every = if on_terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        Self { on_terminal, every, said: None, open: false }
    }
}

impl Progress {
    /// Says how far it is, if the last time was long enough ago.
    pub fn say(&mut self, text: impl FnOnce() -> String) {
        if self.said.is_some_and(|said| said.elapsed() < self.every) {
            return;
        }
        self.said = Some(Instant::now());
        if self.on_terminal {
            let columns = crate::cli::terminal::columns();
            let short: String = text().chars().take(columns.saturating_sub(1)).collect();
            let _ = write!(io::stderr().lock(), "\r\x1b[K{short}");
            let _ = io::stderr().flush();
            self.open = true;
        } else {
            note(&text());
        }
    }

    /// Ends the line, so that something else can be printed.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// The terminal's width; 80 when it cannot be told.
pub fn columns() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 20).unwrap_or(80)
}

/// A bar of `width` cells for a share between 0 and 1.
pub fn bar(share: f64, width: usize) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few cells"
    )]
    let filled = ((share.clamp(0.0, 1.0) * width as f64).round() as usize).min(width);
    format!("[{}{}]", "#".repeat(filled), "-".repeat(width - filled))
}

/// `1 row`, `48,210 rows`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_up() {
        assert_eq!([bar(0.0, 4), bar(0.5, 4), bar(1.0, 4), bar(7.0, 4)], ["[----]", "[##--]", "[####]", "[####]"]);
    }
}
