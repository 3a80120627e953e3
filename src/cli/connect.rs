//! The console's face: the set-up when there is no configuration, then everything that sends, with a screen.

use super::exit::{Exit, Failure, Outcome};
use super::set_up::Connect;
use super::settings::{self, Configured};
use super::terminal;
use crate::app::signals::Signals;
use crate::app::{self, App, AppError, Face, Ground};
use crate::config::{Config, LoadFrom};
use crate::console::{self, ConsoleError, ConsoleParts, Ended, Screens, Show};
use crate::headless;
use crate::logging::{self, Guard, Target};
use crate::service::{self, Service};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Pause before the next try to open the store.
const STORE_PAUSE: Duration = Duration::from_secs(3);

/// Shows the console until the operator leaves it or a signal comes. Without a terminal for it the rest runs all the
/// same, and says why there is no screen.
pub(super) async fn console(from: LoadFrom, mut config: Config, mut rehearse: bool, read_only: bool) -> Outcome {
    if let Err(why) = console::can_show() {
        if read_only {
            return Err(no_screen(&why, service::program(rehearse)));
        }
        terminal::note(&format!("no screen: {why}; going on as with --no-tui"));
        return headless::run(config, rehearse).await;
    }
    let _guard = log(&config)?;
    let stop = stop_on_signal()?;
    while !rehearse && !config.missing().is_empty() {
        let show = Show::SetUp(Arc::new(Connect::new(&config)));
        match console::run(parts(&config, show, None, stop.clone())).await.map_err(|error| broke(&error))? {
            Ended::Sandbox => rehearse = true,
            Ended::Configured => config = Config::load(&from)?,
            _ => return Ok(Exit::Completed),
        }
    }
    let (told, opening) = watch::channel(None);
    let opened = config.clone();
    let bring_up = async move |left: CancellationToken| {
        let ground = tokio::select! {
            ground = open(opened, rehearse, &told) => ground?,
            () = left.cancelled() => return Ok(None),
        };
        let app =
            if read_only { Running::Watching(ground) } else { Running::App(App::start(ground, Face::Console).await) };
        Ok(Some(app))
    };
    let mut used = config.clone();
    if rehearse {
        app::rehearsed(&mut used, "the built-in sandbox");
    }
    over(&config, Configured::new(used, Some(from)), opening, read_only, &stop, bring_up).await
}

/// What runs below the screens.
enum Running {
    /// Everything that sends.
    App(App),
    /// Only the store, to be looked at.
    Watching(Ground),
}

impl Running {
    fn service(&self) -> Service {
        match self {
            Self::App(app) => app.service().clone(),
            Self::Watching(ground) => ground.service(None, Face::Console.words()),
        }
    }
}

/// Shows the screens at once, over what `bring_up` brings up; then drains it. `bring_up` is told when the console was
/// left, and gives up then if nothing runs yet.
async fn over<F: Future<Output = Result<Option<Running>, AppError>> + Send + 'static>(
    config: &Config,
    settings: Configured,
    opening: watch::Receiver<Option<String>>,
    read_only: bool,
    stop: &CancellationToken,
    bring_up: impl FnOnce(CancellationToken) -> F,
) -> Outcome {
    let (give, service) = oneshot::channel();
    let (broken, broken_seen) = watch::channel(None);
    let left = CancellationToken::new();
    let shown = stop.child_token();
    let (no_use, running, asking) = (shown.clone(), bring_up(left.clone()), left.clone());
    let running = tokio::spawn(async move {
        let running = running.await;
        match &running {
            // Sent to nobody: the console was left meanwhile.
            Ok(Some(running)) => drop(give.send(running.service())),
            Ok(None) => {}
            Err(_) => no_use.cancel(),
        }
        if let Ok(Some(Running::App(app))) = &running {
            tokio::spawn(pass_on(app.broken(), broken));
            let service = app.service().clone();
            tokio::spawn(async move { asking.run_until_cancelled(app::first_look(service)).await });
        }
        running
    });
    let screens = Screens {
        service,
        opening,
        time_zone: config.console.time_zone.clone(),
        default_country: config.intake.default_country.clone(),
        messages_per_second: config.sender.messages_per_second,
        read_only,
        temporary: settings.is_demo(),
        settings: Arc::new(settings),
        events: logging::recent(),
    };
    let ended = console::run(parts(config, Show::Screens(screens), Some(broken_seen), shown)).await;
    left.cancel();
    match running.await {
        Ok(Ok(Some(running))) => finish(running, ended).await,
        Ok(Ok(None)) => ended.map(|_| Exit::Completed).map_err(|error| broke(&error)),
        Ok(Err(error)) => Err(error.into()),
        Err(panic) => Err(Failure::error("internal", format!("a bug in wacast: {panic}")).hint("the log says more")),
    }
}

/// Lets what is under way end, as the operator wants it.
async fn finish(running: Running, ended: Result<Ended, ConsoleError>) -> Outcome {
    let app = match running {
        Running::App(app) => app,
        Running::Watching(ground) => {
            ground.close().await;
            return ended.map(|_| Exit::Completed).map_err(|error| broke(&error));
        }
    };
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

async fn pass_on(mut words: watch::Receiver<Option<String>>, to: watch::Sender<Option<String>>) {
    while words.changed().await.is_ok() {
        to.send_replace(words.borrow_and_update().clone());
    }
}

/// Whether there is a terminal for it. `program`: how a command line begins.
pub(crate) fn can_show(program: &str) -> Result<(), Failure> {
    console::can_show().map_err(|why| no_screen(&why, program))
}

fn no_screen(why: &str, program: &str) -> Failure {
    Failure::usage("no_terminal", format!("the console cannot be shown: {why}"))
        .hint(format!("without a screen: {program} --no-tui, or one of the commands that wacast --help lists"))
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
    let config = app.config().clone();
    let (_nothing, opening) = watch::channel(None);
    let settings = Configured::new(config.clone(), None);
    over(&config, settings, opening, false, stop, |_left| async { Ok(Some(Running::App(app))) }).await
}

fn broke(error: &ConsoleError) -> Failure {
    Failure::error("console", error.to_string())
}

fn parts(
    config: &Config,
    show: Show,
    broken: Option<watch::Receiver<Option<String>>>,
    stop: CancellationToken,
) -> ConsoleParts {
    ConsoleParts {
        show,
        look: settings::look(config),
        privacy: config.console.privacy,
        in_folder: config.places.in_folder(),
        out_folder: config.places.folder.join("out"),
        broken,
        stop,
    }
}

/// Opens the store, and says so while it is away.
async fn open(config: Config, rehearse: bool, told: &watch::Sender<Option<String>>) -> Result<Ground, AppError> {
    loop {
        match Ground::open(config.clone(), rehearse).await {
            Err(error) if error.may_pass() => {
                tracing::warn!("{error}; trying again in {} s", STORE_PAUSE.as_secs());
                told.send_replace(Some(error.to_string()));
                tokio::time::sleep(STORE_PAUSE).await;
            }
            other => return other,
        }
    }
}
