//! Short identifiers that people read out, type and paste.
//!
//! Eight letters and digits without the ones that look alike. They are made from random numbers that
//! the caller supplies; uniqueness is the store's business (it refuses an id that exists).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = size_of::<u64>();

/// A text that is not an identifier of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{0}\" is not an id: an id is 8 letters and digits, as `status` shows it")]
pub struct NotAnId(pub String);

fn from_random(random: u64) -> String {
    random.to_le_bytes().map(|byte| char::from(ALPHABET[usize::from(byte) & 31])).into_iter().collect()
}

fn check(text: &str) -> Result<String, NotAnId> {
    let lower = text.trim().to_ascii_lowercase();
    if lower.len() == LENGTH && lower.bytes().all(|byte| ALPHABET.contains(&byte)) {
        Ok(lower)
    } else {
        Err(NotAnId(text.chars().take(40).collect()))
    }
}

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// An id from 64 random bits.
            pub fn from_random(random: u64) -> Self {
                Self(from_random(random))
            }

            /// The eight characters.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                check(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type!(
    /// A store's own id: made once when the store is created, part of every attempt's id.
    StoreId
);
id_type!(
    /// A broadcast's id, as operators and scripts use it.
    BroadcastId
);
id_type!(
    /// A schedule's id.
    ScheduleId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_in_either_case() {
        let id = BroadcastId::from_random(0x0123_4567_89ab_cdef);
        assert_eq!(id.as_str().len(), 8);
        assert_eq!(id.as_str().to_uppercase().parse::<BroadcastId>().unwrap(), id);
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in ["", "abc", "abcdefghi", "abcdefg!", "iloulolu"] {
            assert!(text.parse::<BroadcastId>().is_err(), "{text}");
        }
    }
}
