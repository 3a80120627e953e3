//! A broadcast's life: made, started, paused, resumed, cancelled, completed. Called by the writer.

use super::column::{BROADCAST, all, bounded, broadcast, unsigned};
use super::flight::held;
use super::moves::{self, Moves};
use crate::domain::broadcast::{Broadcast, Definition};
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::time::Millis;
use crate::store::{BroadcastMade, Lease, NewBroadcast, Result, StoreError};
use rusqlite::{Connection, OptionalExtension, ToSql, params};

/// How many queued rows of a cancelled broadcast are rewritten at a time.
const CANCELLED_AT_ONCE: i64 = 2_000;

/// See [`crate::store::Store::broadcast`].
pub(super) fn get(connection: &Connection, id: &BroadcastId) -> Result<Broadcast> {
    find(connection, "id = ?1", &[&id.as_str()])?.ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")))
}

fn find(connection: &Connection, condition: &str, parameters: &[&dyn ToSql]) -> Result<Option<Broadcast>> {
    let sql = format!("SELECT {BROADCAST} FROM broadcasts WHERE {condition}");
    Ok(all(connection, &sql, parameters, broadcast)?.into_iter().next())
}

/// See [`crate::store::Store::broadcasts`].
pub(super) fn newest(connection: &Connection, open_only: bool, limit: u32) -> Result<Vec<Broadcast>> {
    let condition = if open_only { "status NOT IN ('completed', 'cancelled')" } else { "true" };
    let sql = format!("SELECT {BROADCAST} FROM broadcasts WHERE {condition} ORDER BY broadcast_no DESC LIMIT ?1");
    all(connection, &sql, [bounded(limit)], broadcast)
}

/// See [`crate::store::Store::make_broadcast`].
pub(super) fn make(connection: &Connection, new: &NewBroadcast, now: Millis) -> Result<BroadcastMade> {
    if !matches!(new.status, BroadcastStatus::Scheduled | BroadcastStatus::Preparing) {
        return Err(StoreError::Conflict(format!("a broadcast is not made as {}", new.status.word())));
    }
    if let Some(before) = made_before(connection, new)? {
        return Ok(before);
    }
    let exists = connection.prepare_cached("SELECT 1 FROM broadcasts WHERE id = ?1")?.exists([new.id.as_str()])?;
    if exists {
        return Err(StoreError::Conflict(format!("there is a broadcast {} already", new.id)));
    }
    if let Some(since) = new.refuse_repeats_since
        && let Some(repeated) = repeated(connection, &new.definition, since)?
    {
        return Ok(BroadcastMade::LooksLikeRepeat(repeated));
    }
    let definition = &new.definition;
    super::undo::all_stand(connection, &definition.audience.uploads)?;
    let fixed = new.status == BroadcastStatus::Preparing || definition.audience.is_fixed();
    let (schedule, occurrence) = new.occurrence.clone().unzip();
    let (key, hash) = new.idempotency.clone().unzip();
    connection
        .prepare_cached(
            "INSERT INTO broadcasts (id, sender, template_name, language_code, list, definition, status, total,
                audience_fixed, created_at, start_at, schedule, occurrence, idempotency_key, idempotency_hash)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            new.id.as_str(),
            definition.sender,
            definition.template.name,
            definition.template.language,
            definition.audience.list,
            serde_json::to_string(definition)?,
            new.status.word(),
            new.total,
            fixed,
            now.0,
            new.start_at.map(|time| time.0),
            schedule.as_ref().map(crate::domain::ids::ScheduleId::as_str),
            occurrence.map(|time| time.0),
            key,
            hash
        ])?;
    get(connection, &new.id).map(BroadcastMade::New)
}

/// What this key or this occurrence made before.
fn made_before(connection: &Connection, new: &NewBroadcast) -> Result<Option<BroadcastMade>> {
    if let Some((key, hash)) = &new.idempotency {
        let sql = "SELECT idempotency_hash FROM broadcasts WHERE idempotency_key = ?1";
        let before: Option<String> = connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
        if before.as_ref().is_some_and(|before| before != hash) {
            return Ok(Some(BroadcastMade::KeyReused));
        }
        if before.is_some() {
            return Ok(find(connection, "idempotency_key = ?1", &[key])?.map(BroadcastMade::Replay));
        }
    }
    if let Some((schedule, time)) = &new.occurrence {
        let before = find(connection, "schedule = ?1 AND occurrence = ?2", &[&schedule.as_str(), &time.0])?;
        return Ok(before.map(BroadcastMade::Replay));
    }
    Ok(None)
}

