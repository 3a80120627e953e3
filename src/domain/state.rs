//! The states of a recipient and of a broadcast, and every legal move between them.
//!
//! The two tables here are the only place that says what may follow what. Stores enforce them; the
//! console and reports take their labels from here.

use serde::{Deserialize, Serialize};

/// What people read of a message that WhatsApp took, whatever became of it since.
pub const ACCEPTED_BY_WHATSAPP: &str = "accepted by WhatsApp";

/// Where one person in one broadcast stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    /// Waiting to go.
    Queued,
    /// An intent stands: a request may leave, may be under way, or may have been answered unheard.
    Sending,
    /// Meta answered that it took the message.
    Accepted,
    /// A receipt says that WhatsApp has sent it on to the phone.
    Sent,
    /// A receipt says that it reached the phone.
    Delivered,
    /// A receipt says that it was read.
    Read,
    /// Proven not to have reached the person, and not to be tried again by this broadcast.
    Failed,
    /// A request may have been accepted and no answer came. Never sent again by the program itself.
    InDoubt,
    /// Left out when the audience was frozen or claimed, with a reason.
    Skipped,
    /// The broadcast was cancelled before this person's turn.
    Cancelled,
}

impl RecipientState {
    /// All states, in the order in which counts are shown.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Sending,
        Self::Accepted,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::InDoubt,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// The word in files, the HTTP API and the stores.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// What people read of a person in this state, in whatever face.
    pub fn label(self) -> &'static str {
        match self {
            Self::Queued => "waiting to go",
            Self::Sending => "going out",
            Self::Accepted => "accepted by WhatsApp, no receipt yet",
            Self::Sent => "sent, not delivered yet",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::InDoubt => "not sure, will not be sent again",
            Self::Skipped => "left out",
            Self::Cancelled => "cancelled",
        }
    }

    /// The same in one to three words, for a column or a tab.
    pub fn short_label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::InDoubt => "not sure",
            other => other.label(),
        }
    }

    /// One letter, for stores that keep many states in one string.
    pub fn letter(self) -> char {
        match self {
            Self::Queued => 'q',
            Self::Sending => 'g',
            Self::Accepted => 'a',
            Self::Sent => 's',
            Self::Delivered => 'd',
            Self::Read => 'r',
            Self::Failed => 'f',
            Self::InDoubt => 'i',
            Self::Skipped => 'k',
            Self::Cancelled => 'c',
        }
    }

    /// The state with this letter.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.letter() == letter)
    }

    /// The rung on the receipts' ladder accepted < sent < delivered < read; `None` off the ladder.
    pub fn rung(self) -> Option<u8> {
        match self {
            Self::Accepted => Some(1),
            Self::Sent => Some(2),
            Self::Delivered => Some(3),
            Self::Read => Some(4),
            _ => None,
        }
    }

    /// Whether a recipient may go from this state to `next`.
    ///
    /// `failed → delivered, read` is late proof: whoever has the message is not failed. `queued → in doubt` is for a
    /// restored backup, which does not know whom it sent to after it was made.
    pub fn may_become(self, next: Self) -> bool {
        use RecipientState::{Accepted, Cancelled, Delivered, Failed, InDoubt, Queued, Read, Sending, Sent, Skipped};
        match self {
            Queued => matches!(next, Sending | Skipped | Cancelled | Sent | Delivered | Read | InDoubt),
            Sending => matches!(next, Queued | Accepted | Sent | Delivered | Read | Failed | InDoubt),
            Accepted => matches!(next, Sent | Delivered | Read | Failed | Queued),
            Sent => matches!(next, Delivered | Read | Failed | Queued),
            Delivered => matches!(next, Read),
            Failed => matches!(next, Queued | Delivered | Read),
            InDoubt => matches!(next, Accepted | Sent | Delivered | Read | Failed | Queued),
            Cancelled => matches!(next, Sent | Delivered | Read),
            Read | Skipped => false,
        }
    }
}

/// Where a broadcast stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BroadcastStatus {
    /// Being put together.
    Draft,
    /// Waits for its time.
    Scheduled,
    /// The audience is being frozen.
    Preparing,
    /// Going out: every recipient is stored.
    Running,
    /// Stopped for a reason, to go on later.
    Paused,
    /// Nobody is queued or sending any more. Final.
    Completed,
    /// Ended by an operator. Final.
    Cancelled,
}

