//! What to do about each error code of the Cloud API: data, read from `assets/error_policy.csv`.
//!
//! One classifier for both ways on which a code comes: the answer to a request, and a `failed` receipt. It
//! decides by the code alone (Meta drops titles and statuses at will) and never acts itself: the engine and
//! whoever folds receipts ask it, the console takes its words for people from it.

mod table;

use super::state::PauseReason;
use std::collections::HashMap;

pub use table::PolicyError;

/// The policy that is compiled in.
const BUILT_IN: &str = include_str!("../../assets/error_policy.csv");

/// The share of failures of one kind that pauses a broadcast, when nothing else is configured.
pub const DEFAULT_FAILURE_SHARE: f64 = 0.3;

/// No wait between two tries grows beyond this, other than a rule's own `wait_s`.
const LONGEST_BACKOFF_MS: i64 = 15 * 60 * 1_000;

/// A follow-up is never put off for longer than this, other than by a rule's own `wait_s`.
const LONGEST_LATER_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// 4^5 s: the longest that a person is held back because of the pair limit (it refills in 6 s a message, so
/// even a full burst of 45 is forgotten after 5 minutes).
const LONGEST_PAIR_EXPONENT: u32 = 5;

/// What to do about a refusal or a failed receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The person is failed; sending again cannot help.
    Fail,
    /// The person is failed with a time from which a follow-up may take them up.
    FailRetryLater,
    /// The person is queued again after a wait, a bounded number of times.
    Retry,
    /// The whole sender goes slower; the person is queued again and no try is used up.
    SlowDown,
    /// This person waits; the others go on. No try is used up.
    DelayRecipient,
    /// The broadcast is paused, the person stays queued.
    PauseBroadcast(PauseReason),
    /// Everything of this sender is paused, the person stays queued.
    PauseSender,
    /// Everything of the account is paused, the person stays queued.
    PauseAccount,
    /// Nothing can be sent until an operator mends the token, its rights or an id; the person stays queued.
    StopAuth,
}

impl Action {
    /// The reason that paused broadcasts show; `None` when it pauses nothing.
    pub fn pause_reason(self) -> Option<PauseReason> {
        match self {
            Self::PauseBroadcast(reason) => Some(reason),
            Self::PauseSender => Some(PauseReason::Sender),
            Self::PauseAccount => Some(PauseReason::Account),
            Self::StopAuth => Some(PauseReason::Auth),
            Self::Fail | Self::FailRetryLater | Self::Retry | Self::SlowDown | Self::DelayRecipient => None,
        }
    }

    /// Whether it uses up one of the person's tries. Waiting is not failing: only a retry does.
    pub fn uses_a_try(self) -> bool {
        self == Self::Retry
    }
}

/// One row of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What to do, unless [`Rule::action_for`] knows better.
    pub action: Action,
    /// Seconds: before the first retry, of standing still at a slow-down, until a follow-up may try.
    pub wait_s: u32,
    /// For [`Action::Retry`]: requests to one person altogether, the first one included. For
    /// [`Action::FailRetryLater`]: messages to one person over a broadcast and all its follow-ups. 0 elsewhere.
    pub max_tries: u32,
    /// Whether a failure with it counts towards the share that pauses a broadcast: a wrong list or template
    /// can cause it. Failures that tell about the person only (an opt-out) do not count.
    pub counts_as_failure: bool,
    /// Whether one person's values alone may be to blame; see [`Rule::action_for`].
    pub one_row: bool,
    /// A [`Action::FailRetryLater`] is one for marketing templates only, and not for numbers of the United States, where
    /// WhatsApp delivers no marketing; else the person is failed for good.
    pub marketing_only: bool,
    /// What happened, for operators.
    pub title: String,
    /// What to do about it, for operators.
    pub advice: String,
}

impl Rule {
    /// The action, seen in the light of the error's details.
    ///
    /// For codes where one row's values may be to blame, that person fails instead of everybody being held
    /// up: when the details name the recipient or a value, or when WhatsApp took this very template from
    /// this broadcast before (`accepted_before`), so that the template itself cannot be wrong. A share of
    /// failures that grows too large pauses the broadcast all the same (`counts_as_failure`).
    pub fn action_for(&self, details: &str, accepted_before: bool) -> Action {
        if self.one_row && (accepted_before || names_one_row(details)) { Action::Fail } else { self.action }
    }

    /// Whether a person who has used `tries` tries (the refused one included) may be tried again.
    pub fn may_retry(&self, tries: u32) -> bool {
        self.action == Action::Retry && tries < self.max_tries
    }
}

/// Whether an error's details speak of the recipient or of one variable's value.
fn names_one_row(details: &str) -> bool {
    let details = details.to_ascii_lowercase();
    [
        "'to'",
        "\"to\"",
        "param to ",
        "parameter to ",
        "recipient",
        "phone number",
        "must be non-empty",
        "new-line",
        "newline",
        "consecutive spaces",
        "['text']",
        ".text",
    ]
    .iter()
    .any(|sign| details.contains(sign))
}

