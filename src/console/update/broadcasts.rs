//! What keys do to broadcasts: commands, opening one, its people, doubts, follow-ups, exports.

use super::super::actions::Action;
use super::super::broadcasts::{Opened, Part};
use super::super::dialog::{Choice, Choose, Confirm, CountBox, Dialog, Then};
use super::super::look::Role;
use super::super::message::Request;
use super::super::model::{Model, Screen};
use super::super::sheet::Sheet;
use super::super::text::people as people_words;
use super::super::words;
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::service::doubts::DoubtWord;
use crate::service::view::BroadcastView;

/// Asks for what the screen shows now.
pub(super) fn look(model: &Model) -> Vec<Request> {
    match &model.broadcasts.opened {
        None => vec![Request::Broadcasts],
        Some(opened) if opened.part == Part::Figures => vec![Request::Broadcast(opened.id.clone())],
        Some(opened) => {
            let mut requests = vec![Request::Broadcast(opened.id.clone())];
            requests.extend(people(model));
            requests
        }
    }
}

/// Asks for the page of people that is shown.
pub(super) fn people(model: &Model) -> Vec<Request> {
    let Some(opened) = &model.broadcasts.opened else { return Vec::new() };
    vec![Request::Recipients { id: opened.id.clone(), state: opened.state, after: opened.people.after() }]
}

/// Opens a broadcast, from any screen.
pub(in crate::console) fn open(model: &mut Model, id: BroadcastId) -> Vec<Request> {
    let mut opened = Opened::new(id);
    let known = model.snapshot.as_ref().and_then(|snapshot| {
        snapshot.open.iter().chain(&snapshot.ended).find(|view| view.broadcast.id == opened.id).cloned()
    });
    let listed = || model.broadcasts.all.get()?.iter().find(|view| view.broadcast.id == opened.id).cloned();
    if let Some(view) = known.or_else(listed) {
        opened.view = super::super::model::Load::Here(view);
    }
    model.broadcasts.opened = Some(opened);
    model.screen = Screen::Broadcasts;
    look(model)
}

/// Opens what is marked: a broadcast, the people of a cause, a person's history.
pub(super) fn open_marked(model: &mut Model) -> Vec<Request> {
    let Some(opened) = &mut model.broadcasts.opened else {
        let Some(id) = model.selected().map(|view| view.broadcast.id.clone()) else { return Vec::new() };
        return open(model, id);
    };
    if opened.part == Part::Figures {
        opened.list_people(Some(RecipientState::Failed));
        return people(model);
    }
    let Some(seq) = opened.people.marked().map(|row| row.seq) else { return Vec::new() };
    let (sheet, requests) = Sheet::recipient(opened.id.clone(), seq);
    model.dialogs.push(Dialog::Sheet(Box::new(sheet)));
    requests
}

/// Up one level.
pub(super) fn back(model: &mut Model) -> Vec<Request> {
    match &mut model.broadcasts.opened {
        Some(opened) if opened.part == Part::People => opened.part = Part::Figures,
        _ => model.broadcasts.opened = None,
    }
    look(model)
}

/// Figures or people.
pub(super) fn other_part(model: &mut Model) -> Vec<Request> {
    let Some(opened) = &mut model.broadcasts.opened else { return Vec::new() };
    match opened.part {
        Part::Figures => opened.list_people(opened.state),
        Part::People => opened.part = Part::Figures,
    }
    look(model)
}

/// The people of the next state, or of the one before; before the first of them lies how the broadcast stands.
pub(super) fn other_state(model: &mut Model, action: Action) -> Vec<Request> {
    let Some(opened) = &mut model.broadcasts.opened else { return Vec::new() };
    let states = opened.states();
    let at = states.iter().position(|state| *state == opened.state).unwrap_or(0);
    let next = if action == Action::Right { Some(at + 1) } else { at.checked_sub(1) };
    let Some(next) = next else { return back(model) };
    if let Some(state) = states.get(next) {
        opened.list_people(*state);
        return people(model);
    }
    model.say_of_the_key("This is the last state: to the left are the others, Tab shows how it stands.");
    Vec::new()
}

