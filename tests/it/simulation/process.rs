//! A process: an engine with its own view of store and network, which can end, stand still, and be cut off.

use super::facade::Facade;
use super::network::Network;
use super::world::World;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use wacast::domain::error_policy::ErrorPolicy;
use wacast::domain::opt_out::Rules;
use wacast::engine::{self, EngineConfig, EngineHandle, EngineParts};
use wacast::store::Lease;

struct State {
    crashed: bool,
    frozen_until: Instant,
    untroubled_since: Instant,
    /// The newest lease of the sender that this process heard of being granted.
    fence: u64,
}

/// What of a process its store and network share.
pub struct Process {
    pub number: usize,
    pub sender: String,
    pub world: Arc<World>,
    folder: PathBuf,
    state: Mutex<State>,
}

impl Process {
    /// Starts an engine. `number` from 1.
    pub fn start(world: &Arc<World>, number: usize, sender: &str, folder: &Path) -> (Arc<Self>, EngineHandle) {
        let folder = folder.join(number.to_string());
        std::fs::create_dir_all(&folder).expect("a folder for the lock file");
        let now = Instant::now();
        let state = State { crashed: false, frozen_until: now, untroubled_since: now, fence: 0 };
        let process = Arc::new(Self {
            number,
            sender: sender.to_owned(),
            world: world.clone(),
            folder: folder.clone(),
            state: Mutex::new(state),
        });
        world.note(number, "starts", 0, || format!("for {sender}"));
        let pace = {
            let mut truth = world.truth();
            truth.listening += 1;
            truth.pace
        };
        let plan = &world.plan;
        let handle = engine::start(EngineParts {
            store: Arc::new(Facade::new(process.clone())),
            api: Arc::new(Network(process.clone())),
            clock: world.clock.clone(),
            policy: Arc::new(ErrorPolicy::built_in()),
            custody: None,
            config: EngineConfig {
                sender: sender.to_owned(),
                messages_per_second: pace,
                account: String::new(),
                daily_reserve: 0,
                marketing_endpoint: wacast::domain::marketing::MarketingEndpoint::default(),
                max_in_flight: plan.max_in_flight,
                grace_ms: 900_000,
                face: "simulation".to_owned(),
                lock_folder: folder,
                drain_timeout: Duration::from_secs(15),
                program: "wacast",
                opt_out: Rules::default(),
            },
        });
        (process, handle)
    }

    /// Returns while the process lives and runs; never when it has ended.
    pub async fn alive(&self) {
        loop {
            let until = {
                let state = self.state.lock().unwrap();
                if state.crashed { None } else { Some(state.frozen_until) }
            };
            match until {
                None => std::future::pending::<()>().await,
                Some(until) if until > Instant::now() => sleep_until(until).await,
                Some(_) => return,
            }
        }
    }

    pub fn has_crashed(&self) -> bool {
        self.state.lock().unwrap().crashed
    }

    /// Ends it at once: nothing of it ever returns.
    pub fn crash(&self, whence: &str) {
        let mut state = self.state.lock().unwrap();
        if state.crashed {
            return;
        }
        state.crashed = true;
        self.world.note(self.number, "crashes", 0, || whence.to_owned());
        drop(state);
        self.world.truth().listening -= 1;
        // Half of the time the machine stays, and the lock of a process that ended is free.
        if self.world.dice().bool() {
            self.free_the_lock();
        }
    }

    /// The engine's tasks hang for ever, so the lock is theirs for ever: another file takes its place.
    fn free_the_lock(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = std::fs::remove_file(&path);
            let _ = std::fs::File::create(&path);
        }
    }

    /// Lets it stand still, as a stopped process or a sleeping machine does.
    pub fn freeze(&self, time: Duration) {
        let until = Instant::now() + time;
        self.world.note(self.number, "freezes", u64::try_from(time.as_millis()).unwrap(), || format!("for {time:?}"));
        let mut state = self.state.lock().unwrap();
        state.frozen_until = state.frozen_until.max(until);
        state.untroubled_since = state.untroubled_since.max(until);
    }

    pub fn thaw(&self) {
        self.state.lock().unwrap().frozen_until = Instant::now();
    }

    /// Something kept it from hearing of things until now.
    pub fn troubled(&self) {
        let mut state = self.state.lock().unwrap();
        state.untroubled_since = state.untroubled_since.max(Instant::now());
    }

    pub fn untroubled_since(&self) -> Instant {
        self.state.lock().unwrap().untroubled_since
    }

    pub fn granted(&self, lease: &Lease) {
        if lease.subject == self.sender {
            self.state.lock().unwrap().fence = lease.fence;
        }
    }

    pub fn fence(&self) -> u64 {
        self.state.lock().unwrap().fence
    }
}
