//! Everything the console knows: plain state, changed only by [`super::update::update`], drawn by `view`.

use super::actions::Place;
use super::broadcasts::{Broadcasts, Part};
use super::dialog::Dialog;
use super::events::Events;
use super::listing::{Listing, Order};
use super::load::What;
use super::look::Look;
use super::notice::Toast;
use super::numbers::Numbers;
use super::settings_list::SettingsList;
use super::text::shown_phone;
use super::words::{self, Zone};
use crate::domain::phone::Phone;
use crate::domain::schedule::Schedule;
use crate::domain::state::BroadcastStatus;
use crate::domain::template::Template;
use crate::domain::time::{DAY, Millis};
use crate::service::audience::AudienceView;
use crate::service::error::ServiceError;
use crate::service::import::ImportProgress;
use crate::service::import::opt_outs::OptOutsImported;
use crate::service::view::{BroadcastView, Problem, Snapshot};
use crate::store::{LogRow, SyncedTemplates};
use std::path::PathBuf;
use std::sync::Arc;

/// How long Live shows the last broadcast that ended, in milliseconds.
const SHOWN_AFTER_END_MS: i64 = DAY;

/// What stays the same while the console runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The host that files are read from.
    pub host: String,
    /// The user on it, for the scp line.
    pub user: String,
    /// Where the file picker opens.
    pub in_folder: PathBuf,
    /// Where exports go.
    pub out_folder: PathBuf,
    /// The zone that times are shown and read in.
    pub zone: Zone,
    /// ISO 3166 code for numbers without a country code.
    pub default_country: Option<String>,
    /// The configured pace, which is the limit; 0: none.
    pub pace_limit: f64,
    /// Phones are masked.
    pub privacy: bool,
    /// Nothing can be changed from here: started with `--read-only`.
    pub read_only: bool,
    /// The store is gone when the console is left: the demo.
    pub temporary: bool,
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
    /// All broadcasts.
    Broadcasts,
    /// Lists and uploads.
    Numbers,
    /// Templates.
    Templates,
    /// What is to start.
    Schedule,
    /// What needs a person.
    Problems,
    /// The log.
    Log,
    /// How wacast is set.
    Settings,
}