/// Whether rows of the list are marked, so that a command is about those.
pub(super) fn has_marks(model: &Model) -> bool {
    let listed = model.screen == Screen::Broadcasts && model.broadcasts.opened.is_none();
    listed && !model.broadcasts.list.marks.is_empty()
}

/// The broadcasts that a command is about, of those marked in the list, else the selected one: those that it can be done to.
pub(super) fn targets(model: &Model, action: Action) -> impl Iterator<Item = &BroadcastView> {
    let marks = Some(&model.broadcasts.list.marks).filter(|_| has_marks(model));
    let all = model.broadcasts.all.get().map_or(&[][..], Vec::as_slice);
    let marked = all.iter().filter(move |view| marks.is_some_and(|marks| marks.contains(view.broadcast.id.as_str())));
    let fits = move |view: &&BroadcastView| match action {
        Action::Pause => !view.broadcast.status.is_final() && view.broadcast.status != BroadcastStatus::Paused,
        Action::Resume => view.broadcast.status == BroadcastStatus::Paused,
        _ => !view.broadcast.status.is_final(),
    };
    marked.chain(model.selected().filter(|_| marks.is_none())).filter(fits)
}

/// Pause, resume, or the question before cancelling.
pub(super) fn command(model: &mut Model, action: Action) -> Vec<Request> {
    let (names, ids): (Vec<String>, Vec<BroadcastId>) =
        targets(model, action).map(|view| (words::name_of(view), view.broadcast.id.clone())).unzip();
    let name = match names.as_slice() {
        [] => return Vec::new(),
        [one] => one.clone(),
        many => format!("{} broadcasts", many.len()),
    };
    if action == Action::Cancel {
        ask_to_cancel(model, &name, ids);
        return Vec::new();
    }
    model.broadcasts.list.marks.clear();
    if action == Action::Pause {
        model.say(Role::Plain, format!("Pausing {name} …"));
        return ids.into_iter().map(Request::Pause).collect();
    }
    model.say(Role::Plain, format!("Letting {name} go on …"));
    ids.into_iter().map(Request::Resume).collect()
}

/// The question before broadcasts are ended for good.
fn ask_to_cancel(model: &mut Model, name: &str, ids: Vec<BroadcastId>) {
    let without: u64 = targets(model, Action::Cancel).map(words::would_not_get_it).sum();
    let confirm = Confirm {
        title: format!("Cancel {name}?"),
        text: cancel_words(without),
        keep: "keep it",
        act: "cancel it for good",
        on_act: false,
        requests: ids.into_iter().map(Request::Cancel).collect(),
    };
    model.dialogs.push(Dialog::Confirm(Box::new(confirm)));
}

fn cancel_words(how_many: u64) -> String {
    format!(
        "{} will not get it. Who has it keeps it. A cancelled broadcast cannot go on again; pausing (p) keeps that open.",
        people_words(how_many)
    )
}

/// A newer picture is there: the question before one broadcast is ended counts anew, as the card does.
pub(super) fn count_anew(model: &mut Model) {
    let Model { dialogs, snapshot: Some(snapshot), .. } = model else { return };
    for dialog in dialogs {
        if let Dialog::Confirm(confirm) = dialog
            && let [Request::Cancel(id)] = confirm.requests.as_slice()
            && let Some(view) = snapshot.open.iter().find(|view| view.broadcast.id == *id)
        {
            confirm.text = cancel_words(words::would_not_get_it(view));
        }
    }
}

/// The people that are marked; none: all.
fn marked(model: &Model) -> Vec<u32> {
    model.broadcasts.opened.as_ref().map_or_else(Vec::new, |opened| opened.marks.iter().copied().collect())
}

