//! The wizard's step "When": the time, or times again and again, what it is called, a pace of its own, and what becomes of
//! it when something is not as it should be.

use super::{Review, Step, Wizard};
use crate::console::actions::Action;
use crate::console::message::Request;
use crate::console::model::Model;
use crate::console::text::pace;
use crate::domain::broadcast::{OnBadRows, OnTemplatePause};
use crate::domain::time::Millis;
use crate::service::schedules::{Recurrence, recurrence};

/// How many of the next times are shown.
const NEXT_TIMES: usize = 3;

/// When it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// As soon as the count is typed.
    #[default]
    Now,
    /// At a time.
    At,
    /// Again and again.
    Every,
}

impl Start {
    const ALL: [Self; 3] = [Self::Now, Self::At, Self::Every];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::At => "at a time",
            Self::Every => "again and again",
        }
    }

    fn turned(self, forward: bool) -> Self {
        let at = Self::ALL.iter().position(|one| *one == self).unwrap_or(0);
        Self::ALL[(at + if forward { 1 } else { Self::ALL.len() - 1 }) % Self::ALL.len()]
    }
}

/// The fields of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenField {
    /// Now, at a time, or again and again.
    Choice,
    /// The time.
    Time,
    /// The times, as a cron expression.
    Cron,
    /// What it is called.
    Label,
    /// A pace of its own.
    Pace,
    /// What becomes of people whose values cannot be sent.
    BadRows,
    /// What becomes of it when WhatsApp pauses the template.
    TemplatePause,
}

impl Wizard {
    /// The fields that are there now, in their order.
    pub fn when_fields(&self) -> Vec<WhenField> {
        use WhenField::{BadRows, Choice, Cron, Label, Pace, TemplatePause, Time};
        let mut fields = vec![Choice];
        match self.start {
            Start::Now => {}
            Start::At => fields.push(Time),
            Start::Every => fields.push(Cron),
        }
        fields.extend([Label, Pace, BadRows, TemplatePause]);
        fields
    }

    /// When it is to start. `Err`: what is wrong with the time.
    pub fn start_at(&self, model: &Model) -> Result<Option<Millis>, String> {
        if self.start != Start::At {
            return Ok(None);
        }
        crate::service::times::parse(self.time.trimmed(), &model.facts.zone.name(), model.now)
            .map(Some)
            .map_err(|error| error.message)
    }

    /// When it starts again and again; `None`: it does not. `Err`: what is wrong with the expression.
    pub fn every(&self, model: &Model) -> Result<Option<Recurrence>, String> {
        if self.start != Start::Every {
            return Ok(None);
        }
        if self.cron.trimmed().is_empty() {
            return Err(
                "type the times: minute, hour, day, month, weekday; 0 18 * * 5 is every Friday at 18:00".to_owned()
            );
        }
        recurrence(self.cron.trimmed(), &model.facts.zone.name(), model.now, NEXT_TIMES)
            .map(Some)
            .map_err(|error| error.message)
    }

    /// A pace of its own; `None`: the sender's. `Err`: what is wrong with it.
    pub fn own_pace(&self, model: &Model) -> Result<Option<f64>, String> {
        let typed = self.pace.trimmed().replace(',', ".");
        if typed.is_empty() {
            return Ok(None);
        }
        let limit = model.facts.pace_limit;
        match typed.parse::<f64>() {
            Ok(own) if own > 0.0 && limit > 0.0 && own > limit => {
                Err(format!("a pace of its own is below the sender's: {} a second at most", pace(limit)))
            }
            Ok(own) if own > 0.0 => Ok(Some(own)),
            _ => Err("a pace is a number of messages a second, like 5 or 0.5; empty: the sender's".to_owned()),
        }
    }

    pub(super) fn act_when(&mut self, model: &mut Model, action: Action) -> Vec<Request> {
        let fields = self.when_fields();
        let at = fields.iter().position(|field| *field == self.when_field).unwrap_or(0);
        match action {
            Action::Next => self.when_field = fields[(at + 1) % fields.len()],
            Action::Previous => self.when_field = fields[(at + fields.len() - 1) % fields.len()],
            Action::Left | Action::Right => self.turn(action == Action::Right),
            Action::Accept => return self.go_to_review(model),
            _ => {}
        }
        Vec::new()
    }

    /// The other choice of a field that has some.
    fn turn(&mut self, forward: bool) {
        match self.when_field {
            WhenField::Choice => self.start = self.start.turned(forward),
            WhenField::BadRows => {
                self.choices.on_bad_rows = match self.choices.on_bad_rows {
                    OnBadRows::Skip => OnBadRows::Refuse,
                    OnBadRows::Refuse => OnBadRows::Skip,
                };
            }
            WhenField::TemplatePause => {
                self.choices.on_template_pause = match self.choices.on_template_pause {
                    OnTemplatePause::Hold => OnTemplatePause::Wait,
                    OnTemplatePause::Wait => OnTemplatePause::Hold,
                };
            }
            _ => {}
        }
    }

    fn go_to_review(&mut self, model: &mut Model) -> Vec<Request> {
        let lacking = [
            (WhenField::Time, self.start_at(model).is_err(), &self.time, "the time"),
            (WhenField::Cron, self.every(model).is_err(), &self.cron, "the times"),
            (WhenField::Pace, self.own_pace(model).is_err(), &self.pace, "the pace"),
        ];
        if let Some((field, _, typed, name)) = lacking.into_iter().find(|(_, lacks, ..)| *lacks) {
            // What is wrong with it stands beside it already.
            let verb = if typed.trimmed().is_empty() { "Type" } else { "Put right" };
            self.trouble = format!("{verb} {name} first.");
            self.when_field = field;
            return Vec::new();
        }
        self.step = Step::Review;
        self.scroll = 0;
        self.sample = 0;
        self.count.set("");
        self.repeat = false;
        self.plan(model)
    }

    /// Whether what is reviewed looks like a repeat that was not allowed yet. One that comes again and again is meant to.
    pub fn lacks_repeat(&self) -> bool {
        let Review::Ready(plan) = &self.review else { return false };
        plan.repeat_of.is_some() && !self.repeat && self.start != Start::Every
    }
}
