//! Opt-outs: who asked not to be written to, how, and what that holds back.
//!
//! A person may be opted out in several ways at once ([`Kind`]); each is undone by its own word only, so that resuming
//! marketing in WhatsApp does not undo a typed STOP. Nothing is forgotten: every word is an [`Event`], and who is opted
//! out now follows from them ([`Record`]). Pure; the stores keep events and apply these rules.

pub mod inbound;
mod record;
pub mod words;

pub use record::{Noted, Record};

use super::phone::{Phone, alias};
use super::time::Millis;
use serde::{Deserialize, Serialize};

/// The longest text of a message that is kept with an event, in characters.
pub const LONGEST_TEXT: usize = 200;
/// The longest user id that is taken: two letters, a dot, 128 letters, and room for a parent's mark.
pub const LONGEST_USER_ID: usize = 160;
/// The error code with which WhatsApp says that somebody stopped marketing from this business.
pub const STOPPED_MARKETING: i64 = 131_050;

/// How somebody opted out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// By typing a stop word.
    Typed,
    /// By a reply button or a list's row.
    Button,
    /// By stopping marketing messages in WhatsApp itself.
    Platform,
    /// WhatsApp refused a message with the code 131050.
    #[serde(rename = "code_131050")]
    Code,
    /// An operator noted it.
    Operator,
    /// It stood in a list that was imported.
    Import,
}

impl Kind {
    /// All of them; the first that applies is named as the reason.
    pub const ALL: [Self; 6] = [Self::Typed, Self::Button, Self::Platform, Self::Code, Self::Operator, Self::Import];

    /// The word in files, the HTTP API and the stores.
    pub fn word(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Button => "button",
            Self::Platform => "platform",
            Self::Code => "code_131050",
            Self::Operator => "operator",
            Self::Import => "import",
        }
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What operators read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Typed => "wrote a stop word",
            Self::Button => "chose it by a button",
            Self::Platform => "stopped marketing in WhatsApp",
            Self::Code => "stopped marketing, by code 131050",
            Self::Operator => "noted by an operator",
            Self::Import => "imported",
        }
    }

    /// Why a recipient is left out.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Typed => "opted out (typed)",
            Self::Button => "opted out (button)",
            Self::Platform => "opted out (platform)",
            Self::Code => "opted out (code 131050)",
            Self::Operator => "opted out (operator)",
            Self::Import => "opted out (import)",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(0b11_1111);

    /// The kinds that hold back a template of this category. What somebody stopped in WhatsApp itself is marketing alone;
    /// any other word is about everything, unless `typed_holds` says otherwise. A category that is not known counts as
    /// marketing.
    pub fn holding_back(category: &str, typed_holds: TypedHolds) -> Self {
        let is_marketing = !matches!(category, "UTILITY" | "AUTHENTICATION");
        match (is_marketing, typed_holds) {
            (true, _) => Self::ALL,
            (false, TypedHolds::Everything) => {
                [Kind::Typed, Kind::Button, Kind::Operator, Kind::Import].into_iter().collect()
            }
            (false, TypedHolds::Marketing) => Self::NONE,
        }
    }

    /// Whether there is none in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is in it.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in it, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    /// Why somebody who is opted out in these ways is left out where `held_back` hold; `None`: they are not.
    pub fn reason(self, held_back: Self) -> Option<&'static str> {
        self.and(held_back).iter().next().map(Kind::reason)
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<T: IntoIterator<Item = Kind>>(kinds: T) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}

/// What typed words, buttons, operators and imported lists hold back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypedHolds {
    /// Every template.
    #[default]
    Everything,
    /// Marketing templates.
    Marketing,
}

/// What is configured about opt-outs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// What words hold back.
    pub typed_holds: TypedHolds,
    /// Payloads of buttons and list rows that mean stop, besides the stop words.
    pub payloads: Vec<String>,
}

impl Rules {
    /// The kinds that hold back a template of this category.
    pub fn holding_back(&self, category: &str) -> Kinds {
        Kinds::holding_back(category, self.typed_holds)
    }
}

/// Who it is about, as far as was said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Who {
    /// The phone, in the form in which it was named.
    pub phone: Option<Phone>,
    /// WhatsApp's id of the user within our portfolio (`US.1349…`).
    pub user: Option<String>,
}

impl Who {
    /// By phone.
    pub fn phone(phone: Phone) -> Self {
        Self { phone: Some(phone), user: None }
    }

