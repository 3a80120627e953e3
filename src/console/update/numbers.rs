//! What keys do on the Numbers screen, and to people from any screen.

mod answers;

pub(super) use answers::on_answer;

use super::super::actions::{self, Action, Key, Place};
use super::super::dialog::{Choice, Choose, Confirm, Dialog, Note};
use super::super::listing::moved;
use super::super::load::{LoadFile, What};
use super::super::look::Role;
use super::super::message::Request;
use super::super::model::{Import, Model, Screen};
use super::super::numbers::{
    Asked, FILE_ORDERS, File, FixBox, LIST_ORDERS, NumbersFile, NumbersRequest as Of, Opened, Part, People, UnderWay,
    looks_like_a_number, name_of, row_word, shown_cell, shown_cells, shown_phone_cell, sums, told, why,
};
use super::super::pages::Pages;
use super::super::sheet::Sheet;
use super::super::text::{people as people_words, shown_phone};
use super::super::words;
use super::screens;
use crate::domain::broadcast::UploadId;
use crate::domain::opt_out::{Event, OptedOut};
use crate::domain::phone::Phone;
use crate::service::error::ServiceError;
use crate::store::{KeptReject, UploadSummary};

/// Asks for what the screen shows now.
pub(super) fn look(model: &mut Model) -> Vec<Request> {
    match (&model.numbers.opened, model.numbers.part) {
        (None, Part::OptOuts) => vec![opt_outs(model)],
        (None, _) => vec![Request::Uploads],
        (Some(Opened::People(_)), _) => people(model),
        (Some(Opened::File(file)), _) => vec![Request::Uploads, Request::Numbers(Of::Rejects(file.upload.id))],
    }
}

/// A newer picture is there: the marked list stays the marked one, wherever it is listed now.
pub(super) fn keep_marked(model: &mut Model, list: Option<&str>) {
    let shown = model.numbers.shown_lists(model.snapshot.as_deref());
    let place = shown.iter().position(|one| Some(one.name.as_str()) == list);
    model.numbers.lists.cursor = place.unwrap_or_else(|| model.numbers.lists.place(shown.len()));
}

/// The files came: the marked one stays the marked one, and one that was just loaded becomes it.
pub(super) fn take_uploads(model: &mut Model, uploads: Result<Vec<UploadSummary>, ServiceError>) {
    let shown = model.numbers.shown_files(model.snapshot.as_deref());
    // Who stands on the newest file goes on to what is newer.
    let place = model.numbers.files.place(shown.len());
    let marked = shown.get(place).filter(|_| place > 0).map(|upload| upload.id);
    let taken = model.numbers.uploads.take(uploads);
    super::answers::complain(model, taken);
    let shown = model.numbers.shown_files(model.snapshot.as_deref());
    if let Some(place) = shown.iter().position(|upload| Some(upload.id) == marked) {
        model.numbers.files.cursor = place;
    }
    mark_loaded(model);
}

/// The file that was just loaded is marked, and its list, as soon as both are listed.
pub(super) fn mark_loaded(model: &mut Model) {
    let Some((id, list)) = model.numbers.to_mark.clone() else { return };
    let is_listed = |model: &Model| {
        model.snapshot.as_ref().is_some_and(|snapshot| snapshot.lists.iter().any(|one| one.name == list))
    };
    if !is_listed(model) {
        return;
    }
    if !model.numbers.shown_lists(model.snapshot.as_deref()).iter().any(|one| one.name == list) {
        // What was looked for before hides the list that was just loaded into.
        model.numbers.lists.filter.set("");
    }
    keep_marked(model, Some(&list));
    model.numbers.files.filter.set("");
    let shown = model.numbers.shown_files(model.snapshot.as_deref());
    if let Some(place) = shown.iter().position(|one| one.id == id) {
        model.numbers.files.cursor = place;
        model.numbers.to_mark = None;
    }
}

/// Where on this screen a key works that does nothing in this part of it: what it does, and where.
pub(super) fn where_it_works(model: &Model, key: Key) -> Option<(&'static str, &'static str)> {
    if model.screen != Screen::Numbers {
        return None;
    }
    let parts = [
        (Place::Numbers, "Lists (Tab goes there)"),
        (Place::Files, "Files (Tab goes there)"),
        (Place::OptOuts, "Opt-outs (Tab goes there)"),
        (Place::ListPeople, "a list's people (Enter on a list)"),
        (Place::File, "what became of a file (Enter on a file)"),
    ];
    parts.into_iter().find_map(|(place, words)| {
        let mut own = actions::entries().filter(|entry| entry.place == place && !entry.word.is_empty());
        own.find(|entry| entry.keys.contains(&key)).map(|entry| (entry.word, words))
    })
}

