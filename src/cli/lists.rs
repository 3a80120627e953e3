//! `lists`: what there is to send to, and the uploads it is made of; and `import --undo`.

use super::args::ListsArgs;
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, counted, grouped, people};
use super::{Start, with_ground, words};
use crate::domain::broadcast::{Definition, UploadId};
use crate::domain::state::BroadcastStatus;
use crate::service::times;
use crate::store::{ListSummary, UploadSummary};
use serde_json::{Value, json};

/// Uploads that are shown, over all lists.
const UPLOADS: u32 = 1_000;

pub(super) async fn run(start: Start, args: ListsArgs) -> Outcome {
    if let Some(upload) = args.rejects {
        return rejects(start, UploadId(upload), args.json).await;
    }
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        let mut lists = service.lists().await?;
        if let Some(name) = &args.list {
            // Says which lists there are.
            service.audience(Some(name)).await?;
            lists.retain(|list| list.name == *name);
        }
        let uploads = service.uploads(args.list.as_deref(), UPLOADS).await?;
        if args.json {
            let items: Vec<Value> = lists.iter().map(|list| as_json(list, &uploads)).collect();
            terminal::json(&Value::from(items))?;
            return Ok(Exit::Completed);
        }
        let program = service.settings().program();
        if lists.is_empty() {
            terminal::line(&format!("no lists yet: load numbers with `{program} import FILE`"))?;
        }
        for list in &lists {
            let of_list = counted(list.uploads, "upload", "uploads");
            terminal::line(&format!("{}  {} from {of_list}", list.name, people(list.people)))?;
            for upload in uploads.iter().filter(|upload| upload.list == list.name) {
                let at = times::words_alone(upload.at, &zone, service.now());
                terminal::line(&format!("  upload {}  {at}  {}  {}", upload.id.0, upload.source, figures(upload)))?;
            }
        }
        if !uploads.is_empty() {
            terminal::note(&format!("an upload is taken back with `{program} import --undo UPLOAD`"));
        }
        Ok(Exit::Completed)
    })
    .await
}

/// Rejects in one page, and those of a cause that are shown.
const PAGE: u32 = 1_000;
const SHOWN: usize = 3;

/// The rows of an upload that could not be used: by cause with what to do, the first of each; as JSON all of them.
async fn rejects(start: Start, upload: UploadId, as_json: bool) -> Outcome {
    with_ground(start, |service| async move {
        let mut found = service.rejects(upload, None, None, PAGE).await?;
        while as_json && let Some(after) = found.next {
            let page = service.rejects(upload, None, Some(after), PAGE).await?;
            found.items.extend(page.items);
            found.next = page.next;
        }
        if as_json {
            terminal::json(&found.to_json())?;
            return Ok(Exit::Completed);
        }
        let (rejected, kept) = (counted(found.rejected, "row", "rows"), grouped(found.kept));
        terminal::line(&format!("upload {}: {rejected} could not be used, {kept} are kept", upload.0))?;
        for one in &found.causes {
            let fixed = if one.fixed > 0 { format!(", {} fixed", grouped(one.fixed)) } else { String::new() };
            terminal::line(&format!("{}: {}{fixed}: {}", one.cause, grouped(one.open), one.remedy.advice))?;
            for reject in found.items.iter().filter(|reject| reject.cause == one.cause).take(SHOWN) {
                terminal::line(&format!("  row {}: {}", reject.row, words::why_rejected(&reject.reason)))?;
            }
            for fix in one.remedy.fixes.iter().filter(|_| one.open > 0) {
                let value = if *fix == "country" { " CC" } else { "" };
                let cause = if matches!(one.cause.as_str(), "no_country" | "formula_error") {
                    String::new()
                } else {
                    format!(" --cause {}", one.cause)
                };
                let program = service.settings().program();
                terminal::line(&format!("  {program} import --fix {} --{fix}{value}{cause}", upload.0))?;
            }
        }
        Ok(Exit::Completed)
    })
    .await
}

fn figures(upload: &UploadSummary) -> String {
    let report = &upload.report;
    format!(
        "{}: {} new, {} known, {} not usable",
        counted(report.received, "row", "rows"),
        grouped(report.imported),
        grouped(report.duplicates),
        grouped(report.rejected)
    )
}

fn as_json(list: &ListSummary, uploads: &[UploadSummary]) -> Value {
    let of_list = uploads.iter().filter(|upload| upload.list == list.name);
    json!({
        "name": list.name,
        "people": list.people,
        "last_upload_at": list.last_upload_at.rfc3339(),
        "uploads": of_list.map(UploadSummary::to_json).collect::<Vec<_>>(),
    })
}

/// How many broadcasts are looked at that are planned.
const PLANNED: u32 = 100;

/// Takes an upload back. On a terminal it asks, else it needs `--yes`.
pub(super) async fn undo(start: Start, upload: UploadId, yes: bool, as_json: bool) -> Outcome {
    with_ground(start, |service| async move {
        let found = service.upload(upload).await?.summary;
        let what = format!("{} ({}) of list {}", found.source, figures(&found), found.list);
        if !yes && !terminal::can_ask() {
            return Err(Failure::usage("not_confirmed", format!("{what}: nothing was undone")).hint("add --yes"));
        }
        if !yes {
            let question = format!("Take back {what}? [y/N]");
            let answer = tokio::task::spawn_blocking(move || terminal::ask(&question)).await;
            if !answer.ok().transpose()?.flatten().is_some_and(|answer| matches!(answer.trim(), "y" | "Y" | "yes")) {
                return Err(Failure::usage("not_confirmed", "nothing was undone"));
            }
        }
        let undone = service.undo_upload(upload).await?;
        // This process ends now, so it does not leave that to another.
        service.clear_uploads().await?;
        if as_json {
            terminal::json(&undone.to_json())?;
        } else {
            let left = service.lists().await?.into_iter().find(|list| list.name == undone.list);
            let left = left.map_or("is gone".to_owned(), |list| format!("has {} now", people(list.people)));
            terminal::line(&format!("upload {} ({}) is undone; list {} {left}", upload.0, undone.source, undone.list))?;
            for view in service.broadcasts(true, PLANNED).await? {
                let Definition { label, audience, .. } = &view.broadcast.definition;
                let of_it = audience.list.as_ref().is_none_or(|list| *list == undone.list) && !audience.is_test();
                if view.broadcast.status == BroadcastStatus::Scheduled && of_it {
                    let (id, label) = (&view.broadcast.id, if label.is_empty() { "" } else { " " }.to_owned() + label);
                    terminal::line(&format!("broadcast {id}{label} is planned for it: it goes to who is left then"))?;
                }
            }
        }
        Ok(Exit::Completed)
    })
    .await
}
