//! The review: everything once more, under the word REAL or REHEARSAL, and the field for the count.

use super::canvas::{Canvas, columns, top};
use super::phone;
use crate::console::look::Role;
use crate::console::model::Model;
use crate::console::text::{behind, cells, pace, people, shown_phone, thousands};
use crate::console::wizard::{Review, Start, Wizard};
use crate::console::words;
use crate::domain::broadcast::{Number, OnBadRows, OnTemplatePause};
use crate::domain::template::Template;
use crate::service::times;
use crate::service::view::{Driver, Plan};
use ratatui::layout::Rect;

/// A line of the review.
type Line = (Role, String);

/// Draws the review.
pub fn render(model: &Model, wizard: &Wizard, canvas: &mut Canvas, area: Rect) {
    match &wizard.review {
        Review::Planning(looked_at, of) => {
            canvas.text(area, 0, Role::Strong, "Working out what it would do. Nothing is sent.");
            if *of > 0 {
                let bar = canvas.bar(usize::from(area.width.saturating_sub(30)).min(50), *looked_at, *of);
                let words = format!(" {} of {}", thousands(*looked_at), people(*of));
                canvas.pieces(area, 2, &[(Role::Good, &bar), (Role::Plain, &words)]);
            }
        }
        Review::Refused(error) => {
            canvas.text(area, 0, Role::Bad, "It cannot be sent like this:");
            canvas.paragraph(area, 2, Role::Plain, &error.message);
        }
        Review::Ready(plan) => ready(model, wizard, plan, canvas, area),
    }
}

fn ready(model: &Model, wizard: &Wizard, plan: &Plan, canvas: &mut Canvas, area: Rect) {
    let (body, bottom) = top(area, area.height.saturating_sub(2));
    let (facts, shown) = if area.width >= 100 {
        let [left, right] = columns(body, [3, 2]);
        (left, right)
    } else {
        (body, Rect { height: 0, ..body })
    };
    let message = message_lines(model, wizard, plan, if shown.height > 0 { shown.width } else { facts.width });
    let mut lines = fact_lines(model, wizard, plan, usize::from(facts.width));
    if shown.height > 0 {
        let inner = canvas.panel(shown, &person_title(model, wizard, plan, canvas.glyphs().mask), false);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
        for (row, (role, line)) in message.iter().enumerate() {
            canvas.text(inner, cells(row), *role, line);
        }
    } else {
        lines.push((Role::Plain, String::new()));
        lines.push((Role::Strong, person_title(model, wizard, plan, canvas.glyphs().mask)));
        lines.extend(message.into_iter().map(|(role, line)| (role, format!("  {line}"))));
    }
    let rows = usize::from(facts.height);
    let scroll = wizard.scroll.min(lines.len().saturating_sub(rows));
    let more = lines.len() > scroll + rows;
    // The last row is for the mark, when there is more.
    for (row, (role, line)) in lines.iter().skip(scroll).take(rows - usize::from(more && rows > 0)).enumerate() {
        canvas.text(facts, cells(row), *role, line);
    }
    if more {
        let what = if shown.height > 0 { "PgDn: more" } else { "PgDn: more, with the preview" };
        let [_, _, _, down] = canvas.glyphs().arrows;
        canvas.text(facts, facts.height.saturating_sub(1), Role::Key, &format!("{down} {what}"));
    }
    count_field(model, wizard, plan, canvas, bottom);
}

/// Under REAL or REHEARSAL and the sender's name: the count that starts it.
fn count_field(model: &Model, wizard: &Wizard, plan: &Plan, canvas: &mut Canvas, area: Rect) {
    let (mode, role) = if plan.rehearsal { (" REHEARSAL ", Role::Rehearsal) } else { (" REAL ", Role::Real) };
    let sender = plan.sender.as_ref().map_or_else(
        || model.snapshot.as_ref().map_or_else(String::new, |snapshot| snapshot.sender_id.clone()),
        |sender| format!("{} {}", sender.verified_name, sender.display_phone_number),
    );
    let means = if plan.rehearsal { "to the sandbox; nobody gets it" } else { "to people's phones; it costs money" };
    canvas.pieces(area, 0, &[(role, mode), (Role::Strong, &format!(" {sender} ")), (Role::Plain, means)]);
    if wizard.starting {
        canvas.text(area, 1, Role::Good, "Starting …");
        return;
    }
    if wizard.lacks_repeat() {
        canvas.pieces(
            area,
            1,
            &[
                (Role::Bad, "To send it again all the same, press "),
                (Role::Key, "Space"),
                (Role::Plain, "; then type the count."),
            ],
        );
        return;
    }
    if plan.goes_to() == 0 {
        canvas.text(area, 1, Role::Bad, "Nobody would get it like this: Esc goes back, to choose others.");
        return;
    }
    let what = match plan.request.start_at {
        None if wizard.start == Start::Now => "start",
        _ => "schedule",
    };
    let ask = format!("Type {} to {what} it", thousands(plan.goes_to()));
    canvas.field(area, 1, &ask, &wizard.count, true);
}

fn person_title(model: &Model, wizard: &Wizard, plan: &Plan, mask: &str) -> String {
    match plan.samples.get(wizard.sample) {
        Some(number) => {
            let who = shown_phone(number.phone, model.facts.privacy, mask);
            format!("Preview {} of {}: {} {who}", wizard.sample + 1, plan.samples.len(), number.name)
        }
        None => "Preview".to_owned(),
    }
}

