//! `pause`, `resume`, `cancel`: an operator's word to a broadcast.

use super::args::{CancelArgs, OneArgs};
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, grouped};
use super::{Start, with_ground, words};
use crate::domain::ids::BroadcastId;
use crate::service::Service;

/// Reads a broadcast's id.
pub(super) fn id(text: &str) -> Result<BroadcastId, Failure> {
    text.parse().map_err(|error: crate::domain::ids::NotAnId| Failure::usage("bad_id", error.to_string()))
}

/// Stops it so that it can go on.
pub(super) async fn pause(start: Start, args: OneArgs) -> Outcome {
    let id = id(&args.id)?;
    with_ground(start, |service| async move {
        service.pause(&id).await?;
        said(&service, &id, args.json, &format!("{id} is paused; let it go on with: wacast resume {id}")).await
    })
    .await
}

/// Lets it go on.
pub(super) async fn resume(start: Start, args: OneArgs) -> Outcome {
    let id = id(&args.id)?;
    with_ground(start, |service| async move {
        service.resume(&id).await?;
        let driver = service.refresh().await.driver.clone();
        said(&service, &id, args.json, &format!("{id} goes on; {}", words::driver(&driver))).await
    })
    .await
}

/// Ends it for good, after asking.
pub(super) async fn cancel(start: Start, args: CancelArgs) -> Outcome {
    let id = id(&args.id)?;
    with_ground(start, |service| async move {
        let without = service.would_not_get_it(&id).await?;
        if !args.yes {
            if !terminal::can_ask() {
                return Err(Failure::usage(
                    "not_confirmed",
                    format!("{} people would not get {id}; nothing was changed", grouped(without)),
                )
                .hint("say --yes if it is meant"));
            }
            let question = format!("{} people will not get {id}. End it for good? Type yes:", grouped(without));
            let answer = tokio::task::spawn_blocking(move || terminal::ask(&question)).await;
            if answer.ok().transpose()?.flatten().as_deref() != Some("yes") {
                terminal::note("nothing was changed");
                return Ok(Exit::Error);
            }
        }
        let cancelled = service.cancel(&id).await?;
        let people = grouped(cancelled.will_not_get_it);
        said(&service, &id, args.json, &format!("{id} is cancelled; {people} people will not get it")).await
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