/// The newest broadcast that this one would repeat.
fn repeated(connection: &Connection, definition: &Definition, since: Millis) -> Result<Option<BroadcastId>> {
    let sql = "SELECT id, definition FROM broadcasts WHERE template_name = ?1 AND language_code = ?2 AND list IS ?3
        AND created_at >= ?4 AND (status <> 'cancelled' OR EXISTS (SELECT 1 FROM counts
            WHERE counts.broadcast_no = broadcasts.broadcast_no AND people > 0
            AND state NOT IN ('queued', 'skipped', 'cancelled')))
        ORDER BY created_at DESC, broadcast_no DESC";
    let template = &definition.template;
    let parameters = params![template.name, template.language, definition.audience.list, since.0];
    let found = all(connection, sql, parameters, |row| {
        let before: Definition = serde_json::from_str(row.get_ref(1)?.as_str().unwrap_or_default())?;
        // A follow-up has no list, and is not to all numbers all the same.
        let alike = before.audience.is_like(&definition.audience);
        super::column::broadcast_id(row, 0).map(|id| alike.then_some(id))
    })?;
    Ok(found.into_iter().flatten().next())
}

/// Refuses what the table of a broadcast's moves does not have.
fn check_move(broadcast: &Broadcast, next: BroadcastStatus) -> Result<()> {
    if broadcast.status.may_become(next) {
        return Ok(());
    }
    let (id, from, next) = (&broadcast.id, broadcast.status.word(), next.word());
    Err(StoreError::Conflict(format!("broadcast {id} is {from} and cannot become {next}")))
}

/// See [`crate::store::Store::start_broadcast`].
pub(super) fn start(
    connection: &Connection,
    id: &BroadcastId,
    definition: &Definition,
    total: u32,
) -> Result<Broadcast> {
    let before = get(connection, id)?;
    if before.status != BroadcastStatus::Scheduled {
        return Err(StoreError::Conflict(format!("broadcast {id} is {}, not scheduled", before.status.word())));
    }
    super::undo::all_stand(connection, &definition.audience.uploads)?;
    let template = &definition.template;
    connection
        .prepare_cached(
            "UPDATE broadcasts SET status = 'preparing', audience_fixed = 1, definition = ?2, sender = ?3,
                template_name = ?4, language_code = ?5, list = ?6, total = ?7 WHERE id = ?1",
        )?
        .execute(params![
            id.as_str(),
            serde_json::to_string(definition)?,
            definition.sender,
            template.name,
            template.language,
            definition.audience.list,
            total
        ])?;
    get(connection, id)
}

/// See [`crate::store::Store::pause`].
pub(super) fn pause(
    connection: &Connection,
    id: &BroadcastId,
    reason: PauseReason,
    detail: &str,
    resume_at: Option<Millis>,
) -> Result<Broadcast> {
    let before = get(connection, id)?;
    if before.status == BroadcastStatus::Paused {
        let puts_off = before.reason == Some(reason) && before.resume_at.is_some();
        if reason != PauseReason::Operator && !puts_off {
            return Ok(before);
        }
    } else {
        check_move(&before, BroadcastStatus::Paused)?;
    }
    connection
        .prepare_cached(
            "UPDATE broadcasts SET status = 'paused', reason = ?2, detail = ?3, resume_at = ?4 WHERE id = ?1",
        )?
        .execute(params![id.as_str(), reason.word(), detail, resume_at.map(|time| time.0)])?;
    get(connection, id)
}

