//! Moving recipients from state to state: the only place that writes a recipient's state after freezing.
//!
//! Every move is checked against the table of legal moves, and the counts follow by differences in the same
//! transaction. Called by what opens windows, settles, folds and cancels; always inside the writer.

use super::column::{all, digits, phone, state, status};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::pricing::{Mark, Pricing};
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::{MINUTE, Millis};
use crate::store::Result;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// People who were reached are counted by this much time.
pub(super) const QUARTER: i64 = 15 * MINUTE;

/// What of a broadcast the moves need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Its number in the file.
    pub(super) no: i64,
    /// Where it stands.
    pub(super) status: BroadcastStatus,
}

/// Where a recipient stands.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) broadcast_no: i64,
    pub(super) seq: u32,
    pub(super) state: RecipientState,
    pub(super) attempt: u32,
    pub(super) tries: u32,
    /// 0: none.
    pub(super) due: i64,
    pub(super) code: i64,
    pub(super) phone: Phone,
}

/// What a recipient is to become. What is not said anew is blank: no code, no words, nothing due.
#[derive(Debug, Clone)]
pub(super) struct Next<'a> {
    pub(super) state: RecipientState,
    pub(super) attempt: u32,
    pub(super) tries: u32,
    pub(super) due: i64,
    pub(super) code: i64,
    pub(super) detail: &'a str,
}

impl<'a> Next<'a> {
    /// The same attempt in another state.
    pub(super) fn of(standing: &Standing, state: RecipientState) -> Self {
        Self { state, attempt: standing.attempt, tries: standing.tries, due: 0, code: 0, detail: "" }
    }

    /// With an error's code and words.
    pub(super) fn because(self, code: i64, detail: &'a str) -> Self {
        Self { code, detail, ..self }
    }

    /// With the time when something is due; none is 0.
    pub(super) fn due(self, due: Option<Millis>) -> Self {
        Self { due: due.map_or(0, |due| due.0.max(1)), ..self }
    }
}

/// A row of the log to be.
pub(super) struct LogEntry<'a> {
    pub(super) broadcast_no: i64,
    pub(super) seq: u32,
    pub(super) attempt: u32,
    pub(super) phone: Phone,
    /// `sent`, else `failed`.
    pub(super) sent: bool,
    pub(super) at: Millis,
    pub(super) code: i64,
    /// Known from a receipt, not from the API's answer.
    pub(super) from_receipt: bool,
    pub(super) wamid: &'a str,
    pub(super) response: &'a str,
    /// What a receipt said of its price.
    pub(super) mark: Mark,
}

/// The moves of one command. [`Moves::finish`] writes the figures.
pub(super) struct Moves<'c> {
    connection: &'c Connection,
    read: CachedStatement<'c>,
    write: CachedStatement<'c>,
    log: CachedStatement<'c>,
    known: Vec<(BroadcastId, Option<Known>)>,
    counts: BTreeMap<(i64, RecipientState), i64>,
    failures: BTreeMap<(i64, i64), i64>,
    prices: BTreeMap<(i64, Pricing), i64>,
    /// Who was reached, or may have been, by phone: the newest quarter hour.
    reached: BTreeMap<i64, i64>,
    /// The broadcast that a window of this command is for.
    window_of: Option<i64>,
}

