//! Freezing an audience: storing a broadcast's recipients before it runs. Called by the writer.

use super::broadcasts::get;
use super::column::{all, check_rows, digits, one, signed};
use super::flight::held;
use super::moves::{self, Known};
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::store::{AudiencePlace, Lease, NewRecipient, Result, StoreError};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

fn preparing(connection: &Connection, lease: &Lease, id: &BroadcastId) -> Result<(Known, u32)> {
    let known = held(connection, lease, id)?;
    if known.status != BroadcastStatus::Preparing {
        return Err(StoreError::Conflict(format!("broadcast {id} is {}, not preparing", known.status.word())));
    }
    let stored = one(connection, "SELECT stored FROM broadcasts WHERE broadcast_no = ?1", [known.no])?;
    Ok((known, stored))
}

/// See [`crate::store::Store::add_recipients`].
pub(super) fn add(
    connection: &Connection,
    lease: &Lease,
    id: &BroadcastId,
    from: u32,
    recipients: &[NewRecipient],
    place: AudiencePlace,
) -> Result<()> {
    check_rows(recipients.len())?;
    let (known, stored) = preparing(connection, lease, id)?;
    if stored != from {
        return Err(StoreError::Conflict(format!("broadcast {id} has {stored} recipients stored, not {from}")));
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO recipients (broadcast_no, seq, state, phone, name, variables, detail)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut skips: BTreeMap<&str, i64> = BTreeMap::new();
    for (seq, recipient) in (from..).zip(recipients) {
        let skipped = recipient.skipped.as_deref();
        let state = if skipped.is_some() { RecipientState::Skipped } else { RecipientState::Queued };
        if let Some(reason) = skipped {
            *skips.entry(reason).or_default() += 1;
        }
        insert.execute(params![
            known.no,
            seq,
            state.word(),
            digits(recipient.phone),
            recipient.name,
            serde_json::to_string(&recipient.values)?,
            skipped.unwrap_or_default()
        ])?;
    }
    let added = signed(recipients.len() as u64);
    let skipped: i64 = skips.values().sum();
    let mut counts = connection.prepare_cached(
        "INSERT INTO counts (broadcast_no, state, people) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET people = people + ?3",
    )?;
    counts.execute(params![known.no, RecipientState::Queued.word(), added - skipped])?;
    counts.execute(params![known.no, RecipientState::Skipped.word(), skipped])?;
    let mut reasons = connection.prepare_cached(
        "INSERT INTO skips (broadcast_no, reason, people) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET people = people + ?3",
    )?;
    for (reason, people) in skips {
        reasons.execute(params![known.no, reason, people])?;
    }
    connection
        .prepare_cached(
            "UPDATE broadcasts SET stored = stored + ?2, place_upload = ?3, place_row = ?4 WHERE broadcast_no = ?1",
        )?
        .execute(params![known.no, added, place.upload, place.row])?;
    Ok(())
}

/// See [`crate::store::Store::frozen_so_far`].
pub(super) fn so_far(connection: &Connection, id: &BroadcastId) -> Result<(u32, Option<AudiencePlace>)> {
    let sql = "SELECT stored, place_upload, place_row FROM broadcasts WHERE id = ?1";
    let found = all(connection, sql, [id.as_str()], |row| {
        let (upload, place): (Option<u32>, Option<u32>) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, upload.zip(place).map(|(upload, row)| AudiencePlace { upload, row })))
    })?;
    found.into_iter().next().ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")))
}

/// See [`crate::store::Store::begin_running`].
pub(super) fn begin_running(
    connection: &Connection,
    lease: &Lease,
    id: &BroadcastId,
    total: u32,
    now: Millis,
) -> Result<Broadcast> {
    let (known, stored) = preparing(connection, lease, id)?;
    if stored != total {
        return Err(StoreError::Conflict(format!("broadcast {id} has {stored} recipients stored, not {total}")));
    }
    connection
        .prepare_cached(
            "UPDATE broadcasts SET status = 'running', total = stored, started_at = ?2 WHERE broadcast_no = ?1",
        )?
        .execute(params![known.no, now.0])?;
    get(connection, id)
}

/// A broadcast's number and status, or that there is none.
pub(super) fn known(connection: &Connection, id: &BroadcastId) -> Result<Known> {
    moves::find(connection, id)?.ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")))
}
