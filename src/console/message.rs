//! What goes in and out of the update function: events that happened, requests to the one task that acts, and
//! its answers. Plain values.

use crate::domain::broadcast::{Broadcast, Number};
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::phone::Phone;
use crate::domain::schedule::Schedule;
use crate::domain::state::RecipientState;
use crate::domain::time::Millis;
use crate::intake::Format;
use crate::logging;
use crate::service::audience::AudienceView;
use crate::service::broadcasts::Cancelled;
use crate::service::doubts::{Decided, DoubtWord};
use crate::service::error::ServiceError;
use crate::service::follow_up::{FollowUpRequest, Picked};
use crate::service::import::{ImportDone, ImportProgress};
use crate::service::since::Since;
use crate::service::start::Started;
use crate::service::token::TokenTaken;
use crate::service::view::{BroadcastRequest, BroadcastView, Plan, Snapshot};
use crate::store::{LogRow, RecipientRow, SyncedTemplates, UploadSummary};
use crossterm::event::KeyEvent;
use std::path::PathBuf;
use std::sync::Arc;

use super::actions::Action;
use super::load::{CountOf, Counted};
use super::numbers::{NumbersAnswer, NumbersRequest, RowsFrom};
use super::set_up::{Checked, Connection, Step};
use super::settings::{AllSettings, NewToken, SettingWritten};

/// Something that happened.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "events are handled one by one and never stored in numbers")]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this size now.
    Resize(u16, u16),
    /// Something on the screen was clicked.
    Click(Click),
    /// It is this time now.
    Clock(Millis),
    /// A newer picture of everything.
    Snapshot(Arc<Snapshot>),
    /// The store is not there yet, and why, in words.
    Opening(String),
    /// The acting task has something to say.
    Answer(Answer),
    /// A part of the program failed in a way that nobody foresaw; in words.
    Broken(String),
}

/// What a click on a part of the screen means. The view says which part means what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Click {
    /// The same as the key for this action.
    Act(Action),
    /// The row with this place in the list that has the keys; on the marked one: open it.
    Row(usize),
    /// Nothing, but it hides what lies below.
    Nothing,
}

/// Something to be done. None of them waits: what comes of it is an [`Answer`].
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Read the uploads.
    Uploads,
    /// Read the templates.
    Templates,
    /// Fetch the templates from WhatsApp.
    SyncTemplates,
    /// Read the newest rows of the log.
    Log,
    /// Read all broadcasts.
    Broadcasts,
    /// Read one broadcast, with its audit.
    Broadcast(BroadcastId),
    /// Read people of a broadcast.
    Recipients {
        /// Whose.
        id: BroadcastId,
        /// In this state; `None`: all.
        state: Option<RecipientState>,
        /// From the one after this place on.
        after: Option<u32>,
    },
    /// Read a folder of the server.
    Folder(PathBuf),
    /// Read the first rows of a file, or of what was pasted.
    Peek {
        /// Where from.
        from: RowsFrom,
        /// For numbers without a country code.
        country: Option<String>,
    },
    /// Count all rows of a file, or of what was pasted; ends the count before.
    Count(CountOf),
    /// Stop counting.
    StopCount,
    /// Load a file, or what was pasted, into a list.
    Import {
        /// Where from.
        from: RowsFrom,
        /// For numbers without a country code.
        country: Option<String>,
        /// The list; `None`: the default one.
        list: Option<String>,
        /// Tags that all the numbers get.
        tags: Vec<String>,
    },
    /// Something about numbers and the people behind them.
    Numbers(NumbersRequest),
    /// Give the file up that is being loaded.
    StopImport,
    /// Who is in a list, or in all.
    Audience(Option<String>),
    /// Work out what a broadcast would do.
    Plan(u64, BroadcastRequest),
    /// Stop working it out.
    StopPlan,
    /// Make the broadcast.
    Start(BroadcastRequest),
    /// Pause one.
    Pause(BroadcastId),
    /// Let one go on.
    Resume(BroadcastId),
    /// End one.
    Cancel(BroadcastId),
    /// Set the pace.
    SetPace(f64),
    /// Decide about people in doubt.
    Decide {
        /// Of this broadcast.
        id: BroadcastId,
        /// What becomes of them.
        word: DoubtWord,
        /// Only these, by place, rising; `None`: all.
        only: Option<Vec<u32>>,
        /// How many there were when it was decided.
        people: u64,
    },
    /// How many people a follow-up would go to.
    Picked(FollowUpRequest),
    /// Send once more to some of an ended broadcast's people.
    FollowUp(FollowUpRequest),
    /// Switch a schedule on or off.
    EnableSchedule(ScheduleId, bool),
    /// Write everybody of a broadcast to a file.
    Export {
        /// Whose people.
        id: BroadcastId,
        /// Phones as the screen shows them.
        masked: bool,
        /// Where to.
        path: PathBuf,
    },
    /// Put text into the terminal's clipboard.
    Copy(String),
    /// Read how wacast is set.
    Settings,
    /// Write a setting.
    SetSetting {
        /// Its section.
        section: String,
        /// Its name there.
        name: String,
        /// The value, as it would stand in an environment variable.
        value: String,
    },
    /// Read the own numbers.
    OwnNumbers,
    /// Replace the own numbers.
    SetOwnNumbers(Vec<String>),
    /// Try a new access token, and use it from now on.
    TakeToken(NewToken),
    /// What happened since then; `None`: since this operator was last here.
    Since(Option<Millis>),
    /// The program's own events after this one.
    Events(u64),
    /// Send a broadcast's message, as this person would get it, to the own numbers.
    Test(Box<(BroadcastRequest, Option<Number>)>),
    /// Make a broadcast that starts again and again.
    AddSchedule {
        /// What it sends.
        request: BroadcastRequest,
        /// When, as a cron expression.
        cron: String,
        /// The zone that it is read in.
        zone: String,
    },
    /// Check one step of the set-up with WhatsApp.
    Check(Step, Connection),
    /// Write the configuration.
    Write(Connection),
    /// Leave the console.
    Leave(Leaving),
}

