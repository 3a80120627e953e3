//! Follow-ups: to whom, who of them is better left alone, what it costs, and the typed count before it is made.

use super::super::dialog::{Choice, Choose, CountBox, Dialog, Note};
use super::super::look::Role;
use super::super::message::Request;
use super::super::model::Model;
use super::super::text::{people as people_words, thousands};
use super::super::words;
use crate::domain::broadcast::Pick;
use crate::domain::state::RecipientState;
use crate::service::error::ServiceError;
use crate::service::follow_up::{FollowUpRequest, Picked};
use crate::service::view::Cause;

/// How many causes of failures are named one by one.
const CAUSES: usize = 4;

/// The question to whom a follow-up goes.
pub(super) fn ask_whom(model: &mut Model) -> Vec<Request> {
    let Some(view) = model.selected() else { return Vec::new() };
    let (id, name) = (view.broadcast.id.clone(), words::name_of(view));
    let count = |state| view.counts.get(state);
    let follow_up = |pick, code| FollowUpRequest {
        label: format!("follow-up: {name}"),
        code,
        ..FollowUpRequest::new(id.clone(), pick)
    };
    let mut choices = vec![("nobody, leave it".to_owned(), Choice::Nothing)];
    let mut choice = |words: String, request| choices.push((words, Choice::Do(Request::Picked(request))));
    let failed = count(RecipientState::Failed);
    if failed > 0 {
        let words = "those whom WhatsApp held back for now: starts once they may be tried again";
        choice(words.to_owned(), follow_up(Pick::Retry, None));
        for cause in view.failures.iter().take(CAUSES) {
            let words = format!("the {} who failed for: {} ({})", thousands(cause.count), cause.title, cause.code);
            choice(words, follow_up(Pick::Failed, Some(cause.code)));
        }
        choice(format!("all {} who failed", thousands(failed)), follow_up(Pick::Failed, None));
    }
    let not_read = count(RecipientState::Accepted) + count(RecipientState::Sent) + count(RecipientState::Delivered);
    if not_read > 0 && words::receipts_known(model.snapshot.as_deref(), view) {
        let words =
            format!("the {} who have not read it, as far as is known: they get it a second time", thousands(not_read));
        choice(words, follow_up(Pick::NotRead, None));
    }
    let text =
        "It sends the same message once more, as a broadcast of its own, to some of the same people. Nothing is \
                sent before you have seen to how many, what it costs, and typed the count."
            .to_owned();
    let choose = Choose { title: format!("Follow up {name} with whom?"), text, cursor: 0, choices };
    model.dialogs.push(Dialog::Choose(Box::new(choose)));
    Vec::new()
}

/// Whom it would go to came: what is to be decided before the count is typed.
pub(super) fn picked(model: &mut Model, request: FollowUpRequest, picked: Result<Picked, ServiceError>) {
    let picked = match picked {
        Ok(picked) => picked,
        Err(error) => {
            model.say(Role::Bad, error.message);
            return;
        }
    };
    if picked.people == 0 {
        let note = nobody(model, &request);
        model.dialogs.push(Dialog::Note(Box::new(note)));
    } else if picked.not_again.is_empty() && picked.not_yet.is_empty() {
        let count = count_box(model, request, &picked);
        model.dialogs.push(Dialog::Count(Box::new(count)));
    } else {
        ask_whom_to_spare(model, request, &picked);
    }
}

/// Why nobody would get it, and what else there is.
fn nobody(model: &Model, request: &FollowUpRequest) -> Note {
    let mut lines = Vec::new();
    if request.pick == Pick::Retry {
        lines.push("WhatsApp has named no time for anybody of it to be tried again, so nobody is waited for.".into());
        if let Some(view) = model.selected().filter(|view| !view.failures.is_empty()) {
            lines.push(String::new());
            lines.push("Who failed, failed for this:".to_owned());
            for cause in view.failures.iter().take(CAUSES) {
                lines.push(format!("{} {} ({}). {}", thousands(cause.count), cause.title, cause.code, cause.advice));
            }
        }
    } else if !request.without.is_empty() {
        lines.push("Nobody is left when those are spared.".to_owned());
    } else {
        lines.push("Nobody is of that kind any more: late receipts have changed how they stand.".to_owned());
    }
    Note { title: "Nobody would get it".to_owned(), lines, scroll: 0 }
}

