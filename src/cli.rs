//! The command line: reads the words, the configuration, and hands over to a command.
//!
//! Every error leaves as one line `error: …` with what to do, and an exit code that scripts can rely on
//! ([`exit::Exit`]). Called by `main` and nothing else.

mod act;
mod adopt;
pub mod args;
mod audit;
mod config;
pub(crate) mod connect;
mod doctor;
pub mod exit;
mod follow_up;
mod import;
mod in_doubt;
mod lists;
mod opt_outs;
mod outputs;
mod own_numbers;
mod person;

mod report;
mod sandbox;
mod send;
mod set_up;
mod settings;
mod status;
mod templates;
pub mod terminal;
mod token;
mod wait;
pub mod words;

use crate::app::{AppError, Ground};
use crate::config::{Config, LoadFrom};
use crate::logging::{self, Guard, Target};
use crate::{app, cloud_api, demo, headless};
use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use exit::{Exit, Failure, Outcome};
use std::process::ExitCode;

/// Reads the arguments, does what they say, and returns how the process ends.
pub fn run() -> ExitCode {
    cloud_api::install_crypto_provider();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed here, too; a reader who has gone is no error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Completed.into() };
        }
    };
    let as_json = cli.wants_json();
    let rehearse = cli.sandbox;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(dispatch(cli));
            // Blocking reads (a terminal, a file) must not hold up the end.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::error("internal", format!("cannot start: {error}"))),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let failure = if rehearse { failure.rehearsing() } else { failure };
            if as_json {
                let _ = terminal::json(&failure.to_json());
            }
            terminal::note(&format!("error: {}", failure.message));
            if !failure.hint.is_empty() {
                terminal::note(&format!("hint: {}", failure.hint));
            }
            failure.exit.into()
        }
    }
}

impl Cli {
    fn wants_json(&self) -> bool {
        match &self.command {
            Some(Command::Import(args)) => args.json,
            Some(Command::Lists(args)) => args.json,
            Some(Command::Person(args)) => args.json,
            Some(Command::Send(args)) => args.json,
            Some(Command::Status(args)) => args.json,
            Some(Command::OwnNumbers(args)) => args.json,
            Some(Command::Pause(args) | Command::Resume(args)) => args.json,
            Some(Command::Cancel(args)) => args.json,
            Some(Command::Lift(args)) => args.json,
            Some(Command::Templates(args)) => args.json,
            Some(Command::InDoubt(args)) => args.json,
            Some(Command::FollowUp(args)) => args.json,
            Some(Command::OptOuts(args)) => args.json,
            Some(Command::Audit(args)) => args.json,
            Some(Command::Prove(args)) => args.json,
            Some(Command::Token(args)) => args.json,
            Some(Command::Config(args)) => args.json,
            _ => false,
        }
    }
}

async fn dispatch(cli: Cli) -> Outcome {
    match cli.command {
        Some(Command::Completions(args)) => {
            let mut text = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "wacast", &mut text);
            terminal::line(String::from_utf8_lossy(&text).trim_end())?;
            return Ok(Exit::Completed);
        }
        Some(Command::Demo) => return Box::pin(demo::run(cli.no_tui)).await,
        Some(Command::Sandbox(args)) => return sandbox::run(&args.listen).await,
        Some(Command::Prove(args)) => return crate::prove::run(args).await,
        _ => {}
    }
    let from = LoadFrom::process(cli.config);
    let config = Config::load(&from)?;
    if let Some(Command::Config(args)) = cli.command {
        return config::run(&from, config, cli.sandbox, args);
    }
    let Some(command) = cli.command else {
        if cli.no_tui {
            return headless::run(config, cli.sandbox).await;
        }
        return connect::console(from, config, cli.sandbox, cli.read_only).await;
    };
    if cli.read_only {
        return Err(Failure::usage(
            "read_only",
            "--read-only is for the console: it goes without a command".to_owned(),
        ));
    }
    let start = Start { config, rehearse: cli.sandbox };
    let lacks = start.lacks_a_configuration().filter(|_| !matches!(command, Command::Doctor));
    let outcome = obey(start, command).await;
    match (outcome, lacks) {
        (Ok(exit), Some(Failure { message, hint, .. })) => {
            terminal::note(&format!("note: {message}\nhint: {hint}"));
            Ok(exit)
        }
        // What failed for it does not say yet what to do.
        (Err(failure), Some(lacks))
            if failure.hint.is_empty() && failure.message.contains("the configuration lacks") =>
        {
            Err(failure.hint(lacks.hint))
        }
        (outcome, _) => outcome,
    }
}

