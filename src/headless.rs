//! `--no-tui`: everything that sends, without a screen. Log lines tell what happens.
//!
//! Ends by a signal: the first drains, the second ends at once. A store or a Cloud API that is away at the start is
//! waited for; a configuration that is wrong ends the process at once. Called by [`crate::cli`].

mod reporter;

use crate::app::signals::Signals;
use crate::app::{self, App, AppError, Face, Ground};
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::config::Config;
use crate::logging::{self, Target};
use reporter::Reporter;
use std::time::Duration;

/// Pause before the next try to open the store: 1 s, then twice as long each time, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs until a signal comes or a part breaks.
pub async fn run(config: Config, rehearse: bool) -> Outcome {
    if !rehearse {
        config.require_sender()?;
    }
    let environment = std::env::var("WACAST_LOG").ok();
    let _guard = logging::start(&config.log.level, environment.as_deref(), &Target::Stderr)?;
    let mut signals = Signals::listen()?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let ground = tokio::select! {
        ground = open(config, rehearse) => ground?,
        signal = signals.next() => {
            tracing::info!(signal, "ending before the store was there");
            return Ok(Exit::Completed);
        }
    };
    let app = App::start(ground, Face::Headless).await;
    tracing::info!(
        store = app.service().store_place(),
        configuration = app.config().places.file.as_ref().map(|path| path.display().to_string()),
        rehearsal = app.service().settings().rehearsal,
        pace = app.config().sender.messages_per_second,
        "wacast is running"
    );
    let asking = tokio::spawn(app::first_look(app.service().clone()));
    let ended = until_ended(&app, &mut signals).await;
    asking.abort();
    end(app, ended, &mut signals).await
}

/// Opens the store, again and again while it is away.
async fn open(config: Config, rehearse: bool) -> Result<Ground, AppError> {
    let mut pause = Duration::from_secs(1);
    loop {
        match Ground::open(config.clone(), rehearse).await {
            Err(error) if error.may_pass() => {
                tracing::warn!("{error}; trying again in {} s", pause.as_secs());
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            other => return other,
        }
    }
}

/// Why it ends.
enum Ended {
    Signal(&'static str),
    Broken(String),
}

async fn until_ended(app: &App, signals: &mut Signals) -> Ended {
    let mut broken = app.broken();
    let mut snapshots = app.service().snapshot();
    let mut reporter = Reporter::default();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            signal = signals.next() => return Ended::Signal(signal),
            _ = broken.wait_for(Option::is_some) => {}
            changed = snapshots.changed(), if snapshots.has_changed().is_ok() => {
                let snapshot = snapshots.borrow_and_update().clone();
                if changed.is_ok() {
                    reporter.look(&snapshot);
                }
            }
            _ = tick.tick() => {}
        }
        let words = broken.borrow().clone();
        if let Some(words) = words {
            return Ended::Broken(words);
        }
    }
}

async fn end(app: App, ended: Ended, signals: &mut Signals) -> Outcome {
    if let Ended::Signal(signal) = &ended {
        tracing::info!(signal, "draining: nothing new is taken, what is under way is waited for; again to end at once");
    }
    let drained = tokio::select! {
        drained = app.drain() => drained,
        signal = signals.next() => {
            tracing::warn!(signal, "ending at once: what is under way becomes not sure until a receipt settles it");
            return Ok(Exit::Interrupted);
        }
    };
    match (ended, drained) {
        (Ended::Broken(words), _) | (Ended::Signal(_), Err(words)) => Err(Failure::error("internal", words)),
        (Ended::Signal(_), Ok(())) => {
            tracing::info!("drained");
            Ok(Exit::Completed)
        }
    }
}
