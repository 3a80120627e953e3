//! What a template's standing at WhatsApp does to broadcasts: one that may no longer be sent pauses those that go out
//! with it, one that is approved again lets those go on that wait for it.
//!
//! Called by whoever has news: a sync (the service), a webhook (`news`), and the overseer, which looks again at growing
//! gaps. It asks the store only, is taken from anyone, and applied twice it changes nothing more.

use super::reign::{OPEN_BROADCASTS, resume};
use crate::domain::broadcast::{Broadcast, OnTemplatePause};
use crate::domain::ids::BroadcastId;
use crate::domain::marketing::MARKETING;
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::template::Template;
use crate::domain::time::{HOUR, MINUTE, Millis};
use crate::store::{Store, StoreError};

/// The gap before the first look; each next one is twice as long.
const FIRST_GAP_MS: i64 = 5 * MINUTE;
/// The longest gap. WhatsApp pauses a template for three hours the first time.
const LONGEST_GAP_MS: i64 = HOUR;

/// What was done to a broadcast, for the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Followed {
    /// `pause` or `resume`.
    pub(crate) what: &'static str,
    /// Which.
    pub(crate) broadcast: BroadcastId,
    /// Why.
    pub(crate) detail: String,
}

/// How a template stands for one broadcast.
enum Standing {
    Approved,
    /// Why not, in words; and whether waiting changes nothing of it.
    Not(String, bool),
}

/// Where news of templates comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told<'a> {
    /// A list of all templates that there are for this sender, so that one that is not among them is gone.
    AllOf(&'a str),
    /// WhatsApp's word of one template's status, and why in its words, if it said so.
    Status(String),
    /// Its word of something else about one; the status is as old as it was.
    Other,
}

