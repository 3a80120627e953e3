//! Statuses without an id of ours that came before the answer to their message: kept until its wamid is on record.
//!
//! Bounded in number and age, and durable before the body that they came in is dropped. What is never matched was
//! another program's. Only `receipts` calls it, under the lease of the receipts.

use crate::domain::opt_out::Who;
use crate::domain::phone::Phone;
use crate::domain::pricing::Pricing;
use crate::domain::receipt::{Status, StatusEvent};
use crate::domain::time::{MINUTE, Millis};
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The note that holds them.
const NOTE: &str = "parked.receipts";
/// The most that are kept; the oldest go first.
const MOST: usize = 1_000;
/// An answer comes within 30 s or never, and nothing is folded while the store is away.
const KEPT_MS: i64 = 5 * MINUTE;
/// A failure's own words are cut to so many characters here.
const LONGEST: usize = 300;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    since: Millis,
    wamid: String,
    status: String,
    at: Millis,
    #[serde(default, skip_serializing_if = "is_zero")]
    code: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    response: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    details: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<Phone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pricing: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(code: &i64) -> bool {
    *code == 0
}

/// The parked statuses, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Parked {
    kept: VecDeque<Kept>,
    changed: bool,
}

impl Parked {
    /// As they were left.
    pub(super) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let kept = store.note(NOTE).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(Self { kept, changed: false })
    }

    /// Makes what was parked, or let go, durable.
    pub(super) async fn save(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        if self.changed {
            let text = serde_json::to_string(&self.kept).unwrap_or_default();
            store.put_note(NOTE, &text).await?;
            self.changed = false;
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The messages that are waited for.
    pub(super) fn wamids(&self) -> Vec<String> {
        self.kept.iter().map(|kept| kept.wamid.clone()).collect()
    }

    /// Keeps a status, once; of its price the last word. Returns how many had to go for it.
    pub(super) fn park(&mut self, event: &StatusEvent, now: Millis) -> u64 {
        let kept = Kept::of(event, now);
        let is_same = |known: &&mut Kept| known.wamid == kept.wamid && known.status == kept.status;
        if let Some(known) = self.kept.iter_mut().find(is_same) {
            if kept.pricing.is_some() && known.pricing != kept.pricing {
                known.pricing = kept.pricing;
                self.changed = true;
            }
            return 0;
        }
        self.kept.push_back(kept);
        self.changed = true;
        let too_many = self.kept.len().saturating_sub(MOST);
        self.kept.drain(..too_many);
        too_many as u64
    }

    /// The statuses of one message, in their order. They stay parked until [`Parked::let_go`].
    pub(super) fn of(&self, wamid: &str) -> Vec<StatusEvent> {
        self.kept.iter().filter(|kept| kept.wamid == wamid).map(Kept::event).collect()
    }

    /// These were applied.
    pub(super) fn let_go(&mut self, wamids: &[String]) {
        let before = self.kept.len();
        self.kept.retain(|kept| !wamids.contains(&kept.wamid));
        self.changed |= self.kept.len() != before;
    }

    /// Lets go of those that nobody will ask for any more. Returns how many.
    pub(super) fn forget(&mut self, now: Millis) -> u64 {
        let before = self.kept.len();
        self.kept.retain(|kept| now.since(kept.since) < KEPT_MS);
        self.changed |= self.kept.len() != before;
        (before - self.kept.len()) as u64
    }
}

impl Kept {
    fn of(event: &StatusEvent, since: Millis) -> Self {
        let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
        let (status, code, response, details) = match &event.status {
            Status::Sent => ("sent", 0, String::new(), String::new()),
            Status::Delivered => ("delivered", 0, String::new(), String::new()),
            Status::Read => ("read", 0, String::new(), String::new()),
            Status::Failed { code, response, details } => ("failed", *code, cut(response), cut(details)),
        };
        let Who { phone, user } = event.recipient.clone();
        let wamid = event.wamid.clone();
        let pricing = event.pricing.map(|pricing| pricing.to_string());
        Self { since, wamid, status: status.to_owned(), at: event.at, code, response, details, phone, user, pricing }
    }

    fn event(&self) -> StatusEvent {
        let status = match self.status.as_str() {
            "sent" => Status::Sent,
            "delivered" => Status::Delivered,
            "read" => Status::Read,
            _ => Status::Failed { code: self.code, response: self.response.clone(), details: self.details.clone() },
        };
        StatusEvent {
            wamid: self.wamid.clone(),
            status,
            at: self.at,
            attempt: None,
            foreign: false,
            recipient: Who { phone: self.phone, user: self.user.clone() },
            sender: String::new(),
            pricing: self.pricing.as_deref().and_then(Pricing::parse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: usize, status: Status) -> StatusEvent {
        StatusEvent {
            wamid: format!("wamid.{number}"),
            status,
            at: Millis(7),
            attempt: None,
            foreign: false,
            recipient: Who::phone(Phone::from_digits(12_015_550_111).unwrap()),
            sender: String::new(),
            pricing: None,
        }
    }

    #[test]
    fn they_are_bounded_in_number_and_age() {
        let mut parked = Parked::default();
        let gone: u64 = (0..MOST + 5).map(|number| parked.park(&event(number, Status::Sent), Millis(0))).sum();
        assert_eq!((gone, parked.kept.len()), (5, MOST));
        assert_eq!(parked.park(&event(MOST, Status::Sent), Millis(1)), 0, "a double");
        assert!(parked.of("wamid.4").is_empty() && parked.of("wamid.5").len() == 1);
        assert_eq!(parked.forget(Millis(KEPT_MS - 1)), 0);
        assert_eq!((parked.forget(Millis(KEPT_MS)), parked.is_empty()), (MOST as u64, true));
    }

    #[test]
    fn what_was_parked_comes_back_as_it_was() {
        let mut parked = Parked::default();
        let failed = Status::Failed { code: 131_026, response: "{}".into(), details: "no".into() };
        let pricing = Pricing::of("utility", "free_customer_service", Some(false));
        let priced = StatusEvent { pricing, ..event(1, Status::Delivered) };
        let events = [priced, event(2, failed), event(1, Status::Read)];
        for event in &events {
            parked.park(event, Millis(1));
        }
        let before = Pricing::of("utility", "regular", None);
        let first = StatusEvent { pricing: before, ..event(3, Status::Sent) };
        for event in [&first, &StatusEvent { pricing, ..first.clone() }, &event(3, Status::Sent)] {
            parked.park(event, Millis(1));
        }
        assert_eq!(parked.of("wamid.3")[0].pricing, pricing, "the last word");
        parked.let_go(&["wamid.3".to_owned()]);
        let text = serde_json::to_string(&parked.kept).unwrap();
        parked.kept = serde_json::from_str(&text).unwrap();
        assert_eq!(parked.of("wamid.1"), [events[0].clone(), events[2].clone()]);
        assert_eq!(parked.of("wamid.2"), [events[1].clone()]);
        parked.let_go(&["wamid.1".to_owned()]);
        assert_eq!(parked.wamids(), ["wamid.2"]);
    }
}
