//! Everything the console knows: plain state, changed only by [`super::update::update`], drawn by `view`.

use super::actions::Place;
use super::dialog::Dialog;
use super::look::{Look, Role};
use super::words::Zone;
use crate::domain::time::{Millis, SECOND};
use crate::service::error::ServiceError;
use crate::service::import::ImportProgress;
use crate::service::view::{BroadcastView, Snapshot};
use crate::store::{LogRow, SyncedTemplates, UploadSummary};
use std::path::PathBuf;
use std::sync::Arc;

/// What stays the same while the console runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The host that files are read from.
    pub host: String,
    /// The user on it, for the scp line.
    pub user: String,
    /// Where the file picker opens.
    pub in_folder: PathBuf,
    /// The zone that times are shown and read in.
    pub zone: Zone,
    /// ISO 3166 code for numbers without a country code.
    pub default_country: Option<String>,
    /// The configured pace, which is the limit; 0: none.
    pub pace_limit: f64,
    /// Phones are masked.
    pub privacy: bool,
    /// Over SSH, and neither tmux nor screen keeps it alive.
    pub ssh_without_multiplexer: bool,
    /// Random for this start: a part of idempotency keys.
    pub seed: u64,
}

/// The screens, in the order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Screen {
    /// What is going out now.
    Live,
    /// Lists and uploads.
    Numbers,
    /// Templates.
    Templates,
    /// The log.
    Log,
}

impl Screen {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 4] = [Self::Live, Self::Numbers, Self::Templates, Self::Log];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Numbers => "Numbers",
            Self::Templates => "Templates",
            Self::Log => "Log",
        }
    }

    /// Where its keys are heard.
    pub fn place(self) -> Place {
        match self {
            Self::Live => Place::Live,
            Self::Numbers => Place::Numbers,
            Self::Templates => Place::Templates,
            Self::Log => Place::Log,
        }
    }
}

/// Something that is read from the store.
#[derive(Debug, Clone, Default)]
pub enum Load<T> {
    /// Not here yet.
    #[default]
    Waiting,
    /// Here.
    Here(T),
    /// It could not be read.
    Failed(String),
}

impl<T> Load<T> {
    /// What came, unless it is still to come.
    pub fn get(&self) -> Option<&T> {
        if let Self::Here(value) = self { Some(value) } else { None }
    }

    /// Takes an answer in. A failure does not throw away what was here.
    pub fn take(&mut self, answer: Result<T, ServiceError>) -> Result<(), String> {
        match answer {
            Ok(value) => {
                *self = Self::Here(value);
                Ok(())
            }
            Err(error) => {
                if self.get().is_none() {
                    *self = Self::Failed(error.message.clone());
                }
                Err(error.message)
            }
        }
    }
}

/// A line that goes by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Toast {
    /// The words.
    pub text: String,
    /// How it is meant.
    pub role: Role,
    /// When it goes.
    pub until: Millis,
}

/// The parts of the Numbers screen that keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumbersPart {
    /// The lists.
    #[default]
    Lists,
    /// The uploads.
    Uploads,
}

/// A file that is being loaded, or was.
#[derive(Debug, Clone)]
pub enum Import {
    /// Under way since then.
    Running {
        /// The file's name.
        file: String,
        /// Since when.
        since: Millis,
        /// How far.
        progress: ImportProgress,
    },
    /// Through, with its report.
    Done(Box<crate::service::import::ImportDone>),
    /// Not loaded, and why.
    Failed(String),
}

/// The console's state.
#[derive(Debug, Clone)]
pub struct Model {
    /// What stays the same.
    pub facts: Facts,
    /// How things look.
    pub look: Look,
    /// The time.
    pub now: Millis,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// The screen that is shown.
    pub screen: Screen,
    /// What lies over it, the topmost last.
    pub dialogs: Vec<Dialog>,
    /// The set-up in place of the screens.
    pub set_up: Option<super::set_up_form::SetUpForm>,
    /// The newest picture.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The broadcast on Live that keys act on.
    pub live_cursor: usize,
    /// The part of Numbers that has the keys.
    pub numbers_part: NumbersPart,
    /// The list that is marked.
    pub lists_cursor: usize,
    /// The upload that is marked.
    pub uploads_cursor: usize,
    /// The uploads, newest first.
    pub uploads: Load<Vec<UploadSummary>>,
    /// The file that is being loaded, or the last one that was.
    pub import: Option<Import>,
    /// The templates.
    pub templates: Load<SyncedTemplates>,
    /// Asking WhatsApp for them.
    pub syncing: bool,
    /// The template that is marked.
    pub templates_cursor: usize,
    /// The newest rows of the log, newest first.
    pub log: Load<Vec<LogRow>>,
    /// The row that is marked.
    pub log_cursor: usize,
    /// The log stands still.
    pub frozen: bool,
    /// A line that goes by itself.
    pub toast: Option<Toast>,
    /// Counts what is planned, so that a late answer is known as such.
    pub serial: u64,
    /// The line for SSH without tmux was shown.
    pub warned_of_ssh: bool,
}

impl Model {
    /// A console that knows nothing yet.
    pub fn new(facts: Facts, look: Look, size: (u16, u16), now: Millis) -> Self {
        Self {
            facts,
            look,
            now,
            size,
            screen: Screen::Live,
            dialogs: Vec::new(),
            set_up: None,
            snapshot: None,
            live_cursor: 0,
            numbers_part: NumbersPart::Lists,
            lists_cursor: 0,
            uploads_cursor: 0,
            uploads: Load::Waiting,
            import: None,
            templates: Load::Waiting,
            syncing: false,
            templates_cursor: 0,
            log: Load::Waiting,
            log_cursor: 0,
            frozen: false,
            toast: None,
            serial: 0,
            warned_of_ssh: false,
        }
    }

    /// Where keys are heard now.
    pub fn place(&self) -> Place {
        if let Some(dialog) = self.dialogs.last() {
            return dialog.place();
        }
        self.set_up.as_ref().map_or(self.screen.place(), super::set_up_form::SetUpForm::place)
    }

    /// The open broadcasts as they are listed on Live.
    pub fn open(&self) -> &[BroadcastView] {
        self.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.open)
    }

    /// The broadcast that keys on Live act on.
    pub fn selected(&self) -> Option<&BroadcastView> {
        self.open().get(self.live_cursor.min(self.open().len().saturating_sub(1)))
    }

    /// Whether messages go to the sandbox; `None`: not known yet.
    pub fn rehearsal(&self) -> Option<bool> {
        self.snapshot.as_ref().map(|snapshot| snapshot.rehearsal)
    }

    /// Says something for eight seconds.
    pub fn say(&mut self, role: Role, text: impl Into<String>) {
        self.toast = Some(Toast { text: text.into(), role, until: self.now.plus(8 * SECOND) });
    }

    /// Whether something on the screen changes with time alone.
    pub fn needs_clock(&self) -> bool {
        self.toast.is_some() || matches!(self.import, Some(Import::Running { .. }))
    }

    /// The room for lists: rows of the screen without header and footer.
    pub fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(8)).max(1)
    }
}