/// The same key again: up to the parts.
pub(super) fn up_to_the_parts(model: &mut Model) {
    model.numbers.opened = None;
}

fn opt_outs(model: &Model) -> Request {
    let shown = &model.numbers.opt_outs;
    Request::Numbers(Of::OptOuts { search: shown.asked.clone(), after: shown.people.after().map(Asked) })
}

/// Asks for the page of people that is shown, or for its next portion.
fn people(model: &Model) -> Vec<Request> {
    let Some(Opened::People(people)) = &model.numbers.opened else { return Vec::new() };
    let (after, limit) = people.pages.wanted();
    vec![Request::Numbers(Of::People { list: people.list.clone(), search: people.asked.clone(), after, limit })]
}

fn reject_rows(model: &Model) -> Vec<Request> {
    let Some(Opened::File(file)) = &model.numbers.opened else { return Vec::new() };
    let (Some(rows), Some(cause)) = (&file.rows, file.marked()) else { return Vec::new() };
    vec![Request::Numbers(Of::RejectRows { upload: file.upload.id, cause: cause.cause.clone(), after: rows.after() })]
}

/// Whether an action can be done now; `None`: it is none of this screen's.
pub(super) fn available(model: &Model, action: Action) -> Option<Result<(), String>> {
    if model.screen != Screen::Numbers {
        return None;
    }
    let may = |possible: bool, why_not: &str| if possible { Ok(()) } else { Err(why_not.to_owned()) };
    let numbers = &model.numbers;
    let snapshot = model.snapshot.as_deref();
    let file = || numbers.file(snapshot).ok_or_else(|| "no file is marked".to_owned());
    Some(match action {
        Action::Accept => match (&numbers.opened, numbers.part) {
            (Some(Opened::People(people)), _) => may(people.pages.marked().is_some(), "nobody is listed"),
            (Some(Opened::File(file)), _) => may(file.marked().is_some(), "every row of it could be used"),
            (None, Part::Lists) => may(numbers.list(snapshot).is_some(), "there is no list: o loads a file"),
            (None, Part::Files) => file().map(|_| ()),
            (None, Part::OptOuts) => may(numbers.opt_outs.people.marked().is_some(), "nobody is listed"),
        },
        Action::Undo if numbers.part == Part::OptOuts && numbers.opened.is_none() => {
            may(numbers.opt_outs.people.marked().is_some(), "nobody is listed")
        }
        Action::Undo => not_busy(model).and_then(|()| file().map(|_| ())),
        Action::Fix => not_busy(model).and_then(|()| fixable(model)),
        Action::Export if numbers.part == Part::OptOuts && numbers.opened.is_none() => {
            may(numbers.opt_outs.total != Some(0), "nobody is opted out")
        }
        Action::Export => file().and_then(|file| may(file.report.rejected > 0, "every row of it could be used")),
        Action::Reveal => {
            let masked = may(model.facts.privacy, "privacy is off: numbers are whole already");
            let is_there = marked_phone(model).is_some() || marked_reject(model).is_some();
            masked.and_then(|()| may(is_there, "no row with a number is marked"))
        }
        Action::Plain | Action::Pause | Action::Resume | Action::Cancel | Action::FollowUp | Action::Decide => {
            Err("that is for broadcasts".to_owned())
        }
        _ => return None,
    })
}

fn not_busy(model: &Model) -> Result<(), String> {
    model.numbers.under_way.as_ref().map_or(Ok(()), |busy| Err(format!("something is being done: {}", busy.words)))
}

fn fixable(model: &Model) -> Result<(), String> {
    let Some(Opened::File(file)) = &model.numbers.opened else { return Err("no cause is marked".to_owned()) };
    let cause = file.marked().ok_or("no cause is marked")?;
    if cause.open == 0 {
        return Err("all of these rows are put right".to_owned());
    }
    if cause.remedy.fixes.is_empty() {
        return Err("that would be guessing; what to do stands below".to_owned());
    }
    Ok(())
}

