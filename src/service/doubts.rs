//! People of whom nobody knows whether they got it: shown, and decided upon by an operator.
//!
//! Receipts settle most of them by themselves; nothing here ever does so by a timer.

use super::broadcasts::LONGEST_PAGE;
use super::follow_up::FollowUpRequest;
use super::view::BroadcastView;
use super::{Kind, Result, Service, ServiceError};
use crate::domain::broadcast::{Broadcast, Pick};
use crate::domain::ids::BroadcastId;
use crate::domain::said;
use crate::domain::state::RecipientState;
use crate::store::{DoubtDecision, RecipientRow};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An operator's word on people in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtWord {
    /// They stay in doubt, and a late receipt may still settle them.
    Leave,
    /// They have it: accepted.
    CountAsSent,
    /// They do not have it and are not sent to again: failed.
    GiveUp,
    /// They may get it twice: sent to once more, by this broadcast or, when it has ended, by a follow-up.
    SendAgain,
}

impl DoubtWord {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Leave, Self::CountAsSent, Self::GiveUp, Self::SendAgain];

    /// The word in the HTTP API and on the command line (there with - for _).
    pub fn word(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::CountAsSent => "count_as_sent",
            Self::GiveUp => "give_up",
            Self::SendAgain => "send_again",
        }
    }
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// People that it was about: those who were in doubt when it was made.
    pub people: u64,
    /// The broadcast that sends to them again, when theirs has ended.
    pub follow_up: Option<Broadcast>,
}

impl Service {
    /// Broadcasts with people in doubt, the newest first.
    pub async fn doubts(&self) -> Result<Vec<BroadcastView>> {
        let mut views = self.broadcasts(false, LONGEST_PAGE).await?;
        views.retain(|view| view.counts.get(RecipientState::InDoubt) > 0);
        Ok(views)
    }

    /// The people in doubt of one broadcast, in order of `seq` after `after`; `detail` says what happened to each.
    pub async fn in_doubt(&self, id: &BroadcastId, after: Option<u32>, limit: u32) -> Result<Vec<RecipientRow>> {
        self.recipients(id, Some(RecipientState::InDoubt), after, limit).await
    }

    /// Decides about the people in doubt of a broadcast: about all, or about `seqs` (rising, 5,000 at most).
    /// `count_differs` (409) when `expect` is not how many are in doubt, `nobody_in_doubt` (409), `too_many` (422),
    /// `unknown_broadcast` (404), and those of [`Service::follow_up`].
    pub async fn decide(
        &self,
        id: &BroadcastId,
        word: DoubtWord,
        seqs: Option<Vec<u32>>,
        expect: Option<u64>,
    ) -> Result<Decided> {
        self.may_change().await?;
        let broadcast = self.stored(id).await?;
        let seqs = self.named(id, seqs).await?;
        let people = match &seqs {
            Some(seqs) => seqs.len() as u64,
            None => self.inner.store.counts(id).await?.get(RecipientState::InDoubt),
        };
        if let Some(expected) = expect.filter(|expected| *expected != people) {
            let message = format!("{} in doubt now, not {expected}: nothing was decided", said::people_are(people));
            return Err(ServiceError::new(Kind::Conflict, "count_differs", message)
                .with_details(json!({ "expected": expected, "people": people })));
        }
        if people == 0 {
            let message = format!("nobody of {id} is in doubt (any more): nothing was decided");
            return Err(ServiceError::new(Kind::Conflict, "nobody_in_doubt", message));
        }
        let decision = match word {
            DoubtWord::Leave => None,
            DoubtWord::CountAsSent => Some(DoubtDecision::CountAsSent),
            DoubtWord::GiveUp => Some(DoubtDecision::GiveUp),
            DoubtWord::SendAgain if broadcast.status.is_final() => {
                let request = FollowUpRequest {
                    only: seqs.unwrap_or_default(),
                    // It is asked for by name, person by person or all of them.
                    repeat: true,
                    ..FollowUpRequest::new(id.clone(), Pick::InDoubt)
                };
                let follow_up = self.follow_up(request).await?;
                self.note_decision(id, word, people).await;
                return Ok(Decided { people, follow_up: Some(follow_up) });
            }
            DoubtWord::SendAgain => Some(DoubtDecision::SendAgain),
        };
        let people = match decision {
            Some(decision) => self.settle_doubts(id, seqs.as_deref(), decision, word).await?,
            None => people,
        };
        self.note_decision(id, word, people).await;
        self.ring();
        Ok(Decided { people, follow_up: None })
    }

    async fn settle_doubts(
        &self,
        id: &BroadcastId,
        seqs: Option<&[u32]>,
        decision: DoubtDecision,
        word: DoubtWord,
    ) -> Result<u64> {
        let detail = format!("{} on the word of {}", word.word().replace('_', " "), self.who);
        Ok(self.inner.store.decide_doubts(id, seqs, decision, &detail, self.now()).await?)
    }

    async fn note_decision(&self, id: &BroadcastId, word: DoubtWord, people: u64) {
        self.note_act("decide", id.as_str(), format!("{}: {} in doubt", word.word(), said::people(people))).await;
    }

    /// The people that were named and are in doubt.
    async fn named(&self, id: &BroadcastId, seqs: Option<Vec<u32>>) -> Result<Option<Vec<u32>>> {
        let Some(mut seqs) = seqs else { return Ok(None) };
        seqs.sort_unstable();
        seqs.dedup();
        if seqs.len() > LONGEST_PAGE as usize {
            let message = format!("{LONGEST_PAGE} people can be named at most; without names all of them are meant");
            return Err(ServiceError::new(Kind::Wrong, "too_many", message));
        }
        let mut named = Vec::with_capacity(seqs.len());
        let mut after = None;
        loop {
            let page = self.in_doubt(id, after, LONGEST_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            named.extend(page.iter().map(|row| row.seq).filter(|seq| seqs.binary_search(seq).is_ok()));
        }
        Ok(Some(named))
    }
}
