//! Messages a second as bars, with the limit as a line.

use super::canvas::{Canvas, scaled};
use crate::console::look::Role;
use crate::console::text::{pace, thousands};
use crate::service::view::EngineStatus;
use ratatui::layout::Rect;

/// Draws the last seconds, the newest at the right.
pub fn render(canvas: &mut Canvas, area: Rect, engine: &EngineStatus) {
    let now = whole_seconds(engine).last().copied().unwrap_or(0);
    let limit = if engine.pace > 0.0 { format!(", limit {}", pace(engine.pace)) } else { String::new() };
    let inner = canvas.panel(area, &format!("Sent a second: {now}{limit}"), false);
    if inner.height < 3 || inner.width < 8 {
        return;
    }
    let bars = Rect { height: inner.height - 1, ..inner };
    draw_bars(canvas, bars, engine);
    let words = if engine.answer_ms_p99 == 0 {
        "no answers just now".to_owned()
    } else {
        let (half, most) = (thousands(engine.answer_ms_p50), thousands(engine.answer_ms_p99));
        format!("answers: half in {half} ms, 99 % in {most} ms")
    };
    canvas.text(inner, inner.height - 1, Role::Dim, &words);
}

fn draw_bars(canvas: &mut Canvas, area: Rect, engine: &EngineStatus) {
    let glyphs = canvas.glyphs();
    let seconds = whole_seconds(engine);
    let shown = &seconds[seconds.len().saturating_sub(usize::from(area.width))..];
    let limit = limit_of(engine);
    let most = shown.iter().copied().max().unwrap_or(0).max(limit).max(1);
    let steps = usize::from(area.height) * 8;
    let limit_row = (limit > 0).then(|| {
        let height = scaled(steps, u64::from(limit), u64::from(most)).saturating_sub(1) / 8;
        area.height - 1 - u16::try_from(height).unwrap_or(0).min(area.height - 1)
    });
    if let Some(row) = limit_row {
        canvas.text(area, row, Role::Dim, &glyphs.limit.repeat(usize::from(area.width)));
    }
    let first = area.width - crate::console::text::cells(shown.len());
    for (place, count) in shown.iter().enumerate() {
        let height = scaled(steps, u64::from(*count), u64::from(most)).max(usize::from(*count > 0));
        for row in 0..area.height {
            let below = usize::from(area.height - 1 - row) * 8;
            let filled = height.saturating_sub(below).min(8);
            if filled > 0 {
                let column = first + crate::console::text::cells(place);
                canvas.put(area, row, column, Role::Good, glyphs.heights[filled - 1]);
            }
        }
    }
}

/// The seconds that are over: the newest entry is still being counted.
fn whole_seconds(engine: &EngineStatus) -> &[u32] {
    engine.written_per_second.split_last().map_or(&[], |(_, over)| over)
}

/// The pace in whole messages, for the line.
fn limit_of(engine: &EngineStatus) -> u32 {
    let text = format!("{:.0}", engine.pace.clamp(0.0, 100_000.0).ceil());
    text.parse().unwrap_or(0)
}