/// Does what a key asks for; `None`: it is none of this screen's.
pub(super) fn act(model: &mut Model, action: Action) -> Option<Vec<Request>> {
    if model.screen != Screen::Numbers {
        return None;
    }
    Some(match action {
        Action::Accept => open(model),
        Action::Back => back(model),
        Action::Next | Action::Right => other_part(model, true),
        Action::Previous | Action::Left => other_part(model, false),
        Action::Undo if model.numbers.part == Part::OptOuts && model.numbers.opened.is_none() => undo_opt_out(model),
        Action::Undo => {
            let Some(id) = model.numbers.file(model.snapshot.as_deref()).map(|file| file.id) else {
                return Some(Vec::new());
            };
            model.say(Role::Plain, "Counting who would leave the list …");
            vec![Request::Numbers(Of::WouldLeave(id))]
        }
        Action::Fix => ask_how_to_fix(model),
        Action::Reveal => {
            let (upload, row) = marked_reject(model).map(|(file, row)| (file.upload.id, row.row))?;
            model.numbers.revealed_row = Some((upload, row, model.now.plus(screens::REVEALED_MS)));
            Vec::new()
        }
        Action::Add => {
            model.dialogs.push(Dialog::OptOut(Box::default()));
            Vec::new()
        }
        Action::Export => export(model),
        Action::LoadOptOuts => open_load_opt_outs(model),
        _ => return None,
    })
}

/// Opens what is marked.
fn open(model: &mut Model) -> Vec<Request> {
    let snapshot = model.snapshot.clone();
    match (&mut model.numbers.opened, model.numbers.part) {
        (Some(Opened::People(people)), _) => {
            let Some(phone) = people.pages.marked().map(|one| one.number.phone) else { return Vec::new() };
            open_person(model, &phone.to_string())
        }
        (Some(Opened::File(file)), _) if file.rows.is_none() => {
            file.rows = Some(Pages::default());
            reject_rows(model)
        }
        (Some(Opened::File(file)), _) => {
            let Some(row) = file.rows.as_ref().and_then(Pages::marked) else { return Vec::new() };
            let (privacy, mask) = (model.facts.privacy, model.look.glyphs.mask);
            let mut lines = vec![shown_cell(&why(&row.reason), privacy, mask), String::new()];
            lines.extend(shown_cells(row, privacy, mask).into_iter().map(|(name, cell)| format!("{name}: {cell}")));
            let word = row_word(&file.upload.source);
            let note = Note { title: format!("All cells of {word} {}", row.row), lines, scroll: 0 };
            model.dialogs.push(Dialog::Note(Box::new(note)));
            Vec::new()
        }
        (None, Part::Lists) => {
            let Some(list) = model.numbers.list(snapshot.as_deref()).map(|list| list.name.clone()) else {
                return Vec::new();
            };
            let opened = People {
                list,
                find: super::super::listing::Listing::default(),
                asked: Asked::default(),
                pages: Pages::default(),
                looked_at: 0,
            };
            model.numbers.opened = Some(Opened::People(Box::new(opened)));
            people(model)
        }
        (None, Part::Files) => {
            let Some(upload) = model.numbers.file(snapshot.as_deref()).cloned() else { return Vec::new() };
            open_file(model, upload)
        }
        (None, Part::OptOuts) => {
            let Some(person) = model.numbers.opt_outs.people.marked().cloned() else { return Vec::new() };
            match person.phone() {
                Some(phone) => open_person(model, &phone.to_string()),
                None => note_on_user(model, &person),
            }
        }
    }
}

/// Somebody of whom only WhatsApp's user id is known.
fn note_on_user(model: &mut Model, person: &OptedOut) -> Vec<Request> {
    let mut lines = vec!["Their phone number is not known: WhatsApp told only its own id of them.".to_owned()];
    for event in &person.standing {
        let words = told(event, model.facts.privacy, model.look.glyphs.mask);
        lines.push(format!("{}: {words}", model.facts.zone.at(event.change.at, model.now)));
    }
    let note = Note { title: person.person.clone(), lines, scroll: 0 };
    model.dialogs.push(Dialog::Note(Box::new(note)));
    Vec::new()
}

/// Shows what became of a file, from any screen.
pub(in crate::console) fn open_file(model: &mut Model, upload: UploadSummary) -> Vec<Request> {
    let id = upload.id;
    model.screen = Screen::Numbers;
    model.numbers.part = Part::Files;
    model.numbers.opened = Some(Opened::File(Box::new(File::new(upload))));
    vec![Request::Uploads, Request::Numbers(Of::Rejects(id))]
}

/// Marks a file and its list, wherever they are listed; whoever came to the file from elsewhere finds it so.
fn mark_file(model: &mut Model, upload: &UploadSummary) {
    keep_marked(model, Some(&upload.list));
    let shown = model.numbers.shown_files(model.snapshot.as_deref());
    if let Some(place) = shown.iter().position(|one| one.id == upload.id) {
        model.numbers.files.cursor = place;
    }
}

