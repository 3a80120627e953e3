//! What happened, as a hash always and in words when somebody is to read it.

use std::collections::VecDeque;
use std::time::Duration;

/// Lines that are kept for a failure.
const KEPT: usize = 80;

/// The events of one run, in order.
pub struct Trace {
    hash: u64,
    events: u64,
    /// Written down in words; `None`: hashed only.
    lines: Option<VecDeque<String>>,
    /// Every line goes to standard error too.
    aloud: bool,
}

impl Trace {
    pub fn new(in_words: bool, aloud: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, events: 0, lines: in_words.then(VecDeque::new), aloud }
    }

    fn mix(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }

    /// Notes that something happened; `key` is what tells it from others of its kind.
    pub fn note(&mut self, at: Duration, who: usize, what: &str, key: u64, words: impl FnOnce() -> String) {
        self.events += 1;
        self.mix(u64::try_from(at.as_millis()).unwrap_or(u64::MAX) << 8 | who as u64);
        self.mix(what.bytes().fold(key, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))));
        let Some(lines) = &mut self.lines else { return };
        let line = format!("{:>9.3} s  p{who}  {what:<18} {}", at.as_secs_f64(), words());
        if self.aloud {
            eprintln!("{line}");
        }
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// One number for everything that happened.
    pub fn hash(&self) -> u64 {
        self.hash ^ self.events
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The last lines.
    pub fn last(&self) -> Vec<String> {
        self.lines.iter().flatten().cloned().collect()
    }
}
