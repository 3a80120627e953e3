//! Freezes an audience: from the visible uploads to the broadcast's own recipients, page by page.
//!
//! Each page is one durable step that knows where the walk stands, so a crash in the middle goes on from there.

use super::reign::Reign;
use crate::die;
use crate::domain::binding::{self, Resolved};
use crate::domain::broadcast::{Broadcast, Number};
use crate::domain::state::PauseReason;
use crate::store::{NewRecipient, StoreError};
use std::sync::Arc;

/// People of one step.
const PAGE: u32 = 1_000;

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
    let uploads = &broadcast.definition.audience.uploads;
    let resolved = resolved(reign, broadcast).await?;
    let (mut stored, mut place) = store.frozen_so_far(&broadcast.id).await?;
    while !reign.stop.is_cancelled() {
        let page = store.audience_page(uploads, place, PAGE).await?;
        let Some((last, _)) = page.last() else {
            die::point("before_running");
            store.begin_running(&reign.lease, &broadcast.id, stored, reign.now()).await?;
            die::point("after_running");
            tracing::info!(broadcast = %broadcast.id, people = stored, "the audience is frozen");
            return Ok(());
        };
        let last = *last;
        let recipients: Vec<_> = page.into_iter().map(|(_, number)| recipient(&resolved, number)).collect();
        let added = u32::try_from(recipients.len()).unwrap_or(PAGE);
        store.add_recipients(&reign.lease, &broadcast.id, stored, recipients, last).await?;
        die::point("while_freezing");
        stored += added;
        place = Some(last);
    }
    Ok(())
}

async fn resolved(reign: &Reign, broadcast: &Broadcast) -> Result<Resolved, FreezeError> {
    let definition = &broadcast.definition;
    let slots = definition.template.slots().map_err(|problem| FreezeError::Template(problem.to_string()))?;
    let mut columns = Vec::new();
    for upload in reign.store().uploads(definition.audience.list.as_deref(), u32::MAX).await? {
        for column in upload.report.columns {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    binding::resolve(&slots, &definition.bindings, &columns)
        .map_err(|problem| FreezeError::Template(problem.to_string()))
}

fn recipient(resolved: &Resolved, number: Number) -> NewRecipient {
    let (values, skipped) = match resolved.values(&number) {
        Ok(values) => (values, None),
        Err(problem) => (Vec::new(), Some(problem.to_string())),
    };
    NewRecipient { phone: number.phone, name: number.name, values, skipped }
}
