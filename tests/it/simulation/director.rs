//! One run: a world from a seed, a while of everything going wrong, then calm, in which everything must end.

use super::plan::Sabotage;
use super::process::Process;
use super::trace::Trace;
use super::world::{Broken, Weather, World};
use fastrand::Rng;
use futures_util::FutureExt;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use wacast::clock::Clock;
use wacast::domain::broadcast::{Audience, Definition, Number};
use wacast::domain::ids::BroadcastId;
use wacast::domain::phone::Phone;
use wacast::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use wacast::domain::template::{Component, Template};
use wacast::engine::EngineHandle;
use wacast::store::{DoubtDecision, NewBroadcast, NewUpload, Store, UploadBegun, UploadReport, UploadRow};

/// The sender, and the second one.
const SENDERS: [&str; 2] = ["1000000001", "1000000002"];
/// Everything must have ended by then, once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_mins(30);

/// What a run came to.
#[derive(Debug)]
pub struct Ending {
    pub broken: Option<Broken>,
    pub hash: u64,
    pub events: u64,
    pub lines: Vec<String>,
    pub simulated: Duration,
    pub writes: u64,
    pub doubts: u64,
}

/// Runs one seed on this thread. `folder` is for the processes' lock files.
pub fn run(seed: u64, sabotage: Option<Sabotage>, folder: &Path, in_words: bool, aloud: bool) -> Ending {
    // What the engine itself draws.
    fastrand::seed(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let folder = folder.join(format!("{seed:x}"));
    let ending = runtime.block_on(async {
        let world = World::new(Rng::with_seed(seed), sabotage, Trace::new(in_words, aloud));
        let mut director =
            Director { world: world.clone(), slots: vec![], started: 0, broadcasts: vec![], folder: &folder };
        director.direct().await;
        let trace = world.trace();
        let truth = world.truth();
        Ending {
            broken: world.broken(),
            hash: trace.hash(),
            events: trace.events(),
            lines: trace.last(),
            simulated: world.clock.elapsed(),
            writes: truth.writes,
            doubts: truth.doubts,
        }
    });
    drop(runtime);
    let _ = std::fs::remove_dir_all(folder);
    ending
}

/// A place for a process, running or to be started.
struct Slot {
    sender: &'static str,
    process: Option<(Arc<Process>, EngineHandle)>,
    draining: bool,
    start_at: Instant,
}

struct Director<'a> {
    world: Arc<World>,
    slots: Vec<Slot>,
    started: usize,
    broadcasts: Vec<BroadcastId>,
    folder: &'a Path,
}

fn template() -> Template {
    Template {
        id: "1".into(),
        name: "hello".into(),
        language: "en_US".into(),
        status: "APPROVED".into(),
        category: "UTILITY".into(),
        quality: "GREEN".into(),
        parameter_format: "POSITIONAL".into(),
        components: vec![Component { kind: "BODY".into(), format: None, text: Some("Hello".into()), buttons: vec![] }],
        ..Template::default()
    }
}

