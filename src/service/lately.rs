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
use crate::domain::time::{MINUTE, Millis};

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
            [(other, people)] => Some(format!("{who} of them {}", gets_it(other, *people, now))),
            several => {
                let part = |(other, people): &(&Broadcast, u64)| {
                    format!("{}, {} ({})", said::grouped(*people), when(other, now), name(other))
                };
                let mut parts: Vec<String> = several.iter().take(NAMED).map(part).collect();
                if several.len() > NAMED {
                    let rest = several.iter().skip(NAMED).map(|(_, people)| people).sum();
                    parts.push(format!("{}, earlier", said::grouped(rest)));
                }
                let count = several.len();
                Some(format!("{who} of them got this template from {count} other broadcasts: {}", parts.join("; ")))
            }
        }
    }
}

fn gets_it(other: &Broadcast, people: u64, now: Millis) -> String {
    let (is, gets) = if people == 1 { ("is", "gets") } else { ("are", "get") };
    let (when, name) = (when(other, now), name(other));
    match (other.status, other.ended_at) {
        (BroadcastStatus::Paused, _) => format!("{gets} this template, too, {when} ({name})"),
        (_, None) => format!("{is} getting this template {when} ({name})"),
        _ => format!("got this template {when} ({name})"),
    }
}

fn when(other: &Broadcast, now: Millis) -> String {
    match (other.status, other.ended_at.map(|at| now.since(at))) {
        (BroadcastStatus::Paused, _) => "once another one goes on that is paused".to_owned(),
        (_, None) => "now".to_owned(),
        (_, Some(passed)) if passed < MINUTE => "just now".to_owned(),
        (_, Some(passed)) => format!("{} ago", times::length_words(passed)),
    }
}

fn name(other: &Broadcast) -> String {
    match other.definition.label.as_str() {
        "" => format!("broadcast {}", other.id),
        label => format!("{label}, broadcast {}", other.id),
    }
}
