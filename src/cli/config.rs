//! `config`: every setting with where it comes from, all files; and changing one setting.

use super::args::{ConfigAction, ConfigArgs};
use super::exit::{Exit, Failure, Outcome};
use super::terminal;
use crate::app;
use crate::config::show::{Counts, Row};
use crate::config::{Config, LoadFrom};
use serde_json::json;

pub(super) fn run(from: &LoadFrom, mut config: Config, rehearse: bool, args: ConfigArgs) -> Outcome {
    match args.action {
        Some(ConfigAction::Set { key, value }) => set(from, &key, &value, args.json),
        Some(ConfigAction::Show) | None => {
            if rehearse {
                app::rehearsed(&mut config, "the built-in sandbox, on a free port");
            }
            show(&config, args.json)
        }
    }
}

fn show(config: &Config, as_json: bool) -> Outcome {
    let (rows, paths) = (config.rows(), config.paths());
    if as_json {
        terminal::json(&json!({ "settings": rows, "paths": paths, "warnings": config.warnings }))?;
        return Ok(Exit::Completed);
    }
    let mut section = "";
    for row in &rows {
        if row.section != section {
            section = row.section;
            terminal::line(&format!("[{section}]"))?;
        }
        terminal::line(&format!("  {:<20} {:<34} {}", row.key, value(row), row.source_words))?;
    }
    terminal::line("files")?;
    for row in &paths {
        terminal::line(&format!("  {:<20} {}  ({})", row.name, row.path, row.what))?;
    }
    for warning in &config.warnings {
        terminal::note(&format!("warning: {warning}"));
    }
    Ok(Exit::Completed)
}

fn value(row: &Row) -> String {
    if row.unit.is_empty() { row.value.clone() } else { format!("{} {}", row.value, row.unit) }
}

fn set(from: &LoadFrom, asked: &str, value: &str, as_json: bool) -> Outcome {
    let Some((section, name)) = asked.split_once('.') else {
        let message = format!("\"{}\" is no setting", asked.chars().take(60).collect::<String>());
        return Err(Failure::usage("no_such_key", message)
            .hint("say section.key, such as sender.messages_per_second; `wacast config` shows them"));
    };
    let written = Config::set(from, section, name, value)?;
    if as_json {
        terminal::json(&json!({
            "path": written.path,
            "key": written.key.path(),
            "before": written.before,
            "after": written.after,
            "counts": Counts::NextStart,
            "overridden_by": written.overridden_by.as_ref().map(ToString::to_string),
        }))?;
        return Ok(Exit::Completed);
    }
    let (key, path) = (written.key.path(), written.path.display());
    terminal::line(&format!("{key} = {} (was {}), in {path}", written.after, written.before))?;
    match &written.overridden_by {
        Some(origin) => terminal::line(&format!("it does not count yet: the {origin} goes over the file"))?,
        None => terminal::line("it counts from the next start on: what runs now goes on as it is")?,
    }
    Ok(Exit::Completed)
}
