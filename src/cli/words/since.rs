//! What happened since a moment, in lines.

use super::line;
use crate::cli::terminal::{counted, grouped, people};
use crate::domain::broadcast::Broadcast;
use crate::domain::state::PauseReason;
use crate::service::since::Since;
use crate::service::times;
use std::fmt::Write;

/// Everything that is told, grouped by what it is; one line when there is nothing.
pub fn since(told: &Since, zone: &str) -> String {
    let from = times::words(told.since, zone, told.at);
    if told.is_quiet() {
        return format!("nothing happened since {from}");
    }
    let mut text = format!("Since {from}:");
    for view in &told.finished {
        let _ = write!(text, "\nfinished  {}", line(view));
    }
    for view in &told.held {
        let Broadcast { id, reason, detail, .. } = &view.broadcast;
        let label = reason.map_or("paused", PauseReason::label);
        let why = if detail.is_empty() { label.to_owned() } else { format!("{label}: {detail}") };
        let _ = write!(text, "\nheld      {id}  {why}");
    }
    for (id, doubts) in &told.in_doubt {
        let _ = write!(text, "\nnot sure  {id}  {} may or may not have got it", people(*doubts));
    }
    for cause in &told.failures {
        let _ = write!(text, "\nfailed    {:>9}  {} ({})", grouped(cause.count), cause.title, cause.code);
    }
    for one in &told.occurrences {
        let at = times::words_alone(one.planned_at, zone, told.at);
        let broadcast = one.broadcast.as_ref().map_or(String::new(), |id| format!(", broadcast {id}"));
        let _ = write!(text, "\nschedule  {} of {at}: {}{broadcast}", one.schedule, one.outcome.word());
    }
    for one in &told.template_pauses {
        let at = times::words_alone(one.at, zone, told.at);
        let _ = write!(text, "\ntemplate  {}  {at}: {}", one.broadcast, one.detail);
    }
    if told.opt_outs > 0 {
        let _ = write!(text, "\nopt-outs  {}", counted(told.opt_outs, "word", "words"));
    }
    for one in &told.imports {
        let at = times::words_alone(one.at, zone, told.at);
        let (new, rejected) = (grouped(one.imported), grouped(one.rejected));
        let (list, source) = (&one.list, &one.source);
        let _ = write!(text, "\nimported  {list}  {new} new, {rejected} not usable, from {source}, {at}");
    }
    if told.more {
        text.push_str("\nThere is more than is shown here.");
    }
    text
}
