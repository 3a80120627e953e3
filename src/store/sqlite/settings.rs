//! The small things: templates, schedules, notes. Called by the writer and the readers.

use super::column::{all, unexpected};
use crate::domain::ids::ScheduleId;
use crate::domain::schedule::Schedule;
use crate::domain::template::Template;
use crate::domain::time::Millis;
use crate::store::{Result, StoreError, SyncedTemplates};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// See [`crate::store::Store::put_templates`].
pub(super) fn put_templates(connection: &Connection, templates: &[Template], now: Millis) -> Result<()> {
    connection.prepare_cached("DELETE FROM templates")?.execute([])?;
    // Should Meta list one twice, the later stands.
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO templates (name, language, template) VALUES (?1, ?2, ?3)")?;
    for template in templates {
        insert.execute(params![template.name, template.language, serde_json::to_string(template)?])?;
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('templates_synced_at', ?1)")?
        .execute([now.0.to_string()])?;
    Ok(())
}

/// See [`crate::store::Store::change_template`].
pub(super) fn change_template(connection: &Connection, before: &Template, after: &Template) -> Result<bool> {
    let sql = "SELECT template FROM templates WHERE name = ?1 AND language = ?2";
    let stored: Vec<Template> = all(connection, sql, params![before.name, before.language], |row| {
        Ok(serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default())?)
    })?;
    let stands = stored.first() == Some(before);
    if stands {
        connection
            .prepare_cached("UPDATE templates SET template = ?3 WHERE name = ?1 AND language = ?2")?
            .execute(params![after.name, after.language, serde_json::to_string(after)?])?;
    }
    Ok(stands)
}

/// See [`crate::store::Store::templates`].
pub(super) fn templates(connection: &Connection) -> Result<SyncedTemplates> {
    let templates = all(connection, "SELECT template FROM templates ORDER BY name, language", [], |row| {
        Ok(serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default())?)
    })?;
    let synced_at: Option<String> = connection
        .prepare_cached("SELECT value FROM meta WHERE key = 'templates_synced_at'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let synced_at = synced_at.map(|text| text.parse().map(Millis).map_err(|_| unexpected("the time", text)));
    Ok(SyncedTemplates { templates, synced_at: synced_at.transpose()? })
}

/// See [`crate::store::Store::add_schedule`].
pub(super) fn add_schedule(connection: &Connection, schedule: &Schedule) -> Result<()> {
    let added = connection
        .prepare_cached(
            "INSERT INTO schedules (id, cron, zone, definition, next_fire_at, last_fired_at, enabled, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            schedule.id.as_str(),
            schedule.cron,
            schedule.zone,
            serde_json::to_string(&schedule.definition)?,
            schedule.next_fire_at.map(|time| time.0),
            schedule.last_fired_at.map(|time| time.0),
            schedule.enabled,
            schedule.created_at.0
        ])?;
    if added == 0 {
        return Err(StoreError::Conflict(format!("there is a schedule {} already", schedule.id)));
    }
    Ok(())
}

/// See [`crate::store::Store::schedules`]. Those that will not fire come last.
pub(super) fn schedules(connection: &Connection) -> Result<Vec<Schedule>> {
    let sql = "SELECT id, cron, zone, definition, next_fire_at, last_fired_at, enabled, created_at FROM schedules
        ORDER BY enabled = 0, next_fire_at IS NULL, next_fire_at, created_at, id";
    all(connection, sql, [], |row| {
        Ok(Schedule {
            id: row.get::<_, String>(0)?.parse().map_err(|error| unexpected("an id", error))?,
            cron: row.get(1)?,
            zone: row.get(2)?,
            definition: serde_json::from_str(row.get_ref(3)?.as_str().unwrap_or_default())?,
            next_fire_at: row.get::<_, Option<i64>>(4)?.map(Millis),
            last_fired_at: row.get::<_, Option<i64>>(5)?.map(Millis),
            enabled: row.get(6)?,
            created_at: Millis(row.get(7)?),
        })
    })
}

fn check_schedule(connection: &Connection, id: &ScheduleId) -> Result<()> {
    let exists = connection.prepare_cached("SELECT 1 FROM schedules WHERE id = ?1")?.exists([id.as_str()])?;
    if exists { Ok(()) } else { Err(StoreError::NotFound(format!("schedule {id}"))) }
}

/// See [`crate::store::Store::advance_schedule`].
pub(super) fn advance_schedule(
    connection: &Connection,
    id: &ScheduleId,
    fired: Millis,
    next: Option<Millis>,
) -> Result<bool> {
    check_schedule(connection, id)?;
    let moved = connection
        .prepare_cached(
            "UPDATE schedules SET last_fired_at = ?2, next_fire_at = ?3
            WHERE id = ?1 AND next_fire_at = ?2 AND enabled = 1",
        )?
        .execute(params![id.as_str(), fired.0, next.map(|time| time.0)])?;
    Ok(moved > 0)
}

/// See [`crate::store::Store::enable_schedule`].
pub(super) fn enable_schedule(
    connection: &Connection,
    id: &ScheduleId,
    enabled: bool,
    next: Option<Millis>,
) -> Result<()> {
    check_schedule(connection, id)?;
    connection
        .prepare_cached("UPDATE schedules SET enabled = ?2, next_fire_at = ?3 WHERE id = ?1")?
        .execute(params![id.as_str(), enabled, next.map(|time| time.0)])?;
    Ok(())
}

/// See [`crate::store::Store::put_note`].
pub(super) fn put_note(connection: &Connection, key: &str, value: &str) -> Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO notes (key, value) VALUES (?1, ?2)")?.execute([key, value])?;
    Ok(())
}

/// See [`crate::store::Store::note`].
pub(super) fn note(connection: &Connection, key: &str) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT value FROM notes WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// See [`crate::store::Store::notes`].
pub(super) fn notes(connection: &Connection, prefix: &str) -> Result<BTreeMap<String, String>> {
    let sql = "SELECT key, value FROM notes WHERE substr(key, 1, length(?1)) = ?1";
    Ok(all(connection, sql, [prefix], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}
