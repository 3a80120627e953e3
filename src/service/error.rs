//! What can go wrong in a use case, in words for people and codes for programs.

use crate::store::StoreError;

/// The kinds of error, as faces tell them apart (exit codes, HTTP statuses).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Not readable at all (HTTP 400).
    Malformed,
    /// No such thing (404).
    NotFound,
    /// Not in this state, or looks like a repeat (409).
    Conflict,
    /// Readable, but wrong (422).
    Wrong,
    /// Too large (413).
    TooLarge,
    /// The store or WhatsApp does not answer (503).
    Unavailable,
    /// A bug or damaged data (500).
    Internal,
}

/// An error of a use case. `message` says what is wrong, where, and what to do; it holds no secrets.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// Which kind.
    pub kind: Kind,
    /// A word for programs: `looks_like_repeat`, `template_not_approved`, `count_differs` …
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// For programs; `null` when there is nothing to add.
    pub details: serde_json::Value,
}

impl ServiceError {
    /// An error without details.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), details: serde_json::Value::Null }
    }

    /// Adds details for programs.
    #[must_use]
    pub fn with_details(mut self, details: serde_json::Value) -> Self {
        self.details = details;
        self
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        let (kind, code) = match &error {
            StoreError::NotFound(_) => (Kind::NotFound, "not_found"),
            StoreError::LeaseLost | StoreError::Conflict(_) => (Kind::Conflict, "wrong_state"),
            StoreError::Unavailable(_) => (Kind::Unavailable, "store_away"),
            StoreError::Full(_) => (Kind::Unavailable, "store_full"),
            StoreError::Setup(_) => (Kind::Wrong, "store_setup"),
            StoreError::Corrupt(_) => (Kind::Internal, "store_damaged"),
        };
        Self::new(kind, code, error.to_string())
    }
}