/// The question what becomes of people in doubt.
pub(super) fn ask_what_becomes_of_doubts(model: &mut Model) -> Vec<Request> {
    let Some(view) = model.selected() else { return Vec::new() };
    let marks = marked(model);
    let people = if marks.is_empty() { view.counts.get(RecipientState::InDoubt) } else { marks.len() as u64 };
    let only = if marks.is_empty() { None } else { Some(marks) };
    let (id, name, ended) = (view.broadcast.id.clone(), words::name_of(view), view.broadcast.status.is_final());
    let decide = |word| Request::Decide { id: id.clone(), word, only: only.clone(), people };
    let again = CountBox {
        title: format!("Send again to {}?", people_words(people)),
        text: format!(
            "Whoever did get it gets it twice.{} This goes on the record with your name.",
            if ended { " It has ended, so a follow-up sends it." } else { "" }
        ),
        people,
        field: CountBox::field(),
        request: decide(DoubtWord::SendAgain),
    };
    let choose = Choose {
        title: format!("{name}: {} may or may not have it", people_words(people)),
        text: "No answer came back for them, so nobody can know. Receipts settle most of them by themselves; \
               nobody is sent to again unless you say so. What you decide goes on the record with your name."
            .to_owned(),
        cursor: 0,
        choices: vec![
            ("leave them: a late receipt may still settle them".to_owned(), Choice::Nothing),
            ("count them as sent: you know that they have it".to_owned(), Choice::Ask(decide(DoubtWord::CountAsSent))),
            ("give up: they count as failed, and get nothing".to_owned(), Choice::Ask(decide(DoubtWord::GiveUp))),
            ("send again: some of them may get it twice".to_owned(), Choice::Count(Box::new(again))),
        ],
    };
    model.dialogs.push(Dialog::Choose(Box::new(choose)));
    Vec::new()
}

/// The question how a broadcast's people are written to a file.
pub(super) fn ask_how_to_export(model: &mut Model) -> Vec<Request> {
    let Some(view) = model.selected() else { return Vec::new() };
    let (id, name) = (view.broadcast.id.clone(), words::name_of(view));
    let stamp =
        model.now.timestamp().to_zoned(model.facts.zone.time_zone().clone()).strftime("%Y%m%d-%H%M%S").to_string();
    let safe: String =
        name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).take(40).collect();
    let path = |kind: &str| model.facts.out_folder.join(format!("{safe}-{id}-{kind}{stamp}.csv"));
    let export = |masked, kind| Choice::Do(Request::Export { id: id.clone(), masked, path: path(kind) });
    let text = format!(
        "Everybody of it with state, tries, cause and times, as a CSV in {}.",
        model.facts.out_folder.display()
    );
    let choices = vec![
        ("phone numbers masked".to_owned(), export(true, "masked-")),
        ("whole phone numbers: keep the file to yourself".to_owned(), export(false, "")),
    ];
    let choose = Choose { title: format!("Export {name}"), text, cursor: 0, choices };
    model.dialogs.push(Dialog::Choose(Box::new(choose)));
    Vec::new()
}

/// What a choice leads to.
pub(in crate::console) fn chosen(model: &mut Model, title: &str, choice: Choice) -> (Then, Vec<Request>) {
    match choice {
        Choice::Nothing => (Then::Close, Vec::new()),
        Choice::Do(request) => (Then::Close, vec![request]),
        Choice::Ask(request) => {
            let confirm = Confirm {
                title: title.to_owned(),
                text: "This cannot be undone; the record keeps who decided it.".to_owned(),
                keep: "change nothing",
                act: "do it",
                on_act: false,
                requests: vec![request],
            };
            model.dialogs.push(Dialog::Confirm(Box::new(confirm)));
            (Then::Close, Vec::new())
        }
        Choice::Count(count) => {
            model.dialogs.push(Dialog::Count(count));
            (Then::Close, Vec::new())
        }
    }
}
