//! Where a scenario takes place: a sandbox behind a door, a store, people, and seats for processes of wacast.

use super::door::Door;
pub use crate::real::wait_at_most;
use crate::real::{Wacast, free_port};
use serde_json::Value;
use std::ffi::OsString;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wacast::sandbox::{
    ACCESS_TOKEN, APP_SECRET, BUSINESS_ACCOUNT_ID, PHONE_NUMBER_ID, Sandbox, SandboxConfig, SandboxHandle, Settings,
};

/// The sandbox's second sender.
pub const SECOND_SENDER: &str = "100000000000002";
/// The longest that anything here may take that does not wait for a lease or a clock.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    MongoDb,
}

impl On {
    pub fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::MongoDb => "mongodb",
        }
    }
}

/// How wacast is to run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub people: usize,
    /// So many of them are refused once for a while, and are due again five seconds later.
    pub refused_once: usize,
    pub max_in_flight: u64,
    pub messages_per_second: u32,
    pub latency_ms: (u32, u32),
}

impl Default for Plan {
    fn default() -> Self {
        Self { people: 1_000, refused_once: 0, max_in_flight: 16, messages_per_second: 0, latency_ms: (10, 40) }
    }
}

pub struct Site {
    pub folder: tempfile::TempDir,
    pub sandbox: SandboxHandle,
    /// What all requests of seats without a door of their own go through.
    pub door: Door,
    /// What receipts come through, to whichever seat is to get them.
    pub receipts: Door,
    pub store_url: String,
    pub plan: Plan,
}

/// A place for one process: a configuration, a port, an environment.
pub struct Seat {
    name: String,
    config: PathBuf,
    port: u16,
    folder: PathBuf,
    pub environment: Vec<(OsString, OsString)>,
}

impl Site {
    pub async fn new(on: On, plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store_url = match on {
            On::Sqlite => format!("sqlite://{}", folder.path().join("wacast.db").display()),
            On::MongoDb => crate::mongod::shared().await.url(&database()),
        };
        Self::at(folder, store_url, plan).await
    }

    /// With a store of one's own.
    pub async fn at(folder: tempfile::TempDir, store_url: String, plan: Plan) -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let receipts = Door::to(nowhere).await;
        let settings = Settings {
            messages_per_second: 0,
            latency_ms: plan.latency_ms,
            webhook_url: Some(format!("http://{}/webhook", receipts.address())),
            ..Settings::default()
        };
        let phone_number_ids = vec![PHONE_NUMBER_ID.to_owned(), SECOND_SENDER.to_owned()];
        let config = SandboxConfig { settings, phone_number_ids, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.unwrap();
        let door = Door::to(sandbox.address()).await;
        Self { folder, sandbox, door, receipts, store_url, plan }
    }

    /// A seat behind the common door, and receipts go to it.
    pub fn seat(&self, name: &str) -> Seat {
        let seat = self.seat_with(name, PHONE_NUMBER_ID, self.door.address());
        self.receipts.lead_to(seat.address());
        seat
    }

    /// A seat for a sender, behind a door.
    pub fn seat_with(&self, name: &str, sender: &str, door: SocketAddr) -> Seat {
        let port = free_port();
        let config = self.folder.path().join(format!("{name}.toml"));
        let text = format!(
            r#"
[whatsapp]
base_url = "http://{door}"
phone_number_id = "{sender}"
business_account_id = "{BUSINESS_ACCOUNT_ID}"
access_token = "{ACCESS_TOKEN}"
app_secret = "{APP_SECRET}"
verify_token = "verify-me"
[store]
url = "{store_url}"
[http]
listen = "127.0.0.1:{port}"
api_keys = ["test-key"]
[sender]
messages_per_second = {messages_per_second}
max_in_flight = {max_in_flight}
[console]
time_zone = "Asia/Kolkata"
"#,
            store_url = self.store_url,
            messages_per_second = self.plan.messages_per_second,
            max_in_flight = self.plan.max_in_flight,
        );
        std::fs::write(&config, text).unwrap();
        let folder = self.folder.path().to_owned();
        Seat { name: name.to_owned(), config, port, folder, environment: Vec::new() }
    }

    /// Imports the plan's people; ten of them fail by a receipt.
    pub fn import(&self, seat: &Seat) -> Vec<String> {
        self.import_list(seat, "people", 0, self.plan.people)
    }

