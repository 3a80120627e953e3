//! The sender engine in a simulated world: time, network, store, processes and operators all come from one seed.
//!
//! A run is a while in which everything goes wrong that can, then calm, in which everything must end. The rules
//! ([`truth`]) are held against every step. `WACAST_SIM_SEED=N` runs one seed and prints what happens;
//! `WACAST_SIM_SEEDS=N` runs so many, from `WACAST_SIM_FIRST` on. Seeds that broke a rule once stand in `simulation/seeds.txt` and run first.

mod contract;
mod director;
mod facade;
mod memory_store;
mod network;
mod plan;
mod postman;
mod process;
mod sim_clock;
mod trace;
mod truth;
mod world;

use director::{Ending, run};
use plan::Sabotage;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds of an ordinary run.
const SEEDS: u64 = 1_000;
/// Threads.
const THREADS: u64 = 2;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.replace('_', "").parse().expect("a number"))
}

/// Keeps the panics that a run asks for from filling the screen.
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let asked_for = info.payload().downcast_ref::<String>().is_some_and(|words| words.contains(facade::PANIC));
            if !asked_for {
                usual(info);
            }
        }));
    });
}

/// Runs a seed that broke a rule again, in words.
fn tell(seed: u64, sabotage: Option<Sabotage>, folder: &std::path::Path) -> String {
    let again = run(seed, sabotage, folder, true, false);
    let broken =
        again.broken.map_or("nothing, the second time!".to_owned(), |it| format!("{}: {}", it.rule, it.detail));
    format!(
        "seed {seed} broke a rule: {broken}\n{}\nrepeat it with WACAST_SIM_SEED={seed} cargo test --test it simulation::seeds -- --nocapture",
        again.lines.join("\n")
    )
}

fn known_seeds() -> Vec<u64> {
    let lines = include_str!("simulation/seeds.txt").lines();
    let seeds = lines.map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty());
    seeds.map(|line| line.parse().expect("a seed")).collect()
}

#[test]
fn seeds() {
    quiet_panics();
    let folder = tempfile::tempdir().unwrap();
    if let Some(seed) = number("WACAST_SIM_SEED") {
        let Ending { broken, events, simulated, hash, .. } = run(seed, None, folder.path(), true, true);
        eprintln!("{events} events in {simulated:?}, hash {hash:x}");
        assert_eq!(broken, None);
        return;
    }
    let first = number("WACAST_SIM_FIRST").unwrap_or(0);
    let count = number("WACAST_SIM_SEEDS").unwrap_or(SEEDS);
    let known = known_seeds();
    let seeds: Vec<u64> = known.into_iter().chain(first..first + count).collect();
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let (events, writes, doubts, slowest) =
        (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), Mutex::new((0.0, 0)));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap()) {
                    let started = Instant::now();
                    let ending = run(*seed, None, folder.path(), false, false);
                    events.fetch_add(ending.events, Ordering::Relaxed);
                    writes.fetch_add(ending.writes, Ordering::Relaxed);
                    doubts.fetch_add(ending.doubts, Ordering::Relaxed);
                    let took = started.elapsed().as_secs_f64();
                    let mut slowest = slowest.lock().unwrap();
                    if took > slowest.0 {
                        *slowest = (took, *seed);
                    }
                    if let Some(broken) = ending.broken {
                        failed.lock().unwrap().push((*seed, broken));
                    }
                }
            });
        }
    });
    let (took, seeds) = (began.elapsed(), seeds.len());
    let failed = failed.into_inner().unwrap();
    eprintln!(
        "{seeds} seeds in {took:?}: {} events, {} messages, {} doubts, slowest {:?}",
        events.into_inner(),
        writes.into_inner(),
        doubts.into_inner(),
        slowest.into_inner().unwrap()
    );
    if let Some((seed, _)) = failed.first() {
        for (seed, broken) in failed.iter().take(40) {
            eprintln!("{seed}: {}: {}", broken.rule, broken.detail);
        }
        panic!("{} of {seeds} seeds broke a rule.\n{}", failed.len(), tell(*seed, None, folder.path()));
    }
}

#[test]
fn one_seed_is_one_history() {
    quiet_panics();
    let folder = tempfile::tempdir().unwrap();
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let (one, two) = (run(seed, None, folder.path(), false, false), run(seed, None, folder.path(), true, false));
        assert_eq!((one.hash, one.events, one.simulated), (two.hash, two.events, two.simulated), "seed {seed}");
        hashes.insert(one.hash);
    }
    assert_eq!(hashes.len(), 20, "and two seeds are two");
}

/// Runs seeds with a wrong part until the rule that is to catch it breaks.
fn caught(sabotage: Sabotage, rule: &str) -> bool {
    quiet_panics();
    let folder = tempfile::tempdir().unwrap();
    let breaks = |seed| run(seed, Some(sabotage), folder.path(), false, false).broken.is_some_and(|it| it.rule == rule);
    (0..300).any(breaks)
}

#[test]
fn an_intent_that_is_granted_twice_is_caught() {
    assert!(caught(Sabotage::GrantsTwice, "nobody twice"));
}

#[test]
fn whoever_is_queued_again_after_a_crash_is_caught() {
    assert!(caught(Sabotage::RequeuesTheOpen, "nobody twice"));
}

#[test]
fn a_gate_that_nobody_asks_is_caught() {
    assert!(caught(Sabotage::SkipsTheGate, "never faster than allowed"));
}

#[test]
fn a_message_under_a_lost_lease_is_caught() {
    assert!(caught(Sabotage::IgnoresRefusals, "an intent first"));
}

#[test]
fn an_outcome_that_is_lost_is_caught() {
    assert!(caught(Sabotage::LosesOutcomes, "everything ends"));
}

#[test]
fn a_rate_limit_that_fails_people_is_caught() {
    assert!(caught(Sabotage::FailsTheWaiting, "waiting is not failing"));
}

#[test]
fn receipts_that_are_lost_are_caught() {
    assert!(caught(Sabotage::LosesReceipts, "doubts are settled"));
}

#[test]
fn a_pause_that_nobody_heeds_is_caught() {
    assert!(caught(Sabotage::ForgetsPauses, "a pause holds"));
}

#[test]
fn more_intents_than_allowed_are_caught() {
    assert!(caught(Sabotage::GrantsTooMany, "bounded doubt"));
}

#[test]
fn a_completion_while_somebody_waits_is_caught() {
    assert!(caught(Sabotage::CompletesEarly, "completed is final"));
}