impl<'c> Moves<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            connection,
            read: connection.prepare_cached(
                "SELECT state, attempt, tries, due, code, phone FROM recipients WHERE broadcast_no = ?1 AND seq = ?2",
            )?,
            write: connection.prepare_cached(
                "UPDATE recipients SET state = ?3, attempt = ?4, tries = ?5, due = ?6, code = ?7, detail = ?8, changed_at = ?9
                WHERE broadcast_no = ?1 AND seq = ?2",
            )?,
            log: connection.prepare_cached(
                "INSERT INTO attempts
                    (broadcast_no, seq, attempt, phone, status, timestamp, code, from_receipt, wamid, response, priced)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                ON CONFLICT (broadcast_no, seq, attempt) DO NOTHING",
            )?,
            known: Vec::new(),
            counts: BTreeMap::new(),
            failures: BTreeMap::new(),
            prices: BTreeMap::new(),
            reached: BTreeMap::new(),
            window_of: None,
        })
    }

    /// A broadcast as the moves need it; looked up once a command.
    pub(super) fn broadcast(&mut self, id: &BroadcastId) -> Result<Option<Known>> {
        if let Some((_, known)) = self.known.iter().find(|(other, _)| other == id) {
            return Ok(*known);
        }
        let known = find(self.connection, id)?;
        self.known.push((id.clone(), known));
        Ok(known)
    }

    /// Where a recipient stands; `None`: not stored.
    pub(super) fn standing(&mut self, broadcast: Known, seq: u32) -> Result<Option<Standing>> {
        let mut rows = self.read.query(params![broadcast.no, seq])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(Standing {
            broadcast_no: broadcast.no,
            seq,
            state: state(row, 0)?,
            attempt: row.get(1)?,
            tries: row.get(2)?,
            due: row.get(3)?,
            code: row.get(4)?,
            phone: phone(row, 5)?,
        }))
    }

    /// Moves a recipient, if the table of moves lets it.
    pub(super) fn apply(&mut self, from: &Standing, next: &Next<'_>, at: Millis) -> Result<bool> {
        // Cancelled by way of queued: who comes back after the cancel.
        let by_way = next.state == RecipientState::Cancelled && from.state.may_become(RecipientState::Queued);
        if !by_way && !from.state.may_become(next.state) {
            return Ok(false);
        }
        self.write.execute(params![
            from.broadcast_no,
            from.seq,
            next.state.word(),
            next.attempt,
            next.tries,
            next.due,
            next.code,
            next.detail,
            at.0
        ])?;
        self.count(from.broadcast_no, from.state, next.state, 1);
        if from.state == RecipientState::Failed {
            *self.failures.entry((from.broadcast_no, from.code)).or_default() -= 1;
        }
        if next.state == RecipientState::Failed {
            *self.failures.entry((from.broadcast_no, next.code)).or_default() += 1;
        }
        if next.state == RecipientState::InDoubt {
            self.reach(from.phone, at);
        }
        Ok(true)
    }

    /// Notes that somebody was reached, or may have been.
    fn reach(&mut self, phone: Phone, at: Millis) {
        let quarter = at.0.div_euclid(QUARTER);
        let newest = self.reached.entry(digits(phone)).or_insert(quarter);
        *newest = quarter.max(*newest);
    }

    /// Counts `people` who moved by a statement of the caller's.
    pub(super) fn count(&mut self, broadcast_no: i64, from: RecipientState, to: RecipientState, people: i64) {
        *self.counts.entry((broadcast_no, from)).or_default() -= people;
        *self.counts.entry((broadcast_no, to)).or_default() += people;
    }

    /// Counts a window, whose people were moved to `sending` by a statement of the caller's. One a command.
    pub(super) fn window(&mut self, broadcast_no: i64, people: i64) {
        self.count(broadcast_no, RecipientState::Queued, RecipientState::Sending, people);
        self.window_of = Some(broadcast_no);
    }

    /// Counts one who was left out, for this reason.
    pub(super) fn skip(&self, broadcast_no: i64, reason: &str) -> Result<()> {
        let sql = "INSERT INTO skips (broadcast_no, reason, people) VALUES (?1, ?2, 1)
            ON CONFLICT DO UPDATE SET people = people + 1";
        self.connection.prepare_cached(sql)?.execute(params![broadcast_no, reason])?;
        Ok(())
    }

    /// Notes that a `failed` receipt of an attempt was folded; the attempt has a row of the log by then.
    pub(super) fn note_undelivered(&self, broadcast_no: i64, seq: u32, attempt: u32) -> Result<()> {
        let sql = "UPDATE attempts SET undelivered = 1 WHERE broadcast_no = ?1 AND seq = ?2 AND attempt = ?3";
        self.connection.prepare_cached(sql)?.execute(params![broadcast_no, seq, attempt])?;
        Ok(())
    }

    /// Whether a `failed` receipt of an attempt was folded.
    pub(super) fn is_undelivered(&self, broadcast_no: i64, seq: u32, attempt: u32) -> Result<bool> {
        let sql = "SELECT 1 FROM attempts WHERE broadcast_no = ?1 AND seq = ?2 AND attempt = ?3 AND undelivered = 1";
        Ok(self.connection.prepare_cached(sql)?.exists(params![broadcast_no, seq, attempt])?)
    }

    /// Writes a row of the log, unless the attempt has one. An answer completes a row that a receipt made.
    /// With the first word that Meta took the attempt its recipient is reached. What is said of the price is counted.
    pub(super) fn log(&mut self, entry: &LogEntry<'_>) -> Result<()> {
        let status = if entry.sent { "sent" } else { "failed" };
        let new = self.log.execute(params![
            entry.broadcast_no,
            entry.seq,
            entry.attempt,
            digits(entry.phone),
            status,
            entry.at.0,
            entry.code,
            entry.from_receipt,
            entry.wamid,
            entry.response,
            stored(entry.mark)
        ])? > 0;
        if new {
            self.price(entry.broadcast_no, Mark::default(), entry.mark);
        }
        if (new && entry.sent) || (!new && self.log_again(entry, status)?) {
            self.reach(entry.phone, entry.at);
        }
        Ok(())
    }

    /// Adds to a row of the log what was not known when it was written. `true`: it says `sent` only now.
    fn log_again(&mut self, entry: &LogEntry<'_>, status: &str) -> Result<bool> {
        let found: Option<(i64, bool, bool, bool, Mark)> = self
            .connection
            .prepare_cached(
                "SELECT id, status = 'sent', from_receipt, wamid = '', priced FROM attempts
                WHERE broadcast_no = ?1 AND seq = ?2 AND attempt = ?3",
            )?
            .query_row(params![entry.broadcast_no, entry.seq, entry.attempt], |row| {
                let mark = Mark::of_code(row.get_ref(4)?.as_str().unwrap_or_default());
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, mark))
            })
            .optional()?;
        let Some((id, was_sent, was_from_receipt, without_wamid, before)) = found else { return Ok(false) };
        let mark = before.and(entry.mark);
        if mark != before {
            let mut statement = self.connection.prepare_cached("UPDATE attempts SET priced = ?2 WHERE id = ?1")?;
            statement.execute(params![id, stored(mark)])?;
            self.price(entry.broadcast_no, before, mark);
        }
        // A refusal never overwrites a receipt's proof.
        if was_from_receipt && !entry.from_receipt && (entry.sent || !was_sent) {
            self.connection
                .prepare_cached(
                    "UPDATE attempts SET status = ?2, timestamp = ?3, code = ?4, from_receipt = 0, response = ?5,
                    wamid = CASE ?6 WHEN '' THEN wamid ELSE ?6 END WHERE id = ?1",
                )?
                .execute(params![id, status, entry.at.0, entry.code, entry.response, entry.wamid])?;
            return Ok(entry.sent && !was_sent);
        }
        if without_wamid && !entry.wamid.is_empty() {
            let mut statement = self.connection.prepare_cached("UPDATE attempts SET wamid = ?2 WHERE id = ?1")?;
            statement.execute(params![id, entry.wamid])?;
        }
        Ok(false)
    }

    /// Counts a message as what is known of its price now, and no longer as before.
    fn price(&mut self, broadcast_no: i64, before: Mark, now: Mark) {
        for (mark, by) in [(before, -1), (now, 1)] {
            if let Some(pricing) = mark.counts() {
                *self.prices.entry((broadcast_no, pricing)).or_default() += by;
            }
        }
    }

    /// Writes the figures' differences.
    pub(super) fn finish(self) -> Result<()> {
        let mut counts = self.connection.prepare_cached(
            "INSERT INTO counts (broadcast_no, state, people, windows) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET people = people + ?3, windows = windows + ?4",
        )?;
        for ((broadcast_no, state), people) in self.counts.into_iter().filter(|(_, people)| *people != 0) {
            let windows = state == RecipientState::Sending && self.window_of == Some(broadcast_no);
            counts.execute(params![broadcast_no, state.word(), people, windows])?;
        }
        let mut failures = self.connection.prepare_cached(
            "INSERT INTO failures (broadcast_no, code, people) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET people = people + ?3",
        )?;
        for ((broadcast_no, code), people) in self.failures.into_iter().filter(|(_, people)| *people != 0) {
            failures.execute(params![broadcast_no, code, people])?;
        }
        let mut prices = self.connection.prepare_cached(
            "INSERT INTO prices (broadcast_no, pricing, messages) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET messages = messages + ?3",
        )?;
        for ((broadcast_no, pricing), messages) in self.prices.into_iter().filter(|(_, messages)| *messages != 0) {
            prices.execute(params![broadcast_no, pricing.to_string(), messages])?;
        }
        write_reached(self.connection, &self.reached)
    }
}