fn message_lines(model: &Model, wizard: &Wizard, plan: &Plan, room: u16) -> Vec<Line> {
    let Some(template) = template_of(model, wizard) else { return Vec::new() };
    let values = wizard.values_for(plan.samples.get(wizard.sample));
    let mut lines = vec![(Role::Dim, "(with a real row of the list)".to_owned())];
    lines.extend(phone::lines(template, &values, room.saturating_sub(4)));
    lines
}

fn template_of<'a>(model: &'a Model, wizard: &'a Wizard) -> Option<&'a Template> {
    wizard.template.as_ref().or_else(|| model.templates.get().and_then(|synced| synced.templates.first()))
}

fn fact_lines(model: &Model, wizard: &Wizard, plan: &Plan, room: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |role: Role, name: &str, text: &str| {
        lines.extend(behind(name, 10, text, room).into_iter().map(|line| (role, line)));
    };
    // A repeat and missing receipts are among them.
    for warning in &plan.warnings {
        add(Role::Warn, "Careful", warning);
    }
    let list = plan.request.list.as_deref().map_or_else(|| "all lists".to_owned(), |list| format!("list {list}"));
    let left_out = plan.people - plan.goes_to();
    if left_out == 0 {
        add(Role::Strong, "Goes to", &format!("{}, everybody in {list}", people(plan.goes_to())));
    } else {
        add(
            Role::Strong,
            "Goes to",
            &format!("{} of the {} in {list}", people(plan.goes_to()), thousands(plan.people)),
        );
        let rules: Vec<_> = plan.left_out.iter().map(|(rule, count)| format!("{} {rule}", thousands(*count))).collect();
        let sum = if rules.len() > 1 { format!("{}: ", thousands(left_out)) } else { String::new() };
        add(Role::Plain, "Left out", &format!("{sum}{}", rules.join("; ")));
    }
    let who = |number: &Number| {
        let phone = shown_phone(number.phone, model.facts.privacy, model.look.glyphs.mask);
        format!("{} {phone}", number.name)
    };
    if plan.left_out.len() == 1 {
        // The reason stands above, once.
        let first: Vec<_> = plan.left_out_first.iter().take(2).map(|(number, _)| who(number)).collect();
        if !first.is_empty() {
            add(Role::Dim, "", &format!("such as {}", first.join(", ")));
        }
    } else {
        for (number, reason) in plan.left_out_first.iter().take(3) {
            add(Role::Dim, "", &format!("{}: {reason}", who(number)));
        }
    }
    let quality = words::quality(&plan.quality, model.look.glyphs);
    add(
        Role::Plain,
        "Template",
        &format!("{}, {}, quality {}", plan.template, plan.category.to_lowercase(), quality.1),
    );
    for (role, words) in starts(model, wizard, plan) {
        add(role, "Starts", &words);
    }
    add(Role::Plain, "Takes", &takes(model, plan));
    for (place, words) in words::cost(&plan.cost, room >= 100).into_iter().enumerate() {
        add(if place == 0 { Role::Strong } else { Role::Plain }, if place == 0 { "Costs" } else { "" }, &words);
    }
    for words in choices(plan) {
        add(Role::Plain, "If", words);
    }
    if let Some(budget) = plan.budget {
        let fits = plan.goes_to() <= budget.left();
        let left = format!("{} left of {} in 24 hours", thousands(budget.left()), people(budget.limit));
        let rest = if fits {
            String::new()
        } else {
            format!("; the other {} wait until there is room", thousands(plan.goes_to() - budget.left()))
        };
        add(if fits { Role::Plain } else { Role::Warn }, "Limit", &format!("{left}{rest}"));
    }
    if let Some(snapshot) = &model.snapshot {
        let sent_by = words::carried_by(&snapshot.driver, model.facts.ssh_without_multiplexer);
        let role = if snapshot.driver == Driver::Nobody { Role::Warn } else { Role::Plain };
        add(role, "Sent by", &sent_by);
    }
    lines
}

fn starts(model: &Model, wizard: &Wizard, plan: &Plan) -> Vec<Line> {
    let zone = model.facts.zone.name();
    if let Ok(Some(every)) = wizard.every(model) {
        let mut lines = vec![(
            Role::Plain,
            format!("{}, in {zone}; who gets it is fixed anew each time", every.words.trim_end_matches('.')),
        )];
        if let Some(first) = every.next.first() {
            lines.push((Role::Plain, format!("first {}", times::words(*first, &zone, model.now))));
        }
        return lines;
    }
    let words = plan
        .request
        .start_at
        .map_or_else(|| "as soon as you have typed the count".to_owned(), |at| times::words(at, &zone, model.now));
    vec![(Role::Plain, words)]
}

/// What was chosen for when something is not as it should be, as far as it is not what everybody has.
fn choices(plan: &Plan) -> Vec<&'static str> {
    let mut words = Vec::new();
    if plan.request.choices.on_bad_rows == OnBadRows::Refuse {
        words.push("values of anybody cannot be sent: nothing is sent to anybody");
    }
    if plan.request.choices.on_template_pause == OnTemplatePause::Wait {
        words.push("WhatsApp pauses the template: it is tried later, and goes on by itself");
    }
    words
}

fn takes(model: &Model, plan: &Plan) -> String {
    let speed = if plan.messages_per_second > 0.0 {
        format!("at {} a second", pace(plan.messages_per_second))
    } else {
        "as fast as the sandbox takes them".to_owned()
    };
    let Some(takes_ms) = plan.takes_ms else { return speed };
    let end = plan.request.start_at.unwrap_or(model.now).plus(takes_ms);
    format!("{} {speed}, done by {}", words::lasting(takes_ms), model.facts.zone.at(end, model.now))
}