/// Brings the open broadcasts into line with how `templates` stand now.
pub(crate) async fn follow(
    store: &dyn Store,
    templates: &[Template],
    told: Told<'_>,
    now: Millis,
) -> Result<Vec<Followed>, StoreError> {
    let mut followed = Vec::new();
    for broadcast in store.broadcasts(true, OPEN_BROADCASTS).await? {
        let category = category_of(store, &broadcast).await?;
        let Some(standing) = standing(&broadcast, &category, templates, &told) else { continue };
        let waits = broadcast.reason == Some(PauseReason::Template) && broadcast.resume_at.is_some();
        let is_due = broadcast.resume_at.is_some_and(|at| at <= now);
        let done = match (broadcast.status, standing) {
            (BroadcastStatus::Preparing | BroadcastStatus::Running, Standing::Not(words, for_good)) => {
                let resume_at = if for_good { None } else { look_again_at(store, &broadcast, now).await? };
                let detail = format!("{words}; {}", way_on(resume_at.is_some()));
                let paused = store.pause(&broadcast.id, PauseReason::Template, &detail, resume_at).await;
                paused.map(|_| ("pause", format!("{}: {detail}", PauseReason::Template.word())))
            }
            (BroadcastStatus::Paused, Standing::Not(words, for_good)) if waits && (is_due || for_good) => {
                let resume_at = if for_good { None } else { look_again_at(store, &broadcast, now).await? };
                let detail = format!("{words}; {}", way_on(resume_at.is_some()));
                store.pause(&broadcast.id, PauseReason::Template, &detail, resume_at).await?;
                continue;
            }
            // A list may be behind the errors that paused it, or they may have another cause, so it counts at the growing
            // gaps only; word that the template was reinstated counts at once.
            (BroadcastStatus::Paused, Standing::Approved) if waits && told.lets_go_on(is_due) => {
                let detail = "the template is approved".to_owned();
                resume(store, &broadcast.id, now).await.map(|_| ("resume", detail))
            }
            _ => continue,
        };
        match done {
            Ok((what, detail)) => {
                tracing::warn!(broadcast = %broadcast.id, detail, "{what}d by how its template stands");
                followed.push(Followed { what, broadcast: broadcast.id, detail });
            }
            // It ended or moved on meanwhile.
            Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(followed)
}

impl Told<'_> {
    /// Whether one that is approved by this goes on. `is_due`: it is to be looked at again now.
    fn lets_go_on(&self, is_due: bool) -> bool {
        match self {
            Self::AllOf(_) => is_due,
            Self::Status(_) => true,
            Self::Other => false,
        }
    }
}

/// How the broadcast's template stands; `None`: these templates do not tell. `category`: what it goes out as.
fn standing(broadcast: &Broadcast, category: &str, templates: &[Template], told: &Told<'_>) -> Option<Standing> {
    let frozen = &broadcast.definition.template;
    let same = |one: &&Template| one.name == frozen.name && one.language == frozen.language;
    let Some(known) = templates.iter().find(same) else {
        let gone = *told == Told::AllOf(broadcast.definition.sender.as_str());
        return gone.then(|| Standing::Not(format!("the template {} is no longer there", frozen.key()), true));
    };
    if !known.is_approved() {
        let status = known.status.to_lowercase();
        let why = match told {
            Told::Status(why) if !why.is_empty() => format!(" ({why})"),
            _ => known.rejected_words().map_or(String::new(), |why| format!(" ({why})")),
        };
        let words = format!("WhatsApp says that the template {} is {status}{why}", frozen.key());
        return Some(Standing::Not(words, FOR_GOOD.contains(&known.status.as_str())));
    }
    // What is not fixed yet is fitted to the template as it is when it starts.
    let is_frozen = broadcast.started_at.is_some() || broadcast.definition.audience.is_fixed();
    if is_frozen && known.slots().ok() != frozen.slots().ok() {
        let words = "has other variables by now, so the values of this broadcast do not fit it: send a new one";
        let waits = broadcast.status == BroadcastStatus::Paused;
        return waits.then(|| Standing::Not(format!("the template {} {words}", frozen.key()), true));
    }
    if is_frozen && known.category == MARKETING && category != MARKETING {
        let words = "is a marketing template by now, with what that costs: resume it to send it to the rest as \
                     marketing, without those who want none";
        return Some(Standing::Not(format!("the template {} {words}", frozen.key()), true));
    }
    Some(Standing::Approved)
}

/// What waiting does not change.
const FOR_GOOD: [&str; 4] = ["DISABLED", "REJECTED", "DELETED", "PENDING_DELETION"];

fn category_key(id: &BroadcastId) -> String {
    format!("engine.category.{id}")
}

/// The category that a broadcast goes out as: that of its template when it was made, unless an operator has agreed to
/// another one since.
pub(crate) async fn category_of(store: &dyn Store, broadcast: &Broadcast) -> Result<String, StoreError> {
    let agreed = store.note(&category_key(&broadcast.id)).await?;
    Ok(agreed.unwrap_or_else(|| broadcast.definition.template.category.clone()))
}

/// An operator lets a broadcast go on that its template had stopped: it goes out as what the template is by now.
pub(crate) async fn agree(store: &dyn Store, broadcast: &Broadcast) -> Result<(), StoreError> {
    let frozen = &broadcast.definition.template;
    let known = store.templates().await?.templates;
    let same = |one: &&Template| one.name == frozen.name && one.language == frozen.language;
    let category = known.iter().find(same).map(|one| one.category.as_str()).unwrap_or_default();
    if category == MARKETING && frozen.category != MARKETING {
        store.put_note(&category_key(&broadcast.id), category).await?;
    }
    Ok(())
}

/// What an answer or a receipt said that stops a broadcast, and the way on for one that waits for its template.
pub(super) fn with_way_on(reason: PauseReason, detail: &str, resume_at: Option<Millis>) -> String {
    if reason != PauseReason::Template || resume_at.is_none() {
        return detail.to_owned();
    }
    format!("{detail} It is looked at again from time to time, and goes on by itself once the template is approved.")
}

fn way_on(waits: bool) -> &'static str {
    if waits {
        "it is looked at again from time to time, and goes on by itself once the template is approved"
    } else {
        "see WhatsApp Manager for why; resume it once the template is approved again"
    }
}

fn looks_key(id: &BroadcastId) -> String {
    format!("engine.template_looks.{id}")
}

/// When a broadcast that stands still for its template is looked at again; `None`: an operator says. Each call widens
/// the gap.
pub(crate) async fn look_again_at(
    store: &dyn Store,
    broadcast: &Broadcast,
    now: Millis,
) -> Result<Option<Millis>, StoreError> {
    if broadcast.definition.choices.on_template_pause != OnTemplatePause::Wait {
        return Ok(None);
    }
    let key = looks_key(&broadcast.id);
    let looks: u32 = store.note(&key).await?.and_then(|text| text.parse().ok()).unwrap_or(0);
    store.put_note(&key, &looks.saturating_add(1).to_string()).await?;
    Ok(Some(now.plus(gap_ms(looks))))
}

/// The gap after so many looks.
fn gap_ms(looks: u32) -> i64 {
    (FIRST_GAP_MS << looks.min(10)).min(LONGEST_GAP_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_to_an_hour() {
        let gaps: Vec<_> = [0, 1, 2, 3, 4, 5, u32::MAX].map(|looks| gap_ms(looks) / MINUTE).to_vec();
        assert_eq!(gaps, [5, 10, 20, 40, 60, 60, 60]);
    }
}