impl Request {
    /// Whether it changes anything in the store, at WhatsApp or in what is being sent.
    pub fn changes(&self) -> bool {
        match self {
            Self::Numbers(request) => request.changes(),
            Self::Uploads
            | Self::Templates
            | Self::Log
            | Self::Broadcasts
            | Self::Broadcast(_)
            | Self::Recipients { .. }
            | Self::Folder(_)
            | Self::Peek { .. }
            | Self::Count(_)
            | Self::StopCount
            | Self::StopImport
            | Self::Audience(_)
            | Self::Plan(..)
            | Self::StopPlan
            | Self::Picked(_)
            | Self::Export { .. }
            | Self::Copy(_)
            | Self::Settings
            | Self::OwnNumbers
            | Self::Since(_)
            | Self::Events(_)
            | Self::Check(..)
            | Self::Leave(_) => false,
            Self::SyncTemplates
            | Self::Import { .. }
            | Self::Start(_)
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::Cancel(_)
            | Self::SetPace(_)
            | Self::Decide { .. }
            | Self::FollowUp(_)
            | Self::EnableSchedule(..)
            | Self::SetSetting { .. }
            | Self::SetOwnNumbers(_)
            | Self::TakeToken(_)
            | Self::Test(_)
            | Self::AddSchedule { .. }
            | Self::Write(_) => true,
        }
    }
}

