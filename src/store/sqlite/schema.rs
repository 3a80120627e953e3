//! The tables of the ledger and how an older file is brought up to them.
//!
//! Names are the design's words, so that an operator with the `sqlite3` shell is at home: try
//! `SELECT * FROM log` or `SELECT state, count(*) FROM recipients GROUP BY state`. Called when a store is
//! opened; never changes what an earlier version's step did, only adds steps.

use super::error;
use crate::domain::ids::StoreId;
use crate::domain::time::Millis;
use crate::store::{Result, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// Marks the file as a wacast store (`waca`), so that another program's database is not written to.
const APPLICATION_ID: i32 = 0x7761_6361;

/// The steps from an empty file to the newest schema; `user_version` counts those taken.
const STEPS: [&str; 7] = [FIRST, SECOND, OPT_OUTS, REACHED, REJECTS, NO_ACCEPTED, PRICES];

/// Notes on the layout:
/// - `numbers.id` is `upload << 32 | row`. Every index ends with the row's id, so the index on `phone` is
///   one on phone, upload and row.
/// - `recipients` lie in order of `seq`, so a window's people share their pages. The indexes are partial: most
///   people are in none of them. `due` is 0 for the never-tried, which therefore lie in order of `seq`.
/// - `attempts` is the log. Its ids rise in the order of commits, since there is one writer at a time.
/// - `counts`, `failures` and `skips` are kept by differences in the transactions that move people.
/// - `receipts.id` never repeats (AUTOINCREMENT), though rows are dropped when they have been folded.
const FIRST: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE lists (
    list_no INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    people INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE uploads (
    upload INTEGER PRIMARY KEY AUTOINCREMENT,
    list_no INTEGER NOT NULL,
    source TEXT NOT NULL,
    tags TEXT NOT NULL,
    rows INTEGER NOT NULL DEFAULT 0,
    begun_at INTEGER NOT NULL,
    finished_at INTEGER,
    given_up INTEGER NOT NULL DEFAULT 0,
    idempotency_key TEXT UNIQUE,
    idempotency_hash TEXT,
    report TEXT
) STRICT;
CREATE INDEX uploads_by_list ON uploads (list_no);

CREATE TABLE numbers (
    id INTEGER PRIMARY KEY,
    phone INTEGER NOT NULL,
    name TEXT NOT NULL,
    attributes TEXT NOT NULL,
    upload INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    row INTEGER GENERATED ALWAYS AS (id & 4294967295) VIRTUAL
) STRICT;
CREATE INDEX numbers_by_phone ON numbers (phone);

CREATE TABLE templates (
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    template TEXT NOT NULL,
    PRIMARY KEY (name, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE broadcasts (
    broadcast_no INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    template_name TEXT NOT NULL,
    language_code TEXT NOT NULL,
    list TEXT,
    definition TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    detail TEXT NOT NULL DEFAULT '',
    total INTEGER NOT NULL,
    stored INTEGER NOT NULL DEFAULT 0,
    audience_fixed INTEGER NOT NULL,
    place_upload INTEGER,
    place_row INTEGER,
    created_at INTEGER NOT NULL,
    start_at INTEGER,
    started_at INTEGER,
    ended_at INTEGER,
    resume_at INTEGER,
    schedule TEXT,
    occurrence INTEGER,
    idempotency_key TEXT UNIQUE,
    idempotency_hash TEXT,
    UNIQUE (schedule, occurrence)
) STRICT;
CREATE INDEX broadcasts_open ON broadcasts (status) WHERE status NOT IN ('completed', 'cancelled');
CREATE INDEX broadcasts_by_template ON broadcasts (template_name, language_code, created_at);

CREATE TABLE recipients (
    broadcast_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    code INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER,
    phone INTEGER NOT NULL,
    name TEXT NOT NULL,
    variables TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (broadcast_no, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX recipients_queued ON recipients (broadcast_no, due, seq) WHERE state = 'queued';
CREATE INDEX recipients_sending ON recipients (broadcast_no, seq) WHERE state = 'sending';
CREATE INDEX recipients_aside ON recipients (broadcast_no, state, seq)
    WHERE state = 'in_doubt' OR state = 'failed' OR state = 'skipped';

CREATE TABLE counts (
    broadcast_no INTEGER NOT NULL,
    state TEXT NOT NULL,
    people INTEGER NOT NULL,
    PRIMARY KEY (broadcast_no, state)
) STRICT, WITHOUT ROWID;
CREATE TABLE failures (
    broadcast_no INTEGER NOT NULL,
    code INTEGER NOT NULL,
    people INTEGER NOT NULL,
    PRIMARY KEY (broadcast_no, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE skips (
    broadcast_no INTEGER NOT NULL,
    reason TEXT NOT NULL,
    people INTEGER NOT NULL,
    PRIMARY KEY (broadcast_no, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    broadcast_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    phone INTEGER NOT NULL,
    status TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    code INTEGER NOT NULL,
    from_receipt INTEGER NOT NULL,
    wamid TEXT NOT NULL,
    response TEXT NOT NULL,
    UNIQUE (broadcast_no, seq, attempt)
) STRICT;
CREATE INDEX attempts_by_broadcast ON attempts (broadcast_no);

CREATE TABLE accepted (quarter INTEGER PRIMARY KEY, messages INTEGER NOT NULL) STRICT;

CREATE TABLE leases (
    subject TEXT PRIMARY KEY,
    fence INTEGER NOT NULL,
    process TEXT,
    holder TEXT,
    ends_at INTEGER NOT NULL,
    status TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    cron TEXT NOT NULL,
    zone TEXT NOT NULL,
    definition TEXT NOT NULL,
    next_fire_at INTEGER,
    last_fired_at INTEGER,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE VIEW log AS
    SELECT '+' || attempts.phone AS phone, attempts.status AS status,
        strftime('%Y-%m-%dT%H:%M:%fZ', attempts.timestamp / 1000.0, 'unixepoch') AS timestamp,
        attempts.response AS response, broadcasts.id AS broadcast, attempts.attempt AS attempt
    FROM attempts JOIN broadcasts USING (broadcast_no);
";

/// - `audit` is the chained trail. Its triggers refuse what no version of wacast does; the chain shows what a shell did
///   without them.
/// - `counts.windows` is how many windows moved somebody into the state, so only the rows of `sending` count any. It
///   stands there because that row is written for a window anyway.
/// - `attempts.undelivered`: a `failed` receipt of the attempt was folded, whatever the row's own status says.
const SECOND: &str = "
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail grows at its end only');
END;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is never changed');
END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'nothing is removed from the audit trail');
END;

ALTER TABLE counts ADD COLUMN windows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN undelivered INTEGER NOT NULL DEFAULT 0;
";

/// - `opt_out_events` is everything that was said for and against being written to. `phone` 0 and `user_id` '': not named.
///   `person` is the key: a phone's form that stands for all of its forms, or a user id while its phone is not known.
/// - `opt_outs` is who is opted out now and by which event, as it follows from them.
const OPT_OUTS: &str = "
CREATE TABLE opt_out_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    stop INTEGER NOT NULL,
    at INTEGER NOT NULL,
    phone INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    how TEXT NOT NULL,
    wamid TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX opt_out_events_by_person ON opt_out_events (person);
CREATE TRIGGER opt_out_events_stay BEFORE DELETE ON opt_out_events
BEGIN
    SELECT RAISE(ABORT, 'what was said about being written to stays on record');
END;

CREATE TABLE opt_outs (
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (person, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_ids (user_id TEXT PRIMARY KEY, phone INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// - `reached` holds for each person ever written to the last quarter hour in which that was so, and `reached_quarters` how
///   many people have each quarter hour as their last: so the people of any span up to now are a sum over its quarter hours.
const REACHED: &str = "
CREATE TABLE reached (phone INTEGER PRIMARY KEY, quarter INTEGER NOT NULL) STRICT;
CREATE TABLE reached_quarters (quarter INTEGER PRIMARY KEY, people INTEGER NOT NULL) STRICT;
INSERT INTO reached
    SELECT phone, max(at) / 900000 FROM (
        SELECT phone, timestamp AS at FROM attempts WHERE status = 'sent'
        UNION ALL
        SELECT phone, changed_at FROM recipients WHERE state = 'in_doubt' AND changed_at IS NOT NULL
    ) GROUP BY phone;
INSERT INTO reached_quarters SELECT quarter, count(*) FROM reached GROUP BY quarter;
";

/// - `rejects` keeps rows of files that could not be used. Its ids are made as those of `numbers` are. `fixed_by` is the
///   upload that has the row after all, while that one stands.
/// - `recipients_by_phone` finds a person in all broadcasts. It is written at the freeze only: a phone never changes.
const REJECTS: &str = "
CREATE TABLE rejects (
    id INTEGER PRIMARY KEY,
    cause TEXT NOT NULL,
    phone TEXT NOT NULL,
    reason TEXT NOT NULL,
    cells TEXT NOT NULL,
    fixed_by INTEGER,
    upload INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    row INTEGER GENERATED ALWAYS AS (id & 4294967295) VIRTUAL
) STRICT;
CREATE INDEX rejects_fixed ON rejects (fixed_by) WHERE fixed_by IS NOT NULL;
CREATE INDEX recipients_by_phone ON recipients (phone);
";

/// `reached_quarters` has taken the place of `accepted`, and `attempts_by_wamid` is made only where it is needed.
const NO_ACCEPTED: &str = "
DROP TABLE accepted;
DROP INDEX IF EXISTS attempts_by_wamid;
";

/// - `attempts.priced` is what the attempt's receipts said of its price ([`Mark::code`]); '': nothing.
/// - `prices` is how many delivered messages were priced how, kept by differences as `counts` is.
///
/// [`Mark::code`]: crate::domain::pricing::Mark::code
const PRICES: &str = "
ALTER TABLE attempts ADD COLUMN priced TEXT NOT NULL DEFAULT '';
CREATE TABLE prices (
    broadcast_no INTEGER NOT NULL,
    pricing TEXT NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (broadcast_no, pricing)
) STRICT, WITHOUT ROWID;
";

/// Receipts without an id of ours are found by it, by the end of Meta's id, which is what differs from message to message.
/// Its keys come in no order, so that every message changes a page of its own, and most stores never see such a receipt:
/// it is made when the first one comes ([`super::fold::find_by_wamid`]).
pub(super) const BY_WAMID: &str = "
CREATE INDEX IF NOT EXISTS attempts_by_wamid ON attempts (substr(wamid, -20)) WHERE wamid <> '';
";

/// Brings the file up to this version's schema, in one transaction, and returns the store's id. Safe when
/// several processes open a new file at once.
pub(super) fn bring_up(connection: &Connection, path: &Path, now: Millis) -> Result<StoreId> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| error::on_open(&error, path))?;
    let outcome = steps(connection, path, now)
        .and_then(|id| connection.execute_batch("COMMIT").map(|()| id).map_err(|error| error::on_open(&error, path)));
    if outcome.is_err() && !connection.is_autocommit() {
        // The first error is the one to report.
        drop(connection.execute_batch("ROLLBACK"));
    }
    outcome
}

/// Refuses another program's database and a newer wacast's; nothing has been written to them then.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<()> {
    let on_open = |error| error::on_open(&error, path);
    let owner: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(on_open)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(on_open)?;
    if tables > 0 && owner != APPLICATION_ID {
        return Err(StoreError::Setup(format!(
            "{} is a database of another program: give [store] url another file",
            path.display()
        )));
    }
    let version = version(connection)?;
    if usize::try_from(version).is_ok_and(|version| version <= STEPS.len()) {
        return Ok(());
    }
    Err(StoreError::Setup(format!(
        "{} was written by a newer wacast (schema {version}, this one knows {}): update wacast",
        path.display(),
        STEPS.len()
    )))
}

fn version(connection: &Connection) -> Result<i32> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn steps(connection: &Connection, path: &Path, now: Millis) -> Result<StoreId> {
    // Once more: another process may have made the file in between.
    check(connection, path)?;
    let taken = usize::try_from(version(connection)?).unwrap_or(STEPS.len());
    for step in &STEPS[taken..] {
        connection.execute_batch(step)?;
    }
    if taken < STEPS.len() {
        connection.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}",
            STEPS.len()
        ))?;
    }
    store_id(connection, now)
}

fn store_id(connection: &Connection, now: Millis) -> Result<StoreId> {
    let found: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |row| row.get(0)).optional()?;
    if let Some(found) = found {
        return found.parse().map_err(|error| StoreError::Corrupt(format!("{error}")));
    }
    let id = StoreId::from_random(fastrand::u64(..));
    connection
        .execute("INSERT INTO meta VALUES ('store_id', ?1), ('created_at', ?2)", params![id.as_str(), now.rfc3339()])?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Act;
    use crate::store::Store;
    use crate::store::sqlite::SqliteStore;

    const NOW: Millis = Millis(1_800_000_000_000);

    #[tokio::test]
    async fn a_file_of_the_first_schema_is_brought_up_with_all_that_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(FIRST).unwrap();
        old.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1")).unwrap();
        let id = store_id(&old, NOW).unwrap();
        old.execute_batch(
            "INSERT INTO notes VALUES ('key', 'value');
            INSERT INTO broadcasts (id, sender, template_name, language_code, definition, status, total, audience_fixed,
                created_at) VALUES ('0000002s', '100', 'launch', 'en_US', '{}', 'running', 1, 1, 1);
            INSERT INTO counts VALUES (1, 'sending', 1);
            INSERT INTO attempts VALUES (1, 1, 0, 1, 919999900000, 'sent', 1, 0, 0, 'wamid', '{}');",
        )
        .unwrap();
        drop(old);

        for _ in 0..2 {
            let store = SqliteStore::open(&path, NOW).await.unwrap();
            assert_eq!(*store.id(), id);
            assert_eq!(store.note("key").await.unwrap().as_deref(), Some("value"));
            assert_eq!(store.windows_opened("100").await.unwrap(), 0);
            assert_eq!(store.log(None, 0, 10).await.unwrap().len(), 1);
            assert_eq!(store.people_reached_since(Millis(0)).await.unwrap(), 1);
            assert_eq!(store.prices(&"0000002s".parse().unwrap()).await.unwrap(), []);
            store.close().await;
        }
        let store = SqliteStore::open(&path, NOW).await.unwrap();
        let act = Act {
            at: NOW,
            who: "asha".to_owned(),
            what: "pause".to_owned(),
            subject: String::new(),
            detail: String::new(),
        };
        let entry = store.append_act(act).await.unwrap();
        assert_eq!(store.audit_trail(0, 10).await.unwrap(), [entry]);
        let version = version(&Connection::open(&path).unwrap()).unwrap();
        assert_eq!(usize::try_from(version).unwrap(), STEPS.len());
    }
}
