//! From what is known after a request to what becomes of the recipient and of everybody else. Pure.

use crate::cloud_api::{GraphError, SendResult};
use crate::domain::error_policy::{Action, ErrorPolicy, Rule, retry_wait_ms};
use crate::domain::receipt::{Status, StatusEvent};
use crate::domain::state::{PauseReason, RecipientState};
use crate::domain::time::{MINUTE, Millis, SECOND};
use crate::store::{Evidence, Verdict};
use std::time::Duration;

/// Requests to one person, at most, when each of them was refused with something to try again.
const MOST_ATTEMPTS: u32 = 50;
/// Whoever drew a pause of one broadcast may be its cause, so others are tried first when it goes on.
const AFTER_A_PAUSE: i64 = MINUTE;
/// Retries of this length are not waited for: the person is failed with `retry_at`.
const LONGEST_WAIT_MS: i64 = 60 * MINUTE;

/// The template was disabled, and does not come back.
const DISABLED: i64 = 132_016;

/// WhatsApp could not fetch the header's file.
const NO_FILE: i64 = 131_053;

/// An id of WhatsApp's, as words show it.
const LONGEST_WAMID: usize = 200;

/// Stands for a receipt that names no code; no row has it.
const NO_CODE: i64 = i64::MIN;

/// What one result means beyond the recipient.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A definite answer; nothing else.
    Definite,
    /// The recipient failed in a way that may be everybody's; the code, for the breaker.
    CountsAsFailure(i64),
    /// Nobody knows.
    Unknown(String),
    /// No connection came about.
    NoConnection(String),
    /// We refused to write it ourselves.
    NotWritten,
    /// The sender must go slower, and be silent for the time named.
    SlowDown(i64, Option<Duration>),
    /// The broadcast must stop; whether for good, as far as waiting goes.
    Pause(PauseReason, String, bool),
    /// Every broadcast of the sender must stop.
    PauseAll(PauseReason, String),
}

/// What the message is, as far as the policy asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Message {
    /// Of a marketing template.
    pub marketing: bool,
    /// To a number of the United States.
    pub to_the_us: bool,
    /// How many broadcasts this one follows up, one after the other; 0: none.
    pub round: u32,
    /// Its header's file is the same for everybody.
    pub shared_file: bool,
}

impl Message {
    /// Whether an error with this code may be one person's own fault though WhatsApp took the same message before: not when
    /// a file that everybody gets cannot be had any more.
    fn may_be_one_row(self, code: i64) -> bool {
        !(self.shared_file && code == NO_FILE)
    }
}

/// The verdict on a request, and its effect. `tries` were used up before it, `attempt` counts requests from 1;
/// `accepted_before`: WhatsApp took another message of this broadcast.
pub fn of_result(
    policy: &ErrorPolicy,
    result: SendResult,
    (attempt, tries): (u32, u32),
    (accepted_before, message): (bool, Message),
    at: Millis,
    random: u64,
) -> (Verdict, Effect) {
    match result {
        SendResult::Accepted { wamid, message_status, response } => {
            if message_status.as_deref() != Some("paused") {
                return (Verdict::Accepted { wamid, response }, Effect::Definite);
            }
            // It has an id, and WhatsApp does not send it; whether it ever will a receipt must say.
            let named: String = wamid.chars().take(LONGEST_WAMID).collect();
            let detail = format!("WhatsApp took the message ({named}) and has not sent it: the template is paused");
            let pause = "WhatsApp took the message but has paused the template".to_owned();
            (Verdict::InDoubt { detail }, Effect::Pause(PauseReason::Template, pause, false))
        }
        SendResult::Unknown { detail } => (Verdict::InDoubt { detail: detail.clone() }, Effect::Unknown(detail)),
        SendResult::Unsent { refused_by_gate: true, .. } => (Verdict::Unsent { due: None }, Effect::NotWritten),
        SendResult::Unsent { detail, .. } => (Verdict::Unsent { due: None }, Effect::NoConnection(detail)),
        SendResult::Refused { http_status, error, retry_after, response } => {
            let rule = policy.rule_for(error.code, error.subcode, Some(http_status), error.transient);
            let action = rule.action_for(&error.details, accepted_before && message.may_be_one_row(error.code));
            let slow = http_status >= 500;
            let becomes = Becomes::of(rule, action, (attempt, Some(tries + 1)), message, (at, random), slow);
            let failed = matches!(becomes, Becomes::Failed { .. });
            let verdict = match becomes {
                Becomes::Failed { retry_at } => Verdict::Failed { code: error.code, response, retry_at },
                Becomes::Queued { due, counts } => Verdict::Retry { code: error.code, response, due, counts },
            };
            (verdict, effect(rule, action, failed, &error, retry_after))
        }
    }
}

