//! The console's face: the set-up when there is no configuration, then everything that sends, with a screen.

use super::exit::{Exit, Failure, Outcome};
use super::set_up::Connect;
use super::terminal;
use crate::app::signals::Signals;
use crate::app::{self, App, AppError, Face, Ground};
use crate::config::{Config, LoadFrom};
use crate::console::{self, ConsoleError, ConsoleParts, Ended, Look, Palette, Show};
use crate::logging::{self, Guard, Target};
use crate::service;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause before the next try to open the store.
const STORE_PAUSE: Duration = Duration::from_secs(3);

/// Shows the console until the operator leaves it or a signal comes.
pub(super) async fn console(from: LoadFrom, mut config: Config, mut rehearse: bool) -> Outcome {
    can_show(service::program(rehearse))?;
    let _guard = log(&config)?;
    let stop = stop_on_signal()?;
    while !rehearse && !config.missing().is_empty() {
        let show = Show::SetUp(Arc::new(Connect::new(&config)));
        match console::run(parts(&config, show, None, &stop)).await.map_err(|error| broke(&error))? {
            Ended::Sandbox => rehearse = true,
            Ended::Configured => config = Config::load(&from)?,
            _ => return Ok(Exit::Completed),
        }
    }
    let ground = open(config, rehearse, &stop).await?;
    let Some(ground) = ground else { return Ok(Exit::Completed) };
    show(App::start(ground, Face::Console).await, &stop).await
}

/// Whether there is a terminal for it. `program`: how a command line begins.
pub(crate) fn can_show(program: &str) -> Result<(), Failure> {
    console::can_show().map_err(|why| {
        Failure::usage("no_terminal", format!("the console cannot be shown: {why}"))
            .hint(format!("without a screen: {program} --no-tui, or one of the commands that wacast --help lists"))
    })
}

/// Logs into the file: the screen is not for log lines.
pub(crate) fn log(config: &Config) -> Result<Guard, Failure> {
    let environment = std::env::var("WACAST_LOG").ok();
    Ok(logging::start(&config.log.level, environment.as_deref(), &Target::File(config.log.file.clone()))?)
}

/// Cancelled by the first signal; the second ends the process at once.
pub(crate) fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let mut signals = Signals::listen()?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        token.cancel();
        signals.next().await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Ok(stop)
}

/// Runs the screens over a running app, then drains it.
pub(crate) async fn show(app: App, stop: &CancellationToken) -> Outcome {
    let broken = app.broken();
    let shown = parts(app.config(), Show::Screens(app.service().clone()), Some(broken), stop);
    let asking = tokio::spawn(app::first_look(app.service().clone()));
    let ended = console::run(shown).await;
    asking.abort();
    if matches!(ended, Ok(Ended::Now)) {
        return Ok(Exit::Interrupted);
    }
    let engine = app.service().snapshot().borrow().engine.clone();
    if engine.in_flight > 0 || engine.unsettled > 0 {
        terminal::note("finishing what is under way; Ctrl-C ends at once");
    }
    let drained = app.drain().await;
    match (ended, drained) {
        (Err(error), _) => Err(broke(&error)),
        (_, Err(words)) => Err(Failure::error("internal", words).hint("the log says more")),
        (Ok(_), Ok(())) => Ok(Exit::Completed),
    }
}

fn broke(error: &ConsoleError) -> Failure {
    Failure::error("console", error.to_string())
}

fn parts(
    config: &Config,
    show: Show,
    broken: Option<tokio::sync::watch::Receiver<Option<String>>>,
    stop: &CancellationToken,
) -> ConsoleParts {
    let palette = Palette::from_word(config.console.palette).unwrap_or_default();
    let mut look = Look::from_environment(palette, |name| std::env::var(name).ok());
    match config.console.glyphs {
        "unicode" => look.glyphs = console::Glyphs::UTF8,
        "ascii" => look.glyphs = console::Glyphs::ASCII,
        _ => {}
    }
    ConsoleParts {
        show,
        look,
        privacy: config.console.privacy,
        in_folder: config.places.in_folder(),
        broken,
        stop: stop.clone(),
    }
}

/// Opens the store, and says so while it is away. `None`: stopped before it was there.
async fn open(config: Config, rehearse: bool, stop: &CancellationToken) -> Result<Option<Ground>, AppError> {
    loop {
        let opened = tokio::select! {
            opened = Ground::open(config.clone(), rehearse) => opened,
            () = stop.cancelled() => return Ok(None),
        };
        match opened {
            Err(error) if error.may_pass() => {
                terminal::note(&format!("{error}; trying again, Ctrl-C ends"));
                tokio::select! {
                    () = tokio::time::sleep(STORE_PAUSE) => {}
                    () = stop.cancelled() => return Ok(None),
                }
            }
            other => return other.map(Some),
        }
    }
}