    /// The key that a person's events stand under: the phone's (`+` and digits, one for all its forms), else the user
    /// id. `None`: nobody was named.
    pub fn key(&self) -> Option<String> {
        self.phone.map(key).or_else(|| self.user.clone())
    }

    /// As the audit trail names them: the phone masked, or the user id.
    pub fn masked(&self) -> String {
        self.phone.map(Phone::masked).or_else(|| self.user.clone()).unwrap_or_default()
    }

    /// Both, when both were named: what the mapping between them is learned from.
    pub fn pair(&self) -> Option<(String, Phone)> {
        Some((self.user.clone()?, self.phone?))
    }
}

/// The key that a phone's events stand under, whatever its form.
pub fn key(phone: Phone) -> String {
    alias::person(phone).to_string()
}

/// A word for or against being written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Who.
    pub who: Who,
    /// By which way.
    pub kind: Kind,
    /// Opted out; `false`: undone.
    pub stop: bool,
    /// When it was said. What comes from WhatsApp has whole seconds.
    pub at: Millis,
    /// Where it was said, or who noted it.
    pub how: String,
    /// The message that said it; empty: none did.
    pub wamid: String,
    /// Its text, bounded; empty: none.
    pub text: String,
}

impl Change {
    /// Cuts what may be long.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        for text in [&mut self.text, &mut self.how, &mut self.wamid] {
            if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
                text.truncate(end);
            }
        }
        self
    }
}

/// A change on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number, rising over all people.
    pub id: u64,
    /// The word.
    #[serde(flatten)]
    pub change: Change,
}

/// Somebody who is opted out now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptedOut {
    /// The key of the person ([`Who::key`]); the cursor of lists.
    pub person: String,
    /// The event of each kind that stands, in the order of [`Kind::ALL`].
    pub standing: Vec<Event>,
}

impl OptedOut {
    /// The phone in the form in which it was named last; `None`: only a user id is known.
    pub fn phone(&self) -> Option<Phone> {
        let newest = self.standing.iter().filter(|event| event.change.who.phone.is_some()).max_by_key(|event| event.id);
        newest.and_then(|event| event.change.who.phone).or_else(|| self.person.parse().ok())
    }

    /// WhatsApp's id of the user, if it was named.
    pub fn user(&self) -> Option<&str> {
        self.standing.iter().find_map(|event| event.change.who.user.as_deref())
    }

    /// By which ways.
    pub fn kinds(&self) -> Kinds {
        self.standing.iter().map(|event| event.change.kind).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_kinds_hold_back_which_templates() {
        let words: Kinds = [Kind::Typed, Kind::Button, Kind::Operator, Kind::Import].into_iter().collect();
        for (category, typed_holds, held_back) in [
            ("MARKETING", TypedHolds::Everything, Kinds::ALL),
            ("MARKETING", TypedHolds::Marketing, Kinds::ALL),
            ("", TypedHolds::Marketing, Kinds::ALL),
            ("UTILITY", TypedHolds::Everything, words),
            ("AUTHENTICATION", TypedHolds::Everything, words),
            ("UTILITY", TypedHolds::Marketing, Kinds::NONE),
        ] {
            assert_eq!(Kinds::holding_back(category, typed_holds), held_back, "{category} {typed_holds:?}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_names_the_first() {
        let both: Kinds = [Kind::Platform, Kind::Typed].into_iter().collect();
        assert_eq!(both.iter().collect::<Vec<_>>(), [Kind::Typed, Kind::Platform]);
        assert_eq!(both.reason(Kinds::ALL), Some("opted out (typed)"));
        assert_eq!(both.reason([Kind::Platform].into_iter().collect()), Some("opted out (platform)"));
        assert_eq!(both.reason([Kind::Import].into_iter().collect()), None);
        assert_eq!(Kind::ALL.into_iter().collect::<Kinds>(), Kinds::ALL);
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
    }

    #[test]
    fn a_person_is_known_by_phone_before_user_id() {
        let phone: Phone = "+5511987654321".parse().unwrap();
        let who = Who { phone: Some(phone), user: Some("BR.1".to_owned()) };
        assert_eq!(who.key().as_deref(), Some("+551187654321"));
        assert_eq!(Who { phone: None, ..who.clone() }.key().as_deref(), Some("BR.1"));
        assert_eq!(Who::default().key(), None);
    }
}