/// How the operator leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Finish what is under way, take nothing new.
    Drain,
    /// At once: what is under way becomes not sure until a receipt settles it.
    Now,
    /// Out of the set-up: to the sandbox.
    Sandbox,
    /// Out of the set-up: the configuration was written.
    Configured,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The uploads, newest first.
    Uploads(Result<Vec<UploadSummary>, ServiceError>),
    /// The templates; `true`: just fetched.
    Templates(Result<SyncedTemplates, ServiceError>, bool),
    /// The newest rows of the log, newest first.
    Log(Result<Vec<LogRow>, ServiceError>),
    /// A folder's entries, newest first.
    Folder(PathBuf, Result<Vec<FileEntry>, String>),
    /// A file's first rows.
    Peek(RowsFrom, Result<FilePeek, String>),
    /// How far counting a file's rows is, or what came of it.
    Count(CountOf, Counted),
    /// What came of a request about numbers.
    Numbers(Box<NumbersAnswer>),
    /// How far loading is.
    Importing(ImportProgress),
    /// A file was loaded, or not.
    Imported(Result<ImportDone, ServiceError>),
    /// Loading was given up.
    ImportStopped,
    /// Who is in a list, or in all.
    Audience(Option<String>, Result<AudienceView, ServiceError>),
    /// How far working it out is: people looked at, of how many.
    Planning(u64, u64, u64),
    /// What a broadcast would do.
    Planned(u64, Box<Result<Plan, ServiceError>>),
    /// A broadcast was made.
    Started(Box<Result<Started, ServiceError>>),
    /// One was paused.
    Paused(Box<Result<Broadcast, ServiceError>>),
    /// One goes on.
    Resumed(Box<Result<Broadcast, ServiceError>>),
    /// One was ended.
    Cancelled(Box<Result<Cancelled, ServiceError>>),
    /// The pace was set.
    PaceSet(f64, Result<(), ServiceError>),
    /// All broadcasts, newest first.
    Broadcasts(Result<Vec<BroadcastView>, ServiceError>),
    /// One broadcast, with its audit.
    Broadcast(BroadcastId, Box<Result<BroadcastView, ServiceError>>),
    /// People of a broadcast in a state, after a place.
    Recipients(BroadcastId, Option<RecipientState>, Option<u32>, Result<Vec<RecipientRow>, ServiceError>),
    /// It was decided about people in doubt.
    Decided(Box<Result<Decided, ServiceError>>),
    /// Whom a follow-up would go to.
    Picked(FollowUpRequest, Box<Result<Picked, ServiceError>>),
    /// A follow-up was made.
    FollowedUp(Box<Result<Broadcast, ServiceError>>),
    /// A schedule was switched.
    ScheduleSwitched(Box<Result<Schedule, ServiceError>>),
    /// A file was written, with so many people in it.
    Exported(PathBuf, bool, Result<u64, String>),
    /// A step of the set-up was checked.
    Checked(Step, Result<Checked, String>),
    /// The configuration was written, to this path.
    Written(Result<PathBuf, String>),
    /// How wacast is set.
    Settings(Result<AllSettings, String>),
    /// A setting was written, or not.
    SettingWritten(Box<Result<SettingWritten, String>>),
    /// The own numbers; `true`: just changed.
    OwnNumbers(Result<Vec<Phone>, ServiceError>, bool),
    /// A new access token was taken, or not.
    TokenTaken(Box<Result<TokenTaken, ServiceError>>),
    /// What happened since then; `None` inside: this operator was never here before.
    Since(Box<Result<Option<Since>, ServiceError>>),
    /// The program's own events that are newer, oldest first.
    Events(Vec<Arc<logging::Event>>),
    /// A test went out, or not.
    Tested(Box<(BroadcastRequest, Option<Number>)>, Box<Result<Broadcast, ServiceError>>),
    /// A schedule was made, or not.
    Scheduled(Box<Result<Schedule, ServiceError>>),
    /// The newest list, and who is in it.
    Sample(String, AudienceView),
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name.
    pub name: String,
    /// It is a folder.
    pub is_folder: bool,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last changed.
    pub changed_at: Millis,
}

impl FileEntry {
    /// By its name it is of a kind that can be loaded, or leads to some.
    pub fn may_hold_numbers(&self) -> bool {
        let ending = self.name.rsplit_once('.').map_or("", |(_, ending)| ending);
        self.is_folder || ending.parse::<Format>().is_ok()
    }
}

/// The first rows of a file, as they would be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilePeek {
    /// What it was taken for: `CSV, comma, UTF-8`.
    pub taken_for: String,
    /// The column that holds the phone; `None`: none was recognised.
    pub phone_column: Option<String>,
    /// The column that holds the name.
    pub name_column: Option<String>,
    /// The other columns.
    pub other_columns: Vec<String>,
    /// The first rows: phone (masked) or why it cannot be used, name, other cells.
    pub rows: Vec<PeekRow>,
    /// What to think about, in words.
    pub notes: Vec<String>,
    /// Rows that were looked through: the first thousand at most.
    pub looked_at: u64,
    /// Those of them that cannot be used.
    pub unusable: u64,
    /// Those of these that lack nothing but a country code.
    pub without_country: u64,
}

/// A row of a [`FilePeek`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeekRow {
    /// The line in the file.
    pub line: u64,
    /// Who, or why the row cannot be used.
    pub phone: Result<crate::domain::phone::Phone, String>,
    /// The name.
    pub name: String,
    /// The other columns' cells, in their order.
    pub cells: Vec<String>,
}
