//! `audit`: who did what, and whether anybody changed that record.

use super::args::AuditArgs;
use super::exit::{Exit, Outcome};
use super::terminal::{self, counted};
use super::{Start, with_ground};
use crate::domain::audit::Entry;
use crate::service::{Service, times};

/// Entries in one page.
const PAGE: u32 = 1_000;

pub(super) async fn run(start: Start, args: AuditArgs) -> Outcome {
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        let check = service.check_trail().await?;
        let mut after = if args.json { 0 } else { check.entries.saturating_sub(args.last) };
        loop {
            let page = service.audit_trail(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for entry in &page {
                let line = if args.json {
                    serde_json::to_string(entry).unwrap_or_default()
                } else {
                    shown(&service, entry, &zone)
                };
                terminal::line(&line)?;
            }
        }
        let entries = counted(check.entries, "entry", "entries");
        if let Some(id) = check.broken_at {
            terminal::note(&format!(
                "{entries} follow one another; number {id} does not: it or one before it was changed, removed or inserted"
            ));
        } else if let Some(id) = check.missing {
            terminal::note(&format!(
                "{entries} follow one another, but number {id}, written from this machine, is missing: the trail was cut or \
                 written anew, or the store is a restored backup"
            ));
        } else {
            terminal::note(&format!("{entries}, each following the one before it: nobody changed them"));
        }
        Ok(if check.is_whole() { Exit::Completed } else { Exit::Error })
    })
    .await
}

fn shown(service: &Service, entry: &Entry, zone: &str) -> String {
    let act = &entry.act;
    let at = times::words_alone(act.at, zone, service.now());
    let parts = [act.what.as_str(), act.subject.as_str(), act.detail.as_str()];
    let what: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{:>5}  {at}  {}: {}", entry.id, act.who, what.join(" "))
}
