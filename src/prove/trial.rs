//! One trial: a sandbox in this process, a folder with a configuration, and this very program as a child that is killed.

use super::people;
use crate::cli::args::ProveArgs;
use crate::cli::exit::Failure;
use crate::sandbox::{
    ACCESS_TOKEN, APP_SECRET, BUSINESS_ACCOUNT_ID, Mix, PHONE_NUMBER_ID, Sandbox, SandboxConfig, SandboxHandle,
    Settings,
};
use secrecy::SecretString;
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Requests in flight; twice as many people may be in doubt after a kill.
const IN_FLIGHT: u64 = 64;
/// Messages a second: fast, and yet a pace, as in earnest.
const PACE: u32 = 500;
/// How often the sandbox is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often the store is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Nothing moved for so long: that was all.
const SILENT: Duration = Duration::from_mins(1);
/// The last receipts are awaited for so long after the sandbox has sent the last one.
const LAST_RECEIPTS: Duration = Duration::from_secs(5);

/// How a broadcast stands, by `status --json`.
pub(super) struct Standing(Value);

impl Standing {
    /// People in a state.
    pub(super) fn count(&self, state: &str) -> u64 {
        self.0["counts"][state].as_u64().unwrap_or(0)
    }

    pub(super) fn total(&self) -> u64 {
        self.count("total")
    }

    /// What the states add up to.
    pub(super) fn sum(&self) -> u64 {
        let counts = self.0["counts"].as_object().into_iter().flatten();
        counts.filter(|(word, _)| *word != "total").filter_map(|(_, count)| count.as_u64()).sum()
    }

    pub(super) fn is_final(&self) -> bool {
        self.0["status"] == "completed"
    }

    /// The verdict of the program's own audit; `None`: none yet.
    pub(super) fn audit(&self) -> Option<(bool, String)> {
        let audit = &self.0["audit"];
        Some((audit["agrees"].as_bool()?, audit["words"].as_str()?.to_owned()))
    }

    pub(super) fn words(&self) -> String {
        let mut words = self.0["status"].as_str().unwrap_or_default().to_owned();
        for (word, count) in self.0["counts"].as_object().into_iter().flatten() {
            if word != "total" && *count != 0 {
                let _ = write!(words, ", {count} {}", word.replace('_', " "));
            }
        }
        words
    }
}

/// One trial.
pub(super) struct Trial {
    pub(super) sandbox: SandboxHandle,
    folder: tempfile::TempDir,
    running: Option<Child>,
}

impl Trial {
    /// People who may be in doubt after one kill.
    pub(super) const MAX_UNSETTLED: u64 = 2 * IN_FLIGHT;