impl Screen {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 8] = [
        Self::Live,
        Self::Broadcasts,
        Self::Numbers,
        Self::Templates,
        Self::Schedule,
        Self::Problems,
        Self::Log,
        Self::Settings,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Broadcasts => "Broadcasts",
            Self::Numbers => "Numbers",
            Self::Templates => "Templates",
            Self::Schedule => "Schedule",
            Self::Problems => "Problems",
            Self::Log => "Log",
            Self::Settings => "Settings",
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

/// A file that is being loaded, or was.
#[derive(Debug, Clone)]
pub enum Import {
    /// Under way since then.
    Running {
        /// The file's name.
        file: String,
        /// Since when.
        since: Millis,
        /// How far; opt-outs do not say.
        progress: ImportProgress,
        /// What is in it.
        what: What,
    },
    /// Through, with its report.
    Done(Box<crate::service::import::ImportDone>),
    /// Opt-outs: through, with what came of them.
    OptOuts(Box<OptOutsImported>),
    /// Not loaded, and why.
    Failed(String),
}

/// Something that is to start.
#[derive(Debug, Clone, Copy)]
pub enum Coming<'a> {
    /// A broadcast that has a time.
    Once(&'a BroadcastView),
    /// A schedule, which starts one again and again.
    Again(&'a Schedule),
}

impl<'a> Coming<'a> {
    /// When; `None`: not by itself, it is switched off or over.
    pub fn at(&self) -> Option<Millis> {
        match self {
            Self::Once(view) => view.broadcast.start_at,
            Self::Again(schedule) => schedule.next_fire_at.filter(|_| schedule.enabled),
        }
    }

    /// The broadcast that has a time.
    pub fn broadcast(&self) -> Option<&'a BroadcastView> {
        if let Self::Once(view) = self { Some(view) } else { None }
    }

    /// What it is called.
    pub fn name(&self) -> String {
        match self {
            Self::Once(view) => words::name_of(view),
            Self::Again(schedule) if schedule.definition.label.is_empty() => schedule.definition.template.name.clone(),
            Self::Again(schedule) => schedule.definition.label.clone(),
        }
    }

    fn words(&self) -> String {
        let definition = match self {
            Self::Once(view) => &view.broadcast.definition,
            Self::Again(schedule) => &schedule.definition,
        };
        format!("{} {}", self.name(), definition.template.key())
    }
}

/// The orders that templates can be listed in.
pub const TEMPLATE_ORDERS: &[Order<Template>] = &[
    Order { word: "name", by: |_, _| std::cmp::Ordering::Equal },
    Order { word: "status", by: |a, b| (!a.is_approved(), &a.status).cmp(&(!b.is_approved(), &b.status)) },
    Order { word: "category", by: |a, b| a.category.cmp(&b.category) },
    Order { word: "language", by: |a, b| a.language.cmp(&b.language) },
];

/// What a template is found by.
pub(super) fn template_words(template: &Template) -> String {
    format!("{} {} {} {}", template.name, template.language, template.status, template.category)
}

/// What a row of the log is found by; a whole number finds its rows.
fn log_words(row: &LogRow) -> String {
    format!("{} {} {} {} {}", row.phone, row.status, row.code, words::error_title(row.code), row.broadcast)
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
    /// Why there is none yet.
    pub opening: Option<String>,
    /// The broadcast on Live that keys act on.
    pub live_cursor: usize,
    /// Lists, files, opt-outs, and what is opened of them.
    pub numbers: Numbers,
    /// The file that is being loaded, or the last one that was.
    pub import: Option<Import>,
    /// All broadcasts, and the one that is opened.
    pub broadcasts: Broadcasts,
    /// The templates.
    pub templates: Load<SyncedTemplates>,
    /// Asking WhatsApp for them.
    pub syncing: bool,
    /// The list of templates.
    pub templates_list: Listing,
    /// The list of what is to start.
    pub schedule_list: Listing,
    /// The list of problems.
    pub problems_list: Listing,
    /// The newest rows of the log, newest first.
    pub log: Load<Vec<LogRow>>,
    /// The list of the log's rows.
    pub log_list: Listing,
    /// Only the log's failures.
    pub log_failures: bool,
    /// Since when the screen stands still: pictures and rows that come are kept aside.
    pub frozen: Option<Millis>,
    /// The newest picture that came while the screen stood still.
    pub set_aside: Option<Arc<Snapshot>>,
    /// A plain summary over the whole screen.
    pub plain: Option<Vec<String>>,
    /// The row whose number is shown whole, and until when.
    pub revealed: Option<(Phone, Millis)>,
    /// A line that goes by itself.
    pub toast: Option<Toast>,
    /// Counts what is planned, so that a late answer is known as such.
    pub serial: u64,
    /// The line for SSH without tmux was shown.
    pub warned_of_ssh: bool,
    /// What the Settings screen shows.
    pub settings: SettingsList,
    /// The program's own events.
    pub events: Events,
    /// It was asked for what happened since the operator was last here.
    pub asked_since: bool,
    /// That failed: it is asked again, not before this.
    pub since_after: Option<Millis>,
    /// The operator asked for it: it is shown whatever it says.
    pub wants_since: bool,
    /// When the operator was last here; `None`: never, or not known yet.
    pub last_here: Option<Millis>,
    /// The newest list and its first people, to fill previews with.
    pub sample: Option<(String, AudienceView)>,
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
            opening: None,
            live_cursor: 0,
            numbers: Numbers::default(),
            import: None,
            broadcasts: Broadcasts::default(),
            templates: Load::Waiting,
            syncing: false,
            templates_list: Listing::default(),
            schedule_list: Listing::default(),
            problems_list: Listing::default(),
            log: Load::Waiting,
            log_list: Listing::default(),
            log_failures: false,
            frozen: None,
            set_aside: None,
            plain: None,
            revealed: None,
            toast: None,
            serial: 0,
            warned_of_ssh: false,
            settings: SettingsList::default(),
            events: Events::default(),
            asked_since: false,
            since_after: None,
            wants_since: false,
            last_here: None,
            sample: None,
        }
    }

    /// Where keys are heard now.
    pub fn place(&self) -> Place {
        if let Some(dialog) = self.dialogs.last() {
            return dialog.place();
        }
        if let Some(form) = &self.set_up {
            return form.place();
        }
        if self.plain.is_some() {
            return Place::Plain;
        }
        if self.listing().is_some_and(|list| list.typing) {
            return Place::Filter;
        }
        self.screen_place()
    }

    /// Where keys are heard when nothing lies over the screen.
    pub fn screen_place(&self) -> Place {
        match self.screen {
            Screen::Live => Place::Live,
            Screen::Broadcasts => match &self.broadcasts.opened {
                None => Place::Broadcasts,
                Some(opened) if opened.part == Part::Figures => Place::Broadcast,
                Some(_) => Place::Recipients,
            },
            Screen::Numbers => self.numbers.place(),
            Screen::Templates => Place::Templates,
            Screen::Schedule => Place::Schedule,
            Screen::Problems => Place::Problems,
            Screen::Log => Place::Log,
            Screen::Settings => Place::Settings,
        }
    }

    /// The list that filter, order and marks of this screen are about.
    pub fn listing(&self) -> Option<&Listing> {
        match self.screen {
            Screen::Broadcasts if self.broadcasts.opened.is_none() => Some(&self.broadcasts.list),
            Screen::Numbers => self.numbers.listing(),
            Screen::Templates => Some(&self.templates_list),
            Screen::Schedule => Some(&self.schedule_list),
            Screen::Problems => Some(&self.problems_list),
            Screen::Log if self.events.shown => Some(&self.events.list),
            Screen::Log => Some(&self.log_list),
            Screen::Settings => Some(&self.settings.list),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn listing_mut(&mut self) -> Option<&mut Listing> {
        match self.screen {
            Screen::Broadcasts if self.broadcasts.opened.is_none() => Some(&mut self.broadcasts.list),
            Screen::Numbers => self.numbers.listing_mut(),
            Screen::Templates => Some(&mut self.templates_list),
            Screen::Schedule => Some(&mut self.schedule_list),
            Screen::Problems => Some(&mut self.problems_list),
            Screen::Log if self.events.shown => Some(&mut self.events.list),
            Screen::Log => Some(&mut self.log_list),
            Screen::Settings => Some(&mut self.settings.list),
            _ => None,
        }
    }

    /// The open broadcasts as they are listed on Live.
    pub fn open(&self) -> &[BroadcastView] {
        self.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.open)
    }

    /// The last broadcast that ended, for as long as Live shows it.
    pub fn last_ended(&self) -> Option<&BroadcastView> {
        let last = self.snapshot.as_ref()?.ended.first()?;
        last.broadcast.ended_at.is_none_or(|at| self.now.since(at) < SHOWN_AFTER_END_MS).then_some(last)
    }

    /// What is listed on Live: the open broadcasts, then the last one that ended.
    pub fn on_live(&self) -> impl Iterator<Item = &BroadcastView> {
        self.open().iter().chain(self.last_ended())
    }

    /// The broadcast that keys act on: the one that is opened, or the marked one of Live or Broadcasts.
    pub fn selected(&self) -> Option<&BroadcastView> {
        match self.screen {
            Screen::Live => {
                let listed = self.on_live().count();
                self.on_live().nth(self.live_cursor.min(listed.saturating_sub(1)))
            }
            Screen::Broadcasts => {
                if let Some(opened) = &self.broadcasts.opened {
                    return opened.view.get();
                }
                let shown = self.broadcasts.shown();
                shown.get(self.broadcasts.list.place(shown.len())).copied()
            }
            Screen::Schedule => self.coming().get(self.schedule_list.cursor).and_then(Coming::broadcast),
            Screen::Problems => {
                let id = self.problem()?.broadcast.as_ref()?;
                let snapshot = self.snapshot.as_ref()?;
                snapshot.open.iter().chain(&snapshot.ended).find(|view| view.broadcast.id == *id)
            }
            _ => None,
        }
    }

    /// What is to start: broadcasts with a time, and schedules, the next one first.
    pub fn coming(&self) -> Vec<Coming<'_>> {
        let Some(snapshot) = &self.snapshot else { return Vec::new() };
        let once =
            snapshot.open.iter().filter(|view| view.broadcast.status == BroadcastStatus::Scheduled).map(Coming::Once);
        let mut all: Vec<_> = once.chain(snapshot.schedules.iter().map(Coming::Again)).collect();
        // What will not start by itself comes last.
        all.sort_by_key(|coming| (coming.at().is_none(), coming.at()));
        self.schedule_list.shown(&all, Coming::words, &[]).into_iter().copied().collect()
    }

    /// The problem that keys act on.
    pub fn problem(&self) -> Option<&Problem> {
        let problems = &self.snapshot.as_ref()?.problems;
        problems.get(self.problems_list.place(problems.len()))
    }

    /// The log's rows that are shown.
    pub fn log_rows(&self) -> Vec<&LogRow> {
        let rows = self.log.get().map_or(&[][..], Vec::as_slice);
        let mut shown = self.log_list.shown(rows, log_words, &[]);
        shown.retain(|row| !self.log_failures || row.status != "sent");
        shown
    }

    /// The templates that are shown.
    pub fn shown_templates(&self) -> Vec<&Template> {
        let all = self.templates.get().map_or(&[][..], |synced| synced.templates.as_slice());
        self.templates_list.shown(all, template_words, TEMPLATE_ORDERS)
    }

    /// A phone as it is shown: masked unless privacy is off or an operator looks at this one for a moment.
    pub fn phone(&self, phone: Phone) -> String {
        let whole = !self.facts.privacy || self.revealed.is_some_and(|(one, _)| one == phone);
        shown_phone(phone, !whole, self.look.glyphs.mask)
    }

    /// Whether messages go to the sandbox; `None`: not known yet.
    pub fn rehearsal(&self) -> Option<bool> {
        self.snapshot.as_ref().map(|snapshot| snapshot.rehearsal)
    }

    /// The time that the screens show: it stands still with them.
    pub fn shown_now(&self) -> Millis {
        self.frozen.unwrap_or(self.now)
    }

    /// The newest picture, also when the screen stands still and does not show it.
    pub fn newest(&self) -> Option<&Snapshot> {
        self.set_aside.as_deref().or(self.snapshot.as_deref())
    }

    /// Whether something on the screen changes with time alone.
    pub fn needs_clock(&self) -> bool {
        self.toast.is_some()
            || self.revealed.is_some()
            || self.numbers.revealed_row.is_some()
            || self.numbers.under_way.is_some()
            || matches!(self.import, Some(Import::Running { .. }))
            || self.follows_events()
    }

    /// Whether the program's own events are shown and followed.
    pub fn follows_events(&self) -> bool {
        self.screen == Screen::Log && self.events.shown && self.frozen.is_none()
    }

    /// The room for lists: rows of the screen without header and footer.
    pub fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(8)).max(1)
    }
}
