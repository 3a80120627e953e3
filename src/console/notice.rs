//! The line that says what just happened. There is one at a time, in rows of its own below the screen and below every
//! dialog, so that it never lies over one. The rule, whoever says it:
//!
//! **It stays eight seconds, and no longer than it is true and about what is looked at.** So it goes before its time
//! - when it is about a key: with the next key;
//! - when it is about what is shown: as soon as another screen, another part or another dialog is shown;
//! - when it is about a broadcast: then as well, and as soon as a picture taken later shows the broadcast paused, going on or
//!   ended meanwhile;
//! - when a person has to know it (something failed, or waits for somebody): by nothing but its time.
//!
//! A newer line takes the place of an older one: what is said of a file or an upload is followed by the next word about it.
//! Set by the update functions through the model, drawn by `view::frame`; it never holds more than one line.

use super::look::Role;
use super::model::Model;
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::BroadcastId;
use crate::domain::state::BroadcastStatus;
use crate::domain::time::{Millis, SECOND};
use crate::service::view::Snapshot;

/// How long a line stays at most, in milliseconds.
const STAYS_MS: i64 = 8 * SECOND;

/// A line that goes by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Toast {
    /// The words.
    pub text: String,
    /// How it is meant.
    pub role: Role,
    /// When it goes.
    pub until: Millis,
    /// What it is about, which says what makes it go before.
    pub about: About,
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The last key: it did nothing, and why.
    Key,
    /// What is shown now.
    Shown,
    /// A broadcast, which stood like this when it was said.
    Broadcast(BroadcastId, Stands, Millis),
    /// Something that a person has to know, wherever they go.
    Person,
}

/// How a broadcast stands, as far as words about it go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Its time has not come.
    Waits,
    /// It goes out.
    GoesOut,
    /// It is paused.
    Paused,
    /// It is over.
    Ended,
}

impl Stands {
    fn of(status: BroadcastStatus) -> Self {
        match status {
            BroadcastStatus::Draft | BroadcastStatus::Scheduled => Self::Waits,
            BroadcastStatus::Preparing | BroadcastStatus::Running => Self::GoesOut,
            BroadcastStatus::Paused => Self::Paused,
            BroadcastStatus::Completed | BroadcastStatus::Cancelled => Self::Ended,
        }
    }
}

impl Model {
    /// Says something: what failed until its time is over, all else for as long as it is about what is shown.
    pub fn say(&mut self, role: Role, text: impl Into<String>) {
        self.say_about(role, text, if role == Role::Bad { About::Person } else { About::Shown });
    }

    /// Says what somebody has to know, wherever they go meanwhile.
    pub fn say_to_a_person(&mut self, role: Role, text: impl Into<String>) {
        self.say_about(role, text, About::Person);
    }

    /// Says why the last key did nothing, until the next one.
    pub fn say_of_the_key(&mut self, text: impl Into<String>) {
        self.say_about(Role::Warn, text, About::Key);
    }

    /// Says what became of a broadcast, until it stands otherwise.
    pub fn say_of(&mut self, broadcast: &Broadcast, role: Role, text: impl Into<String>) {
        let about = About::Broadcast(broadcast.id.clone(), Stands::of(broadcast.status), self.now);
        self.say_about(role, text, about);
    }

    fn say_about(&mut self, role: Role, text: impl Into<String>, about: About) {
        self.toast = Some(Toast { text: text.into(), role, until: self.now.plus(STAYS_MS), about });
    }

    /// A key was pressed: why the one before did nothing is over.
    pub(super) fn forget_the_last_key(&mut self) {
        self.toast.take_if(|toast| toast.about == About::Key);
    }

    /// Something else is shown than before an event: `said` before it, a line was about what was shown then.
    pub(super) fn forget_what_was_shown(&mut self, said: Option<&Toast>) {
        self.toast.take_if(|toast| Some(&*toast) == said && toast.about != About::Person);
    }

    /// A picture came: what was said of a broadcast is over when it stands otherwise. Pictures that were begun before it was
    /// said know less than what was said.
    pub(super) fn forget_what_is_over(&mut self, picture: &Snapshot) {
        self.toast.take_if(|toast| {
            let About::Broadcast(id, stood, said_at) = &toast.about else { return false };
            let mut all = picture.open.iter().chain(&picture.ended);
            let Some(view) = all.find(|view| view.broadcast.id == *id).filter(|_| picture.at > *said_at) else {
                return false;
            };
            let stands = Stands::of(view.broadcast.status);
            // What was started waits for a moment before it goes out.
            stands != *stood && !(*stood == Stands::GoesOut && stands == Stands::Waits)
        });
    }
}
