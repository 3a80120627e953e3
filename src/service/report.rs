//! A broadcast's report as CSV: one line a recipient.

use super::{Kind, Result, Service, ServiceError};
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::ids::BroadcastId;
use crate::domain::time::Millis;
use crate::store::RecipientRow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

/// The report's columns.
pub const COLUMNS: [&str; 11] =
    ["phone", "name", "state", "attempts", "code", "title", "detail", "wamid", "changed_at", "due", "priced"];

/// People in one page.
const PAGE: u32 = 2_000;

impl Service {
    /// Writes a broadcast's report, page by page, and returns how many people are in it. `masked`: phones as screens
    /// show them. Errors: `unknown_broadcast` (404), `report_file` (422: cannot be written).
    pub async fn report(&self, id: &BroadcastId, masked: bool, writer: impl Write + Send) -> Result<u64> {
        self.stored(id).await?;
        let mut csv = csv::Writer::from_writer(writer);
        let mut titles = Titles { policy: self.error_policy().clone(), known: HashMap::new() };
        csv.write_record(COLUMNS).map_err(|error| cannot_write(&error))?;
        let mut after = None;
        let mut people = 0;
        loop {
            let page = self.inner.store.recipients(id, None, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            for row in &page {
                csv.write_record(line(row, masked, titles.of(row.code))).map_err(|error| cannot_write(&error))?;
            }
            people += page.len() as u64;
        }
        csv.flush().map_err(|error| cannot_write(&error.into()))?;
        Ok(people)
    }
}

/// The words for error codes, looked up once each.
struct Titles {
    policy: Arc<ErrorPolicy>,
    known: HashMap<i64, String>,
}

impl Titles {
    fn of(&mut self, code: i64) -> &str {
        if code == 0 {
            return "";
        }
        let policy = &self.policy;
        self.known.entry(code).or_insert_with(|| policy.rule_for(code, None, None, false).title.clone())
    }
}

fn line(row: &RecipientRow, masked: bool, title: &str) -> [String; COLUMNS.len()] {
    let time = |at: Option<Millis>| at.map(Millis::rfc3339).unwrap_or_default();
    [
        if masked { row.phone.masked() } else { row.phone.to_string() },
        harmless(&row.name),
        row.state.word().to_owned(),
        row.attempt.to_string(),
        if row.code == 0 { String::new() } else { row.code.to_string() },
        title.to_owned(),
        harmless(&row.detail),
        row.wamid.clone(),
        time(row.changed_at),
        time(row.due),
        row.prices.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    ]
}

/// A cell that a spreadsheet would take for a formula is marked as text: names come from other people's files.
pub(super) fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

fn cannot_write(error: &csv::Error) -> ServiceError {
    ServiceError::new(Kind::Wrong, "report_file", format!("the report cannot be written: {error}"))
}
