//! Approved templates as the Cloud API lists them, and the slots that their variables fill.

mod slots;
mod text;

pub use slots::{LocationPart, MediaKind, Place, Slot, Unsupported};
pub(crate) use text::{Part, parts};

use serde::{Deserialize, Serialize};
use std::fmt;

/// A template's key: name and language.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TemplateKey {
    /// The template's name.
    pub name: String,
    /// The language code, with `_` (`en_US`).
    pub language: String,
}

impl fmt::Display for TemplateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.name, self.language)
    }
}

/// One template in one language, as last synced. Fields that Meta adds are ignored, words that Meta
/// adds are kept as they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Template {
    /// Meta's id of it.
    #[serde(default)]
    pub id: String,
    /// The name.
    pub name: String,
    /// The language code, with `_`.
    pub language: String,
    /// `APPROVED`, `PENDING`, `REJECTED`, `PAUSED` …; only `APPROVED` may be sent.
    pub status: String,
    /// `MARKETING`, `UTILITY` or `AUTHENTICATION`.
    #[serde(default)]
    pub category: String,
    /// `ORDER_STATUS` …; empty: it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sub_category: String,
    /// Why it was rejected: `INVALID_FORMAT`, or Meta's sentence; empty: it was not, or nobody says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rejected_reason: String,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`.
    #[serde(default)]
    pub quality: String,
    /// `POSITIONAL` or `NAMED`.
    #[serde(default)]
    pub parameter_format: String,
    /// Header, body, footer and buttons.
    #[serde(default)]
    pub components: Vec<Component>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// `HEADER`, `BODY`, `FOOTER`, `BUTTONS` …
    #[serde(rename = "type")]
    pub kind: String,
    /// A header's `TEXT`, `IMAGE`, `VIDEO`, `DOCUMENT`, `LOCATION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The text with its `{{variables}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The buttons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}

/// A button under a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Button {
    /// `QUICK_REPLY`, `URL`, `PHONE_NUMBER`, `COPY_CODE` …
    #[serde(rename = "type")]
    pub kind: String,
    /// What stands on it.
    #[serde(default)]
    pub text: String,
    /// A URL button's address, with a variable at its end or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Template {
    /// Name and language.
    pub fn key(&self) -> TemplateKey {
        TemplateKey { name: self.name.clone(), language: self.language.clone() }
    }

    /// Whether Meta lets it be sent.
    pub fn is_approved(&self) -> bool {
        self.status == "APPROVED"
    }

    /// The category as people read it, with the finer one if there is one: `utility, order status`.
    pub fn category_words(&self) -> String {
        let words = |word: &str| word.to_lowercase().replace('_', " ");
        match self.sub_category.as_str() {
            "" => words(&self.category),
            finer => format!("{}, {}", words(&self.category), words(finer)),
        }
    }

    /// Its state as people read it, and why if it was rejected: `rejected: invalid format`.
    pub fn status_words(&self) -> String {
        let status = self.status.to_lowercase().replace('_', " ");
        match self.rejected_words() {
            None => status,
            Some(why) => format!("{status}: {why}"),
        }
    }

    /// Why it was rejected, as people read it. `None`: it was not, or nobody says.
    pub fn rejected_words(&self) -> Option<String> {
        let reason = Some(&self.rejected_reason).filter(|reason| !reason.is_empty() && !self.is_approved())?;
        let is_word = reason.bytes().all(|letter| letter.is_ascii_uppercase() || letter == b'_');
        Some(if is_word { reason.to_lowercase().replace('_', " ") } else { reason.clone() })
    }
}