    /// The same for a list of its own, with people whose numbers begin at `first`.
    pub fn import_list(&self, seat: &Seat, list: &str, first: usize, count: usize) -> Vec<String> {
        let plain = count - 10 - self.plan.refused_once;
        // Endings that make the sandbox do so; ten different numbers of each for each list.
        let base = if first == 0 { 0 } else { 5 };
        let provoking = |place: usize, ending: u32| format!("+919{}{}{ending}", base + place / 5, place % 5 + 1);
        // Who is refused once comes first, so that it is due again in the middle.
        let mut phones: Vec<String> = (0..self.plan.refused_once).map(|place| provoking(place, 7_000_002)).collect();
        phones.extend((first..first + plain).map(|place| format!("+9198000{place:05}")));
        phones.extend((0..10).map(|place| provoking(place, 9_131_026)));
        let mut text = String::from("phone,name\n");
        for (place, phone) in phones.iter().enumerate() {
            writeln!(text, "{phone},Person {place}").unwrap();
        }
        let path = self.folder.path().join(format!("{list}.csv"));
        std::fs::write(&path, text).unwrap();
        let report = seat.json(&["import", path.to_str().unwrap(), "--list", list, "--json"]);
        assert_eq!(report["imported"], count, "{report}");
        phones
    }

    /// How many messages the sandbox took.
    pub fn taken(&self) -> usize {
        self.sandbox.taken()
    }

    /// Waits until the sandbox has taken so many.
    pub fn until_taken(&self, count: usize) {
        wait_for(&format!("{count} messages taken"), || self.taken() >= count);
    }

    /// Waits until nothing has been taken for a second.
    pub fn until_it_stands_still(&self) {
        let mut seen = (self.taken(), Instant::now());
        wait_for("it stands still", || {
            let taken = self.taken();
            if taken != seen.0 {
                seen = (taken, Instant::now());
            }
            seen.1.elapsed() > Duration::from_secs(1)
        });
    }

    pub fn max_unsettled(&self) -> u64 {
        2 * self.plan.max_in_flight
    }
}

impl Drop for Site {
    /// What the programs said is worth more than what a test missed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
                if entry.path().extension().is_some_and(|end| end == "log") {
                    let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
                    let lines: Vec<_> = log.lines().collect();
                    eprintln!("the end of {}:", entry.path().display());
                    lines[lines.len().saturating_sub(60)..].iter().for_each(|line| eprintln!("  {line}"));
                }
            }
        }
    }
}

impl Seat {
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The binary with this seat's configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wacast"));
        command.arg("--config").arg(&self.config).args(arguments).stdin(Stdio::null());
        command.env_remove("WACAST_CONFIG").env("XDG_STATE_HOME", &self.folder);
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Runs a command that must succeed; its standard output.
    pub fn text(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {} {text} {errors}", output.status);
        text
    }

    /// The same for a command that writes JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.text(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Makes a broadcast to a list; its id.
    pub fn send(&self, list: &str) -> String {
        let made =
            self.json(&["send", "--template", "hello", "--language", "en_US", "--list", list, "--yes", "--json"]);
        made["broadcast_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// A broadcast as the store has it, asked by a process without the lease.
    pub fn status(&self, id: &str) -> Value {
        self.json(&["status", id, "--json"])
    }

    /// `wacast --no-tui`, with a log in the folder.
    pub fn headless(&self) -> Wacast {
        self.headless_with(&[])
    }

    /// The same with more in its environment.
    pub fn headless_with(&self, environment: &[(&str, &str)]) -> Wacast {
        let path = self.folder.join(format!("{}.log", self.name));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        let mut command = self.command(&["--no-tui"]);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(log);
        Wacast { child: command.spawn().unwrap() }
    }

    /// What the processes of this seat said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join(format!("{}.log", self.name))).unwrap_or_default()
    }
}

/// The name of a database that nobody uses.
fn database() -> String {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    format!("fire_{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

/// Waits for a condition, not for time.
pub fn wait_for(what: &str, done: impl FnMut() -> bool) -> Duration {
    wait_at_most(PATIENCE, what, done)
}

/// Violence.
pub fn signal(wacast: &Wacast, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(wacast.child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// SIGKILL, and its end.
pub fn kill(mut wacast: Wacast) {
    wacast.child.kill().unwrap();
    wacast.child.wait().unwrap();
}
