//! `send --wait`: drives the broadcast if nobody else does, else watches, until it has ended or needs a person.

use super::args::SendArgs;
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, Progress};
use super::{Start, send, words};
use crate::app::signals::Signals;
use crate::app::{App, Face, Ground};
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::logging::{self, Target};
use crate::service::view::BroadcastView;
use std::time::Duration;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long it waits for the lease or for somebody else's before it is clear who drives.
const LEASE_PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(start: Start, args: SendArgs, zone: &str) -> Outcome {
    let log = start.config.log.clone();
    let environment = std::env::var("WACAST_LOG").ok();
    let _guard = logging::start(&log.level, environment.as_deref(), &Target::File(log.file))?;
    let mut signals = Signals::listen()?;
    if !start.rehearse {
        start.config.require_sender()?;
    }
    let ground = tokio::select! {
        ground = Ground::open(start.config, start.rehearse) => ground?,
        _ = signals.next() => return Ok(Exit::Interrupted),
    };
    let service = ground.service(None, "the command line");
    let made = tokio::select! {
        made = send::make(&service, &args, zone) => made,
        _ = signals.next() => Ok(send::Made::Schedule),
    };
    let id = match made {
        Ok(send::Made::Broadcast(id)) => id,
        other => {
            ground.close().await;
            return other.map(|_| Exit::Interrupted);
        }
    };
    drop(service);
    let app = App::start(ground, Face::Send).await;
    let ended = see_through(&app, &id, &args, zone, &mut signals).await;
    end(app, ended, &id, &mut signals).await
}

/// Why it stopped looking.
enum Ended {
    /// The broadcast has ended or is held.
    Seen(Outcome),
    /// A signal came.
    Asked,
    /// A part of this process broke.
    Broken(String),
}

async fn see_through(app: &App, id: &BroadcastId, args: &SendArgs, zone: &str, signals: &mut Signals) -> Ended {
    let mut broken = app.broken();
    let mut line = Progress::default();
    say_who_drives(app).await;
    loop {
        tokio::select! {
            _ = signals.next() => return Ended::Asked,
            _ = broken.wait_for(Option::is_some) => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if let Some(words) = broken.borrow().clone() {
            return Ended::Broken(words);
        }
        match app.service().broadcast(id).await {
            Ok(view) => {
                if let Some(exit) = exit_of(&view) {
                    line.end();
                    return Ended::Seen(last_words(&view, exit, args, zone, app));
                }
                line.say(|| words::progress(&view, zone, app.service().now()));
            }
            // Whoever drives goes on or waits by itself; there is nothing to do here but look again.
            Err(error) => line.say(|| format!("cannot see how far it is: {error}")),
        }
    }
}

/// Says whether it is sent from here or by another process, once that is clear.
async fn say_who_drives(app: &App) {
    let Some(engine) = app.service().engine() else { return };
    let mut driving = engine.driving.clone();
    let ours = tokio::time::timeout(LEASE_PATIENCE, driving.wait_for(|driving| *driving)).await.is_ok();
    if ours {
        terminal::note("sending from here; Ctrl-C stops after what is under way, and nobody is lost");
    } else {
        let snapshot = app.service().refresh().await;
        terminal::note(&format!(
            "{}; watching, Ctrl-C only stops watching",
            words::driver(&snapshot.driver, app.service().settings().program())
        ));
    }
}

/// How the command ends with a broadcast like this; `None`: not yet.
fn exit_of(view: &BroadcastView) -> Option<Exit> {
    let broadcast = &view.broadcast;
    match broadcast.status {
        BroadcastStatus::Completed => {
            let unproven = view.counts.get(RecipientState::Failed) + view.counts.get(RecipientState::InDoubt);
            Some(if unproven > 0 { Exit::WithFailures } else { Exit::Completed })
        }
        BroadcastStatus::Cancelled => Some(Exit::Error),
        // One that goes on by itself is waited for.
        BroadcastStatus::Paused if broadcast.resume_at.is_none() => Some(Exit::Held),
        _ => None,
    }
}

fn last_words(view: &BroadcastView, exit: Exit, args: &SendArgs, zone: &str, app: &App) -> Outcome {
    if args.json {
        terminal::json(&view.to_json())?;
    } else {
        terminal::line(&words::whole(view, zone, app.service().now()))?;
        if exit == Exit::Held {
            let program = app.service().settings().program();
            terminal::note(&format!("it needs you: when that is settled, {program} resume {}", view.broadcast.id));
        }
    }
    Ok(exit)
}

/// Drains, unless a second signal says to end at once.
async fn end(app: App, ended: Ended, id: &BroadcastId, signals: &mut Signals) -> Outcome {
    let driving = app.service().engine().is_some_and(|engine| *engine.driving.borrow());
    if matches!(ended, Ended::Asked) {
        let program = app.service().settings().program();
        let doing = if driving { "waiting for what is under way" } else { "no longer watching" };
        terminal::note(&format!("{doing}; {id} is not cancelled. It goes on when a wacast runs: {program} --no-tui"));
    }
    let drained = tokio::select! {
        drained = app.drain() => drained,
        _ = signals.next() => return Ok(Exit::Interrupted),
    };
    match ended {
        Ended::Seen(outcome) => {
            if let Err(words) = drained {
                tracing::error!("{words}");
            }
            outcome
        }
        Ended::Asked => Ok(Exit::Interrupted),
        Ended::Broken(words) => Err(Failure::error("internal", words).hint("the log says more")),
    }
}
