//! A broadcast: one template to one audience, once; and the figures that tell how far it is.

use super::binding::Bindings;
use super::ids::{BroadcastId, ScheduleId};
use super::phone::Phone;
use super::state::{BroadcastStatus, PauseReason, RecipientState};
use super::template::Template;
use super::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A number of an upload: dense, rising with every upload of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(pub u32);

/// Whom a broadcast goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// One list, or all uploaded numbers.
    pub list: Option<String>,
    /// The uploads that were visible when the audience was fixed; empty until then. One recipient a
    /// person over all of them, and the newest upload's attributes win.
    #[serde(default)]
    pub uploads: Vec<UploadId>,
    /// Instead of a list: people of an earlier broadcast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up: Option<FollowUp>,
    /// Instead of a list: the operator's own numbers, for a test; [`MOST_OWN`] at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<Phone>,
}

/// The most own numbers that a test goes to.
pub const MOST_OWN: usize = 5;

impl Audience {
    /// Whether it is decided who is in it, so that freezing may begin.
    pub fn is_fixed(&self) -> bool {
        self.follow_up.is_some() || !self.uploads.is_empty() || self.is_test()
    }

    /// Whether it is a test to the operator's own numbers.
    pub fn is_test(&self) -> bool {
        !self.own.is_empty()
    }

    /// Whether another audience is of the same people as far as names tell: the same list, or the same people of the
    /// same broadcast. A test is like no real one.
    pub fn is_like(&self, other: &Self) -> bool {
        self.list == other.list && self.follow_up == other.follow_up && self.own == other.own
    }
}

/// People of an earlier broadcast, who get the same values again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The earlier broadcast.
    pub of: BroadcastId,
    /// Which of its people.
    pub pick: Pick,
    /// Of those only these, by seq, rising; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<u32>,
    /// Of those only who failed with this code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// Of those not who failed with these codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<i64>,
}

impl FollowUp {
    /// All those of a kind.
    pub fn new(of: BroadcastId, pick: Pick) -> Self {
        Self { of, pick, only: Vec::new(), code: None, without: Vec::new() }
    }

    /// Whether one who stands so is taken up, before anything was done about them for it. `due`: when they may be tried
    /// again.
    pub fn takes(&self, seq: u32, state: RecipientState, code: i64, due: Option<Millis>) -> bool {
        let picked = match self.pick {
            Pick::InDoubt => state == RecipientState::InDoubt,
            Pick::Retry => state == RecipientState::Failed && due.is_some(),
            Pick::Failed => state == RecipientState::Failed,
            Pick::NotRead => {
                matches!(state, RecipientState::Accepted | RecipientState::Sent | RecipientState::Delivered)
            }
        };
        let named = self.only.is_empty() || self.only.binary_search(&seq).is_ok();
        picked && named && self.takes_code(code)
    }

    /// Whether whoever failed with this code is taken up, as far as the code goes.
    pub fn takes_code(&self, code: i64) -> bool {
        self.code.is_none_or(|wanted| wanted == code) && !self.without.contains(&code)
    }

    /// Whether nobody is taken up before they are due: whoever asks for a kind of failure does not know each of them.
    pub fn waits(&self) -> bool {
        self.pick == Pick::Retry || self.code.is_some()
    }

    /// Whether another follow-up may go to some of the same people, as far as their kind goes.
    pub fn meets(&self, other: &Self) -> bool {
        let kind = |pick| match pick {
            Pick::InDoubt => 0,
            Pick::Retry | Pick::Failed => 1,
            Pick::NotRead => 2,
        };
        let codes = self.code.zip(other.code).is_none_or(|(one, two)| one == two);
        self.of == other.of && kind(self.pick) == kind(other.pick) && codes
    }

    /// What is noted with those in doubt whom this follow-up, with this id, takes up.
    pub fn word(id: &BroadcastId) -> String {
        format!("sent again on an operator's word, by broadcast {id}")
    }
}

/// Which people of a broadcast that has ended are taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// Those in doubt, on an operator's word; there they become `failed`, with this follow-up's id in the detail.
    InDoubt,
    /// Those who failed for a reason that passes, once it has: `failed` with `retry_at`.
    Retry,
    /// All who failed.
    Failed,
    /// Those whom WhatsApp took a message for and who have not read it, as far as is known: whoever switched that off reads
    /// without telling.
    NotRead,
}

impl Pick {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::InDoubt, Self::Retry, Self::Failed, Self::NotRead];

    /// The word in files and the HTTP API.
    pub fn word(self) -> &'static str {
        match self {
            Self::InDoubt => "in_doubt",
            Self::Retry => "retry",
            Self::Failed => "failed",
            Self::NotRead => "not_read",
        }
    }

    /// The one state that they all are in, if there is one.
    pub fn state(self) -> Option<RecipientState> {
        match self {
            Self::InDoubt => Some(RecipientState::InDoubt),
            Self::Retry | Self::Failed => Some(RecipientState::Failed),
            Self::NotRead => None,
        }
    }

    /// The pick with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pick| pick.word() == word)
    }
}

/// What an operator chose to happen when something is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// When WhatsApp pauses or disables the template in the middle.
    pub on_template_pause: OnTemplatePause,
    /// When values of some people cannot be sent.
    pub on_bad_rows: OnBadRows,
}

