//! What comes back about numbers, taken into the state.

use super::{ask_to_undo, look, mark_file, people};
use crate::console::dialog::{Dialog, Note};
use crate::console::look::Role;
use crate::console::message::Request;
use crate::console::model::{Import, Load, Model, Screen};
use crate::console::numbers::{Asked, NumbersAnswer as To, NumbersFile, NumbersRequest as Of, Opened, name_of};
use crate::console::sheet::{About, Sheet};
use crate::console::text::{counted, people as people_words, shown_phone, thousands, without_numbers};
use crate::console::update::answers::{complain, exported};
use crate::domain::broadcast::UploadId;
use crate::domain::opt_out::{Kind, OptedOut};
use crate::service::error::ServiceError;
use crate::service::import::ImportDone;
use crate::service::import::opt_outs::OptOutsImported;
use crate::service::people::NumbersPage;
use crate::store::{AudiencePlace, UploadSummary};

/// Something came back.
pub(in crate::console::update) fn on_answer(model: &mut Model, answer: To) -> Vec<Request> {
    match answer {
        To::People(list, search, after, page) => return on_people(model, &list, &search, after, page),
        To::Person(asked, view) => with_sheets(model, |sheet| match &mut sheet.about {
            About::Person(wanted, load) if *wanted == asked => load.take(view.clone()),
            _ => Ok(()),
        }),
        To::Recipient(id, seq, view) => with_sheets(model, |sheet| match &mut sheet.about {
            About::Recipient(wanted, place, load) if *wanted == id && *place == seq => load.take((*view).clone()),
            _ => Ok(()),
        }),
        To::Rejects(upload, rejects) => {
            if let Some(Opened::File(file)) = &mut model.numbers.opened
                && file.upload.id == upload
            {
                let taken = file.rejects.take(rejects);
                complain(model, taken);
            }
        }
        To::RejectRows(upload, cause, after, rows) => {
            if let Some(Opened::File(file)) = &mut model.numbers.opened
                && file.upload.id == upload
                && file.marked().is_some_and(|marked| marked.cause == cause)
                && let Some(pages) = &mut file.rows
            {
                let taken = pages.take(after.as_ref(), rows);
                complain(model, taken);
            }
        }
        To::Fixed(upload, done) => return on_fixed(model, upload, done),
        To::WouldLeave(upload, people) => match people {
            Ok(people) => on_would_leave(model, upload, people),
            Err(error) => model.say(Role::Bad, error.message),
        },
        To::Undone(undone) => return on_undone(model, undone),
        To::OptOuts(search, after, listed) => on_opt_outs(model, &search, after, listed),
        To::OptOutChanged(person, stands) => return on_opt_out_changed(model, &person, stands),
        To::OptOutsImported(done) => return on_opt_outs_imported(model, done),
        To::Exported(what, path, written) => {
            let written = written.map(|count| match what {
                NumbersFile::Rejects(_) => {
                    format!("{} that cannot be used yet, with all their cells, whole numbers:", counted(count, "row"))
                }
                NumbersFile::OptOuts => {
                    format!("{} who are not to be written to, whole numbers:", people_words(count))
                }
            });
            exported(model, &path, written);
        }
    }
    Vec::new()
}

fn on_people(
    model: &mut Model,
    list: &str,
    search: &Asked,
    after: Option<AudiencePlace>,
    page: Result<NumbersPage, ServiceError>,
) -> Vec<Request> {
    let Some(Opened::People(opened)) = &mut model.numbers.opened else { return Vec::new() };
    if opened.list != list || opened.asked != *search || opened.pages.wanted().0 != after {
        return Vec::new();
    }
    opened.looked_at += page.as_ref().map_or(0, |page| page.looked_at);
    match opened.pages.take_portion(after.as_ref(), page.map(|page| (page.items, page.next))) {
        Ok(true) => return people(model),
        Ok(false) => {}
        Err(words) => {
            let words = if model.facts.privacy { without_numbers(&words, model.look.glyphs.mask) } else { words };
            model.say(Role::Bad, words);
        }
    }
    Vec::new()
}

/// Hands an answer to the sheets that lie open.
fn with_sheets(model: &mut Model, mut take: impl FnMut(&mut Sheet) -> Result<(), String>) {
    for dialog in &mut model.dialogs {
        if let Dialog::Sheet(sheet) = dialog {
            // A sheet shows by itself why there is nothing to read.
            let _shown = take(sheet);
        }
    }
}

