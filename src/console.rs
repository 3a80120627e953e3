//! The console: what an operator sees and presses.
//!
//! State ([`model`]) changes only in [`update`], which is pure; what has to be done leaves it as requests. Drawing
//! reads the state and nothing else. Nothing outside this module knows ratatui or crossterm. Called by the program's
//! entry with a service that runs already; it never sends anything itself.

pub mod actions;
pub mod ask;
pub mod broadcasts;
mod country_field;
pub mod desk;
pub mod dialog;
pub mod events;
pub mod field;
pub mod files;
mod keys;
pub mod listing;
pub mod load;
pub mod look;
pub mod message;
pub mod model;
pub mod notice;
pub mod numbers;
pub mod pages;
mod panic;
pub mod paste;
pub mod runner;
pub mod screen;
pub mod set_up;
pub mod set_up_form;
pub mod settings;
pub mod settings_list;
pub mod sheet;
pub mod since;
mod summary;
pub mod text;
pub mod update;
pub mod view;
pub mod wizard;
pub mod words;

pub use look::{Glyphs, Look, Palette};
pub use runner::{ConsoleError, Ended};
pub use screen::can_show;
pub use set_up::SetUp;
pub use settings::Settings;

use crate::logging::Recent;
use crate::service::Service;
use crate::service::view::Snapshot;
use model::{Facts, Model};
use runner::{Now, Wires};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use words::Zone;

/// How many requests and answers may wait.
const QUEUE: usize = 256;

/// How long the last commands may take after the screen is gone.
const LAST_COMMANDS: Duration = Duration::from_secs(3);

/// What the console is to show.
pub enum Show {
    /// The screens. The service may still be on its way: the first frame does not wait for it.
    Screens(Screens),
    /// The set-up, because there is no configuration.
    SetUp(Arc<dyn SetUp>),
}

/// What the screens are made over.
pub struct Screens {
    /// The service, once it is there. Dropped without one: the console is told to stop anyhow.
    pub service: oneshot::Receiver<Service>,
    /// What stands in its way meanwhile, in words.
    pub opening: watch::Receiver<Option<String>>,
    /// The zone that times are shown and read in.
    pub time_zone: String,
    /// ISO 3166 code for numbers without a country code.
    pub default_country: Option<String>,
    /// The configured pace; 0: none.
    pub messages_per_second: f64,
    /// Nothing can be changed from here.
    pub read_only: bool,
    /// Everything is gone when the console is left: the demo.
    pub temporary: bool,
    /// Reads and changes the configuration.
    pub settings: Arc<dyn Settings>,
    /// What the program itself has to say.
    pub events: Recent,
}

/// The parts that the console is made from.
pub struct ConsoleParts {
    /// What it shows.
    pub show: Show,
    /// How it looks.
    pub look: Look,
    /// Phones are masked.
    pub privacy: bool,
    /// Where the file picker opens.
    pub in_folder: PathBuf,
    /// Where exports go.
    pub out_folder: PathBuf,
    /// Says in words when a part of the program broke.
    pub broken: Option<watch::Receiver<Option<String>>>,
    /// Cancelled from outside (SIGTERM, SIGHUP): the console ends with [`Ended::Stopped`].
    pub stop: CancellationToken,
}

/// Shows the console until the operator leaves, the terminal is gone, or it is told to stop. It stops nothing but
/// itself: the caller drains or ends the rest, by what comes back. Call [`can_show`] first.
///
/// # Errors
///
/// When the terminal cannot be taken over, or by a bug of its own; sending goes on in both.
pub async fn run(parts: ConsoleParts) -> Result<Ended, ConsoleError> {
    let (requests, to_desk) = mpsc::channel(QUEUE);
    let (from_desk, answers) = mpsc::channel(QUEUE);
    let size = crossterm::terminal::size()?;
    let wall: Now = Arc::new(|| jiff::Timestamp::now().into());
    let (model, pictures, opening, now, desk) = match parts.show {
        Show::Screens(screens) => {
            let facts = facts(&screens.time_zone, screens.default_country, screens.messages_per_second);
            let (in_folder, out_folder, read_only) = (parts.in_folder, parts.out_folder, screens.read_only);
            let temporary = screens.temporary;
            let facts = Facts { privacy: parts.privacy, in_folder, out_folder, read_only, temporary, ..facts };
            let model = Model::new(facts, parts.look, size, wall());
            let around = desk::Around { read_only, settings: screens.settings, events: screens.events };
            let (told, pictures) = watch::channel(None);
            let clock = Arc::new(OnceLock::new());
            let desk = tokio::spawn(when_there(screens.service, Arc::clone(&clock), told, to_desk, from_desk, around));
            let now: Now = Arc::new(move || clock.get().map_or_else(&*wall, Service::now));
            (model, Some(pictures), Some(screens.opening), now, desk)
        }
        Show::SetUp(set_up) => {
            let zone = set_up.suggested_time_zone();
            let mut model = Model::new(facts(&zone, None, 0.0), parts.look, size, wall());
            model.set_up = Some(set_up_form::SetUpForm::new(set_up.path()));
            (model, None, None, wall, tokio::spawn(desk::run_set_up(set_up, to_desk, from_desk)))
        }
    };
    let wires = Wires { requests, answers, pictures, opening, broken: parts.broken, now, stop: parts.stop };
    let ended = runner::run(model, wires).await;
    // The last commands are still carried out, as far as the store answers.
    let _late = tokio::time::timeout(LAST_COMMANDS, desk).await;
    ended
}

/// Waits for the service, then passes its pictures on and acts on requests; those that came meanwhile have waited.
async fn when_there(
    service: oneshot::Receiver<Service>,
    clock: Arc<OnceLock<Service>>,
    told: watch::Sender<Option<Arc<Snapshot>>>,
    requests: mpsc::Receiver<message::Request>,
    answers: mpsc::Sender<message::Answer>,
    around: desk::Around,
) {
    // Nobody will send one: what went wrong is told by whoever was to.
    let Ok(service) = service.await else { return };
    let _first = clock.set(service.clone());
    let mut pictures = service.snapshot();
    let pass_on = async {
        loop {
            let picture = pictures.borrow_and_update().clone();
            if told.send(Some(picture)).is_err() || pictures.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::join!(pass_on, desk::run(service, requests, answers, around));
}

/// What the machine and the settings say.
fn facts(time_zone: &str, default_country: Option<String>, pace_limit: f64) -> Facts {
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Facts {
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        user: said("USER").unwrap_or_else(|| "user".to_owned()),
        in_folder: PathBuf::from("."),
        out_folder: PathBuf::from("."),
        zone: Zone::new(jiff::tz::TimeZone::get(time_zone).unwrap_or(jiff::tz::TimeZone::UTC)),
        default_country,
        pace_limit,
        privacy: true,
        read_only: false,
        temporary: false,
        ssh_without_multiplexer: said("SSH_CONNECTION").is_some() && said("TMUX").is_none() && said("STY").is_none(),
        seed: fastrand::u64(..),
    }
}
