//! Short identifiers that people read out, type and paste.
//!
//! Eight letters and digits without the ones that look alike. They are made from random numbers that
//! the caller supplies; uniqueness is the store's business (it refuses an id that exists). They are copied a dozen times
//! for every message, so they hold no memory of their own.

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = size_of::<u64>();

/// A text that is not an identifier of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{0}\" is not an id: an id is 8 letters and digits, as `status` shows it")]
pub struct NotAnId(pub String);

fn from_random(random: u64) -> [u8; LENGTH] {
    random.to_le_bytes().map(|byte| ALPHABET[usize::from(byte) & 31])
}

fn check(text: &str) -> Result<[u8; LENGTH], NotAnId> {
    let known = |letters: &[u8; LENGTH]| letters.iter().all(|letter| ALPHABET.contains(letter));
    let letters =
        <[u8; LENGTH]>::try_from(text.trim().as_bytes()).map(|letters| letters.map(|l| l.to_ascii_lowercase()));
    letters.ok().filter(known).ok_or_else(|| NotAnId(text.chars().take(40).collect()))
}

/// Reads an id without keeping its text.
struct Reading<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = NotAnId>> de::Visitor<'_> for Reading<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id of 8 letters and digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; LENGTH]);

        impl $name {
            /// An id from 64 random bits.
            pub fn from_random(random: u64) -> Self {
                Self(from_random(random))
            }

            /// The eight characters.
            pub fn as_str(&self) -> &str {
                // Letters and digits only, so it is always text.
                std::str::from_utf8(&self.0).unwrap_or_default()
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
                id.as_str().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Reading(std::marker::PhantomData))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.as_str()).finish()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
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
        for text in ["", "abc", "abcdefghi", "abcdefg!", "iloulolu", "abcdefé"] {
            assert!(text.parse::<BroadcastId>().is_err(), "{text}");
            assert!(serde_json::from_str::<BroadcastId>(&format!("\"{text}\"")).is_err(), "{text}");
        }
    }

    #[test]
    fn travels_as_plain_text() {
        let id = BroadcastId::from_random(0x0123_4567_89ab_cdef);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<BroadcastId>(&json).unwrap(), id);
        assert_eq!(format!("{id:?}"), format!("BroadcastId(\"{id}\")"));
    }
}
