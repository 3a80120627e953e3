//! Uploads, lists and audiences.
//!
//! An upload's rows are nobody's until it is finished, and never change after that. So what is found out
//! about finished uploads stays true, and long walks over them need no long read transaction.

use super::column::{all, bounded, check_rows, digits, phone, signed, unsigned};
use crate::domain::broadcast::{Number, UploadId};
use crate::domain::phone::Phone;
use crate::domain::time::Millis;
use crate::store::{
    AudiencePlace, ListSummary, NewUpload, Result, StoreError, UploadBegun, UploadReport, UploadRow, UploadSummary,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashSet;

/// How many rows of an upload that was given up go at a time.
const DROPPED_AT_ONCE: i64 = 5_000;

/// The `numbers.id` of a place.
pub(super) fn id_of(place: AudiencePlace) -> i64 {
    (i64::from(place.upload) << 32) | i64::from(place.row)
}

/// The least `numbers.id` of an upload.
pub(super) fn first_id(upload: u32) -> i64 {
    i64::from(upload) << 32
}

/// The greatest `numbers.id` of an upload.
pub(super) fn last_id(upload: u32) -> i64 {
    first_id(upload) | i64::from(u32::MAX)
}

pub(super) fn upload_of(id: i64) -> u32 {
    u32::try_from(id >> 32).unwrap_or(u32::MAX)
}

pub(super) const SUMMARY: &str =
    "SELECT uploads.upload, lists.name, uploads.source, uploads.finished_at, uploads.report
    FROM uploads JOIN lists USING (list_no)";

pub(super) fn summary(row: &Row<'_>) -> Result<UploadSummary> {
    Ok(UploadSummary {
        id: UploadId(row.get(0)?),
        list: row.get(1)?,
        source: row.get(2)?,
        at: Millis(row.get(3)?),
        report: serde_json::from_str(row.get_ref(4)?.as_str().unwrap_or_default())?,
    })
}

/// See [`crate::store::Store::begin_upload`].
pub(super) fn begin(connection: &Connection, upload: &NewUpload, now: Millis) -> Result<UploadBegun> {
    if let Some((key, hash)) = &upload.idempotency {
        let sql = "SELECT upload, idempotency_hash, finished_at FROM uploads WHERE idempotency_key = ?1";
        let before: Option<(u32, String, Option<i64>)> = connection
            .prepare_cached(sql)?
            .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        match before {
            Some((_, before, _)) if before != *hash => return Ok(UploadBegun::KeyReused),
            Some((_, _, None)) => return Ok(UploadBegun::InProgress),
            Some((id, _, Some(_))) => return Ok(UploadBegun::Replay(one_summary(connection, UploadId(id))?)),
            None => {}
        }
    }
    connection.prepare_cached("INSERT OR IGNORE INTO lists (name) VALUES (?1)")?.execute([&upload.list])?;
    let (key, hash) = upload.idempotency.clone().unzip();
    connection
        .prepare_cached(
            "INSERT INTO uploads (list_no, source, tags, begun_at, idempotency_key, idempotency_hash)
            SELECT list_no, ?2, ?3, ?4, ?5, ?6 FROM lists WHERE name = ?1",
        )?
        .execute(params![upload.list, upload.source, serde_json::to_string(&upload.tags)?, now.0, key, hash])?;
    u32::try_from(connection.last_insert_rowid())
        .map(|id| UploadBegun::New(UploadId(id)))
        .map_err(|_| StoreError::Conflict("this store has had all the uploads that it can have".to_owned()))
}

pub(super) fn one_summary(connection: &Connection, id: UploadId) -> Result<UploadSummary> {
    let found = all(connection, &format!("{SUMMARY} WHERE upload = ?1"), [id.0], summary)?;
    found.into_iter().next().ok_or_else(|| not_found(id))
}

pub(super) fn not_found(id: UploadId) -> StoreError {
    StoreError::NotFound(format!("upload {}", id.0))
}

/// The list of an upload that is still open for rows.
pub(super) fn open_list(connection: &Connection, id: UploadId) -> Result<i64> {
    let found: Option<(i64, bool)> = connection
        .prepare_cached("SELECT list_no, finished_at IS NULL AND given_up = 0 FROM uploads WHERE upload = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        None => Err(not_found(id)),
        Some((_, false)) => Err(StoreError::Conflict(format!("upload {} is finished or was given up", id.0))),
        Some((list_no, true)) => Ok(list_no),
    }
}

/// The visible uploads of a list, rising.
pub(super) fn visible(connection: &Connection, list_no: i64) -> Result<Vec<UploadId>> {
    let sql = "SELECT upload FROM uploads WHERE list_no = ?1 AND finished_at IS NOT NULL ORDER BY upload";
    all(connection, sql, [list_no], |row| Ok(UploadId(row.get(0)?)))
}

/// See [`crate::store::Store::known_phones`].
pub(super) fn known(connection: &Connection, upload: UploadId, phones: &[Phone]) -> Result<(Vec<usize>, Vec<usize>)> {
    check_rows(phones.len())?;
    let visible: HashSet<u32> =
        visible(connection, open_list(connection, upload)?)?.into_iter().map(|upload| upload.0).collect();
    let mut statement = connection.prepare_cached("SELECT id FROM numbers WHERE phone = ?1")?;
    let (mut in_list, mut in_upload) = (Vec::new(), Vec::new());
    for (position, phone) in phones.iter().enumerate() {
        let mut rows = statement.query([digits(*phone)])?;
        let (mut listed, mut here) = (false, false);
        while let Some(row) = rows.next()? {
            let found = upload_of(row.get(0)?);
            listed = listed || visible.contains(&found);
            here = here || found == upload.0;
        }
        if listed {
            in_list.push(position);
        }
        if here {
            in_upload.push(position);
        }
    }
    Ok((in_list, in_upload))
}

/// See [`crate::store::Store::add_rows`].
pub(super) fn add_rows(connection: &Connection, upload: UploadId, rows: &[UploadRow]) -> Result<()> {
    check_rows(rows.len())?;
    open_list(connection, upload)?;
    let mut insert =
        connection.prepare_cached("INSERT INTO numbers (id, phone, name, attributes) VALUES (?1, ?2, ?3, ?4)")?;
    for row in rows {
        let id = id_of(AudiencePlace { upload: upload.0, row: row.row });
        let attributes = serde_json::to_string(&row.number.attributes)?;
        insert.execute(params![id, digits(row.number.phone), row.number.name, attributes])?;
    }
    connection
        .prepare_cached("UPDATE uploads SET rows = rows + ?2 WHERE upload = ?1")?
        .execute(params![upload.0, signed(rows.len() as u64)])?;
    Ok(())
}

/// Before an upload is finished: its list's visible uploads, and how many people the list will have with it.
/// Found out by a reader, since it may take a while.
pub(super) fn people_with(connection: &Connection, upload: UploadId) -> Result<(Vec<UploadId>, u64)> {
    let visible = visible(connection, open_list(connection, upload)?)?;
    let mut together = visible.clone();
    together.push(upload);
    let people = size(connection, &together)?;
    Ok((visible, people))
}

/// Makes an upload visible, if its list still has these uploads (then it has `people` people with it).
/// `None`: another upload became visible in between; find out again.
pub(super) fn finish(
    connection: &Connection,
    upload: UploadId,
    report: &UploadReport,
    now: Millis,
    (before, people): &(Vec<UploadId>, u64),
) -> Result<Option<UploadSummary>> {
    let list_no = open_list(connection, upload)?;
    if visible(connection, list_no)? != *before {
        return Ok(None);
    }
    connection
        .prepare_cached("UPDATE uploads SET finished_at = ?2, report = ?3 WHERE upload = ?1")?
        .execute(params![upload.0, now.0, serde_json::to_string(report)?])?;
    connection
        .prepare_cached("UPDATE lists SET people = ?2 WHERE list_no = ?1")?
        .execute(params![list_no, signed(*people)])?;
    one_summary(connection, upload).map(Some)
}

/// Gives an unfinished upload up and frees its key. Its rows go by [`drop_rows`].
pub(super) fn give_up(connection: &Connection, upload: UploadId) -> Result<()> {
    let found: Option<bool> = connection
        .prepare_cached("SELECT finished_at IS NOT NULL FROM uploads WHERE upload = ?1")?
        .query_row([upload.0], |row| row.get(0))
        .optional()?;
    match found {
        None => Err(not_found(upload)),
        Some(true) => Err(StoreError::Conflict(format!("upload {} is finished", upload.0))),
        Some(false) => {
            connection
                .prepare_cached("UPDATE uploads SET given_up = 1, idempotency_key = NULL WHERE upload = ?1")?
                .execute([upload.0])?;
            super::rejects::unclaim(connection, upload)
        }
    }
}

/// Drops some rows of an upload that was given up or undone, and it with the last. `true`: there are more. In
/// portions, so that nobody else's intents wait for a million rows to go.
pub(super) fn drop_rows(connection: &Connection, upload: UploadId) -> Result<bool> {
    let dropped = connection
        .prepare_cached(
            "DELETE FROM numbers WHERE id IN
            (SELECT id FROM numbers WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)",
        )?
        .execute(params![first_id(upload.0), last_id(upload.0), DROPPED_AT_ONCE])?;
    let more = signed(dropped as u64) == DROPPED_AT_ONCE || super::rejects::drop_some(connection, upload)?;
    if !more {
        connection.prepare_cached("DELETE FROM uploads WHERE upload = ?1 AND given_up = 1")?.execute([upload.0])?;
    }
    Ok(more)
}

/// The unfinished uploads begun before `before`, and those whose rows a crash kept from going.
pub(super) fn unfinished(connection: &Connection, before: Millis) -> Result<Vec<UploadId>> {
    let sql = "SELECT upload FROM uploads WHERE finished_at IS NULL AND (begun_at < ?1 OR given_up = 1)";
    all(connection, sql, [before.0], |row| Ok(UploadId(row.get(0)?)))
}

/// See [`crate::store::Store::lists`].
pub(super) fn lists(connection: &Connection) -> Result<Vec<ListSummary>> {
    let sql =
        "SELECT lists.name, lists.people, count(*), max(uploads.finished_at) FROM lists JOIN uploads USING (list_no)
        WHERE uploads.finished_at IS NOT NULL GROUP BY list_no ORDER BY lists.name";
    all(connection, sql, [], |row| {
        Ok(ListSummary {
            name: row.get(0)?,
            people: unsigned(row, 1)?,
            uploads: unsigned(row, 2)?,
            last_upload_at: Millis(row.get(3)?),
        })
    })
}

/// See [`crate::store::Store::uploads`].
pub(super) fn uploads(connection: &Connection, list: Option<&str>, limit: u32) -> Result<Vec<UploadSummary>> {
    let sql = format!(
        "{SUMMARY} WHERE finished_at IS NOT NULL AND (?1 IS NULL OR lists.name = ?1)
        ORDER BY finished_at DESC, upload DESC LIMIT ?2"
    );
    all(connection, &sql, params![list, bounded(limit)], summary)
}

/// See [`crate::store::Store::audience_uploads`]. A list without a visible upload is unknown yet.
pub(super) fn audience_uploads(connection: &Connection, list: Option<&str>) -> Result<Vec<UploadId>> {
    let sql = "SELECT upload FROM uploads JOIN lists USING (list_no)
        WHERE finished_at IS NOT NULL AND (?1 IS NULL OR lists.name = ?1) ORDER BY upload";
    let found = all(connection, sql, [list], |row| Ok(UploadId(row.get(0)?)))?;
    match list {
        Some(list) if found.is_empty() => Err(StoreError::NotFound(format!("list \"{list}\""))),
        _ => Ok(found),
    }
}

fn rows_of(connection: &Connection, upload: u32) -> Result<u64> {
    let mut statement = connection.prepare_cached("SELECT rows FROM uploads WHERE upload = ?1")?;
    Ok(statement.query_row([upload], |row| unsigned(row, 0)).optional()?.unwrap_or(0))
}

/// See [`crate::store::Store::audience_size`]. One upload's people differ, so their count is kept; for several
/// the index on phones is walked once, or the smaller uploads' phones are looked up in it.
pub(super) fn size(connection: &Connection, uploads: &[UploadId]) -> Result<u64> {
    let wanted: HashSet<u32> = uploads.iter().map(|upload| upload.0).collect();
    let mut sizes = Vec::new();
    for upload in &wanted {
        sizes.push((rows_of(connection, *upload)?, *upload));
    }
    sizes.sort_unstable();
    let Some((greatest, rest)) = sizes.split_last() else { return Ok(0) };
    if rest.is_empty() {
        return Ok(greatest.0);
    }
    let looked_up: u64 = rest.iter().map(|(rows, _)| rows).sum();
    let everything: u64 = connection
        .prepare_cached("SELECT coalesce(sum(rows), 0) FROM uploads")?
        .query_row([], |row| unsigned(row, 0))?;
    // Looking one phone up costs about as much as walking over ten.
    if looked_up.saturating_mul(10) < everything {
        size_by_look_up(connection, &sizes)
    } else {
        size_by_walk(connection, &wanted)
    }
}

/// Counts each person at the greatest of their uploads.
fn size_by_look_up(connection: &Connection, sizes: &[(u64, u32)]) -> Result<u64> {
    let mut later: HashSet<u32> = HashSet::new();
    let mut people = 0;
    let mut phones = connection.prepare_cached("SELECT phone FROM numbers WHERE id BETWEEN ?1 AND ?2")?;
    let mut look_up = connection.prepare_cached("SELECT id FROM numbers WHERE phone = ?1")?;
    for (index, (rows, upload)) in sizes.iter().rev().enumerate() {
        if index == 0 {
            people += rows;
        } else {
            let mut walk = phones.query([first_id(*upload), last_id(*upload)])?;
            while let Some(row) = walk.next()? {
                let mut others = look_up.query([row.get::<_, i64>(0)?])?;
                let mut counted = false;
                while let Some(other) = others.next()? {
                    counted = counted || later.contains(&upload_of(other.get(0)?));
                }
                people += u64::from(!counted);
            }
        }
        later.insert(*upload);
    }
    Ok(people)
}

fn size_by_walk(connection: &Connection, wanted: &HashSet<u32>) -> Result<u64> {
    // Few uploads are looked through faster than a hash is made.
    let mut sorted: Vec<u32> = wanted.iter().copied().collect();
    sorted.sort_unstable();
    let mut statement = connection.prepare_cached("SELECT phone, id FROM numbers ORDER BY phone")?;
    let mut rows = statement.query([])?;
    let (mut people, mut counted) = (0, 0);
    while let Some(row) = rows.next()? {
        let phone: i64 = row.get(0)?;
        if phone != counted && sorted.binary_search(&upload_of(row.get(1)?)).is_ok() {
            people += 1;
            counted = phone;
        }
    }
    Ok(people)
}

/// See [`crate::store::Store::audience_page`].
pub(super) fn page(
    connection: &Connection,
    uploads: &[UploadId],
    after: Option<AudiencePlace>,
    limit: u32,
) -> Result<Vec<(AudiencePlace, Number)>> {
    let wanted: HashSet<u32> = uploads.iter().map(|upload| upload.0).collect();
    let mut rising: Vec<u32> = wanted.iter().copied().collect();
    rising.sort_unstable();
    let limit = usize::try_from(bounded(limit)).unwrap_or(0);
    let after = after.map_or(i64::MIN, id_of);
    let mut found = Vec::new();
    for upload in &rising {
        let newest = rising.last() == Some(upload);
        let mut from = after.max(first_id(*upload) - 1);
        while found.len() < limit && from < last_id(*upload) {
            // In portions: each is a short read of its own, however many of them are superseded.
            let portion = portion(connection, from, last_id(*upload), limit)?;
            let Some((last, _)) = portion.last() else { break };
            from = *last;
            for (id, number) in portion {
                if found.len() < limit && (newest || !superseded(connection, id, number.phone, &wanted)?) {
                    let row = u32::try_from(id & i64::from(u32::MAX)).unwrap_or(u32::MAX);
                    found.push((AudiencePlace { upload: *upload, row }, number));
                }
            }
        }
    }
    Ok(found)
}

pub(super) fn portion(connection: &Connection, after: i64, to: i64, limit: usize) -> Result<Vec<(i64, Number)>> {
    let sql = "SELECT id, phone, name, attributes FROM numbers WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
    all(connection, sql, params![after, to, signed(limit as u64)], |row| {
        let attributes = serde_json::from_str(row.get_ref(3)?.as_str().unwrap_or_default())?;
        Ok((row.get(0)?, Number { phone: phone(row, 1)?, name: row.get(2)?, attributes }))
    })
}

/// Whether a newer one of these uploads has this person too.
pub(super) fn superseded(connection: &Connection, id: i64, phone: Phone, wanted: &HashSet<u32>) -> Result<bool> {
    let mut statement = connection.prepare_cached("SELECT id FROM numbers WHERE phone = ?1 AND id > ?2")?;
    let mut rows = statement.query([digits(phone), last_id(upload_of(id))])?;
    while let Some(row) = rows.next()? {
        if wanted.contains(&upload_of(row.get(0)?)) {
            return Ok(true);
        }
    }
    Ok(false)
}
