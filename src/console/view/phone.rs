//! A message as the phone would show it.

use super::canvas::Canvas;
use crate::console::look::Role;
use crate::console::text::{cells, width, wrap};
use crate::domain::message::preview;
use crate::domain::template::Template;
use ratatui::layout::Rect;

/// Lines of a message, each with its role, wrapped to a phone's width.
pub fn lines(template: &Template, values: &[String], room: u16) -> Vec<(Role, String)> {
    let room = usize::from(room.clamp(10, 46));
    let message = match preview(template, values) {
        Ok(message) => message,
        Err(problem) => return wrap(&problem.to_string(), room).into_iter().map(|line| (Role::Bad, line)).collect(),
    };
    let mut lines = Vec::new();
    let mut add = |role: Role, text: &str| lines.extend(wrap(text, room).into_iter().map(|line| (role, line)));
    if let Some(header) = message.header.filter(|header| !header.is_empty()) {
        add(Role::Strong, &header);
    }
    add(Role::Plain, &message.body);
    if let Some(footer) = &message.footer {
        add(Role::Dim, footer);
    }
    for button in &message.buttons {
        let target = if button.target.is_empty() { String::new() } else { format!(" ({})", button.target) };
        add(Role::Key, &format!("[ {} ]{target}", button.text));
    }
    lines
}

/// Draws a message in a bubble as wide as it needs. Returns the rows used.
pub fn render(canvas: &mut Canvas, area: Rect, title: &str, template: &Template, values: &[String]) -> u16 {
    let lines = lines(template, values, area.width.saturating_sub(4));
    let widest = lines.iter().map(|(_, line)| width(line)).max().unwrap_or(0).max(width(title) + 4);
    let bubble =
        Rect { width: cells(widest + 4).min(area.width), height: cells(lines.len() + 2).min(area.height), ..area };
    let inner = canvas.panel(bubble, title, false);
    let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
    for (row, (role, line)) in lines.iter().enumerate() {
        canvas.text(text, cells(row), *role, line);
    }
    bubble.height
}

/// Each slot by its own name: what a template says before anybody is chosen.
pub fn named_values(template: &Template) -> Vec<String> {
    template
        .slots()
        .map_or_else(|_| Vec::new(), |slots| slots.iter().map(|slot| format!("{{{{{}}}}}", slot.name)).collect())
}