impl Director<'_> {
    async fn direct(&mut self) {
        let plan = self.world.plan.clone();
        self.world.note(0, "plan", 0, || format!("{plan:?}"));
        self.broadcast(SENDERS[0], plan.people, plan.own_pace).await;
        let now = Instant::now();
        for _ in 0..plan.processes {
            self.slots.push(Slot { sender: SENDERS[0], process: None, draining: false, start_at: now });
        }
        if plan.second_sender {
            self.slots.push(Slot { sender: SENDERS[1], process: None, draining: false, start_at: now });
            self.broadcast(SENDERS[1], plan.people / 2 + 1, None).await;
        }
        let chaos_ends = now + Duration::from_millis(plan.chaos_ms);
        while Instant::now() < chaos_ends && self.world.broken().is_none() {
            self.look_after_processes();
            self.act().await;
            let pause = self.world.dice().u64(20..1_500);
            sleep(Duration::from_millis(pause)).await;
        }
        if self.world.broken().is_none() {
            self.calm().await;
        }
    }

    /// A broadcast to the first `people` of a list of its own.
    async fn broadcast(&mut self, sender: &str, people: u32, own_pace: Option<f64>) {
        let (store, now) = (&self.world.store, self.world.clock.now());
        let list = format!("list {}", self.broadcasts.len());
        let new = NewUpload { list: list.clone(), source: "simulation".into(), tags: vec![], idempotency: None };
        let Ok(UploadBegun::New(upload)) = store.begin_upload(new, now).await else { panic!("not a new upload") };
        let rows = (0..people).map(|place| UploadRow {
            row: place + 1,
            number: Number {
                phone: Phone::from_digits(15_550_100_000 + u64::from(place)).expect("a phone"),
                name: String::new(),
                attributes: BTreeMap::new(),
            },
        });
        store.add_rows(upload, rows.collect()).await.expect("rows");
        store.finish_upload(upload, UploadReport::default(), now).await.expect("an upload");
        let id = BroadcastId::from_random(self.world.dice().u64(..));
        self.world.truth().made(&id);
        let definition = Definition {
            label: String::new(),
            sender: sender.to_owned(),
            template: template(),
            bindings: BTreeMap::new(),
            audience: Audience { list: Some(list), uploads: vec![upload], follow_up: None, own: Vec::new() },
            messages_per_second: own_pace,
            rehearsal: false,
            choices: wacast::domain::broadcast::Choices::default(),
        };
        let new = NewBroadcast {
            id: id.clone(),
            definition,
            status: BroadcastStatus::Preparing,
            start_at: None,
            total: people,
            occurrence: None,
            idempotency: None,
            refuse_repeats_since: None,
        };
        store.make_broadcast(new, now).await.expect("a broadcast");
        self.world.note(0, "broadcast", u64::from(people), || format!("to {people} people by {sender}"));
        self.broadcasts.push(id);
    }

    /// Starts who is due, and notices who has ended.
    fn look_after_processes(&mut self) {
        let now = Instant::now();
        for slot in &mut self.slots {
            if let Some((process, handle)) = &mut slot.process {
                let ended = if process.has_crashed() {
                    true
                } else if let Some(ended) = handle.ended().now_or_never() {
                    let how = if ended.is_ok() { "drained" } else { "panicked" };
                    self.world.note(process.number, "ended", 0, || how.to_owned());
                    self.world.truth().listening -= 1;
                    if ended.is_ok() && !slot.draining {
                        self.world.break_rule("an engine runs on", || format!("p{} ended by itself", process.number));
                    }
                    if ended.is_err() && self.world.plan.panic == 0 {
                        self.world.break_rule("an engine runs on", || format!("p{} panicked", process.number));
                    }
                    true
                } else {
                    false
                };
                if !ended {
                    continue;
                }
                slot.process = None;
                let away = if self.world.is_calm() { 10 } else { self.world.dice().u64(100..12_000) };
                slot.start_at = now + Duration::from_millis(away);
            }
            if slot.start_at <= now {
                self.started += 1;
                slot.process = Some(Process::start(&self.world, self.started, slot.sender, self.folder));
                slot.draining = false;
            }
        }
    }

    fn any_broadcast(&self) -> BroadcastId {
        let place = self.world.dice().usize(0..self.broadcasts.len());
        self.broadcasts[place].clone()
    }

    /// One thing that somebody does, or that goes wrong.
    async fn act(&mut self) {
        let world = self.world.clone();
        let what = world.dice().u8(0..30);
        match what {
            0..=2 if world.plan.operators => self.pause().await,
            3..=5 if world.plan.operators => self.resume(&self.any_broadcast()).await,
            6 if world.plan.operators && world.dice().u8(0..6) == 0 => self.cancel().await,
            7 | 8 if world.plan.operators => self.decide().await,
            9 => {
                if let Some(people) = world.plan.people_of_second
                    && !self.broadcasts.iter().skip(1).any(|_| !world.plan.second_sender)
                    && self.broadcasts.len() < 3
                {
                    self.broadcast(SENDERS[0], people, None).await;
                    self.ring();
                }
            }
            10 if world.plan.wall_steps => self.step_wall(),
            11 | 12 if world.plan.unconnected + world.plan.unknown > 0 => {
                let weathers = [Weather::Dead, Weather::Busy, Weather::Hangs, Weather::Mixed];
                let weather = weathers[world.dice().usize(0..weathers.len())];
                world.set_weather(weather);
            }
            13 | 14 => world.set_weather(Weather::Mixed),
            15 if world.plan.store_away > 0 => {
                let away = world.dice().u64(200..15_000);
                world.note(0, "store away", away, || format!("for {away} ms"));
                world.take_store_away(Instant::now() + Duration::from_millis(away));
            }
            16 | 17 if world.plan.crash > 0 => {
                self.with_any(|process, _| process.crash("from outside"));
            }
            18 | 19 if world.plan.crash > 0 => {
                let time = {
                    let mut dice = world.dice();
                    if dice.bool() { dice.u64(100..3_000) } else { dice.u64(3_000..20_000) }
                };
                self.with_any(|process, _| process.freeze(Duration::from_millis(time)));
            }
            20 if world.plan.processes > 1 || world.plan.crash > 0 => self.drain(),
            21 => self.ring(),
            22 if world.plan.pace_changes => self.change_pace(),
            _ => {}
        }
    }

    fn with_any(&self, act: impl Fn(&Process, &EngineHandle)) {
        let place = self.world.dice().usize(0..self.slots.len());
        if let Some((process, handle)) = &self.slots[place].process {
            act(process, handle);
        }
    }

    fn drain(&mut self) {
        let place = self.world.dice().usize(0..self.slots.len());
        let slot = &mut self.slots[place];
        if let Some((process, handle)) = &slot.process
            && !slot.draining
        {
            self.world.note(process.number, "drains", 0, String::new);
            handle.begin_drain();
            slot.draining = true;
        }
    }

    fn ring(&self) {
        for (process, handle) in self.slots.iter().filter_map(|slot| slot.process.as_ref()) {
            if !process.has_crashed() {
                handle.link().bell.notify_one();
            }
        }
    }

    fn step_wall(&self) {
        let by_ms = {
            let mut dice = self.world.dice();
            let size = [1_000, 30_000, 600_000, 7_200_000][dice.usize(0..4)];
            let by = dice.i64(1..size);
            if dice.bool() { by } else { -by }
        };
        self.step_wall_by(by_ms);
    }

    fn step_wall_by(&self, by_ms: i64) {
        self.world.note(0, "wall steps", by_ms.unsigned_abs(), || format!("by {by_ms} ms"));
        self.world.clock.step_wall(by_ms);
        if self.world.plan.leases_by_wall {
            self.world.truth().leases_shaken = true;
        }
    }

    /// Sets another pace for all processes; never off, and never on where it was off.
    fn change_pace(&self) {
        if self.world.plan.pace <= 0.0 {
            return;
        }
        let paces = [1.0, 2.0, 4.0, 15.0, 60.0];
        let pace = paces[self.world.dice().usize(0..paces.len())];
        self.world.note(0, "operator's pace", 0, || format!("{pace}"));
        self.world.truth().change_pace(pace);
        for (_, handle) in self.slots.iter().filter_map(|slot| slot.process.as_ref()) {
            let _ = handle.link().pace.send(pace);
        }
    }

    async fn pause(&self) {
        let id = self.any_broadcast();
        let paused = self.world.store.pause(&id, PauseReason::Operator, "", None).await;
        let number = self.world.number(&id);
        self.world.note(0, "operator pauses", u64::from(paused.is_ok()), || format!("b{number}"));
        self.world.after_store(0, true);
        if self.world.dice().bool() {
            self.ring();
        }
    }

    async fn resume(&self, id: &BroadcastId) {
        let now = self.world.clock.now();
        let resumed = self.world.store.resume(id, now).await;
        if resumed.is_err() {
            return;
        }
        let key = format!("engine.resumed_at.{id}");
        self.world.store.put_note(&key, &now.0.to_string()).await.expect("a note");
        let number = self.world.number(id);
        self.world.note(0, "operator resumes", 0, || format!("b{number}"));
        self.world.after_store(0, true);
        self.ring();
    }

    async fn cancel(&self) {
        let id = self.any_broadcast();
        let cancelled = self.world.store.cancel(&id, self.world.clock.now()).await;
        let number = self.world.number(&id);
        self.world.note(0, "operator cancels", u64::from(cancelled.is_ok()), || format!("b{number}"));
        self.world.after_store(0, true);
        self.ring();
    }

    /// Decides about those in doubt, about one or all.
    async fn decide(&self) {
        let id = self.any_broadcast();
        let store = &self.world.store;
        let mut doubtful = store.recipients(&id, Some(RecipientState::InDoubt), None, 100).await.expect("recipients");
        if doubtful.is_empty() {
            return;
        }
        let decisions = [DoubtDecision::CountAsSent, DoubtDecision::GiveUp, DoubtDecision::SendAgain];
        let decision = {
            let mut dice = self.world.dice();
            if dice.bool() {
                let place = dice.usize(0..doubtful.len());
                doubtful = vec![doubtful.swap_remove(place)];
            }
            decisions[dice.usize(0..decisions.len())]
        };
        let is_final = store.broadcast(&id).await.expect("a broadcast").status.is_final();
        if decision == DoubtDecision::SendAgain && is_final {
            return;
        }
        for row in &doubtful {
            self.world.truth().decided(&id, row.seq, row.attempt, decision);
        }
        let seqs: Vec<u32> = doubtful.iter().map(|row| row.seq).collect();
        let decided = store.decide_doubts(&id, Some(&seqs), decision, "the operator's word", self.world.clock.now());
        let people = decided.await.expect("a decision");
        let number = self.world.number(&id);
        self.world.note(0, "operator decides", people, || format!("{decision:?} for {people} of b{number}"));
        self.world.after_store(0, true);
        self.ring();
    }

    /// Nothing goes wrong any more: everything must end, and be as the server knows it.
    async fn calm(&mut self) {
        let world = self.world.clone();
        world.calm_down();
        let behind = -world.clock.offset_ms();
        if behind > 0 {
            self.step_wall_by(behind);
        }
        for (process, _) in self.slots.iter().filter_map(|slot| slot.process.as_ref()) {
            process.thaw();
        }
        let since = Instant::now();
        while !self.all_ended().await {
            if world.broken().is_some() {
                return;
            }
            if since.elapsed() > PATIENCE {
                let statuses = world.store.statuses();
                world.break_rule("everything ends", || format!("still open after {PATIENCE:?}: {statuses:?}"));
                return;
            }
            self.look_after_processes();
            for id in &self.broadcasts {
                self.resume(id).await;
            }
            sleep(Duration::from_millis(700)).await;
            // Nobody waits for a retry's time when the wall's clock can be moved there.
            let wait = world.store.soonest_due().map_or(0, |due| due.since(world.clock.now()));
            if wait > 3_000 {
                self.step_wall_by(wait - 1_000);
            }
        }
        sleep(Duration::from_secs(2)).await;
        self.check_end().await;
        self.drain_all().await;
    }

    async fn all_ended(&self) -> bool {
        let statuses = self.world.store.statuses();
        let ended = statuses.iter().all(|(_, status, open, ..)| status.is_final() && *open == 0);
        let backlog = self.world.store.receipts_backlog().await.expect("a count");
        ended && backlog == 0 && self.world.truth().posts == 0
    }

    async fn check_end(&self) {
        for id in &self.broadcasts {
            let people = self.world.store.recipients(id, None, None, 5_000).await.expect("recipients").len();
            for seq in 0..u32::try_from(people).expect("few") {
                let standing = self.world.store.standing(id, seq).expect("stored");
                let found = self.world.truth().check_end(id, seq, &standing);
                if let Some(Broken { rule, detail }) = found {
                    self.world.break_rule(rule, || detail);
                }
            }
            let prices = self.world.store.prices(id).await.expect("counts");
            let found = self.world.truth().check_prices(id, &prices);
            if let Some(Broken { rule, detail }) = found {
                self.world.break_rule(rule, || detail);
            }
        }
    }

    /// Whoever runs ends when asked to.
    async fn drain_all(&mut self) {
        for slot in &mut self.slots {
            let Some((process, handle)) = slot.process.take() else { continue };
            if process.has_crashed() {
                continue;
            }
            match tokio::time::timeout(Duration::from_mins(1), handle.drain()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => self.world.break_rule("an engine runs on", || format!("p{} panicked", process.number)),
                Err(_) => self.world.break_rule("a drain ends", || format!("p{} does not end", process.number)),
            }
        }
    }
}