/// As `attempts.priced` has it.
fn stored(mark: Mark) -> String {
    if mark == Mark::default() { String::new() } else { mark.code() }
}

/// Moves people to the newest quarter hour in which they were reached, in their tables.
fn write_reached(connection: &Connection, reached: &BTreeMap<i64, i64>) -> Result<()> {
    if reached.is_empty() {
        return Ok(());
    }
    let mut known = connection.prepare_cached("SELECT quarter FROM reached WHERE phone = ?1")?;
    let mut write = connection.prepare_cached("INSERT OR REPLACE INTO reached VALUES (?1, ?2)")?;
    let mut quarters: BTreeMap<i64, i64> = BTreeMap::new();
    for (phone, quarter) in reached {
        let before: Option<i64> = known.query_row([phone], |row| row.get(0)).optional()?;
        if before.is_some_and(|before| before >= *quarter) {
            continue;
        }
        write.execute(params![phone, quarter])?;
        *quarters.entry(*quarter).or_default() += 1;
        if let Some(before) = before {
            *quarters.entry(before).or_default() -= 1;
        }
    }
    let mut write = connection.prepare_cached(
        "INSERT INTO reached_quarters VALUES (?1, ?2) ON CONFLICT DO UPDATE SET people = people + ?2",
    )?;
    for (quarter, people) in quarters {
        write.execute(params![quarter, people])?;
    }
    Ok(())
}

/// A broadcast's number and status.
pub(super) fn find(connection: &Connection, id: &BroadcastId) -> Result<Option<Known>> {
    let sql = "SELECT broadcast_no, status FROM broadcasts WHERE id = ?1";
    let found = all(connection, sql, [id.as_str()], |row| Ok(Known { no: row.get(0)?, status: status(row, 1)? }))?;
    Ok(found.into_iter().next())
}

/// What a recipient becomes that would be queued again: after a cancel nobody is queued any more.
pub(super) fn queued_or_cancelled(broadcast: Known) -> RecipientState {
    if broadcast.status == BroadcastStatus::Cancelled { RecipientState::Cancelled } else { RecipientState::Queued }
}
