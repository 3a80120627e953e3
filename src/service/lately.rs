//! Who of an audience got the same template a short while ago, or is getting it now, by another broadcast: a warning of the
//! review. Nobody is held back for it.

use super::plan::REPEAT_MS;
use super::view::BroadcastRequest;
use super::{Result, Service, times};
use crate::domain::broadcast::{Broadcast, Definition};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::said;
use crate::domain::state::BroadcastStatus;
use crate::domain::time::Millis;

/// How many of the newest broadcasts are looked at, and how many of those of the same template.
const NEWEST: u32 = 500;
const MOST: usize = 50;
/// How many are named one by one.
const NAMED: usize = 3;

/// The broadcasts of one template that went out in the last 24 hours, or are going out, newest first; and for how many
/// people each was the newest.
#[derive(Debug, Clone, Default)]
pub(super) struct Lately {
    broadcasts: Vec<Broadcast>,
    ids: Vec<BroadcastId>,
    people: Vec<u64>,
}

impl Service {
    /// Those of the template that is asked for.
    pub(super) async fn lately(&self, request: &BroadcastRequest) -> Result<Lately> {
        let since = self.now().plus(-REPEAT_MS);
        let mut broadcasts = self.inner.store.broadcasts(false, NEWEST).await?;
        broadcasts.retain(|other| {
            let Definition { template, audience, .. } = &other.definition;
            let went_out = match other.status {
                BroadcastStatus::Draft | BroadcastStatus::Scheduled => false,
                BroadcastStatus::Preparing | BroadcastStatus::Running | BroadcastStatus::Paused => true,
                BroadcastStatus::Completed | BroadcastStatus::Cancelled => other.ended_at.is_some_and(|at| at >= since),
            };
            went_out
                && template.name == request.template_name
                && template.language == request.language_code
                && !audience.is_test()
        });
        broadcasts.sort_by_key(|other| std::cmp::Reverse(other.ended_at.unwrap_or(Millis(i64::MAX))));
        broadcasts.truncate(MOST);
        let ids = broadcasts.iter().map(|other| other.id.clone()).collect::<Vec<_>>();
        Ok(Lately { people: vec![0; ids.len()], broadcasts, ids })
    }

    /// Counts these people, each once, at the newest broadcast that they are of.
    pub(super) async fn count_lately(&self, lately: &mut Lately, phones: &[Phone]) -> Result<()> {
        if lately.ids.is_empty() || phones.is_empty() {
            return Ok(());
        }
        for (_, broadcast) in self.inner.store.recipients_among(phones, &lately.ids).await? {
            lately.people[broadcast] += 1;
        }
        Ok(())
    }
}

impl Lately {
    /// What is to be said of them: `312 of them got this template 5 min ago (diwali, 3k9d2m7a)`. `None`: nothing.
    /// `goes_to`: of how many; `but`: a broadcast that is told of anyhow.
    pub(super) fn words(&self, goes_to: u64, but: Option<&BroadcastId>, now: Millis) -> Option<String> {
        let counted: Vec<(&Broadcast, u64)> = self
            .broadcasts
            .iter()
            .zip(&self.people)
            .filter(|(other, people)| **people > 0 && Some(&other.id) != but)
            .map(|(other, people)| (other, *people))
            .collect();
        let all: u64 = counted.iter().map(|(_, people)| people).sum();
        let who = if all == goes_to { "all".to_owned() } else { said::grouped(all) };
        match counted.as_slice() {
            [] => None,
            [(other, _)] => Some(format!("{who} of them {}", got_it(other, now))),
            several => {
                let mut parts: Vec<String> = several
                    .iter()
                    .take(NAMED)
                    .map(|(other, people)| format!("{} {}", said::grouped(*people), got_it(other, now)))
                    .collect();
                if several.len() > NAMED {
                    let rest = several.iter().skip(NAMED).map(|(_, people)| people).sum();
                    parts.push(format!("{} by earlier ones", said::grouped(rest)));
                }
                let count = several.len();
                Some(format!("{who} of them by {count} broadcasts of the last 24 hours: {}", parts.join("; ")))
            }
        }
    }
}

fn got_it(other: &Broadcast, now: Millis) -> String {
    let name = match other.definition.label.as_str() {
        "" => format!("broadcast {}", other.id),
        label => format!("{label}, broadcast {}", other.id),
    };
    match (other.status, other.ended_at) {
        (BroadcastStatus::Paused, _) => format!("get this template, too, from one that is paused ({name})"),
        (_, Some(at)) => format!("got this template {} ago ({name})", times::length_words(now.since(at))),
        _ => format!("are getting this template now ({name})"),
    }
}
