//! Opt-outs from a file: people of another program's list who are not to be written to.
//!
//! Read as number files are. received = imported + known + rejected, always; each batch stands by itself, so a file that
//! breaks off half-way has noted the half before, and the same file again notes the rest.

use super::reader::{self, Batch, Event, Room};
use super::{ImportOptions, ImportProgress, ImportSource, REJECTS_KEPT, RejectsTo, source_name};
use crate::domain::opt_out::{Change, Kind as OptOutKind, Who, key};
use crate::domain::phone::Phone;
use crate::domain::said;
use crate::intake;
use crate::service::{Kind, Result, Service, ServiceError};
use crate::store::Reject;
use serde::Serialize;
use std::collections::HashSet;

/// What came of an import of opt-outs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct OptOutsImported {
    /// Where they come from, for people.
    pub source: String,
    /// Rows read.
    pub received: u64,
    /// People noted now.
    pub imported: u64,
    /// Rows of people who stood in an imported list, or in this one, before.
    pub known: u64,
    /// Rows that could not be used.
    pub rejected: u64,
    /// The first of those.
    pub rejects: Vec<Reject>,
}

impl OptOutsImported {
    fn progress(&self) -> ImportProgress {
        ImportProgress {
            received: self.received,
            imported: self.imported,
            duplicates: self.known,
            rejected: self.rejected,
        }
    }
}

impl Service {
    /// Notes everybody of a file as opted out. `progress` is called after every batch; people noted now are its `imported`,
    /// those noted before its `duplicates`. Dropping the future stops it: what was noted by then stays. Errors: `bad_country`, `bad_file`, `rejects_file` (422), `no_such_file` (404),
    /// and the store's.
    pub async fn import_opt_outs(
        &self,
        source: ImportSource,
        options: ImportOptions,
        rejects: Option<RejectsTo>,
        mut progress: impl FnMut(ImportProgress) + Send,
    ) -> Result<OptOutsImported> {
        let options = intake::Options {
            default_country: self.country(options.country.as_deref())?,
            sheet: options.sheet,
            phone_column: options.phone_column,
            whatsapp_forms: true,
            ..intake::Options::default()
        };
        let name = source_name(&source);
        let mut done = OptOutsImported { source: name.clone(), ..OptOutsImported::default() };
        let mut rows = reader::start(source, options, rejects, Room::none());
        let read = loop {
            match rows.recv().await {
                Some(Event::Batch(batch)) => {
                    if let Err(error) = self.note_batch(&name, batch, &mut done).await {
                        break Err(error);
                    }
                    progress(done.progress());
                }
                Some(Event::Described(_)) => {}
                Some(Event::End { .. }) => break Ok(()),
                Some(Event::Failed { error, .. }) => break Err(error),
                None => break Err(ServiceError::new(Kind::Internal, "internal", "the file's reader ended by a bug")),
            }
        };
        if done.received > 0 {
            let OptOutsImported { received, imported, known, rejected, .. } = &done;
            let detail =
                format!("{}, {imported} new, {known} known, {rejected} not usable", said::counted(*received, "row"));
            self.note_act("import_opt_outs", &name, detail).await;
            self.ring();
        }
        read.map(|()| done)
    }

    async fn note_batch(&self, name: &str, batch: Batch, done: &mut OptOutsImported) -> Result<()> {
        let Batch { numbers, rejects, rejected, .. } = batch;
        done.received += rejected;
        done.rejected += rejected;
        let room = REJECTS_KEPT - done.rejects.len();
        done.rejects.extend(rejects.into_iter().take(room));
        let phones: Vec<Phone> = numbers.iter().map(|row| row.number.phone).collect();
        let kinds = self.inner.store.opted_out(&phones).await?;
        let mut seen = HashSet::new();
        let now = self.now();
        let new = phones.iter().zip(kinds).filter(|(_, kinds)| !kinds.contains(OptOutKind::Import));
        let changes: Vec<Change> = new
            .filter(|(phone, _)| seen.insert(key(**phone)))
            .map(|(phone, _)| Change {
                who: Who::phone(*phone),
                kind: OptOutKind::Import,
                stop: true,
                at: now,
                how: self.who.to_string(),
                wamid: String::new(),
                text: name.to_owned(),
            })
            .map(Change::bounded)
            .collect();
        let noted = self.inner.store.note_opt_outs(changes).await?;
        let imported = noted.iter().filter(|noted| noted.has_changed()).count() as u64;
        done.received += phones.len() as u64;
        done.imported += imported;
        done.known += phones.len() as u64 - imported;
        Ok(())
    }
}
