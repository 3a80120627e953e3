//! The real binary at work: a folder with a configuration, a sandbox in this process, and ways to run commands.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use wacast::sandbox::{
    ACCESS_TOKEN, APP_SECRET, BUSINESS_ACCOUNT_ID, PHONE_NUMBER_ID, Sandbox, SandboxConfig, SandboxHandle, Settings,
};

/// Where a test works.
pub struct Workplace {
    pub folder: tempfile::TempDir,
    pub sandbox: SandboxHandle,
    /// Where its HTTP will listen.
    pub api: String,
    config: PathBuf,
}

/// A running `wacast`.
pub struct Wacast {
    pub child: Child,
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Workplace {
    /// With a sandbox that sends receipts to the process that will listen, and the pace off.
    pub async fn new(store_url: &str, max_in_flight: u64) -> Self {
        Self::with(store_url, max_in_flight, SandboxConfig::default()).await
    }

    /// The same on SQLite, in the folder.
    pub async fn on_sqlite(max_in_flight: u64) -> Self {
        Self::new("sqlite://wacast.db", max_in_flight).await
    }

    /// The same with a sandbox of one's own.
    pub async fn with(store_url: &str, max_in_flight: u64, sandbox: SandboxConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let settings = Settings {
            messages_per_second: 0,
            webhook_url: Some(format!("http://127.0.0.1:{port}/webhook")),
            ..sandbox.settings
        };
        let sandbox = Sandbox::start(SandboxConfig { settings, ..sandbox }).await.unwrap();
        let config = folder.path().join("config.toml");
        let text = format!(
            r#"
[whatsapp]
base_url = "{base_url}"
phone_number_id = "{PHONE_NUMBER_ID}"
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
messages_per_second = 0
max_in_flight = {max_in_flight}
[console]
time_zone = "Asia/Kolkata"
"#,
            base_url = sandbox.base_url()
        );
        std::fs::write(&config, text).unwrap();
        Self { folder, sandbox, api: format!("http://127.0.0.1:{port}"), config }
    }

    /// Puts a line into a section of the configuration, before whoever is started next.
    pub fn configure(&self, section: &str, line: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let heading = format!("[{section}]\n");
        assert!(text.contains(&heading), "{section}");
        std::fs::write(&self.config, text.replace(&heading, &format!("{heading}{line}\n"))).unwrap();
    }

    /// Takes a key out of it.
    pub fn unset(&self, key: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let stays = |line: &&str| !line.starts_with(&format!("{key} = "));
        std::fs::write(&self.config, text.lines().filter(stays).collect::<Vec<_>>().join("\n")).unwrap();
    }

    /// Writes a file into the folder; its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Imports people from CSV into a list; the report.
    pub fn import(&self, list: &str, csv: &str) -> serde_json::Value {
        let path = self.file(&format!("{list}.csv"), csv);
        self.json(&["import", &path, "--list", list, "--json"])
    }

    /// Makes a broadcast of a template in `en_US` to a list; its id.
    pub fn send(&self, template: &str, list: &str, more: &[&str]) -> String {
        let common = ["send", "--template", template, "--language", "en_US", "--list", list, "--yes", "--json"];
        let made = self.json(&[&common[..], more].concat());
        made["broadcast_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// A broadcast as the command line shows it.
    pub fn status(&self, id: &str) -> serde_json::Value {
        self.json(&["status", id, "--json"])
    }

    /// Runs a command that must fail; its exit code, and all that it says.
    pub fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(!status.success(), "{arguments:?} must be refused: {said}");
        (status.code().unwrap(), said)
    }

    /// What the headless process said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The binary with this configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wacast"));
        command.arg("--config").arg(&self.config).args(arguments).stdin(Stdio::null());
        command.env_remove("WACAST_CONFIG").env("XDG_STATE_HOME", self.folder.path());
        command
    }

    /// Runs a command that must succeed; its standard output.
    pub fn json_or_text(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{arguments:?}: {} {text} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// The same for a command that writes JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let text = self.json_or_text(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// `wacast --no-tui`, logging into the folder.
    pub fn headless(&self) -> Wacast {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let child = self.command(&["--no-tui"]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Wacast { child }
    }

    /// The phones that the sandbox took messages for.
    pub fn taken(&self) -> HashSet<String> {
        let mut taken = HashSet::new();
        let mut after = Some(0);
        while let Some(place) = after {
            let page = self.sandbox.ledger(place, 5_000);
            taken.extend(page.items.into_iter().map(|row| row.to));
            after = page.next;
        }
        taken
    }
}

impl Drop for Workplace {
    /// What the program said is worth more than what a test missed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<_> = log.lines().rev().take(60).collect();
            eprintln!("the end of wacast's log, HTTP on {}:", self.api);
            last.iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

impl Wacast {
    /// SIGTERM, and it must end well.
    pub fn drain(mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Wacast {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of a webhook with these statuses, which come without brackets.
pub fn statuses_body(statuses: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{
        "messaging_product":"whatsapp","metadata":{{"phone_number_id":"{PHONE_NUMBER_ID}"}},
        "statuses":[{statuses}]}}}}]}}]}}"#
    )
}

/// Waits for a condition, not for time; how long it took.
pub fn wait_at_most(patience: Duration, what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < patience, "did not come about in {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
    since.elapsed()
}