fn on_fixed(model: &mut Model, upload: UploadId, done: Result<ImportDone, ServiceError>) -> Vec<Request> {
    model.numbers.under_way = None;
    let done = match done {
        Ok(done) => done,
        Err(error) => {
            let words = if model.facts.privacy {
                without_numbers(&error.message, model.look.glyphs.mask)
            } else {
                error.message
            };
            let note = Note { title: "Nothing was put right".to_owned(), lines: vec![words], scroll: 0 };
            model.dialogs.push(Dialog::Note(Box::new(note)));
            return Vec::new();
        }
    };
    let report = &done.upload.report;
    let right = report.received - report.rejected;
    let mut lines = vec![
        format!("{} of {} are put right.", thousands(right), counted(report.received, "row")),
        format!(
            "In the list {}: {} new, {} there before.",
            done.upload.list,
            thousands(report.imported),
            thousands(report.duplicates)
        ),
    ];
    if report.rejected > 0 {
        lines.push(format!("{} still cannot be used; they stay where they were.", counted(report.rejected, "row")));
    }
    lines.push(String::new());
    lines.push(format!("They are listed as a file of their own, {}; x there takes it back.", name_of(&done.upload)));
    let note = Note { title: "Put right".to_owned(), lines, scroll: 0 };
    model.dialogs.push(Dialog::Note(Box::new(note)));
    vec![Request::Uploads, Request::Numbers(Of::Rejects(upload))]
}

fn on_would_leave(model: &mut Model, upload: UploadId, people: u64) {
    model.toast = None;
    let marked = model.numbers.file(model.snapshot.as_deref()).filter(|file| file.id == upload).cloned();
    // Who looks at something else by now did not wait for the question.
    if let Some(file) = marked.filter(|_| model.screen == Screen::Numbers && model.dialogs.is_empty()) {
        ask_to_undo(model, &file, people);
    }
}

fn on_undone(model: &mut Model, undone: Result<UploadSummary, ServiceError>) -> Vec<Request> {
    model.numbers.under_way = None;
    match undone {
        Ok(upload) => {
            let words = format!("{} is taken back; the list {} is without it now.", name_of(&upload), upload.list);
            model.say(Role::Good, words);
            if matches!(&model.numbers.opened, Some(Opened::File(file)) if file.upload.id == upload.id) {
                model.numbers.opened = None;
                // Whoever came to it from elsewhere goes on with its list.
                mark_file(model, &upload);
            }
            if let Load::Here(uploads) = &mut model.numbers.uploads {
                uploads.retain(|one| one.id != upload.id);
            }
        }
        Err(error) => model.say(Role::Bad, error.message),
    }
    vec![Request::Uploads]
}

fn on_opt_outs(
    model: &mut Model,
    search: &Asked,
    after: Option<Asked>,
    listed: Result<(Vec<OptedOut>, u64), ServiceError>,
) {
    let shown = &mut model.numbers.opt_outs;
    if shown.asked != *search {
        return;
    }
    let listed = listed.map(|(people, total)| {
        shown.total = Some(total);
        people
    });
    let taken = shown.people.take(after.map(|after| after.0).as_ref(), listed);
    complain(model, taken);
}

fn on_opt_out_changed(model: &mut Model, person: &Asked, stands: Result<OptedOut, ServiceError>) -> Vec<Request> {
    match stands {
        Ok(stands) => {
            let mask = model.look.glyphs.mask;
            let name = stands
                .phone()
                .map_or_else(|| stands.person.clone(), |phone| shown_phone(phone, model.facts.privacy, mask));
            let ways: Vec<_> = stands.kinds().iter().map(Kind::label).collect();
            if ways.is_empty() {
                model.say(Role::Good, format!("{name} is written to again; it is on the record."));
            } else {
                model.say(Role::Good, format!("{name} is not written to: {}.", ways.join(", ")));
            }
        }
        Err(error) => {
            let words = if model.facts.privacy {
                without_numbers(&error.message, model.look.glyphs.mask)
            } else {
                error.message
            };
            model.say(Role::Bad, words);
        }
    }
    let mut requests: Vec<Request> = model
        .dialogs
        .iter()
        .filter_map(|dialog| match dialog {
            Dialog::Sheet(sheet) => match &sheet.about {
                About::Person(asked, view)
                    if asked == person || view.get().is_some_and(|view| view.phone.to_string() == person.0) =>
                {
                    Some(Request::Numbers(Of::Person(asked.clone())))
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    if model.screen == Screen::Numbers {
        requests.extend(look(model));
    }
    requests
}

fn on_opt_outs_imported(model: &mut Model, done: Result<OptOutsImported, ServiceError>) -> Vec<Request> {
    let watched = model.dialogs.iter().any(|dialog| matches!(dialog, Dialog::Load(_)));
    match done {
        Ok(done) => {
            if !watched {
                let words = format!("The file is through: {} more are not written to.", people_words(done.imported));
                model.say(Role::Good, words);
            }
            model.import = Some(Import::OptOuts(Box::new(done)));
        }
        Err(error) => {
            if !watched {
                model.say(Role::Bad, format!("The file was not read to its end: {}", error.message));
            }
            let words = format!("{} What was noted before that stays.", error.message);
            model.import = Some(Import::Failed(words));
        }
    }
    if model.screen == Screen::Numbers { look(model) } else { Vec::new() }
}
