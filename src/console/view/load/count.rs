//! What stands about all rows of a file, above its first ones.

use crate::console::load::{Count, Counted, What};
use crate::console::look::Role;
use crate::console::numbers::cause_name;
use crate::console::text::{counted, thousands};
use crate::console::view::canvas::Canvas;
use ratatui::layout::Rect;

/// Causes that are named; the rest are one figure.
const CAUSES: usize = 3;

/// Draws it and returns the row below.
pub(super) fn render(count: &Count, what: What, canvas: &mut Canvas, area: Rect, mut row: u16) -> u16 {
    for (role, words) in lines(&count.counted, what) {
        row = canvas.paragraph(area, row, role, &words);
    }
    row
}

fn lines(count: &Counted, what: What) -> Vec<(Role, String)> {
    let all = match count {
        Counted::SoFar(0) => return vec![(Role::Dim, "Counting all rows … Enter need not wait for it.".to_owned())],
        Counted::SoFar(rows) => {
            let words = format!("Counting all rows … {} so far. Enter need not wait for it.", thousands(*rows));
            return vec![(Role::Dim, words)];
        }
        Counted::Broken { problem, received } => {
            let next = match what {
                What::Numbers => "Loaded like this, nothing of it is kept.",
                What::OptOuts => "Loaded like this, only those before it are noted.",
            };
            let words = format!("It cannot be read to its end, after {}: {problem}. {next}", counted(*received, "row"));
            return vec![(Role::Bad, words)];
        }
        Counted::All(all) => all,
    };
    let sums = format!(
        "{} in all: {} can be used, {} rejected",
        counted(all.received, "row"),
        thousands(all.usable),
        thousands(all.rejected)
    );
    let mut lines = vec![(Role::Strong, sums)];
    if all.rejected > 0 {
        let mut causes: Vec<String> = all
            .causes
            .iter()
            .take(CAUSES)
            .map(|(cause, rows)| format!("{} {}", thousands(*rows), cause_name(cause)))
            .collect();
        let others: u64 = all.causes.iter().skip(CAUSES).map(|(_, rows)| rows).sum();
        if others > 0 {
            causes.push(format!("{} for other causes", thousands(others)));
        }
        lines.push((Role::Warn, format!("Rejected: {}", causes.join("; "))));
    }
    let twice = match all.repeated {
        Some(0) => "Nobody stands twice in this file.".to_owned(),
        Some(1) => "1 row repeats a number of this file.".to_owned(),
        Some(rows) => format!("{} rows repeat a number of this file.", thousands(rows)),
        None => "Who stands twice in so large a file is counted while loading.".to_owned(),
    };
    let known = match what {
        What::Numbers => "Who is in the list already is found while loading.",
        What::OptOuts => "Who is noted already is found while loading.",
    };
    lines.push((Role::Dim, format!("{twice} {known}")));
    lines
}
