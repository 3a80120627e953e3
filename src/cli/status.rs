//! `status`: broadcasts and who drives.

use super::args::StatusArgs;
use super::exit::{Exit, Outcome};
use super::terminal;
use super::{Start, act, with_ground, words};
use crate::domain::schedule::Schedule;
use crate::service::view::Driver;
use crate::service::{Service, sender, times, token};
use serde_json::json;

/// How many of the newest broadcasts are shown.
const SHOWN: u32 = 50;

pub(super) async fn run(start: Start, args: StatusArgs) -> Outcome {
    let id = args.id.as_deref().map(act::id).transpose()?;
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        if let Some(since) = &args.since {
            let told = service.since(times::parse_past(since, &zone, service.now())?).await?;
            return if args.json {
                terminal::json(&told.to_json()).map(|()| Exit::Completed)
            } else {
                terminal::line(&words::since(&told, &zone)).map(|()| Exit::Completed)
            };
        }
        let Some(id) = id else { return all(&service, args.json, &zone).await };
        if let Some(schedule) = act::schedule(&service, &id).await? {
            return one_schedule(&service, &schedule, args.json, &zone);
        }
        let view = service.broadcast(&id).await?;
        let cost = if args.cost { Some(service.cost_so_far(&id).await?) } else { None };
        if args.json {
            let mut shown = view.to_json();
            if let Some(cost) = cost {
                shown["cost"] = json!(cost);
            }
            terminal::json(&shown)?;
        } else {
            terminal::line(&words::whole(&view, &zone, service.now()))?;
            if let Some(cost) = &cost {
                terminal::line(&format!("\n{}", words::so_far(cost).trim_end()))?;
            }
            if !view.broadcast.status.is_final() {
                terminal::line(&format!(
                    "\n{}",
                    words::driver(&service.refresh().await.driver, service.settings().program())
                ))?;
            }
        }
        Ok(Exit::Completed)
    })
    .await
}

fn one_schedule(service: &Service, schedule: &Schedule, as_json: bool, zone: &str) -> Outcome {
    if as_json {
        terminal::json(&words::schedule_json(schedule, service.now()))?;
    } else {
        terminal::line(&words::schedule(schedule, zone, service.now()))?;
    }
    Ok(Exit::Completed)
}

async fn all(service: &Service, as_json: bool, zone: &str) -> Outcome {
    let program = service.settings().program();
    let schedules = service.schedules().await?;
    let snapshot = service.refresh().await;
    let broadcasts = service.broadcasts(false, SHOWN).await?;
    if as_json {
        let mut whole = sender::to_json(&snapshot, service.now());
        whole["driver"] = words::driver_json(&snapshot.driver);
        whole["store"] = json!(snapshot.store_place);
        whole["broadcasts"] = broadcasts.iter().map(crate::service::view::BroadcastView::to_json).collect();
        whole["schedules"] = schedules.iter().map(|one| words::schedule_json(one, service.now())).collect();
        terminal::json(&whole)?;
        return Ok(Exit::Completed);
    }
    terminal::line(&words::header(&snapshot))?;
    if let Some(standing) = &snapshot.account.token {
        terminal::line(&format!("access token: {}", token::words(standing, service.now())))?;
    }
    if let Some(budget) = &snapshot.budget {
        terminal::line(&words::budget(budget, zone, service.now()))?;
    }
    if let Some(trouble) = snapshot.engine.why.trouble().filter(|_| snapshot.driver != Driver::Nobody) {
        terminal::line(&format!("pace: {trouble}"))?;
    }
    if broadcasts.is_empty() {
        terminal::line(&format!(
            "no broadcasts yet: load numbers with `{program} import FILE`, then `{program} send --help`"
        ))?;
    }
    for schedule in &schedules {
        terminal::line(&words::schedule(schedule, zone, service.now()))?;
    }
    for view in &broadcasts {
        terminal::line(&words::line(view))?;
    }
    let waiting =
        schedules.iter().any(|one| one.enabled) || broadcasts.iter().any(|view| !view.broadcast.status.is_final());
    if waiting || snapshot.driver != Driver::Nobody {
        terminal::line(&words::driver(&snapshot.driver, program))?;
    }
    for problem in &snapshot.problems {
        terminal::line(&format!("problem: {}: {}", problem.what, problem.advice))?;
    }
    Ok(Exit::Completed)
}
