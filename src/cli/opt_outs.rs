//! `optouts`: who asked not to be written to; noted, undone, read from and written to files.

use super::args::{OptOutsAction, OptOutsArgs};
use super::exit::{Exit, Failure, Outcome};
use super::report::{Quiet, create};
use super::terminal::{self, counted, grouped, people};
use super::{Start, outputs, with_ground, words};
use crate::domain::opt_out::{Event, Kind, OptedOut};
use crate::service::import::{ImportOptions, ImportSource, RejectsTo};
use crate::service::opt_outs::{COLUMNS, event_json};
use crate::service::{Service, times};
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// People in one page.
const PAGE: u32 = 1_000;

pub(super) async fn run(start: Start, args: OptOutsArgs) -> Outcome {
    let zone = start.config.console.time_zone.clone();
    let as_json = args.json;
    let action = args.action.unwrap_or(OptOutsAction::List { search: String::new(), history: false });
    with_ground(start, |service| async move {
        match action {
            OptOutsAction::List { search, history: true } => {
                let events = service.opt_out_history(&search).await?;
                shown_events(&service, &events, as_json, &zone)
            }
            OptOutsAction::List { search, history: false } => list(&service, &search, as_json, &zone).await,
            OptOutsAction::Add { phone, note } => {
                let person = service.opt_out(&phone, &note).await?;
                stands(&person, as_json)
            }
            OptOutsAction::Remove { phone, kind, note } => {
                let kind = kind.as_deref().and_then(Kind::from_word);
                let person = service.undo_opt_out(&phone, kind, &note).await?;
                stands(&person, as_json)
            }
            OptOutsAction::Import { file, country, phone_column, rejects } => {
                if let Some(rejects) = &rejects {
                    if outputs::same_file(rejects, &file) {
                        let message = format!("--rejects {} is the file to be read", rejects.display());
                        return Err(Failure::usage("file_exists", message));
                    }
                    outputs::may_replace_rejects(rejects)?;
                }
                let options = ImportOptions { country, phone_column, sheet: None };
                let rejects = rejects.map(RejectsTo::Path);
                import(&service, ImportSource::Path(file), options, rejects, as_json).await
            }
            OptOutsAction::Export { file } => export(&service, &file).await,
        }
    })
    .await
}

async fn list(service: &Service, search: &str, as_json: bool, zone: &str) -> Outcome {
    let mut after: Option<String> = None;
    let mut items = Vec::new();
    let mut count = 0_u64;
    loop {
        let page = service.opt_outs(search, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.person.clone());
        count += page.len() as u64;
        for person in &page {
            if as_json {
                items.push(person.to_json());
                continue;
            }
            for event in &person.standing {
                terminal::line(&format!("{}  {}", name(person), shown(service, event, zone)))?;
            }
        }
    }
    if as_json {
        terminal::json(&Value::from(items))?;
    } else {
        terminal::note(&format!("{} opted out", people(count)));
    }
    Ok(Exit::Completed)
}

fn shown_events(service: &Service, events: &[Event], as_json: bool, zone: &str) -> Outcome {
    if as_json {
        terminal::json(&Value::from(events.iter().map(event_json).collect::<Vec<_>>()))?;
        return Ok(Exit::Completed);
    }
    for event in events {
        let word = if event.change.stop { "opted out" } else { "undone" };
        terminal::line(&format!("{:>5}  {word}  {}", event.id, shown(service, event, zone)))?;
    }
    terminal::note(&counted(events.len() as u64, "word on record", "words on record"));
    Ok(Exit::Completed)
}

fn name(person: &OptedOut) -> String {
    match (person.phone(), person.user()) {
        (Some(phone), _) => phone.to_string(),
        (None, user) => format!("{} (phone not known)", user.unwrap_or(&person.person)),
    }
}

/// What people wrote is shown without what could steer a terminal.
fn shown(service: &Service, event: &Event, zone: &str) -> String {
    let change = &event.change;
    let at = times::words_alone(change.at, zone, service.now());
    let parts = [change.kind.label(), &at, &change.how, &change.text, &change.wamid];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ").chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn stands(person: &OptedOut, as_json: bool) -> Outcome {
    if as_json {
        terminal::json(&person.to_json())?;
        return Ok(Exit::Completed);
    }
    let ways: Vec<_> = person.kinds().iter().map(Kind::label).collect();
    let name = name(person);
    terminal::line(&if ways.is_empty() {
        format!("{name} is written to again")
    } else {
        format!("{name} is opted out: {}", ways.join(", "))
    })?;
    Ok(Exit::Completed)
}

async fn import(
    service: &Service,
    source: ImportSource,
    options: ImportOptions,
    rejects: Option<RejectsTo>,
    as_json: bool,
) -> Outcome {
    let done = service.import_opt_outs(source, options, rejects, |_| {}).await?;
    if as_json {
        terminal::json(&json!(done))?;
    } else {
        terminal::line(&format!(
            "{} opted out, {} known, {} rejected, of {}",
            people(done.imported),
            grouped(done.known),
            grouped(done.rejected),
            counted(done.received, "row", "rows"),
        ))?;
        for reject in done.rejects.iter().take(10) {
            terminal::line(&format!("  row {}: {}", reject.row, words::why_rejected(&reject.reason)))?;
        }
    }
    Ok(if done.imported + done.known == 0 { Exit::Error } else { Exit::Completed })
}

async fn export(service: &Service, file: &Path) -> Outcome {
    if file.as_os_str() == "-" {
        let mut text = Quiet(BufWriter::new(io::stdout()));
        service.export_opt_outs(&mut text).await?;
        text.flush()?;
        return Ok(Exit::Completed);
    }
    let out = std::path::absolute(file)?;
    outputs::may_replace(&out, &COLUMNS, "export")?;
    let written = service.export_opt_outs(BufWriter::new(create(&out)?)).await?;
    terminal::note(&format!("{}: {} opted out", out.display(), people(written)));
    Ok(Exit::Completed)
}
