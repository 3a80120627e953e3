//! `pause`, `resume`, `cancel`: an operator's word to a broadcast or a schedule; `lift`: one about the account.

use super::args::{CancelArgs, LiftArgs, OneArgs};
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, people};
use super::{Start, with_ground, words};
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::schedule::Schedule;
use crate::service::Service;
use serde_json::json;

/// Reads a broadcast's id.
pub(super) fn id(text: &str) -> Result<BroadcastId, Failure> {
    text.parse().map_err(|error: crate::domain::ids::NotAnId| Failure::usage("bad_id", error.to_string()))
}

/// The schedule of this id, when there is no broadcast of that id.
pub(super) async fn schedule(service: &Service, id: &BroadcastId) -> Result<Option<Schedule>, Failure> {
    let found = service.schedules().await?.into_iter().find(|schedule| schedule.id.as_str() == id.as_str());
    Ok(if found.is_some() && service.broadcast(id).await.is_ok() { None } else { found })
}

/// Switches a schedule on or off and says so. Nothing of it is lost, so nothing is asked.
async fn switch(service: &Service, id: &ScheduleId, on: bool, as_json: bool, zone: &str) -> Outcome {
    let schedule = service.enable_schedule(id, on).await?;
    let (now, program) = (service.now(), service.settings().program());
    if as_json {
        terminal::json(&words::schedule_json(&schedule, now))?;
    } else if on {
        let driver = words::driver(&service.refresh().await.driver, program);
        terminal::line(&format!("{}\n{driver}", words::schedule(&schedule, zone, now)))?;
    } else {
        terminal::line(&format!(
            "schedule {id} is off: it makes no more broadcasts, and those that it made are as they were; \
             switch it on again with: {program} resume {id}"
        ))?;
    }
    Ok(Exit::Completed)
}

/// Stops it so that it can go on.
pub(super) async fn pause(start: Start, args: OneArgs) -> Outcome {
    let id = id(&args.id)?;
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        if let Some(schedule) = schedule(&service, &id).await? {
            return switch(&service, &schedule.id, false, args.json, &zone).await;
        }
        service.pause(&id).await?;
        let program = service.settings().program();
        said(&service, &id, args.json, &format!("{id} is paused; let it go on with: {program} resume {id}")).await
    })
    .await
}

/// Lets it go on.
pub(super) async fn resume(start: Start, args: OneArgs) -> Outcome {
    let id = id(&args.id)?;
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        if let Some(schedule) = schedule(&service, &id).await? {
            return switch(&service, &schedule.id, true, args.json, &zone).await;
        }
        service.resume(&id).await?;
        let driver = service.refresh().await.driver.clone();
        said(
            &service,
            &id,
            args.json,
            &format!("{id} goes on; {}", words::driver(&driver, service.settings().program())),
        )
        .await
    })
    .await
}

/// Ends it for good, after asking.
pub(super) async fn cancel(start: Start, args: CancelArgs) -> Outcome {
    let id = id(&args.id)?;
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        if let Some(schedule) = schedule(&service, &id).await? {
            return switch(&service, &schedule.id, false, args.json, &zone).await;
        }
        let without = service.would_not_get_it(&id).await?;
        if !args.yes {
            if !terminal::can_ask() {
                return Err(Failure::usage(
                    "not_confirmed",
                    format!("{} would not get {id}; nothing was changed", people(without)),
                )
                .hint("say --yes if it is meant"));
            }
            let question = format!("{} will not get {id}. End it for good? Type yes:", people(without));
            let answer = tokio::task::spawn_blocking(move || terminal::ask(&question)).await;
            if answer.ok().transpose()?.flatten().as_deref() != Some("yes") {
                terminal::note("nothing was changed");
                return Ok(Exit::Error);
            }
        }
        let cancelled = service.cancel(&id).await?;
        let without = people(cancelled.will_not_get_it);
        said(&service, &id, args.json, &format!("{id} is cancelled; {without} will not get it")).await
    })
    .await
}

/// Ends what is known of a restriction of the account.
pub(super) async fn lift(start: Start, args: LiftArgs) -> Outcome {
    with_ground(start, |service| async move {
        let resumed = service.lift_restriction().await?;
        if args.json {
            terminal::json(&json!({ "resumed": resumed }))?;
            return Ok(Exit::Completed);
        }
        terminal::line(
            "no restriction of the account is known any more; if it still stands, WhatsApp refuses to send",
        )?;
        for id in &resumed {
            terminal::line(&format!("{id} goes on"))?;
        }
        Ok(Exit::Completed)
    })
    .await
}

/// The broadcast as it stands, as JSON or in words.
async fn said(service: &Service, id: &BroadcastId, as_json: bool, text: &str) -> Outcome {
    if as_json {
        terminal::json(&service.broadcast(id).await?.to_json())?;
    } else {
        terminal::line(text)?;
    }
    Ok(Exit::Completed)
}