/// See [`crate::store::Store::resume`].
pub(super) fn resume(connection: &Connection, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
    let before = get(connection, id)?;
    if before.status != BroadcastStatus::Paused {
        return Err(StoreError::Conflict(format!("broadcast {id} is {}, not paused", before.status.word())));
    }
    let sql = "SELECT audience_fixed FROM broadcasts WHERE id = ?1";
    let fixed: bool = super::column::one(connection, sql, [id.as_str()])?;
    let next = match (before.started_at, fixed) {
        (Some(_), _) => BroadcastStatus::Running,
        (None, true) => BroadcastStatus::Preparing,
        (None, false) => BroadcastStatus::Scheduled,
    };
    check_move(&before, next)?;
    connection
        .prepare_cached(
            "UPDATE broadcasts SET status = ?2, reason = NULL, detail = '', resume_at = NULL,
                start_at = CASE ?2 WHEN 'scheduled' THEN MAX(IFNULL(start_at, ?3), ?3) ELSE start_at END WHERE id = ?1",
        )?
        .execute(params![id.as_str(), next.word(), now.0])?;
    get(connection, id)
}

/// Cancels: from this moment on its queued people count as cancelled, whatever their rows say until
/// [`cancel_rows`] has rewritten them. That way nobody's intents wait for a million rows.
pub(super) fn cancel(connection: &Connection, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
    let before = get(connection, id)?;
    check_move(&before, BroadcastStatus::Cancelled)?;
    connection
        .prepare_cached(
            "UPDATE broadcasts SET status = 'cancelled', reason = NULL, detail = '', resume_at = NULL, ended_at = ?2,
                total = stored WHERE id = ?1",
        )?
        .execute(params![id.as_str(), now.0])?;
    get(connection, id)
}

/// Rewrites some queued rows of a cancelled broadcast. `true`: there may be more.
pub(super) fn cancel_rows(connection: &Connection, id: &BroadcastId, now: Millis) -> Result<bool> {
    let known = moves::find(connection, id)?.ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")))?;
    if known.status != BroadcastStatus::Cancelled {
        return Ok(false);
    }
    // Gathered first: the index that the update reads is the one that it changes.
    let sql =
        "SELECT seq FROM recipients INDEXED BY recipients_queued WHERE broadcast_no = ?1 AND state = 'queued' LIMIT ?2";
    let queued: Vec<u32> = all(connection, sql, params![known.no, CANCELLED_AT_ONCE], |row| Ok(row.get(0)?))?;
    let mut update = connection.prepare_cached(
        "UPDATE recipients SET state = 'cancelled', due = 0, changed_at = ?3 WHERE broadcast_no = ?1 AND seq = ?2",
    )?;
    for seq in &queued {
        update.execute(params![known.no, seq, now.0])?;
    }
    let mut moves = Moves::new(connection)?;
    let people = super::column::signed(queued.len() as u64);
    moves.count(known.no, RecipientState::Queued, RecipientState::Cancelled, people);
    moves.finish()?;
    Ok(people == CANCELLED_AT_ONCE)
}

/// Cancelled broadcasts with rows that a crash kept from being rewritten.
pub(super) fn half_cancelled(connection: &Connection) -> Result<Vec<BroadcastId>> {
    let sql = "SELECT broadcasts.id FROM counts JOIN broadcasts USING (broadcast_no)
        WHERE broadcasts.status = 'cancelled' AND counts.state = 'queued' AND counts.people > 0";
    all(connection, sql, [], |row| super::column::broadcast_id(row, 0))
}

/// See [`crate::store::Store::complete`]. Looks at the rows, not at the counts.
pub(super) fn complete(connection: &Connection, lease: &Lease, id: &BroadcastId, now: Millis) -> Result<bool> {
    let known = held(connection, lease, id)?;
    if known.status == BroadcastStatus::Completed {
        return Ok(true);
    }
    check_move(&get(connection, id)?, BroadcastStatus::Completed)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM recipients INDEXED BY recipients_queued WHERE broadcast_no = ?1 AND state = 'queued')
        + EXISTS (SELECT 1 FROM recipients INDEXED BY recipients_sending WHERE broadcast_no = ?1 AND state = 'sending')";
    let open = connection.prepare_cached(sql)?.query_row([known.no], |row| unsigned(row, 0))?;
    if open > 0 {
        return Ok(false);
    }
    connection
        .prepare_cached("UPDATE broadcasts SET status = 'completed', ended_at = ?2 WHERE broadcast_no = ?1")?
        .execute(params![known.no, now.0])?;
    Ok(true)
}
