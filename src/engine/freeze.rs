//! Freezes an audience: from the visible uploads, or an earlier broadcast, to the broadcast's own recipients, page by page.
//!
//! Each page is one durable step that knows where the walk stands, so a crash in the middle goes on from there.

use super::reign::Reign;
use super::templates::category_of;
use crate::die;
use crate::domain::binding::{self, Resolved};
use crate::domain::broadcast::{Broadcast, Definition, FollowUp, Number, Pick};
use crate::domain::marketing::undeliverable;
use crate::domain::phone::{Phone, alias};
use crate::domain::state::{PauseReason, RecipientState};
use crate::domain::time::MINUTE;
use crate::store::{AudiencePlace, DoubtDecision, NewRecipient, RecipientRow, Store, StoreError};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// People of one step.
const PAGE: u32 = 1_000;
/// Why somebody is left out who is in it with the other form of the number.
const DOUBLE: &str = "the same person as another number of this audience";
/// Why somebody is left out of a follow-up for whom the time has not come.
const NOT_DUE: &str = "WhatsApp wants nothing to go to this person yet";

#[derive(Debug, thiserror::Error)]
enum FreezeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Template(String),
}

/// Freezes until done, stopped, or in trouble; the overseer starts it again while the broadcast is preparing.
pub(super) async fn run(reign: Arc<Reign>, broadcast: Broadcast) {
    match freeze(&reign, &broadcast).await {
        Ok(()) => reign.shared.bell.notify_one(),
        // Paused or cancelled meanwhile: there is nothing left to do.
        Err(FreezeError::Store(StoreError::Conflict(_) | StoreError::NotFound(_))) => {}
        Err(FreezeError::Store(error)) => reign.store_failed(&error).await,
        Err(FreezeError::Template(detail)) => {
            if let Err(error) = reign.store().pause(&broadcast.id, PauseReason::Template, &detail, None).await {
                reign.store_failed(&error).await;
            }
        }
    }
}

async fn freeze(reign: &Reign, broadcast: &Broadcast) -> Result<(), FreezeError> {
    let store = reign.store();
    let source = Source::of(reign, broadcast).await?;
    let category = category_of(&**store, broadcast).await?;
    let (mut stored, mut place) = store.frozen_so_far(&broadcast.id).await?;
    let mut persons = Persons::of(&**store, broadcast, stored).await?;
    while !reign.stop.is_cancelled() {
        let Some((recipients, last)) = source.page(reign, (broadcast, &category), place).await? else {
            die::point("before_running");
            store.begin_running(&reign.lease, &broadcast.id, stored, reign.now()).await?;
            die::point("after_running");
            tracing::info!(broadcast = %broadcast.id, people = stored, "the audience is frozen");
            return Ok(());
        };
        let recipients = persons.leave_out_doubles(leave_out(reign, &category, recipients).await?);
        let added = u32::try_from(recipients.len()).unwrap_or(PAGE);
        store.add_recipients(&reign.lease, &broadcast.id, stored, recipients, last).await?;
        die::point("while_freezing");
        stored += added;
        place = Some(last);
    }
    Ok(())
}

/// Leaves out whoever is opted out already. Whoever opts out later is left out when their turn comes.
async fn leave_out(
    reign: &Reign,
    category: &str,
    mut recipients: Vec<NewRecipient>,
) -> Result<Vec<NewRecipient>, StoreError> {
    let rules = &reign.shared.parts.config.opt_out;
    let held_back = rules.holding_back(category);
    let phones: Vec<Phone> = recipients.iter().map(|recipient| recipient.phone).collect();
    for (recipient, kinds) in recipients.iter_mut().zip(reign.store().opted_out(&phones).await?) {
        if let Some(reason) = kinds.reason(held_back) {
            recipient.skipped.get_or_insert_with(|| reason.to_owned());
        }
    }
    Ok(recipients)
}

/// Who of those whose numbers are written in two ways is in it already. Brazil's and Argentina's only: Mexico's are
/// tidied as they come in.
struct Persons(HashSet<Phone>);

impl Persons {
    /// Those of the rows that are stored already.
    async fn of(store: &dyn Store, broadcast: &Broadcast, stored: u32) -> Result<Self, StoreError> {
        let mut persons = Self(HashSet::new());
        let mut after = None;
        if stored == 0 {
            return Ok(persons);
        }
        loop {
            let page = store.recipients(&broadcast.id, None, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(persons) };
            after = Some(last.seq);
            let goes = page.iter().filter(|row| row.state != RecipientState::Skipped);
            persons.0.extend(goes.filter(|row| has_two_forms(row.phone)).map(|row| alias::person(row.phone)));
        }
    }

    fn leave_out_doubles(&mut self, mut recipients: Vec<NewRecipient>) -> Vec<NewRecipient> {
        for one in recipients.iter_mut().filter(|one| one.skipped.is_none() && has_two_forms(one.phone)) {
            if !self.0.insert(alias::person(one.phone)) {
                one.skipped = Some(DOUBLE.to_owned());
            }
        }
        recipients
    }
}

fn has_two_forms(phone: Phone) -> bool {
    let digits = phone.digits().to_string();
    digits.starts_with("55") || digits.starts_with("54")
}