impl BroadcastStatus {
    /// All statuses.
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Scheduled, Self::Preparing, Self::Running, Self::Paused, Self::Completed, Self::Cancelled];

    /// The word in files, the HTTP API and the stores.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// No move leads out of it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }

    /// Whether a broadcast may go from this status to `next`.
    ///
    /// `Paused → Preparing` is a resume before the audience was wholly frozen, `Paused → Scheduled` one before
    /// it was fixed.
    pub fn may_become(self, next: Self) -> bool {
        use BroadcastStatus::{Cancelled, Completed, Draft, Paused, Preparing, Running, Scheduled};
        match self {
            Draft => matches!(next, Scheduled | Preparing | Cancelled),
            Scheduled => matches!(next, Preparing | Paused | Cancelled),
            Preparing => matches!(next, Running | Paused | Cancelled),
            Running => matches!(next, Paused | Completed | Cancelled),
            Paused => matches!(next, Scheduled | Preparing | Running | Cancelled),
            Completed | Cancelled => false,
        }
    }
}

/// Why a broadcast is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// An operator asked for it.
    Operator,
    /// The template is not approved, paused, disabled, or does not fit the variables.
    Template,
    /// The sender (business phone number) may not send at the moment.
    Sender,
    /// The WhatsApp Business account is restricted or unpaid.
    Account,
    /// The access token is wrong, expired or lacks a permission.
    Auth,
    /// Too many failures of one kind.
    Failures,
    /// The store cannot take records, or is nearly full.
    Store,
    /// The API does not answer.
    Api,
    /// The messaging limit of 24 hours is used up.
    Budget,
    /// The send window is closed.
    Window,
    /// Nobody was there to send for longer than the grace; it waits for an operator's word.
    Absence,
}

impl PauseReason {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::Operator,
        Self::Template,
        Self::Sender,
        Self::Account,
        Self::Auth,
        Self::Failures,
        Self::Store,
        Self::Api,
        Self::Budget,
        Self::Window,
        Self::Absence,
    ];

    /// The word in files, the HTTP API and the stores.
    pub fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Template => "template",
            Self::Sender => "sender",
            Self::Account => "account",
            Self::Auth => "auth",
            Self::Failures => "failures",
            Self::Store => "store",
            Self::Api => "api",
            Self::Budget => "budget",
            Self::Window => "window",
            Self::Absence => "absence",
        }
    }

    /// The reason with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// What an operator reads.
    pub fn label(self) -> &'static str {
        match self {
            Self::Operator => "paused by an operator",
            Self::Template => "the template cannot be sent as it is",
            Self::Sender => "the sender may not send at the moment",
            Self::Account => "the WhatsApp account is restricted",
            Self::Auth => "the access token is not accepted",
            Self::Failures => "too many failures of one kind",
            Self::Store => "the store cannot take records",
            Self::Api => "WhatsApp does not answer",
            Self::Budget => "the limit of people a day is used up",
            Self::Window => "outside its sending hours",
            Self::Absence => "wacast was not running when it was due",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of legal moves, written a second time so that a slip in one of them shows.
    const MOVES: [(&str, &str); 10] = [
        ("queued", "sending sent delivered read skipped cancelled in_doubt"),
        ("sending", "queued accepted sent delivered read failed in_doubt"),
        ("accepted", "queued sent delivered read failed"),
        ("sent", "queued delivered read failed"),
        ("delivered", "read"),
        ("read", ""),
        ("failed", "queued delivered read"),
        ("in_doubt", "queued accepted sent delivered read failed"),
        ("skipped", ""),
        ("cancelled", "sent delivered read"),
    ];

    #[test]
    fn recipient_moves_are_those_of_the_table() {
        for (from, to) in MOVES {
            let from = RecipientState::from_word(from).unwrap();
            for next in RecipientState::ALL {
                let listed = to.split_whitespace().any(|word| word == next.word());
                assert_eq!(from.may_become(next), listed, "{} → {}", from.word(), next.word());
            }
        }
    }

    #[test]
    fn words_and_letters_read_back() {
        for state in RecipientState::ALL {
            assert_eq!(RecipientState::from_word(state.word()), Some(state));
            assert_eq!(RecipientState::from_letter(state.letter()), Some(state));
        }
        for status in BroadcastStatus::ALL {
            assert_eq!(BroadcastStatus::from_word(status.word()), Some(status));
        }
        for reason in PauseReason::ALL {
            assert_eq!(PauseReason::from_word(reason.word()), Some(reason));
        }
    }

    #[test]
    fn short_labels_fit_a_column_and_begin_as_the_full_ones() {
        for state in RecipientState::ALL {
            let short = state.short_label();
            assert!(short.len() <= 13 && state.label().starts_with(short), "{short}: {}", state.label());
        }
    }

    #[test]
    fn nothing_leaves_a_final_status() {
        for status in BroadcastStatus::ALL.into_iter().filter(|status| status.is_final()) {
            assert!(BroadcastStatus::ALL.iter().all(|next| !status.may_become(*next)));
        }
    }
}
