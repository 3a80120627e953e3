//! `demo`: a sandbox, a store in a temporary folder, made-up numbers and a running broadcast. Reads no
//! configuration and reaches nobody.
//!
//! With a terminal it opens the console over it; without one it tells how it goes, ends by itself in less than a
//! minute and adds everything up against the sandbox's own ledger. Called by [`crate::cli`].

mod numbers;
mod summary;

use crate::app::signals::Signals;
use crate::app::{App, AppError, Face, Ground};
use crate::cli::connect;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::terminal::{self, Progress};
use crate::cli::words;
use crate::config::{Config, LoadFrom};
use crate::domain::binding;
use crate::domain::ids::BroadcastId;
use crate::logging::{self, Target};
use crate::sandbox::{Mix, SandboxConfig, Settings};
use crate::service::import::{ImportOptions, ImportRequest, ImportSource};
use crate::service::view::BroadcastRequest;
use std::io::IsTerminal;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Messages a second without a screen: through in half a minute.
const PLAIN_PACE: u32 = 25;
/// Messages a second on a screen: time to look around and to pause it.
const SHOWN_PACE: u32 = 8;
/// People in it.
const PEOPLE: usize = 400;
/// It ends before this, whatever happens.
const LONGEST: Duration = Duration::from_secs(50);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs the demo.
pub async fn run(no_tui: bool) -> Outcome {
    let shown = !no_tui && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if shown {
        connect::can_show("wacast demo")?;
    }
    let folder = Folder::make()?;
    let config = config(&folder.0, if shown { SHOWN_PACE } else { PLAIN_PACE })?;
    if shown {
        let _guard = connect::log(&config)?;
        let stop = connect::stop_on_signal()?;
        let app = start(config, Face::Console).await?;
        begin(&app).await?;
        return connect::show(app, &stop).await;
    }
    let _guard = logging::start("error", std::env::var("WACAST_LOG").ok().as_deref(), &Target::Stderr)?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        outcome = plain(config) => outcome,
        _ = signals.next() => Ok(Exit::Interrupted),
    }
}

/// Tells how it goes, and adds it up at the end.
async fn plain(config: Config) -> Outcome {
    let started = Instant::now();
    let zone = config.console.time_zone.clone();
    let pace = config.sender.messages_per_second;
    let app = start(config, Face::Headless).await?;
    let id = begin(&app).await?;
    terminal::line(&format!(
        "REHEARSAL against the built-in sandbox: broadcast {id}, {pace} messages a second, HTTP on {}",
        app.http_address().map_or("no port".to_owned(), |address| address.to_string())
    ))?;
    let mut line = Progress::default();
    let mut broken = app.broken();
    while started.elapsed() < LONGEST {
        let view = app.service().broadcast(&id).await?;
        line.say(|| words::progress(&view, &zone, app.service().now()));
        if view.broadcast.status.is_final() && summary::receipts_are_in(&app, &view).await {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = broken.wait_for(Option::is_some) => break,
        }
    }
    line.end();
    let summary = summary::Summary::take(&app, &id, started.elapsed()).await?;
    for row in summary.lines() {
        terminal::line(&row)?;
    }
    let drained = app.drain().await;
    match (summary.faults().first(), drained) {
        (Some(fault), _) => Err(Failure::error("demo", fault.as_str())),
        (None, Err(words)) => Err(Failure::error("internal", words)),
        (None, Ok(())) => Ok(Exit::Completed),
    }
}

async fn start(config: Config, face: Face) -> Result<App, AppError> {
    let settings = Settings {
        latency_ms: (60, 220),
        mix: Mix::lifelike(),
        sent_after_ms: 150,
        delivered_after_ms: 400,
        read_after_ms: 1_500,
        receipt_shuffle_ms: 300,
        receipts_doubled: 0.02,
        ..Settings::default()
    };
    let sandbox = SandboxConfig { settings, ..SandboxConfig::default() };
    let ground = Ground::open_with(config, Some(sandbox)).await?;
    Ok(App::start(ground, face).await)
}

/// Loads the numbers through the same intake as any file, and starts a broadcast to them.
async fn begin(app: &App) -> Result<BroadcastId, Failure> {
    let service = app.service();
    let source = ImportSource::Bytes { name: "sample.csv".to_owned(), bytes: numbers::csv(PEOPLE).into_bytes() };
    let request = ImportRequest {
        source,
        options: ImportOptions::default(),
        list: Some("sample".to_owned()),
        tags: Vec::new(),
        idempotency: None,
        rejects: None,
    };
    let done = service.import(request, |_| {}).await?;
    let report = &done.upload.report;
    if !std::io::stdout().is_terminal() || app.config().sender.messages_per_second >= f64::from(PLAIN_PACE) {
        terminal::line(&format!(
            "sample.csv: {}, {} imported, {}, {} rejected",
            terminal::counted(report.received, "row", "rows"),
            report.imported,
            terminal::counted(report.duplicates, "duplicate", "duplicates"),
            report.rejected
        ))?;
    }
    let bindings = ["1=first_name"].into_iter().map(binding::parse).collect::<Result<_, _>>();
    let request = BroadcastRequest {
        template_name: "order_update".to_owned(),
        language_code: "en_US".to_owned(),
        list: Some("sample".to_owned()),
        label: "demo".to_owned(),
        bindings: bindings.map_err(|error| Failure::error("internal", error.to_string()))?,
        ..BroadcastRequest::default()
    };
    Ok(service.start(request).await?.broadcast.id)
}

fn config(folder: &Path, pace: u32) -> Result<Config, Failure> {
    let path = folder.join("config.toml");
    let text = format!(
        "[store]\nurl = \"sqlite://wacast.db\"\n[http]\nlisten = \"127.0.0.1:0\"\n[sender]\n\
         messages_per_second = {pace}\n[console]\ntime_zone = \"Asia/Kolkata\"\n[log]\nfile = \"wacast.log\"\n"
    );
    let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))?;
    // Nothing of the environment is read but the state folder's name, and that lies in here, too.
    let environment = [("STATE_DIRECTORY".to_owned(), folder.join("state").display().to_string())].into();
    let from = LoadFrom { config: Some(path), environment, ..LoadFrom::process(None) };
    Ok(Config::load(&from)?)
}

/// A folder that is gone when the demo is.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("wacast-demo-{:016x}", fastrand::u64(..)));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
