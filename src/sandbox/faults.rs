//! What the sandbox breaks on demand.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// What goes wrong with a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 503 with code 2 and `is_transient`: proven not taken.
    Unavailable,
    /// 503 from something in between, without a code: proves nothing, and was not taken.
    UnavailableWithoutCode,
    /// The connection is closed before the message is looked at.
    CutBefore,
    /// The message is taken, then the connection is closed without an answer.
    CutAfter,
    /// No answer; not taken.
    Hang,
    /// No answer; taken.
    HangAfter,
    /// The message is taken and the answer is not JSON.
    Malformed,
}

/// A fault that begins now and ends after so many sends or so much time, whichever is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// For so many sends; `None`: for as long as `duration_ms`.
    #[serde(default)]
    pub count: Option<u32>,
    /// For so long, an hour at most; `None`: until `count` is used up.
    #[serde(default)]
    pub duration_ms: Option<u64>,
}

impl Fault {
    /// For the next `count` sends.
    pub fn times(kind: FaultKind, count: u32) -> Self {
        Self { kind, count: Some(count), duration_ms: None }
    }

    /// For a while.
    pub fn lasting(kind: FaultKind, time: Duration) -> Self {
        Self { kind, count: None, duration_ms: Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)) }
    }
}

/// The faults that are on, in the order in which they were asked for; the first one that has not ended acts.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Active>);

#[derive(Debug)]
struct Active {
    kind: FaultKind,
    left: u32,
    until: Option<Instant>,
}

/// More faults than this at once are not kept; the oldest go.
const MOST_FAULTS: usize = 100;
const LONGEST_MS: u64 = 60 * 60 * 1_000;

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        if self.0.len() == MOST_FAULTS {
            self.0.remove(0);
        }
        let until = fault.duration_ms.map(|time| Instant::now() + Duration::from_millis(time.min(LONGEST_MS)));
        // Neither said: once.
        let left = fault.count.unwrap_or(if until.is_some() { u32::MAX } else { 1 });
        self.0.push(Active { kind: fault.kind, left, until });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn kinds(&self) -> Vec<FaultKind> {
        self.0.iter().map(|fault| fault.kind).collect()
    }

    /// The fault for this send, used up by one.
    pub(super) fn next(&mut self) -> Option<FaultKind> {
        if self.0.is_empty() {
            return None;
        }
        let now = Instant::now();
        self.0.retain(|fault| fault.left > 0 && fault.until.is_none_or(|until| now < until));
        let fault = self.0.first_mut()?;
        fault.left -= 1;
        Some(fault.kind)
    }
}