/// Shows everything about somebody, from any screen.
pub(in crate::console) fn open_person(model: &mut Model, number: &str) -> Vec<Request> {
    let (sheet, requests) = Sheet::person(number);
    model.dialogs.push(Dialog::Sheet(Box::new(sheet)));
    requests
}

/// Up one level.
fn back(model: &mut Model) -> Vec<Request> {
    match &mut model.numbers.opened {
        Some(Opened::File(file)) if file.rows.is_some() => file.rows = None,
        Some(Opened::File(file)) => {
            let upload = file.upload.clone();
            model.numbers.opened = None;
            mark_file(model, &upload);
        }
        Some(Opened::People(_)) => model.numbers.opened = None,
        None => model.numbers.part = Part::Lists,
    }
    look(model)
}

fn other_part(model: &mut Model, forward: bool) -> Vec<Request> {
    if model.numbers.opened.is_some() {
        return Vec::new();
    }
    model.numbers.part = model.numbers.part.beside(forward);
    look(model)
}

/// Moves the cursor of what has the keys.
pub(super) fn go(model: &mut Model, action: Action) -> Vec<Request> {
    let page = model.page();
    let snapshot = model.snapshot.clone();
    let numbers = &mut model.numbers;
    match (&mut numbers.opened, numbers.part) {
        (Some(Opened::People(opened)), _) => {
            if opened.pages.go(action, page, |one| one.place) {
                opened.looked_at = 0;
                return people(model);
            }
        }
        (Some(Opened::File(file)), _) => {
            if let Some(rows) = &mut file.rows {
                return if rows.go(action, page, |row| row.row) { reject_rows(model) } else { Vec::new() };
            }
            let length = file.rejects.get().map_or(0, |rejects| rejects.page.causes.len());
            file.cause = moved(file.cause, action, page, length);
        }
        (None, Part::Lists) => {
            let length = numbers.shown_lists(snapshot.as_deref()).len();
            numbers.lists.go(action, page, length);
            numbers.files.cursor = 0;
            numbers.to_mark = None;
        }
        (None, Part::Files) => {
            let length = numbers.shown_files(snapshot.as_deref()).len();
            numbers.files.go(action, page, length);
            numbers.to_mark = None;
        }
        (None, Part::OptOuts) => {
            if numbers.opt_outs.people.go(action, page, |one| one.person.clone()) {
                return vec![opt_outs(model)];
            }
        }
    }
    Vec::new()
}

/// A row was clicked: it is marked, or opened when it was marked already.
pub(super) fn click(model: &mut Model, row: usize) -> Vec<Request> {
    let numbers = &mut model.numbers;
    let cursor = match (&mut numbers.opened, numbers.part) {
        (Some(Opened::People(people)), _) => &mut people.pages.cursor,
        (Some(Opened::File(file)), _) => match &mut file.rows {
            Some(rows) => &mut rows.cursor,
            None => &mut file.cause,
        },
        (None, Part::Lists) => &mut numbers.lists.cursor,
        (None, Part::Files) => &mut numbers.files.cursor,
        (None, Part::OptOuts) => &mut numbers.opt_outs.people.cursor,
    };
    if *cursor == row {
        return screens::act_on_screen(model, Action::Accept);
    }
    *cursor = row;
    if model.numbers.part == Part::Lists && model.numbers.opened.is_none() {
        model.numbers.files.cursor = 0;
    }
    Vec::new()
}

/// How many orders the list has that has the keys.
pub(super) fn orders(model: &Model) -> usize {
    match (&model.numbers.opened, model.numbers.part) {
        (None, Part::Lists) => LIST_ORDERS.len(),
        (None, Part::Files) => FILE_ORDERS.len(),
        _ => 1,
    }
}

