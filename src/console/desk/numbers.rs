//! What the desk does about numbers: people, files, opt-outs.

use super::{Desk, new_file};
use crate::console::files;
use crate::console::load::{CountOf, Counted, What};
use crate::console::message::{Answer, Request};
use crate::console::numbers::{Asked, NumbersAnswer as To, NumbersFile, NumbersRequest as Of, Rejects, RowsFrom};
use crate::console::pages::PAGE;
use crate::domain::broadcast::UploadId;
use crate::domain::opt_out::OptedOut;
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::service::import::count::CountFor;
use crate::service::import::{ImportOptions, ImportSource};
use std::future::Future;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How often it is said how far counting is.
const COUNT_SAID_EVERY: Duration = Duration::from_millis(300);

impl Desk {
    pub(super) async fn numbers(&mut self, request: Of, commands: &mpsc::Sender<Request>) {
        let service = self.service.clone();
        match request {
            Of::OptOut { .. } | Of::UndoOptOut { .. } | Of::Undo(_) => {
                // The loop is there as long as the desk is.
                let _there = commands.send(Request::Numbers(request)).await;
            }
            Of::ImportOptOuts { from, country } => {
                self.stop_count();
                let options = ImportOptions { country, ..ImportOptions::default() };
                let progress = self.answers.clone();
                self.import = Some(self.answer_numbers(async move {
                    let say = |now| drop(progress.try_send(Answer::Importing(now)));
                    To::OptOutsImported(service.import_opt_outs(source(from), options, None, say).await)
                }));
            }
            Of::People { list, search, after, limit } => {
                self.answer_numbers(async move {
                    let page = service.numbers(Some(&list), &search.0, after, limit).await;
                    To::People(list, search, after, page)
                });
            }
            Of::Person(asked) => {
                self.answer_numbers(async move {
                    let person = service.person(&asked.0).await;
                    To::Person(asked, person)
                });
            }
            Of::Recipient(id, seq) => {
                self.answer_numbers(async move {
                    let recipient = service.recipient(&id, seq).await;
                    To::Recipient(id, seq, Box::new(recipient))
                });
            }
            Of::Rejects(upload) => {
                self.answer_numbers(async move { To::Rejects(upload, rejects(&service, upload).await) });
            }
            Of::RejectRows { upload, cause, after } => {
                self.answer_numbers(async move {
                    let page = service.rejects(upload, Some(&cause), after, PAGE).await;
                    To::RejectRows(upload, cause, after, page.map(|page| page.items))
                });
            }
            Of::Fix { upload, cause, fix } => {
                self.answer_numbers(
                    async move { To::Fixed(upload, service.fix_rejects(upload, Some(&cause), fix).await) },
                );
            }
            Of::WouldLeave(upload) => {
                self.answer_numbers(async move { To::WouldLeave(upload, service.would_leave(upload).await) });
            }
            Of::OptOuts { search, after } => {
                self.answer_numbers(async move {
                    let people = opt_outs(&service, &search, after.as_ref()).await;
                    To::OptOuts(search, after, people)
                });
            }
            Of::Export(what, path) => {
                self.answer_numbers(async move {
                    let written = export(&service, what, &path).await;
                    To::Exported(what, path, written)
                });
            }
        }
    }

    /// Counts all rows of a file, and no other's at the same time.
    pub(super) fn count(&mut self, of: CountOf) {
        self.stop_count();
        let (service, progress) = (self.service.clone(), self.answers.clone());
        self.count = Some(self.answer(async move {
            let options = ImportOptions { country: of.country.clone(), ..ImportOptions::default() };
            let purpose = match of.what {
                What::Numbers => CountFor::List,
                What::OptOuts => CountFor::OptOuts,
            };
            let mut said_at = Instant::now();
            let say = |rows| {
                if said_at.elapsed() >= COUNT_SAID_EVERY {
                    said_at = Instant::now();
                    // A console that is busy hears the next one.
                    drop(progress.try_send(Answer::Count(of.clone(), Counted::SoFar(rows))));
                }
            };
            let counted = service.count_rows(source(of.from.clone()), options, purpose, say).await;
            Answer::Count(of, counted.map_or_else(Counted::broken, Counted::All))
        }));
    }

    pub(super) fn stop_count(&mut self) {
        if let Some(count) = self.count.take() {
            count.abort();
        }
    }

    fn answer_numbers(&mut self, work: impl Future<Output = To> + Send + 'static) -> AbortHandle {
        self.answer(async move { answer(work.await) })
    }
}

/// The operator's commands about numbers.
pub(super) async fn command(service: &Service, request: Of) -> Option<Answer> {
    Some(answer(match request {
        Of::OptOut { person, note } => {
            let stands = service.opt_out(&person.0, &note).await;
            To::OptOutChanged(person, stands)
        }
        Of::UndoOptOut { person, kind } => {
            let stands = service.undo_opt_out(&person.0, kind, "").await;
            To::OptOutChanged(person, stands)
        }
        Of::Undo(upload) => To::Undone(service.undo_upload(upload).await),
        _ => return None,
    }))
}

fn answer(answer: To) -> Answer {
    Answer::Numbers(Box::new(answer))
}

/// Where a use case reads rows from.
pub(super) fn source(from: RowsFrom) -> ImportSource {
    match from {
        RowsFrom::File(path) => ImportSource::Path(files::at_home(path)),
        RowsFrom::Pasted(rows) => {
            ImportSource::Pasted { bytes: rows.text.as_bytes().to_vec(), heading_added: rows.heading_added }
        }
    }
}

async fn rejects(service: &Service, upload: UploadId) -> Result<Rejects, ServiceError> {
    let tags = service.upload(upload).await?.tags;
    let mut page = service.rejects(upload, None, None, 1).await?;
    page.items.clear();
    let mut examples = Vec::with_capacity(page.causes.len());
    for cause in &page.causes {
        examples.push(service.rejects(upload, Some(&cause.cause), None, 1).await?.items.into_iter().next());
    }
    Ok(Rejects { tags, page, examples })
}

async fn opt_outs(
    service: &Service,
    search: &Asked,
    after: Option<&Asked>,
) -> Result<(Vec<OptedOut>, u64), ServiceError> {
    let people = service.opt_outs(&search.0, after.map(|after| after.0.as_str()), PAGE).await?;
    Ok((people, service.opted_out_people().await?))
}

async fn export(service: &Service, what: NumbersFile, path: &Path) -> Result<u64, String> {
    let file = BufWriter::new(new_file(path)?);
    let written = match what {
        NumbersFile::Rejects(upload) => service.export_rejects(upload, file).await,
        NumbersFile::OptOuts => service.export_opt_outs(file).await,
    };
    written.map_err(|error| error.message)
}