/// Where an audience's people come from.
enum Source {
    /// Uploads, by what fills the variables.
    Uploads(Resolved),
    /// Another broadcast, with the values that were frozen there.
    FollowUp(FollowUp),
    /// The operator's own numbers, each with the same values.
    Own(Resolved),
}

impl Source {
    async fn of(reign: &Reign, broadcast: &Broadcast) -> Result<Self, FreezeError> {
        let Some(follow_up) = &broadcast.definition.audience.follow_up else {
            let resolved = resolved(reign, broadcast).await?;
            let is_test = broadcast.definition.audience.is_test();
            return Ok(if is_test { Self::Own(resolved) } else { Self::Uploads(resolved) });
        };
        if follow_up.pick == Pick::InDoubt {
            // First they are given up there, marked, and then the marked ones are taken up: a receipt that settles one of
            // them in between takes the mark away.
            let seqs = (!follow_up.only.is_empty()).then_some(follow_up.only.as_slice());
            let word = FollowUp::word(&broadcast.id);
            let store = reign.store();
            store.decide_doubts(&follow_up.of, seqs, DoubtDecision::GiveUp, &word, reign.now()).await?;
        }
        Ok(Self::FollowUp(follow_up.clone()))
    }

    /// The next people after `place`, and where the walk stands after them; `None`: that was all.
    async fn page(
        &self,
        reign: &Reign,
        (broadcast, category): (&Broadcast, &str),
        place: Option<AudiencePlace>,
    ) -> Result<Option<(Vec<NewRecipient>, AudiencePlace)>, StoreError> {
        match self {
            Self::Uploads(resolved) => {
                let uploads = &broadcast.definition.audience.uploads;
                let page = reign.store().audience_page(uploads, place, PAGE).await?;
                let last = page.last().map(|(last, _)| *last);
                let recipients = page.into_iter().map(|(_, number)| recipient(resolved, category, number)).collect();
                Ok(last.map(|last| (recipients, last)))
            }
            Self::FollowUp(follow_up) => {
                let after = place.map(|place| place.row);
                // Those in doubt have been given up by now.
                let state = follow_up.pick.state().map(|_| RecipientState::Failed);
                let page = reign.store().recipients(&follow_up.of, state, after, PAGE).await?;
                // The place in a walk through a broadcast is a seq.
                let last = page.last().map(|row| AudiencePlace { upload: 0, row: row.seq });
                let word = FollowUp::word(&broadcast.id);
                let picked = page.into_iter().filter(|row| is_picked(follow_up, row, &word));
                let soon = reign.now().plus(MINUTE);
                // A receipt that came since the follow-up was made may have put somebody off.
                let early =
                    |row: &RecipientRow| (follow_up.waits() && row.due > Some(soon)).then(|| NOT_DUE.to_owned());
                let recipients = picked.map(|row| NewRecipient {
                    skipped: undeliverable(category, row.phone).map(str::to_owned).or_else(|| early(&row)),
                    phone: row.phone,
                    name: row.name,
                    values: row.values,
                });
                Ok(last.map(|last| (recipients.collect(), last)))
            }
            Self::Own(resolved) => {
                let Definition { audience, template, .. } = &broadcast.definition;
                // They are one page, so the walk stands before them or behind them.
                let behind = AudiencePlace { upload: 0, row: u32::try_from(audience.own.len()).unwrap_or(u32::MAX) };
                let numbers = audience.own.iter().filter(|_| place.is_none());
                let numbers =
                    numbers.map(|phone| Number { phone: *phone, name: String::new(), attributes: BTreeMap::new() });
                let people: Vec<_> = numbers.map(|number| recipient(resolved, &template.category, number)).collect();
                Ok((!people.is_empty()).then_some((people, behind)))
            }
        }
    }
}

/// Whether one who stands so there is taken up here. `word`: how those are marked who were in doubt.
fn is_picked(follow_up: &FollowUp, row: &RecipientRow, word: &str) -> bool {
    match follow_up.pick {
        Pick::InDoubt => {
            row.detail == word && (follow_up.only.is_empty() || follow_up.only.binary_search(&row.seq).is_ok())
        }
        _ => follow_up.takes(row.seq, row.state, row.code, row.due),
    }
}

async fn resolved(reign: &Reign, broadcast: &Broadcast) -> Result<Resolved, FreezeError> {
    let definition = &broadcast.definition;
    let slots = definition.template.slots().map_err(|problem| FreezeError::Template(problem.to_string()))?;
    let mut columns = Vec::new();
    // A test's variables are all texts, whatever columns there are.
    let uploads = if definition.audience.is_test() {
        Vec::new()
    } else {
        reign.store().uploads(definition.audience.list.as_deref(), u32::MAX).await?
    };
    for upload in uploads {
        for column in upload.report.columns {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    binding::resolve_for(&definition.template, &slots, &definition.bindings, &columns)
        .map_err(|problem| FreezeError::Template(problem.to_string()))
}

fn recipient(resolved: &Resolved, category: &str, number: Number) -> NewRecipient {
    let (values, skipped) = match resolved.values(&number) {
        Ok(values) => (values, undeliverable(category, number.phone).map(str::to_owned)),
        Err(problem) => (Vec::new(), Some(problem.to_string())),
    };
    NewRecipient { phone: number.phone, name: number.name, values, skipped }
}