/// The field that `/` opened is left: what was typed is looked for.
pub(super) fn find(model: &mut Model) -> Vec<Request> {
    match (&mut model.numbers.opened, model.numbers.part) {
        (Some(Opened::People(opened)), _) => {
            let asked = Asked::from(opened.find.filter.trimmed());
            if asked == opened.asked {
                return Vec::new();
            }
            opened.asked = asked;
            opened.pages = Pages::default();
            opened.looked_at = 0;
            people(model)
        }
        (None, Part::OptOuts) => {
            let shown = &mut model.numbers.opt_outs;
            let asked = Asked::from(shown.find.filter.trimmed());
            if asked == shown.asked {
                return Vec::new();
            }
            shown.asked = asked;
            shown.people = Pages::default();
            vec![opt_outs(model)]
        }
        (None, part @ (Part::Lists | Part::Files)) => {
            let of = &mut model.numbers;
            let filter = if part == Part::Lists { &mut of.lists.filter } else { &mut of.files.filter };
            let typed = filter.trimmed().to_owned();
            if !looks_like_a_number(&typed) {
                return Vec::new();
            }
            // A whole number is somebody, not a list or a file.
            filter.set("");
            open_person(model, &typed)
        }
        _ => Vec::new(),
    }
}

/// The phone of the marked row.
pub(super) fn marked_phone(model: &Model) -> Option<Phone> {
    match (&model.numbers.opened, model.numbers.part) {
        (Some(Opened::People(people)), _) => people.pages.marked().map(|one| one.number.phone),
        (None, Part::OptOuts) => model.numbers.opt_outs.people.marked().and_then(OptedOut::phone),
        _ => None,
    }
}

/// The marked row that cannot be used, and its file.
fn marked_reject(model: &Model) -> Option<(&File, &KeptReject)> {
    match &model.numbers.opened {
        Some(Opened::File(file)) => file.marked_row().map(|row| (&**file, row)),
        _ => None,
    }
}

/// The marked row as one line of text, phones masked.
pub(super) fn marked_line(model: &Model) -> Option<String> {
    let numbers = &model.numbers;
    let snapshot = model.snapshot.as_deref();
    let masked = |phone| shown_phone(phone, model.facts.privacy, "*");
    match (&numbers.opened, numbers.part) {
        (Some(Opened::People(people)), _) => {
            people.pages.marked().map(|one| format!("{}\t{}\t{}", masked(one.number.phone), one.number.name, one.list))
        }
        (Some(Opened::File(file)), _) if file.rows.is_some() => file.marked_row().map(|row| {
            let cells = shown_cells(row, model.facts.privacy, "*").into_iter().map(|(_, cell)| cell);
            format!(
                "{} {}\t{}\t{}",
                row_word(&file.upload.source),
                row.row,
                row.cause,
                cells.collect::<Vec<_>>().join("\t")
            )
        }),
        (Some(Opened::File(file)), _) => file
            .marked()
            .map(|cause| format!("{}\t{}\t{}\t{}", file.upload.source, cause.cause, cause.open, cause.remedy.advice)),
        (None, Part::Lists) => {
            numbers.list(snapshot).map(|list| format!("{}\t{}", list.name, people_words(list.people)))
        }
        (None, Part::Files) => {
            numbers.file(snapshot).map(|file| format!("{}\t{}\t{}", file.source, file.list, sums(&file.report)))
        }
        (None, Part::OptOuts) => numbers.opt_outs.people.marked().map(|one| {
            let who = one.phone().map_or_else(|| one.person.clone(), masked);
            let ways: Vec<_> = one.kinds().iter().map(crate::domain::opt_out::Kind::label).collect();
            format!("{who}\t{}", ways.join(", "))
        }),
    }
}

fn ask_how_to_fix(model: &mut Model) -> Vec<Request> {
    let country = model.facts.default_country.clone();
    let (privacy, mask) = (model.facts.privacy, model.look.glyphs.mask);
    let Some(Opened::File(file)) = &model.numbers.opened else { return Vec::new() };
    let (Some(cause), Some(rejects)) = (file.marked(), file.rejects.get()) else { return Vec::new() };
    let example = rejects.examples.iter().flatten().find(|row| row.cause == cause.cause);
    let reason = example.map_or_else(String::new, |row| {
        format!(
            "For example {} {}, {}: {}",
            row_word(&file.upload.source),
            row.row,
            shown_phone_cell(&row.phone, privacy, mask),
            shown_cell(&why(&row.reason), privacy, mask)
        )
    });
    let fix = FixBox::new(file.upload.id, &cause.cause, reason, cause.open, cause.remedy.fixes, country.as_deref());
    model.dialogs.push(Dialog::Fix(Box::new(fix)));
    Vec::new()
}

