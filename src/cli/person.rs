//! `person`: all that is known of one person.

use super::args::PersonArgs;
use super::exit::{Exit, Outcome};
use super::terminal::{self, counted};
use super::{Start, with_ground};
use crate::domain::time::Millis;
use crate::service::people::{PersonView, RecipientView};
use crate::service::times;

pub(super) async fn run(start: Start, args: PersonArgs) -> Outcome {
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        let person = service.person(&args.phone).await?;
        if args.json {
            terminal::json(&person.to_json())?;
            return Ok(Exit::Completed);
        }
        let at = |at: Millis| times::words_alone(at, &zone, service.now());
        for line in lines(&person, at) {
            // Names and texts are other people's: nothing of them steers the terminal.
            let line: String = line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
            terminal::line(&line)?;
        }
        Ok(Exit::Completed)
    })
    .await
}

fn lines(person: &PersonView, at: impl Fn(Millis) -> String) -> Vec<String> {
    let name = person.uploads.iter().map(|one| one.number.name.as_str()).find(|name| !name.is_empty());
    let mut lines = vec![format!("{}  {}", person.phone, name.unwrap_or_default()).trim_end().to_owned()];
    for event in &person.opted_out {
        lines.push(format!("not to be written to: {}, {}", event.change.kind.label(), at(event.change.at)));
    }
    for one in &person.uploads {
        let mut parts =
            vec![format!("in list {}  upload {}  {}  {}", one.list, one.place.upload, at(one.at), one.source)];
        if !one.tags.is_empty() {
            parts.push(format!("tags {}", one.tags.join(", ")));
        }
        parts.extend(one.number.attributes.iter().map(|(column, value)| format!("{column}: {value}")));
        lines.push(parts.join("  "));
    }
    if person.uploads.is_empty() {
        lines.push("in no list".to_owned());
    }
    for one in &person.broadcasts {
        lines.extend(recipient(one, &at));
    }
    if person.more_broadcasts {
        lines.push(format!(
            "only the newest {} are shown",
            counted(person.broadcasts.len() as u64, "broadcast", "broadcasts")
        ));
    }
    lines
}

fn recipient(one: &RecipientView, at: &impl Fn(Millis) -> String) -> Vec<String> {
    let definition = &one.broadcast.definition;
    let (row, template) = (&one.row, &definition.template);
    let mut first =
        vec![format!("broadcast {}", one.broadcast.id), format!("{} ({})", template.name, template.language)];
    first.push(definition.label.clone());
    first.push(row.state.label().to_owned());
    first.extend(row.changed_at.map(at));
    // The words of a code say more than the API's answer.
    first.push(if one.title.is_empty() { row.detail.clone() } else { format!("{} ({})", one.title, row.code) });
    first.extend(row.due.map(|due| format!("again {}", at(due))));
    first.retain(|part| !part.is_empty());
    let mut lines = vec![first.join("  ")];
    for attempt in &one.attempts {
        let (log, title) = (&attempt.row, &attempt.title);
        let mut words = format!("  attempt {}  {}  {}", log.attempt, at(log.timestamp), log.status);
        if log.code != 0 {
            words = format!("{words}  {title} ({})", log.code);
        }
        if log.undelivered {
            words.push_str("  a receipt says: not delivered");
        }
        lines.push(words);
    }
    lines
}