/// What a receipt proves about the recipient, and its effect on others.
pub fn of_receipt(
    policy: &ErrorPolicy,
    event: &StatusEvent,
    (attempt, message): (u32, Message),
    now: Millis,
    random: u64,
) -> (Evidence, Effect) {
    match &event.status {
        Status::Sent => (Evidence::Reached(RecipientState::Sent), Effect::Definite),
        Status::Delivered => (Evidence::Reached(RecipientState::Delivered), Effect::Definite),
        Status::Read => (Evidence::Reached(RecipientState::Read), Effect::Definite),
        Status::Failed { code, response, details } => {
            // Without a code it is unknown, and not Meta's code 0, which stops everything.
            let rule = policy.rule_for(if *code == 0 { NO_CODE } else { *code }, None, None, false);
            // The message was accepted, so the template as such cannot be malformed.
            let action = rule.action_for(details, message.may_be_one_row(*code));
            // How many tries were used up only the store knows.
            let becomes = Becomes::of(rule, action, (attempt, None), message, (now, random), false);
            let failed = matches!(becomes, Becomes::Failed { .. });
            let (retry, counts, retry_at) = match becomes {
                Becomes::Failed { retry_at } => (None, false, retry_at),
                Becomes::Queued { due, counts } => (Some(due), counts, None),
            };
            let error = GraphError { code: *code, details: details.clone(), ..GraphError::default() };
            let (code, response, max_tries) = (*code, response.clone(), rule.max_tries);
            let evidence = Evidence::Failed { code, response, retry, counts, max_tries, retry_at };
            (evidence, effect(rule, action, failed, &error, None))
        }
    }
}

enum Becomes {
    Failed { retry_at: Option<Millis> },
    Queued { due: Millis, counts: bool },
}

impl Becomes {
    fn of(
        rule: &Rule,
        action: Action,
        (attempt, tries): (u32, Option<u32>),
        message: Message,
        (at, random): (Millis, u64),
        slow: bool,
    ) -> Self {
        let sent = message.round.saturating_add(1);
        let count = match action {
            Action::DelayRecipient | Action::SlowDown => attempt,
            Action::FailRetryLater => sent,
            _ => tries.unwrap_or(attempt),
        };
        let mut wait_ms = retry_wait_ms(rule, count, random);
        if slow {
            wait_ms = wait_ms.max(5 * SECOND);
        }
        let later = Some(at.plus(wait_ms));
        match action {
            Action::Fail => Self::Failed { retry_at: None },
            Action::FailRetryLater if sent >= rule.max_tries => Self::Failed { retry_at: None },
            Action::FailRetryLater if rule.marketing_only && (!message.marketing || message.to_the_us) => {
                Self::Failed { retry_at: None }
            }
            Action::FailRetryLater => Self::Failed { retry_at: later },
            Action::Retry if attempt >= MOST_ATTEMPTS => Self::Failed { retry_at: later },
            Action::Retry if tries.is_some_and(|tries| !rule.may_retry(tries)) => Self::Failed { retry_at: None },
            Action::Retry | Action::SlowDown | Action::DelayRecipient if wait_ms >= LONGEST_WAIT_MS => {
                Self::Failed { retry_at: later }
            }
            Action::Retry | Action::SlowDown | Action::DelayRecipient => {
                Self::Queued { due: at.plus(wait_ms), counts: action.uses_a_try() }
            }
            Action::PauseBroadcast(_) => Self::Queued { due: at.plus(AFTER_A_PAUSE), counts: false },
            // Nobody's own fault: everybody goes on when it is mended.
            Action::PauseSender | Action::PauseAccount | Action::StopAuth => Self::Queued { due: at, counts: false },
        }
    }
}

