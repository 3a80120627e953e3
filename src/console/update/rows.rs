//! Lists: the cursor, the filter, the order, the marks, a click on a row.

use super::super::actions::Action;
use super::super::broadcasts::{ORDERS, Part};
use super::super::listing::moved;
use super::super::message::Request;
use super::super::model::{Model, Screen, TEMPLATE_ORDERS};
use super::numbers;
use super::screens::act_on_screen;

/// How many rows the list has that the cursor moves in.
fn length(model: &Model) -> usize {
    match model.screen {
        Screen::Live => model.on_live().count(),
        Screen::Broadcasts => match &model.broadcasts.opened {
            None => model.broadcasts.shown().len(),
            Some(opened) => opened.view.get().map_or(0, |view| view.failures.len()),
        },
        Screen::Templates => model.shown_templates().len(),
        Screen::Schedule => model.coming().len(),
        Screen::Problems => model.snapshot.as_ref().map_or(0, |snapshot| snapshot.problems.len()),
        Screen::Log if model.events.shown => model.events.listed().len(),
        Screen::Log => model.log_rows().len(),
        // Numbers moves its cursors itself.
        Screen::Numbers => 0,
        Screen::Settings => super::super::settings_list::rows(model).len(),
    }
}

/// The cursor of the list that has the keys.
fn cursor(model: &mut Model) -> Option<&mut usize> {
    Some(match model.screen {
        Screen::Live => &mut model.live_cursor,
        Screen::Broadcasts => match &mut model.broadcasts.opened {
            None => &mut model.broadcasts.list.cursor,
            Some(opened) => &mut opened.cause,
        },
        Screen::Templates => &mut model.templates_list.cursor,
        Screen::Schedule => &mut model.schedule_list.cursor,
        Screen::Problems => &mut model.problems_list.cursor,
        Screen::Log if model.events.shown => &mut model.events.list.cursor,
        Screen::Log => &mut model.log_list.cursor,
        Screen::Numbers => return None,
        Screen::Settings => &mut model.listing_mut()?.cursor,
    })
}

/// Moves the cursor of the list that has the keys.
pub(super) fn go(model: &mut Model, action: Action) -> Vec<Request> {
    if model.screen == Screen::Numbers {
        return numbers::go(model, action);
    }
    let page = model.page();
    if let Some(opened) = &mut model.broadcasts.opened
        && model.screen == Screen::Broadcasts
        && opened.part == Part::People
    {
        return if opened.people.go(action, page, |row| row.seq) {
            super::broadcasts::people(model)
        } else {
            Vec::new()
        };
    }
    let length = length(model);
    if let Some(cursor) = cursor(model) {
        *cursor = moved((*cursor).min(length.saturating_sub(1)), action, page, length);
    }
    Vec::new()
}

/// A row was clicked: it is marked, or opened when it was marked already.
pub(super) fn click(model: &mut Model, row: usize) -> Vec<Request> {
    if let Some(dialog) = model.dialogs.last_mut() {
        dialog.click(row);
        return Vec::new();
    }
    if model.screen == Screen::Numbers {
        return numbers::click(model, row);
    }
    if let Some(opened) = &mut model.broadcasts.opened
        && model.screen == Screen::Broadcasts
        && opened.part == Part::People
    {
        if opened.people.cursor == row {
            return act_on_screen(model, Action::Accept);
        }
        opened.people.cursor = row;
        return Vec::new();
    }
    let length = length(model);
    let Some(cursor) = cursor(model).filter(|_| row < length) else { return Vec::new() };
    if *cursor == row {
        let opens = super::actions::heard_in(model.place()).any(|entry| entry.action == Action::Accept);
        return if opens { act_on_screen(model, Action::Accept) } else { Vec::new() };
    }
    *cursor = row;
    Vec::new()
}

/// The keys of a filter that is being typed.
pub(super) fn act_on_filter(model: &mut Model, action: Action) -> Vec<Request> {
    if let Some(list) = model.listing_mut() {
        list.typing = false;
        if action == Action::Back {
            list.filter.set("");
            list.cursor = 0;
        }
    }
    if model.screen == Screen::Numbers { numbers::find(model) } else { Vec::new() }
}

/// Filter, order and marks of the list that has the keys.
pub(super) fn arrange(model: &mut Model, action: Action) {
    let orders = match model.screen {
        Screen::Broadcasts => ORDERS.len(),
        Screen::Templates => TEMPLATE_ORDERS.len(),
        Screen::Numbers => numbers::orders(model),
        _ => 1,
    };
    if model.screen == Screen::Log && model.events.shown && action == Action::Sort {
        model.events.next_level();
        return;
    }
    if model.screen == Screen::Log && action == Action::Sort {
        model.log_failures = !model.log_failures;
        model.log_list.cursor = 0;
        return;
    }
    if action == Action::Mark {
        mark(model);
        return;
    }
    let Some(list) = model.listing_mut() else { return };
    match action {
        Action::Filter => list.typing = true,
        Action::Sort => list.next_order(orders),
        Action::Reverse => {
            list.reversed = !list.reversed;
            list.cursor = 0;
        }
        _ => {}
    }
}

fn mark(model: &mut Model) {
    if let Some(opened) = &mut model.broadcasts.opened {
        let Some(seq) = opened.people.marked().map(|row| row.seq) else { return };
        if !opened.marks.remove(&seq) {
            opened.marks.insert(seq);
        }
        opened.people.cursor += 1;
        let length = opened.people.rows.get().map_or(0, Vec::len);
        opened.people.cursor = opened.people.cursor.min(length.saturating_sub(1));
        return;
    }
    let Some(id) = model.selected().map(|view| view.broadcast.id.to_string()) else { return };
    let length = length(model);
    model.broadcasts.list.mark(&id, length);
}
