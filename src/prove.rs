//! `prove`: the promise put to the proof on this machine. The real program sends to the built-in sandbox, is killed with
//! SIGKILL again and again, has its requests cut, and in the end everything is counted against the sandbox's own ledger.
//!
//! Nothing leaves this machine, and no configuration is read. The same seed kills at the same places. Called by
//! [`crate::cli`].

mod people;
mod trial;
mod verdict;

use crate::app::signals::Signals;
use crate::cli::args::ProveArgs;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::terminal::{self, Progress, grouped};
use crate::cloud_api;
use crate::logging::{self, Target};
use crate::sandbox::{Fault, FaultKind};
use crate::store;
use trial::Trial;
use verdict::{Tally, Verdict};

/// The most kills that are asked for.
const MOST_KILLS: u32 = 10_000;

/// Runs the proof.
pub async fn run(args: ProveArgs) -> Outcome {
    cloud_api::install_crypto_provider();
    if args.kills > MOST_KILLS {
        return Err(Failure::usage("too_many_kills", format!("--kills is {MOST_KILLS} at most")));
    }
    let _guard = logging::start("error", std::env::var("WACAST_LOG").ok().as_deref(), &Target::Stderr)?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        outcome = prove(args) => outcome,
        _ = signals.next() => Ok(Exit::Interrupted),
    }
}

async fn prove(args: ProveArgs) -> Outcome {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    let mut random = fastrand::Rng::with_seed(seed);
    if let Some(url) = &args.store {
        must_be_empty(url).await?;
    }
    let mut trial = Trial::begin(&args, seed).await?;
    let imported = trial.import(&args).await?;
    let id = trial.send().await?;
    terminal::note(&format!(
        "seed {seed}: {} people to the sandbox, killed {} times with SIGKILL; nothing leaves this machine",
        grouped(imported),
        args.kills
    ));
    let mut line = Progress::default();
    let mut tally = Tally::default();
    for kill in 1..=args.kills {
        let taken = trial.sandbox.taken() as u64;
        let left = imported.saturating_sub(taken);
        // So that there is somebody left for the last kill: an equal share of the rest each time, or thereabouts.
        let share = left / u64::from(args.kills - kill + 2);
        let goal = taken + random.u64(0..=share.saturating_mul(3) / 2);
        break_something(&trial, &mut random);
        trial.start()?;
        let reached = trial.until_taken(goal).await?;
        trial.kill().await?;
        let standing = trial.standing(&id).await?;
        tally.after_kill(&standing);
        line.say(|| {
            format!(
                "{kill} of {} kills: {} of {} taken by the sandbox",
                args.kills,
                grouped(reached),
                grouped(imported)
            )
        });
        if standing.is_final() {
            break;
        }
    }
    trial.sandbox.mend();
    trial.start()?;
    trial
        .until_settled(&id, |standing| {
            line.say(|| format!("finishing: {}", standing.words()));
        })
        .await?;
    line.end();
    trial.drain().await?;
    let verdict = Verdict::of(&trial, &id, seed, imported, tally).await?;
    trial.end().await;
    if args.json {
        terminal::json(&verdict.to_json())?;
    } else {
        for row in verdict.lines() {
            terminal::line(&row)?;
        }
    }
    Ok(if verdict.holds() { Exit::Completed } else { Exit::Error })
}

/// A few requests go wrong around each kill, in ways that prove nothing and in ways that prove something.
fn break_something(trial: &Trial, random: &mut fastrand::Rng) {
    let kinds = [
        FaultKind::CutAfter,
        FaultKind::CutBefore,
        FaultKind::Malformed,
        FaultKind::Unavailable,
        FaultKind::UnavailableWithoutCode,
    ];
    if let Some(kind) = random.choice(kinds) {
        trial.sandbox.break_with(Fault::times(kind, random.u32(1..=8)));
    }
}

/// Somebody's own records are not to be mixed with made-up ones.
async fn must_be_empty(url: &str) -> Result<(), Failure> {
    let store = store::open(url, crate::clock::Clock::now(&crate::clock::SystemClock)).await;
    let store = store.map_err(|error| Failure::usage("store", error.to_string()))?;
    let broadcasts = store.broadcasts(false, 1).await;
    let lists = store.lists().await;
    store.close().await;
    let in_use = !broadcasts.map_err(crate::service::ServiceError::from)?.is_empty()
        || !lists.map_err(crate::service::ServiceError::from)?.is_empty();
    if in_use {
        let failure = Failure::usage("store_in_use", "that store holds records already: nothing was done");
        return Err(failure.hint("name a database that does not exist yet; drop it when you have seen the verdict"));
    }
    Ok(())
}