/// Milliseconds to wait after the `tries`-th try (from 1) before the next one.
///
/// For [`Action::FailRetryLater`] `tries` is how many messages of a broadcast and its follow-ups the person was sent, and
/// the wait doubles with each, up to a week. Else it is
/// at least the rule's own wait, plus full jitter that doubles with each try up to 15 minutes, so that many
/// people refused at once do not come back at once. `random` is any 64 random bits. For
/// [`Action::DelayRecipient`] `tries` is how often this person was refused for it, and the wait grows fourfold
/// as Meta asks (4^X s), but never below the six seconds that the pair limit needs.
pub fn retry_wait_ms(rule: &Rule, tries: u32, random: u64) -> i64 {
    let least_ms = i64::from(rule.wait_s) * 1_000;
    let doubled = tries.saturating_sub(1);
    match rule.action {
        Action::DelayRecipient => {
            let grown_ms = 4_i64.pow(doubled.min(LONGEST_PAIR_EXPONENT)) * 1_000;
            grown_ms.max(least_ms) + jitter(1_000, random)
        }
        Action::FailRetryLater => {
            let grown_ms = least_ms.saturating_mul(1 << doubled.min(10)).min(LONGEST_LATER_MS.max(least_ms));
            grown_ms + jitter(least_ms / 4, random)
        }
        _ => {
            let widest = least_ms.max(1_000).saturating_mul(1 << doubled.min(20)).min(LONGEST_BACKOFF_MS);
            least_ms + jitter(widest, random)
        }
    }
}

/// A part of `widest_ms`, spread evenly over the random values.
fn jitter(widest_ms: i64, random: u64) -> i64 {
    let wide = (u128::from(widest_ms.unsigned_abs()) * u128::from(random)) >> 64;
    i64::try_from(wide).unwrap_or(widest_ms)
}

/// All rules.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorPolicy {
    rules: Vec<Rule>,
    /// From code and subcode to a place in `rules`.
    exact: HashMap<(i64, Option<i64>), usize>,
    /// First code, last code, place in `rules`; the narrow ones first.
    ranges: Vec<(i64, i64, usize)>,
    transient: usize,
    unknown_5xx: usize,
    unknown: usize,
    /// The codes of an operator's own rows.
    own: Vec<String>,
    failure_share: f64,
}

impl ErrorPolicy {
    /// The policy that comes with the program.
    ///
    /// # Panics
    ///
    /// Never: a test reads the same text.
    pub fn built_in() -> Self {
        Self::from_csv(BUILT_IN).expect("the compiled-in policy is read by a test")
    }

    /// Reads a policy; `assets/error_policy.csv` explains its columns. An error names the line.
    pub fn from_csv(text: &str) -> Result<Self, PolicyError> {
        table::read(text)
    }

    /// The same with an operator's own rows over it. They have the columns of the built-in file, and may leave out all
    /// but `code`; what a file leaves out stays as it was. An error names line and column.
    pub fn with_own(mut self, text: &str) -> Result<Self, PolicyError> {
        table::put_over(&mut self, text)?;
        Ok(self)
    }

    /// The codes that an operator's own file has rows for, as they stand there.
    pub fn own_codes(&self) -> &[String] {
        &self.own
    }

    /// The same with another share of failures of one kind that pauses a broadcast; 1: none does.
    #[must_use]
    pub fn with_failure_share(self, failure_share: f64) -> Self {
        Self { failure_share, ..self }
    }

    /// The share of failures of one kind, 0 to 1, above which a broadcast is paused.
    pub fn failure_share(&self) -> f64 {
        self.failure_share
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rules.len()
    }

    /// The rule for a code. `http_status` is `None` for a receipt; `transient` is `error.is_transient`.
    ///
    /// Always finds one: unknown codes are tried again when they came with a 5xx answer, else they fail.
    pub fn rule_for(&self, code: i64, subcode: Option<i64>, http_status: Option<u16>, transient: bool) -> &Rule {
        let place = self.place_of(code, subcode).unwrap_or_else(|| {
            if http_status.is_some_and(|status| status >= 500) { self.unknown_5xx } else { self.unknown }
        });
        let rule = &self.rules[place];
        let waits = matches!(rule.action, Action::Retry | Action::SlowDown | Action::DelayRecipient);
        if transient && !waits { &self.rules[self.transient] } else { rule }
    }

    /// Whether a row names this code, alone or in a range.
    pub fn knows(&self, code: i64) -> bool {
        self.place_of(code, None).is_some()
    }

    /// The codes that rows name one by one, each once; not those of ranges.
    pub fn single_codes(&self) -> impl Iterator<Item = i64> {
        self.exact.keys().filter(|key| key.1.is_none()).map(|key| key.0)
    }

    fn place_of(&self, code: i64, subcode: Option<i64>) -> Option<usize> {
        subcode
            .and_then(|subcode| self.exact.get(&(code, Some(subcode))))
            .or_else(|| self.exact.get(&(code, None)))
            .copied()
            .or_else(|| {
                let within = |range: &&(i64, i64, usize)| (range.0..=range.1).contains(&code);
                self.ranges.iter().find(within).map(|range| range.2)
            })
    }
}

#[cfg(test)]
mod tests;
