//! One person over all uploads and broadcasts, and the people of a list in pages. Called by the readers.

use super::column::{all, bounded, broadcast_id, check_rows, digits, phone, time};
use super::freezing::known;
use super::numbers::{first_id, id_of, last_id, portion, superseded, upload_of};
use crate::domain::broadcast::{Number, UploadId};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::store::{AttemptRow, AudiencePlace, LookedThrough, Result};
use rusqlite::{Connection, params};
use std::collections::{HashMap, HashSet};

fn place_of(id: i64) -> AudiencePlace {
    AudiencePlace { upload: upload_of(id), row: u32::try_from(id & i64::from(u32::MAX)).unwrap_or(u32::MAX) }
}

/// See [`crate::store::Store::look_through`].
pub(super) fn look_through(
    connection: &Connection,
    uploads: &[UploadId],
    after: Option<AudiencePlace>,
    limit: u32,
) -> Result<LookedThrough> {
    let wanted: HashSet<u32> = uploads.iter().map(|upload| upload.0).collect();
    let mut falling: Vec<u32> = wanted.iter().copied().collect();
    falling.sort_unstable_by(|one, other| other.cmp(one));
    let newest = falling.first().copied();
    falling.retain(|upload| after.is_none_or(|after| *upload <= after.upload));
    let mut room = usize::try_from(bounded(limit)).unwrap_or(0);
    let mut looked = LookedThrough::default();
    for upload in falling {
        let from = after.filter(|after| after.upload == upload).map_or(first_id(upload) - 1, id_of);
        let rows = portion(connection, from, last_id(upload), room)?;
        room -= rows.len();
        looked.next = rows.last().map(|(id, _)| place_of(*id)).or(looked.next);
        for (id, number) in rows {
            if Some(upload) == newest || !superseded(connection, id, number.phone, &wanted)? {
                looked.people.push((place_of(id), number));
            }
        }
        if room == 0 {
            return Ok(looked);
        }
    }
    looked.next = None;
    Ok(looked)
}

/// See [`crate::store::Store::rows_with`].
pub(super) fn rows_with(connection: &Connection, phones: &[Phone], limit: u32) -> Result<Vec<(AudiencePlace, Number)>> {
    check_rows(phones.len())?;
    let sql = "SELECT id, phone, numbers.name, attributes FROM numbers JOIN uploads USING (upload)
        WHERE phone = ?1 AND finished_at IS NOT NULL ORDER BY id DESC LIMIT ?2";
    let mut found = Vec::new();
    for wanted in phones {
        found.extend(all(connection, sql, params![digits(*wanted), bounded(limit)], |row| {
            let attributes = serde_json::from_str(row.get_ref(3)?.as_str().unwrap_or_default())?;
            Ok((place_of(row.get(0)?), Number { phone: phone(row, 1)?, name: row.get(2)?, attributes }))
        })?);
    }
    found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    found.truncate(usize::try_from(bounded(limit)).unwrap_or(0));
    Ok(found)
}

/// See [`crate::store::Store::broadcasts_to`].
pub(super) fn broadcasts_to(connection: &Connection, phones: &[Phone], limit: u32) -> Result<Vec<(BroadcastId, u32)>> {
    check_rows(phones.len())?;
    let sql = "SELECT broadcast_no, broadcasts.id, seq FROM recipients JOIN broadcasts USING (broadcast_no)
        WHERE phone = ?1 ORDER BY broadcast_no DESC LIMIT ?2";
    let mut found: Vec<(i64, BroadcastId, u32)> = Vec::new();
    for wanted in phones {
        found.extend(all(connection, sql, params![digits(*wanted), bounded(limit)], |row| {
            Ok((row.get(0)?, broadcast_id(row, 1)?, row.get(2)?))
        })?);
    }
    found.sort_by_key(|(no, _, seq)| (std::cmp::Reverse(*no), *seq));
    found.truncate(usize::try_from(bounded(limit)).unwrap_or(0));
    Ok(found.into_iter().map(|(_, id, seq)| (id, seq)).collect())
}

/// See [`crate::store::Store::recipients_among`].
pub(super) fn recipients_among(
    connection: &Connection,
    phones: &[Phone],
    ids: &[BroadcastId],
) -> Result<Vec<(usize, usize)>> {
    check_rows(phones.len())?;
    let mut places: HashMap<i64, usize> = HashMap::new();
    for (place, id) in ids.iter().enumerate() {
        places.entry(known(connection, id)?.no).or_insert(place);
    }
    let Some(oldest) = places.keys().min() else { return Ok(Vec::new()) };
    // The index alone says of which broadcasts somebody is; only where it is one of those asked for is the row read.
    let mut of = connection.prepare_cached(
        "SELECT broadcast_no, seq FROM recipients INDEXED BY recipients_by_phone WHERE phone = ?1 AND broadcast_no >= ?2",
    )?;
    let mut stands = connection.prepare_cached(
        "SELECT 1 FROM recipients WHERE broadcast_no = ?1 AND seq = ?2 AND state NOT IN ('failed', 'skipped', 'cancelled')",
    )?;
    let mut among = Vec::new();
    for (at, phone) in phones.iter().enumerate() {
        let mut rows = of.query(params![digits(*phone), oldest])?;
        let mut first: Option<usize> = None;
        while let Some(row) = rows.next()? {
            let (no, seq): (i64, u32) = (row.get(0)?, row.get(1)?);
            if let Some(place) = places.get(&no).filter(|place| first.is_none_or(|first| **place < first))
                && stands.exists(params![no, seq])?
            {
                first = Some(*place);
            }
        }
        among.extend(first.map(|first| (at, first)));
    }
    Ok(among)
}

/// See [`crate::store::Store::attempts`].
pub(super) fn attempts(connection: &Connection, id: &BroadcastId, seq: u32) -> Result<Vec<AttemptRow>> {
    let sql = "SELECT attempt, status, timestamp, code, response, wamid, undelivered FROM attempts
        WHERE broadcast_no = ?1 AND seq = ?2 ORDER BY attempt LIMIT ?3";
    all(connection, sql, params![known(connection, id)?.no, seq, bounded(u32::MAX)], |row| {
        Ok(AttemptRow {
            attempt: row.get(0)?,
            status: row.get(1)?,
            timestamp: time(row, 2)?,
            code: row.get(3)?,
            response: row.get(4)?,
            wamid: row.get(5)?,
            undelivered: row.get(6)?,
        })
    })
}