/// Does what a command says that needs the store.
async fn obey(start: Start, command: Command) -> Outcome {
    match command {
        Command::Import(args) => import::run(start, args).await,
        Command::Lists(args) => lists::run(start, args).await,
        Command::Person(args) => person::run(start, args).await,
        Command::Send(args) => send::run(start, args).await,
        Command::Status(args) => status::run(start, args).await,
        Command::OwnNumbers(args) => own_numbers::run(start, args).await,
        Command::Pause(args) => act::pause(start, args).await,
        Command::Resume(args) => act::resume(start, args).await,
        Command::Cancel(args) => act::cancel(start, args).await,
        Command::Lift(args) => act::lift(start, args).await,
        Command::Report(args) => report::run(start, args).await,
        Command::Templates(args) => templates::run(start, args).await,
        Command::InDoubt(args) => in_doubt::run(start, args).await,
        Command::FollowUp(args) => follow_up::run(start, args).await,
        Command::OptOuts(args) => opt_outs::run(start, args).await,
        Command::Audit(args) => audit::run(start, args).await,
        Command::Adopt(args) => adopt::run(start, args).await,
        Command::Token(args) => token::run(start, args).await,
        Command::Doctor => doctor::run(start).await,
        Command::Demo | Command::Sandbox(_) | Command::Prove(_) | Command::Config(_) | Command::Completions(_) => {
            Ok(Exit::Completed)
        }
    }
}

/// What a command starts from.
struct Start {
    config: Config,
    rehearse: bool,
}

impl Start {
    /// What to say when there is no configuration, and where to begin. Much works without: numbers can be loaded, and a
    /// store can be looked at.
    fn lacks_a_configuration(&self) -> Option<Failure> {
        if self.rehearse || self.config.places.file.is_some() {
            return None;
        }
        self.config.require_sender().err().map(Failure::from)
    }

    /// Opens the store and the Cloud API for a short command; only errors are logged, on stderr.
    async fn open(self) -> Result<(Ground, Guard), Failure> {
        let environment = std::env::var("WACAST_LOG").ok();
        let guard = logging::start("error", environment.as_deref(), &Target::Stderr)?;
        let ground = Ground::open(self.config, self.rehearse).await?;
        Ok((ground, guard))
    }
}

/// Runs a short command's work, and lets go of the store whatever comes of it. A signal ends it early.
async fn with_ground<F>(start: Start, work: impl FnOnce(crate::service::Service) -> F) -> Outcome
where
    F: Future<Output = Outcome>,
{
    let mut signals = app::signals::Signals::listen()?;
    let (ground, _guard) = tokio::select! {
        opened = start.open() => opened?,
        _ = signals.next() => return Ok(Exit::Interrupted),
    };
    let service = ground.service(None, "the command line");
    let outcome = tokio::select! {
        outcome = work(service) => outcome,
        _ = signals.next() => Ok(Exit::Interrupted),
    };
    ground.close().await;
    outcome
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        if error.is_configuration() {
            return Self::usage("configuration", error.to_string());
        }
        match error {
            AppError::Store(error) => crate::service::ServiceError::from(error).into(),
            other => Self::error("start", other.to_string()),
        }
    }
}

impl From<logging::LoggingError> for Failure {
    fn from(error: logging::LoggingError) -> Self {
        Self::usage("configuration", error.to_string())
    }
}