/// How many leave the list is known: the question before a file is taken back.
fn ask_to_undo(model: &mut Model, upload: &UploadSummary, people: u64) {
    let leave = match people {
        0 => format!("Nobody leaves the list {}: other files of it have them all.", upload.list),
        1 => format!("1 person leaves the list {}; whoever another file of it has stays.", upload.list),
        many => format!("{} leave the list {}; whoever another file of it has stays.", people_words(many), upload.list),
    };
    let confirm = Confirm {
        title: format!("Take {} back?", name_of(upload)),
        text: format!(
            "{leave} The file is listed no more. Broadcasts that ran, or have their people already, keep theirs. To have it \
             again, load it again."
        ),
        keep: "keep it",
        act: "take it back",
        on_act: false,
        requests: vec![Request::Numbers(Of::Undo(upload.id))],
    };
    model.dialogs.push(Dialog::Confirm(Box::new(confirm)));
}

/// An answer was given that begins something long: it is shown until it is through.
pub(in crate::console) fn begun(model: &mut Model, requests: &[Request]) {
    let undone = requests.iter().find_map(|request| match request {
        Request::Numbers(Of::Undo(upload)) => Some(*upload),
        _ => None,
    });
    if let Some(upload) = undone {
        let name = source_of(model, upload);
        model.numbers.under_way = Some(UnderWay { words: format!("Taking {name} back"), since: model.now });
    }
}

fn source_of(model: &Model, upload: UploadId) -> String {
    let all = model.numbers.uploads.get().map_or(&[][..], Vec::as_slice);
    all.iter().find(|one| one.id == upload).map_or_else(|| "the file".to_owned(), |one| name_of(one).to_owned())
}

fn undo_opt_out(model: &mut Model) -> Vec<Request> {
    let Some(person) = model.numbers.opt_outs.people.marked().cloned() else { return Vec::new() };
    let name = person.phone().map_or_else(|| person.person.clone(), |phone| model.phone(phone));
    ask_to_undo_opt_out(model, &name, &Asked(person.person.clone()), &person.standing);
    Vec::new()
}

/// The question which of somebody's opt-outs is undone.
pub(in crate::console) fn ask_to_undo_opt_out(model: &mut Model, name: &str, person: &Asked, standing: &[Event]) {
    let undo = |kind| Choice::Do(Request::Numbers(Of::UndoOptOut { person: person.clone(), kind }));
    let mut choices = vec![("change nothing: they are not written to".to_owned(), Choice::Nothing)];
    for event in standing {
        let at = model.facts.zone.at(event.change.at, model.now);
        let words = format!("undo this: {}, {at}", told(event, model.facts.privacy, model.look.glyphs.mask));
        choices.push((words, undo(Some(event.change.kind))));
    }
    if standing.len() > 1 {
        choices.push(("undo all of them".to_owned(), undo(None)));
    }
    let text =
        "Only when they said so themselves: they asked not to be written to. It goes on the record with your name, \
                and what is on record stays there."
            .to_owned();
    let choose = Choose { title: format!("Write to {name} again?"), text, cursor: 0, choices };
    model.dialogs.push(Dialog::Choose(Box::new(choose)));
}

fn export(model: &mut Model) -> Vec<Request> {
    let stamp =
        model.now.timestamp().to_zoned(model.facts.zone.time_zone().clone()).strftime("%Y%m%d-%H%M%S").to_string();
    let (what, name) = if model.numbers.part == Part::OptOuts && model.numbers.opened.is_none() {
        (NumbersFile::OptOuts, "opt-outs".to_owned())
    } else {
        let Some(file) = model.numbers.file(model.snapshot.as_deref()) else { return Vec::new() };
        let safe = name_of(file).chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' });
        (NumbersFile::Rejects(file.id), format!("{}-rejects", safe.take(40).collect::<String>()))
    };
    let path = model.facts.out_folder.join(format!("{name}-{stamp}.csv"));
    model.say(Role::Plain, format!("Writing {} …", path.display()));
    vec![Request::Numbers(Of::Export(what, path))]
}

fn open_load_opt_outs(model: &mut Model) -> Vec<Request> {
    if matches!(model.import, Some(Import::Running { .. })) {
        model.dialogs.push(Dialog::Load(Box::new(LoadFile::watch(&model.facts.in_folder))));
        return Vec::new();
    }
    let (mut load, requests) = LoadFile::open(&model.facts.in_folder, model.facts.default_country.as_deref());
    load.what = What::OptOuts;
    model.dialogs.push(Dialog::Load(Box::new(load)));
    requests
}

/// What is under way, in words, with how long.
pub(in crate::console) fn under_way(model: &Model) -> Option<String> {
    let busy = model.numbers.under_way.as_ref()?;
    Some(format!("{} …, for {}", busy.words, words::lasting(model.now.since(busy.since))))
}
