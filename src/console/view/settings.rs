//! Settings: how wacast is set, how account and token stand, where files lie.

use super::canvas::Canvas;
use crate::console::look::Role;
use crate::console::model::Model;
use crate::console::text::{cells, pace};
use crate::console::words;
use crate::service::token;
use ratatui::layout::Rect;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inner = canvas.panel(area, "Settings", true);
    let Some(snapshot) = &model.snapshot else {
        canvas.text(inner, 0, Role::Dim, " Asking the store …");
        return;
    };
    let token = snapshot.account.token.as_ref().map_or_else(
        || "not looked at yet".to_owned(),
        |standing| {
            format!("{}, looked at {}", token::words(standing, model.now), words::ago(standing.checked_at, model.now))
        },
    );
    let receipts = if snapshot.receipts.set_up {
        snapshot.receipts.last_at.map_or_else(
            || "set up; none has come yet".to_owned(),
            |at| format!("set up; the last one came {}", words::ago(at, model.now)),
        )
    } else {
        "not set up: delivered and read stay unknown".to_owned()
    };
    let limit = if model.facts.pace_limit > 0.0 {
        format!("{} a second at most", pace(model.facts.pace_limit))
    } else {
        "no limit".to_owned()
    };
    let rows = [
        ("Sender", words::sender_name(model)),
        ("Access token", token),
        ("Receipts", receipts),
        ("Pace", limit),
        ("Time zone", model.facts.zone.name()),
        (
            "Country",
            model
                .facts
                .default_country
                .clone()
                .unwrap_or_else(|| "none: numbers need a + and a country code".to_owned()),
        ),
        ("Numbers", if model.facts.privacy { "masked on screen (privacy)" } else { "whole on screen" }.to_owned()),
        ("Store", snapshot.store_place.clone()),
        ("HTTP", snapshot.http.clone()),
        ("Files to load", model.facts.in_folder.display().to_string()),
        ("Exports", model.facts.out_folder.display().to_string()),
        ("Sent by", words::carried_by(&snapshot.driver, model.facts.ssh_without_multiplexer)),
    ];
    for (row, (name, value)) in rows.iter().enumerate() {
        canvas.pieces(inner, cells(row), &[(Role::Dim, &format!(" {name:<14}")), (Role::Plain, value)]);
    }
}
