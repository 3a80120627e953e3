//! What everything in a run shares: the dice, the time, the store, the truth, and what has gone wrong.

use super::memory_store::MemoryStore;
use super::plan::{Plan, Sabotage};
use super::sim_clock::SimClock;
use super::trace::Trace;
use super::truth::Truth;
use fastrand::Rng;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::time::Instant;
use wacast::clock::Clock;
use wacast::domain::ids::BroadcastId;
use wacast::domain::time::Millis;

/// How the API is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// As the plan has it.
    Mixed,
    /// Everything is taken.
    Fair,
    /// No connection comes about.
    Dead,
    /// 503 to everything.
    Busy,
    /// Nothing is answered.
    Hangs,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub rule: &'static str,
    pub detail: String,
}

/// See the module's documentation.
pub struct World {
    pub plan: Plan,
    pub clock: Arc<SimClock>,
    pub store: MemoryStore,
    dice: Mutex<Rng>,
    trace: Mutex<Trace>,
    truth: Mutex<Truth>,
    weather: Mutex<Weather>,
    /// The store answers nobody until then.
    store_away_until: Mutex<Option<Instant>>,
    calm: AtomicBool,
    broken: Mutex<Option<Broken>>,
}

impl World {
    pub fn new(mut dice: Rng, sabotage: Option<Sabotage>, trace: Trace) -> Arc<Self> {
        let plan = Plan::draw(&mut dice, sabotage);
        let clock = Arc::new(SimClock::new());
        let (by_wall, times) = (plan.leases_by_wall, clock.clone());
        let lease_time = move || {
            let running = Millis(i64::try_from(times.running().as_millis()).unwrap());
            if by_wall { times.now() } else { running }
        };
        Arc::new(Self {
            store: MemoryStore::new(dice.u64(..), Arc::new(lease_time)),
            truth: Mutex::new(Truth::new(&plan)),
            plan,
            clock,
            dice: Mutex::new(dice),
            trace: Mutex::new(trace),
            weather: Mutex::new(Weather::Mixed),
            store_away_until: Mutex::default(),
            calm: AtomicBool::new(false),
            broken: Mutex::default(),
        })
    }

    pub fn dice(&self) -> MutexGuard<'_, Rng> {
        self.dice.lock().unwrap()
    }

    /// Whether something with this chance in so many happens; never in calm times.
    pub fn strikes(&self, chance: u32, of: u32) -> bool {
        chance > 0 && !self.is_calm() && self.dice().u32(0..of) < chance
    }

    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap()
    }

    pub fn trace(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap()
    }

    pub fn note(&self, who: usize, what: &str, key: u64, words: impl FnOnce() -> String) {
        self.trace().note(self.clock.elapsed(), who, what, key, words);
    }

    pub fn weather(&self) -> Weather {
        *self.weather.lock().unwrap()
    }

    pub fn set_weather(&self, weather: Weather) {
        self.note(0, "weather", weather as u64, || format!("{weather:?}"));
        *self.weather.lock().unwrap() = weather;
    }

    pub fn store_is_away(&self) -> bool {
        self.store_away_until.lock().unwrap().is_some_and(|until| until > Instant::now())
    }

    pub fn take_store_away(&self, until: Instant) {
        *self.store_away_until.lock().unwrap() = Some(until);
    }

    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// From now on nothing goes wrong any more.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
        *self.store_away_until.lock().unwrap() = None;
        self.truth().lift_budget();
        self.set_weather(Weather::Fair);
    }

    /// A rule was broken; the first one counts.
    pub fn break_rule(&self, rule: &'static str, detail: impl FnOnce() -> String) {
        let mut broken = self.broken.lock().unwrap();
        if broken.is_none() {
            let detail = detail();
            self.note(0, "BROKEN", 0, || format!("{rule}: {detail}"));
            *broken = Some(Broken { rule, detail });
        }
    }

    pub fn broken(&self) -> Option<Broken> {
        self.broken.lock().unwrap().clone()
    }

    /// A broadcast's number in the run, for people.
    pub fn number(&self, id: &BroadcastId) -> usize {
        self.truth().number(id)
    }

    /// Looks at what an operation of the store changed.
    pub fn after_store(&self, who: usize, changes_statuses: bool) {
        let moves = self.store.take_moves();
        let mut broken = Vec::new();
        {
            let mut truth = self.truth();
            for moved in &moves {
                let (number, to) = (truth.number(&moved.broadcast), moved.to.word());
                let key = u64::from(moved.seq) << 32 | u64::from(moved.attempt) << 8 | moved.to as u64;
                self.note(who, "moved", key, || {
                    format!("b{number} #{} {} → {to} (attempt {})", moved.seq, moved.from.word(), moved.attempt)
                });
                broken.extend(truth.check_move(moved));
            }
            if changes_statuses {
                let statuses = self.store.statuses();
                broken.extend(truth.check_statuses(&statuses, |number, from, to| {
                    self.note(who, "status", to as u64, || format!("b{number} {} → {}", from.word(), to.word()));
                }));
            }
        }
        for Broken { rule, detail } in broken {
            self.break_rule(rule, || detail);
        }
    }
}
