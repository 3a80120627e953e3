//! The real binary at work: a folder with a configuration, a sandbox in this process, and ways to run commands.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
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
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let settings = Settings {
            messages_per_second: 0,
            webhook_url: Some(format!("http://127.0.0.1:{port}/webhook")),
            ..Settings::default()
        };
        let sandbox = Sandbox::start(SandboxConfig { settings, ..SandboxConfig::default() }).await.unwrap();
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
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
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