    pub(super) async fn begin(args: &ProveArgs, seed: u64) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("wacast-prove-").tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = Settings {
            messages_per_second: 0,
            latency_ms: (2, 30),
            provoking_numbers: args.file.is_none(),
            mix: Mix::lifelike(),
            webhook_url: Some(format!("http://127.0.0.1:{port}/webhook")),
            receipt_shuffle_ms: 300,
            receipts_doubled: 0.02,
            ..Settings::default()
        };
        let sandbox = Sandbox::start(SandboxConfig { seed, settings, ..SandboxConfig::default() }).await;
        let sandbox = sandbox.map_err(|error| Failure::error("sandbox", error.to_string()))?;
        let app_secret: SecretString = APP_SECRET.into();
        let config =
            toml_text(&sandbox.base_url(), args.store.as_deref().unwrap_or("sqlite://wacast.db"), port, &app_secret);
        std::fs::write(folder.path().join("config.toml"), config)?;
        Ok(Self { sandbox, folder, running: None })
    }

    /// This program, with the trial's configuration and nothing of the environment's.
    fn command(&self, arguments: &[&str]) -> Result<Command, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--config").arg(self.folder.path().join("config.toml")).args(arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WACAST")) {
            command.env_remove(name);
        }
        command.env("STATE_DIRECTORY", self.folder.path().join("state")).stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    /// Runs a short command and reads what it says.
    async fn said(&self, arguments: &[&str]) -> Result<Value, Failure> {
        let output = self.command(arguments)?.output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        match serde_json::from_str(&text) {
            Ok(value) if output.status.success() => Ok(value),
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                let command = arguments.first().copied().unwrap_or_default();
                Err(Failure::error("prove", format!("`{command}` failed: {}", said.trim())))
            }
        }
    }

    /// Imports the file, or made-up people. Returns how many there are.
    pub(super) async fn import(&self, args: &ProveArgs) -> Result<u64, Failure> {
        let path = match &args.file {
            Some(path) => std::path::absolute(path)?,
            None => self.made_up(args.people)?,
        };
        let path = path.to_string_lossy().into_owned();
        let mut arguments = vec!["import", &path, "--list", "people", "--json"];
        if let Some(country) = &args.country {
            arguments.extend(["--country", country]);
        }
        let report = self.said(&arguments).await?;
        match report["imported"].as_u64() {
            Some(imported) if imported > 0 => Ok(imported),
            _ => Err(Failure::error("nobody", "no row of the file could be used").hint("wacast import says why")),
        }
    }

    fn made_up(&self, people: u32) -> Result<PathBuf, Failure> {
        if people > people::MOST {
            let message = format!("there are {} reserved numbers: --people is that at most", people::MOST);
            return Err(Failure::usage("too_many_people", message).hint("give a file of your own for more"));
        }
        let path = self.folder.path().join("people.csv");
        std::fs::write(&path, people::csv(people))?;
        Ok(path)
    }

    /// Makes the broadcast. Nobody sends yet.
    pub(super) async fn send(&self) -> Result<String, Failure> {
        let arguments = ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"];
        let made = self.said(&arguments).await?;
        made["broadcast_id"].as_str().map(str::to_owned).ok_or_else(|| Failure::error("prove", "no broadcast was made"))
    }

    /// Starts the program that sends.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        let log = std::fs::File::options().create(true).append(true).open(self.log())?;
        self.running = Some(self.command(&["--no-tui"])?.stdout(Stdio::null()).stderr(log).spawn()?);
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Waits until the sandbox has taken so many, or until there is no more to come. Returns how many it has.
    pub(super) async fn until_taken(&mut self, goal: u64) -> Result<u64, Failure> {
        let mut taken = self.sandbox.taken() as u64;
        let mut moved_at = Instant::now();
        while taken < goal && moved_at.elapsed() < SILENT {
            self.must_run()?;
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.sandbox.taken() as u64;
            if now > taken {
                (taken, moved_at) = (now, Instant::now());
            }
        }
        Ok(taken)
    }

    fn must_run(&mut self) -> Result<(), Failure> {
        let ended = self.running.as_mut().and_then(|child| child.try_wait().ok().flatten());
        match ended {
            None => Ok(()),
            Some(status) => {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                let last: Vec<_> = log.lines().rev().take(5).collect();
                let last: Vec<_> = last.into_iter().rev().collect();
                Err(Failure::error("prove", format!("the program ended by itself ({status}): {}", last.join("; "))))
            }
        }
    }

    /// SIGKILL: no chance to clean up.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        if let Some(mut child) = self.running.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// SIGTERM, and it must end well.
    pub(super) async fn drain(&mut self) -> Result<(), Failure> {
        let Some(mut child) = self.running.take() else { return Ok(()) };
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(std::io::Error::from)?;
        }
        let status = child.wait().await?;
        if status.success() { Ok(()) } else { Err(Failure::error("prove", format!("it did not end well: {status}"))) }
    }

    pub(super) async fn standing(&self, id: &str) -> Result<Standing, Failure> {
        Ok(Standing(self.said(&["status", id, "--json"]).await?))
    }

    /// Waits until the broadcast has ended, its records were compared, and the receipts are in.
    pub(super) async fn until_settled(&mut self, id: &str, mut told: impl FnMut(&Standing)) -> Result<(), Failure> {
        let mut before = String::new();
        let mut moved_at = Instant::now();
        loop {
            self.must_run()?;
            let standing = self.standing(id).await?;
            told(&standing);
            let words = standing.words();
            if words != before {
                (before, moved_at) = (words, Instant::now());
            }
            let receipts_in = self.sandbox.receipts_waiting() == 0 && moved_at.elapsed() >= LAST_RECEIPTS;
            if standing.is_final() && standing.audit().is_some() && receipts_in {
                return Ok(());
            }
            if moved_at.elapsed() > SILENT {
                return Ok(());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// The report of who got it, as CSV.
    pub(super) async fn report(&self, id: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.path().join("report.csv");
        let output = self.command(&["report", id, "--out", &path.to_string_lossy()])?.output().await?;
        if output.status.success() {
            return Ok(path);
        }
        Err(Failure::error("prove", String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// Whether the audit trail is whole.
    pub(super) async fn trail_is_whole(&self) -> Result<bool, Failure> {
        Ok(self.command(&["audit"])?.output().await?.status.success())
    }

    pub(super) async fn end(self) {
        self.sandbox.shutdown().await;
    }
}

fn toml_text(base_url: &str, store: &str, port: u16, app_secret: &SecretString) -> String {
    use secrecy::ExposeSecret;
    format!(
        r#"[whatsapp]
base_url = "{base_url}"
phone_number_id = "{PHONE_NUMBER_ID}"
business_account_id = "{BUSINESS_ACCOUNT_ID}"
access_token = "{ACCESS_TOKEN}"
app_secret = "{}"
verify_token = "prove"
[store]
url = {store:?}
[http]
listen = "127.0.0.1:{port}"
[sender]
messages_per_second = {PACE}
max_in_flight = {IN_FLIGHT}
[console]
time_zone = "UTC"
"#,
        app_secret.expose_secret()
    )
}
