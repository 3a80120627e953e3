//! The id of one attempt as it travels to WhatsApp and back in every receipt.
//!
//! `w1:<store id>:<broadcast>:<seq>:<attempt>` in `biz_opaque_callback_data` (512 characters at most
//! there). It is what settles an unknown outcome by evidence.

use super::ids::{BroadcastId, StoreId};
use std::fmt;

/// Names one request for one recipient of one broadcast of one store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttemptId {
    /// The store that recorded the intent.
    pub store: StoreId,
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// The recipient's place in the broadcast, from 0, dense.
    pub seq: u32,
    /// Which request for this recipient, from 1.
    pub attempt: u32,
}

impl AttemptId {
    /// Reads an id of ours; `None` for anything that is not of our making (another program's data).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        if parts.next()? != "w1" {
            return None;
        }
        let id = Self {
            store: parts.next()?.parse().ok()?,
            broadcast: parts.next()?.parse().ok()?,
            seq: parts.next()?.parse().ok()?,
            attempt: parts.next()?.parse().ok()?,
        };
        (parts.next().is_none() && id.attempt > 0).then_some(id)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w1:{}:{}:{}:{}", self.store, self.broadcast, self.seq, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_way_there_and_back() {
        let id = AttemptId {
            store: StoreId::from_random(1),
            broadcast: BroadcastId::from_random(2),
            seq: 999_999,
            attempt: 3,
        };
        assert_eq!(AttemptId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn foreign_data_is_not_ours() {
        for text in [
            "",
            "c42:r7:a1",
            "w2:00000000:00000000:1:1",
            "w1:00000000:00000000:1",
            "w1:00000000:00000000:1:0",
            "w1:00000000:00000000:1:1:x",
        ] {
            assert_eq!(AttemptId::parse(text), None, "{text}");
        }
    }
}