fn effect(rule: &Rule, action: Action, failed: bool, error: &GraphError, retry_after: Option<Duration>) -> Effect {
    match action {
        Action::SlowDown => {
            let wait = retry_after.unwrap_or(Duration::from_secs(u64::from(rule.wait_s)));
            Effect::SlowDown(error.code, (!wait.is_zero()).then_some(wait))
        }
        Action::PauseBroadcast(reason) => Effect::Pause(reason, words(rule, error), error.code == DISABLED),
        Action::PauseSender | Action::PauseAccount | Action::StopAuth => {
            Effect::PauseAll(action.pause_reason().unwrap_or(PauseReason::Sender), words(rule, error))
        }
        // A retry that was the last one is a failure like any other.
        Action::Fail | Action::FailRetryLater | Action::Retry if failed && rule.counts_as_failure => {
            Effect::CountsAsFailure(error.code)
        }
        Action::Fail | Action::FailRetryLater | Action::Retry | Action::DelayRecipient => Effect::Definite,
    }
}

/// What happened and what to do, with Meta's own words where they add something.
fn words(rule: &Rule, error: &GraphError) -> String {
    let said = if error.details.is_empty() { &error.message } else { &error.details };
    let said: String = said.chars().take(300).collect();
    let separator = if said.is_empty() { "" } else { ": " };
    format!("{} (code {}{separator}{said}). {}", rule.title, error.code, rule.advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::opt_out::Who;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn refused(code: i64, http_status: u16, counters: (u32, u32)) -> (Verdict, Effect) {
        let error = GraphError { code, ..GraphError::default() };
        let result = SendResult::Refused { http_status, error, retry_after: None, response: "{}".into() };
        of_result(&ErrorPolicy::built_in(), result, counters, (false, Message::default()), NOW, u64::MAX / 2)
    }

    #[test]
    fn waiting_is_not_failing_however_long_it_takes() {
        for code in [130_429, 80_007, 4, 131_056, 190, 368, 132_015] {
            for attempt in [1, 50, 5_000] {
                let (verdict, _) = refused(code, 400, (attempt, 0));
                assert!(matches!(verdict, Verdict::Retry { counts: false, .. }), "{code} {attempt}: {verdict:?}");
            }
        }
    }

    #[test]
    fn tries_are_bounded() {
        let first = refused(131_000, 500, (1, 0)).0;
        let Verdict::Retry { due, counts: true, .. } = first else { panic!("{first:?}") };
        assert!(due.since(NOW) >= 5 * SECOND, "a 5xx waits for a receipt first");
        let (verdict, effect) = refused(131_000, 500, (30, 29));
        assert!(matches!(verdict, Verdict::Failed { .. }));
        assert_eq!(effect, Effect::CountsAsFailure(131_000), "the last try counts as a failure");
        assert_eq!(refused(131_000, 500, (1, 0)).1, Effect::Definite);
    }

    #[test]
    fn what_is_not_known_is_in_doubt_and_what_never_left_is_queued() {
        let policy = ErrorPolicy::built_in();
        let of = |result| of_result(&policy, result, (1, 0), (false, Message::default()), NOW, 0);
        let (verdict, effect) = of(SendResult::Unknown { detail: "cut".into() });
        assert_eq!((verdict, effect), (Verdict::InDoubt { detail: "cut".into() }, Effect::Unknown("cut".into())));
        let (verdict, effect) = of(SendResult::Unsent { refused_by_gate: false, detail: "refused".into() });
        assert_eq!((verdict, effect), (Verdict::Unsent { due: None }, Effect::NoConnection("refused".into())));
    }

    #[test]
    fn a_code_means_the_same_by_answer_and_by_receipt() {
        let event = |code| StatusEvent {
            wamid: "w".into(),
            status: Status::Failed { code, response: String::new(), details: String::new() },
            at: NOW,
            attempt: None,
            foreign: false,
            sender: String::new(),
            recipient: Who::default(),
            pricing: None,
        };
        let policy = ErrorPolicy::built_in();
        let marketing = Message { marketing: true, ..Message::default() };
        let by_receipt = |code| of_receipt(&policy, &event(code), (1, marketing), NOW, 0);
        assert!(matches!(by_receipt(131_026).0, Evidence::Failed { retry: None, retry_at: None, .. }));
        assert!(matches!(by_receipt(131_049).0, Evidence::Failed { retry: None, retry_at: Some(_), .. }));
        assert!(matches!(
            by_receipt(132_015),
            (Evidence::Failed { retry: Some(_), .. }, Effect::Pause(PauseReason::Template, _, false))
        ));
        assert!(matches!(by_receipt(0).0, Evidence::Failed { code: 0, retry: None, retry_at: None, .. }));
        assert_eq!(by_receipt(0).1, Effect::CountsAsFailure(0), "a failure without a code stops nobody else");
        assert!(matches!(by_receipt(130_429).1, Effect::SlowDown(130_429, _)));
    }

    #[test]
    fn a_file_that_everybody_gets_is_nobodys_own_fault() {
        let policy = ErrorPolicy::built_in();
        let event = StatusEvent {
            wamid: "w".into(),
            status: Status::Failed { code: NO_FILE, response: String::new(), details: "http code 404".into() },
            at: NOW,
            attempt: None,
            foreign: false,
            sender: String::new(),
            recipient: Who::default(),
            pricing: None,
        };
        for shared_file in [true, false] {
            let message = Message { shared_file, ..Message::default() };
            let error = GraphError { code: NO_FILE, ..GraphError::default() };
            let refused = SendResult::Refused { http_status: 400, error, retry_after: None, response: "{}".into() };
            let (_, by_answer) = of_result(&policy, refused, (1, 0), (true, message), NOW, 0);
            let (_, by_receipt) = of_receipt(&policy, &event, (1, message), NOW, 0);
            for effect in [by_answer, by_receipt] {
                let pauses = matches!(effect, Effect::Pause(PauseReason::Template, _, false));
                assert_eq!(pauses, shared_file, "{effect:?}");
            }
        }
    }

    #[test]
    fn marketing_that_is_held_back_is_tried_again_a_bounded_number_of_times() {
        let policy = ErrorPolicy::built_in();
        let retry_at = |message| {
            let error = GraphError { code: 131_049, ..GraphError::default() };
            let result = SendResult::Refused { http_status: 400, error, retry_after: None, response: "{}".into() };
            match of_result(&policy, result, (1, 0), (true, message), NOW, 0).0 {
                Verdict::Failed { retry_at, .. } => retry_at.map(|at| at.since(NOW) / crate::domain::time::DAY),
                other => panic!("{other:?}"),
            }
        };
        let marketing = Message { marketing: true, ..Message::default() };
        let rounds = [0, 1, 2, 3, 50].map(|round| retry_at(Message { round, ..marketing }));
        assert_eq!(rounds, [Some(1), Some(2), Some(4), None, None]);
        assert_eq!(retry_at(Message { to_the_us: true, ..marketing }), None);
        assert_eq!(retry_at(Message::default()), None, "a utility template");
    }
}