/// Some of them are better left alone, for good or for now: says why, and offers to spare them before anything else.
fn ask_whom_to_spare(model: &mut Model, request: FollowUpRequest, picked: &Picked) {
    let Picked { not_again, not_yet, .. } = picked;
    let never: u64 = not_again.iter().map(|cause| cause.count).sum();
    let later: u64 = not_yet.iter().map(|(cause, _)| cause.count).sum();
    let spared = never + later;
    let others = picked.people.saturating_sub(spared);
    let mut lines = Vec::new();
    if never > 0 {
        let who = whom(never, picked.people);
        lines.push(format!("{who}, trying again does not help, and may harm your number's quality:"));
        lines.extend(not_again.iter().take(CAUSES).map(|cause| format!("  {}", in_short(cause))));
    }
    if not_again.len() > CAUSES {
        let rest: u64 = not_again.iter().skip(CAUSES).map(|cause| cause.count).sum();
        lines.push(format!("  {} for other reasons", thousands(rest)));
    }
    if let Some(until) = not_yet.iter().map(|(_, until)| *until).max() {
        let (who, until) = (whom(later, picked.people), model.facts.zone.at(until, model.now));
        lines.push(format!("{who}, it is too soon: WhatsApp wants them left alone until {until}:"));
        lines.extend(not_yet.iter().take(CAUSES).map(|(cause, _)| format!("  {}", in_short(cause))));
    }
    let mut codes: Vec<i64> =
        not_again.iter().chain(not_yet.iter().map(|(cause, _)| cause)).map(|it| it.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let all = count_box(model, request.clone(), picked);
    let mut choices = vec![("send to nobody, leave it".to_owned(), Choice::Nothing)];
    if later > 0 {
        let wait = FollowUpRequest { pick: Pick::Retry, ..request.clone() };
        let words = format!("only the {} held back for now: starts once they may be tried again", thousands(later));
        choices.push((words, Choice::Do(Request::Picked(wait))));
    }
    if others > 0 {
        let spare = Choice::Do(Request::Picked(FollowUpRequest { without: codes, ..request }));
        choices.insert(0, (format!("leave those out: go on with the other {}", thousands(others)), spare));
    }
    let whom = if picked.people == 1 { "this person".to_owned() } else { format!("all {}", thousands(picked.people)) };
    choices.push((format!("send to {whom} anyway; what is delivered costs"), Choice::Count(Box::new(all))));
    let title = format!("{}: {} better left alone", people_words(picked.people), is_or_are(spared));
    let choose = Choose { title, text: lines.join("\n"), cursor: 0, choices };
    model.dialogs.push(Dialog::Choose(Box::new(choose)));
}

fn whom(count: u64, of: u64) -> String {
    match (count, of) {
        (1, 1) => "For this person".to_owned(),
        (count, of) if count == of => format!("For all {}", thousands(of)),
        (count, _) => format!("For {} of them", thousands(count)),
    }
}

fn is_or_are(count: u64) -> String {
    if count == 1 { "1 is".to_owned() } else { format!("{} are", thousands(count)) }
}

fn in_short(cause: &Cause) -> String {
    format!("{} {} ({})", thousands(cause.count), cause.title, cause.code)
}

/// The question that only the typed count answers: how many, who is left out, when, what it costs.
fn count_box(model: &Model, request: FollowUpRequest, picked: &Picked) -> CountBox {
    let goes_to = picked.goes_to();
    let mut lines = Vec::new();
    if let Some((_, sent)) = &picked.repeat_of {
        lines.push(format!("Careful: some of them had a follow-up already ({sent}); they get it again."));
    }
    lines.push(
        if request.pick == Pick::NotRead {
            "They have it already and get it a second time."
        } else {
            "They did not get it. The same message as before goes to them."
        }
        .to_owned(),
    );
    if goes_to < picked.people {
        let rules: Vec<_> =
            picked.left_out.iter().map(|(rule, count)| format!("{} {rule}", thousands(*count))).collect();
        let (left_out, all) = (thousands(picked.people - goes_to), thousands(picked.people));
        lines.push(format!("{left_out} of {all} are left out: {}.", rules.join(", ")));
    }
    // Sooner may get the account blocked, so that it is planned for then.
    let start_at = picked.due.filter(|due| *due > model.now);
    if let Some(at) = start_at {
        let (at, lasting) = (model.facts.zone.at(at, model.now), words::lasting(at.since(model.now)));
        lines.push(format!("WhatsApp wants them left alone until {at}: it starts then, in {lasting}."));
    }
    if let Some(cost) = words::cost(&picked.cost, false).into_iter().next() {
        lines.push(format!("Costs {cost}."));
    }
    let expect = Some(picked.people);
    let repeat = request.repeat || picked.repeat_of.is_some();
    CountBox {
        title: format!("Send to {} once more?", people_words(goes_to)),
        text: lines.join("\n"),
        people: goes_to,
        field: CountBox::field(),
        request: Request::FollowUp(FollowUpRequest { start_at, expect, repeat, ..request }),
    }
}