/// What becomes of a broadcast whose template may no longer be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTemplatePause {
    /// It is paused until an operator says that it is to go on.
    #[default]
    Hold,
    /// It is paused, looked at again at growing gaps, and goes on by itself once the template is approved again.
    Wait,
}

/// What becomes of people whose values cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRows {
    /// They are left out, each with the reason.
    #[default]
    Skip,
    /// Nobody is sent anything until they are put right.
    Refuse,
}

/// What is decided when a broadcast is made, and never changed after it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The operator's own word for it; may be empty.
    #[serde(default)]
    pub label: String,
    /// The phone number id it goes out from.
    pub sender: String,
    /// The template as it was when the broadcast was made.
    pub template: Template,
    /// What fills the template's variables.
    #[serde(default)]
    pub bindings: Bindings,
    /// Whom it goes to.
    pub audience: Audience,
    /// A pace of its own in messages a second, below the sender's; `None`: the sender's.
    #[serde(default)]
    pub messages_per_second: Option<f64>,
    /// It goes to the built-in sandbox, not to people.
    #[serde(default)]
    pub rehearsal: bool,
    /// What happens when something is not as it should be.
    #[serde(default)]
    pub choices: Choices,
}

/// A broadcast as the store has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Broadcast {
    /// Its id.
    pub id: BroadcastId,
    /// What was decided.
    pub definition: Definition,
    /// Where it stands.
    pub status: BroadcastStatus,
    /// Why it is paused.
    pub reason: Option<PauseReason>,
    /// The reason in words: what happened and what to do; empty when there is nothing to say.
    pub detail: String,
    /// How many people it goes to; an estimate until the audience is frozen.
    pub total: u32,
    /// When it was made.
    pub created_at: Millis,
    /// When it is due; `None`: at once.
    pub start_at: Option<Millis>,
    /// When it first ran.
    pub started_at: Option<Millis>,
    /// When it was completed or cancelled.
    pub ended_at: Option<Millis>,
    /// The schedule that made it, and the occurrence's planned time.
    pub occurrence: Option<(ScheduleId, Millis)>,
    /// When it may go on by itself (budget, a template that is looked at again); `None`: an operator must say so.
    pub resume_at: Option<Millis>,
}

/// How many recipients are in each state. Exclusive: they add up to the broadcast's audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([u64; RecipientState::ALL.len()]);

fn place(state: RecipientState) -> usize {
    state as usize
}

impl Counts {
    /// How many are in this state.
    pub fn get(&self, state: RecipientState) -> u64 {
        self.0[place(state)]
    }

    /// Sets how many are in this state.
    pub fn set(&mut self, state: RecipientState, count: u64) {
        self.0[place(state)] = count;
    }

    /// Adds to a state.
    pub fn add(&mut self, state: RecipientState, count: u64) {
        self.0[place(state)] += count;
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Waiting or under way: what keeps a broadcast from being completed.
    pub fn open(&self) -> u64 {
        self.get(RecipientState::Queued) + self.get(RecipientState::Sending)
    }

    /// Proven to be with WhatsApp or further: accepted, sent, delivered, read.
    pub fn reached_whatsapp(&self) -> u64 {
        self.funnel().accepted
    }

    /// The cumulative view.
    pub fn funnel(&self) -> Funnel {
        let read = self.get(RecipientState::Read);
        let delivered = read + self.get(RecipientState::Delivered);
        let sent = delivered + self.get(RecipientState::Sent);
        Funnel { accepted: sent + self.get(RecipientState::Accepted), sent, delivered, read }
    }

    /// By word, with `total`, as files and the HTTP API have it.
    pub fn by_word(&self) -> BTreeMap<&'static str, u64> {
        let mut words: BTreeMap<_, _> =
            RecipientState::ALL.into_iter().map(|state| (state.word(), self.get(state))).collect();
        words.insert("total", self.total());
        words
    }
}

/// Cumulative: accepted ≥ sent ≥ delivered ≥ read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Funnel {
    /// Taken by WhatsApp, whatever came after.
    pub accepted: u64,
    /// Left WhatsApp's servers.
    pub sent: u64,
    /// Reached the phone.
    pub delivered: u64,
    /// Was read.
    pub read: u64,
}

/// A person of the number files: what a recipient is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// The phone.
    pub phone: Phone,
    /// The name; may be empty.
    #[serde(default)]
    pub name: String,
    /// The file's other columns.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// A file's row as it stood there, of which nobody could be made: by the columns' names, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cells {
    /// The cells with their columns' names.
    pub cells: Vec<(String, String)>,
    /// Which of them holds the phone; `None`: that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<u32>,
    /// Which of them holds the name, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<u32>,
}

impl Cells {
    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.cells.iter().map(|(name, cell)| name.len() + cell.len() + 8).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_funnel_is_cumulative_and_the_counts_add_up() {
        let mut counts = Counts::default();
        for (index, state) in RecipientState::ALL.into_iter().enumerate() {
            counts.set(state, index as u64 + 1);
        }
        assert_eq!(counts.total(), 55);
        assert_eq!(counts.by_word()["total"], 55);
        assert_eq!(counts.open(), 3);
        assert_eq!(counts.funnel(), Funnel { accepted: 18, sent: 15, delivered: 11, read: 6 });
    }
}
