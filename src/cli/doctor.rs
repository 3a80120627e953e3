//! `doctor`: looks at everything that sending needs, says what to do, and where every setting comes from.

mod checks;

use super::Start;
use super::exit::{Exit, Outcome};
use super::terminal;
use crate::app::{self, signals::Signals};
use crate::config::Config;
use crate::sandbox::{Sandbox, SandboxConfig};
use checks::Report;

pub(super) async fn run(start: Start) -> Outcome {
    let Start { mut config, rehearse } = start;
    let mut signals = Signals::listen()?;
    let sandbox = if rehearse { Sandbox::start(SandboxConfig::default()).await.ok() } else { None };
    if let Some(sandbox) = &sandbox {
        app::rehearsed(&mut config, &sandbox.base_url());
    }
    let mut report = Report::default();
    tokio::select! {
        () = checks::all(&config, &mut report) => {}
        _ = signals.next() => return Ok(Exit::Interrupted),
    }
    for line in report.lines() {
        terminal::line(&line)?;
    }
    settings(&config)?;
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    let missing = !config.missing().is_empty();
    Ok(match report.failed() {
        false => Exit::Completed,
        true if missing => Exit::Usage,
        true => Exit::Error,
    })
}

/// Every key, its value and where that comes from; secrets only say whether they are set.
fn settings(config: &Config) -> Result<(), super::Failure> {
    terminal::line("\nSettings")?;
    for setting in config.settings() {
        terminal::line(&format!("  {:<30} {:<32} {}", setting.key.path(), setting.value, setting.origin))?;
    }
    terminal::line("\nFiles")?;
    let places = &config.places;
    let file = places.file.as_ref().map_or_else(
        || {
            let looked: Vec<String> = places.looked.iter().map(|path| path.display().to_string()).collect();
            format!("none (looked at {})", looked.join(", "))
        },
        |path| path.display().to_string(),
    );
    for (name, value) in [
        ("configuration", file),
        ("store", config.store_shown()),
        ("log of the console", config.log.file.display().to_string()),
        ("state folder", places.state.display().to_string()),
    ] {
        terminal::line(&format!("  {name:<30} {value}"))?;
    }
    Ok(())
}
