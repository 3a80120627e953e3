//! A new broadcast, step by step: audience, template, variables, time, review. Nothing is stored or sent before the
//! operator types the number of people at the end.
//!
//! Only state and keys; what has to be read or worked out is asked for by requests.

mod bind;
mod step;
mod when;

pub use bind::{Binding, SAME_TEXT, bindings, guess};
pub use when::{Start, WhenField};

use super::actions::{Action, Place};
use super::field::{Field, Kind};
use super::listing::Listing;
use super::message::Request;
use super::model::{Load, Model, template_words};
use crate::domain::broadcast::{Choices, Number};
use crate::domain::template::{Slot, Template, TemplateKey};
use crate::service::audience::AudienceView;
use crate::service::error::ServiceError;
use crate::service::start::Started;
use crate::service::view::{BroadcastRequest, Plan};

/// The steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Who gets it.
    Audience,
    /// Which template.
    Template,
    /// What fills its variables.
    Variables,
    /// When, and what it is called.
    When,
    /// All of it once more, and the count.
    Review,
}

impl Step {
    /// All of them in their order.
    pub const ALL: [Self; 5] = [Self::Audience, Self::Template, Self::Variables, Self::When, Self::Review];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audience => "Who",
            Self::Template => "Template",
            Self::Variables => "Variables",
            Self::When => "When",
            Self::Review => "Review",
        }
    }
}

/// The audience that is no list.
pub const EVERYBODY: &str = "everybody in all lists";

/// How far the review is.
#[derive(Debug, Clone)]
pub enum Review {
    /// Being worked out: people looked at, of how many (0: not known).
    Planning(u64, u64),
    /// Ready.
    Ready(Box<Plan>),
    /// It cannot be done like this.
    Refused(ServiceError),
}

/// A new broadcast.
#[derive(Debug, Clone)]
pub struct Wizard {
    /// Where it stands.
    pub step: Step,
    /// The list of audiences: the lists by name, then all of them.
    pub audience_list: Listing,
    /// The chosen audience; `None` inside: all lists.
    pub list: Option<Option<String>>,
    /// Who is in it.
    pub audience: Load<AudienceView>,
    /// The list of templates.
    pub template_list: Listing,
    /// The template that it was opened with; it is taken once it is known who gets it.
    pub wanted: Option<TemplateKey>,
    /// The chosen template.
    pub template: Option<Template>,
    /// What fills its variables.
    pub variables: Vec<(Slot, Binding)>,
    /// The marked field of the variables: two for each variable.
    pub variable_cursor: usize,
    /// The letters that were typed to find a choice.
    pub looked_for: String,
    /// Now, at a time, or again and again.
    pub start: Start,
    /// The time as typed.
    pub time: Field,
    /// The times as typed, when it starts again and again.
    pub cron: Field,
    /// A pace of its own, as typed.
    pub pace: Field,
    /// What happens when something is not as it should be.
    pub choices: Choices,
    /// What it is called.
    pub label: Field,
    /// The marked field of the time step.
    pub when_field: WhenField,
    /// The review.
    pub review: Review,
    /// Of the newest plan that was asked for.
    pub serial: u64,
    /// The person whose message is shown.
    pub sample: usize,
    /// The first line shown of the review.
    pub scroll: usize,
    /// The count as typed.
    pub count: Field,
    /// Let it be a repeat.
    pub repeat: bool,
    /// Asked to start; waiting for the answer.
    pub starting: bool,
    /// What was wrong with the last Enter.
    pub trouble: String,
}

impl Wizard {
    /// A new one, with what it needs to read first.
    pub fn open() -> (Self, Vec<Request>) {
        let wizard = Self {
            step: Step::Audience,
            audience_list: Listing::default(),
            list: None,
            audience: Load::Waiting,
            template_list: Listing::default(),
            wanted: None,
            template: None,
            variables: Vec::new(),
            variable_cursor: 0,
            looked_for: String::new(),
            start: Start::Now,
            time: Field::new("", 40),
            cron: Field::new("", 60),
            pace: Field::new("", 8).of_kind(Kind::Count),
            choices: Choices::default(),
            label: Field::new("", 60),
            when_field: WhenField::Choice,
            review: Review::Planning(0, 0),
            serial: 0,
            sample: 0,
            scroll: 0,
            count: Field::new("", 12).of_kind(Kind::Count),
            repeat: false,
            starting: false,
            trouble: String::new(),
        };
        (wizard, vec![Request::Templates, Request::OwnNumbers])
    }

    /// Where its keys are heard.
    pub fn place(&self) -> Place {
        match self.step {
            _ if self.listing().is_some_and(|list| list.typing) => Place::Filter,
            Step::Audience | Step::Template => Place::WizardList,
            Step::Variables | Step::When => Place::WizardForm,
            Step::Review => Place::WizardReview,
        }
    }

    /// Whether an action of its place is there at the moment.
    pub fn offers(&self, action: Action) -> bool {
        let Step::Review = self.step else { return true };
        match (&self.review, action) {
            (Review::Ready(plan), Action::Toggle) => {
                plan.repeat_of.is_some() && self.start != Start::Every && !self.starting
            }
            (Review::Ready(plan), Action::Left | Action::Right) => plan.samples.len() > 1,
            (_, Action::Back) | (Review::Ready(_), _) => !self.starting,
            (Review::Planning(..) | Review::Refused(_), _) => false,
        }
    }

    /// Why an action of its place is not there at the moment.
    pub fn why_not(&self, action: Action) -> &'static str {
        match (&self.review, action) {
            _ if self.starting => "it is being started, wait a moment",
            (Review::Planning(..), _) => "it is still being worked out",
            (Review::Refused(_), _) => "it cannot be sent like this; Esc goes one step back",
            (Review::Ready(_), Action::Toggle) => "it does not look like a repeat, so type the count",
            (Review::Ready(_), _) => "there is one person to show only",
        }
    }

    /// The list that this step chooses from.
    pub fn listing(&self) -> Option<&Listing> {
        match self.step {
            Step::Audience => Some(&self.audience_list),
            Step::Template => Some(&self.template_list),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn listing_mut(&mut self) -> Option<&mut Listing> {
        match self.step {
            Step::Audience => Some(&mut self.audience_list),
            Step::Template => Some(&mut self.template_list),
            _ => None,
        }
    }

    /// A row of the list was clicked: it is marked.
    pub fn click(&mut self, row: usize) {
        if let Some(list) = self.listing_mut() {
            list.cursor = row;
        }
    }

    /// The field that letters go to first.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.step {
            Step::Audience | Step::Template => {
                self.listing_mut().filter(|list| list.typing).map(|list| &mut list.filter)
            }
            Step::Variables => {
                let cursor = self.variable_cursor;
                let (_, binding) = self.variables.get_mut(cursor / 2)?;
                (cursor % 2 == 1 && binding.takes_text()).then_some(&mut binding.text)
            }
            Step::When => match self.when_field {
                WhenField::Choice | WhenField::BadRows | WhenField::TemplatePause => None,
                WhenField::Time => Some(&mut self.time),
                WhenField::Cron => Some(&mut self.cron),
                WhenField::Label => Some(&mut self.label),
                WhenField::Pace => Some(&mut self.pace),
            },
            Step::Review if !self.starting && matches!(self.review, Review::Ready(_)) => Some(&mut self.count),
            Step::Review => None,
        }
    }

    /// Takes a letter where a choice is marked: the choice that begins with it. `false`: there is none to take it.
    pub fn type_ahead(&mut self, letter: char) -> bool {
        let columns = self.columns().to_vec();
        let on_choice = self.step == Step::Variables && self.variable_cursor.is_multiple_of(2);
        let Some((_, binding)) = self.variables.get_mut(self.variable_cursor / 2).filter(|_| on_choice) else {
            return false;
        };
        let longer = format!("{}{letter}", self.looked_for);
        let alone = letter.to_string();
        let found = binding.find(&longer, &columns).map(|choice| (choice, longer));
        let Some((choice, typed)) = found.or_else(|| binding.find(&alone, &columns).map(|choice| (choice, alone)))
        else {
            self.looked_for.clear();
            return false;
        };
        binding.choose(choice);
        self.looked_for = typed;
        self.trouble.clear();
        true
    }

    /// A field took something.
    pub fn typed(&mut self, _model: &Model) {
        self.trouble.clear();
        if let Some(list) = self.listing_mut() {
            list.cursor = 0;
        }
    }

    /// The audiences to choose from: each list, then all of them when there are several.
    pub fn audiences(model: &Model) -> Vec<(Option<String>, Option<u64>)> {
        let lists = model.snapshot.as_ref().map_or(&[][..], |snapshot| &snapshot.lists);
        let mut audiences: Vec<_> = lists.iter().map(|list| (Some(list.name.clone()), Some(list.people))).collect();
        if lists.len() > 1 {
            // A person in two lists is one person, so that the sum would be wrong.
            audiences.push((None, None));
        }
        audiences
    }

    /// Those of them that the filter lets through.
    pub fn shown_audiences(&self, model: &Model) -> Vec<(Option<String>, Option<u64>)> {
        let name = |(list, _): &(Option<String>, Option<u64>)| list.clone().unwrap_or_else(|| EVERYBODY.to_owned());
        self.audience_list.shown(&Self::audiences(model), name, &[]).into_iter().cloned().collect()
    }

    /// The templates that the filter lets through.
    pub fn shown_templates<'a>(&self, model: &'a Model) -> Vec<&'a Template> {
        let all = model.templates.get().map_or(&[][..], |synced| synced.templates.as_slice());
        self.template_list.shown(all, template_words, &[])
    }

    /// What the variables can be bound to.
    pub fn columns(&self) -> &[String] {
        self.audience.get().map_or(&[], |audience| &audience.columns)
    }

    /// People to fill a preview with.
    pub fn samples(&self) -> &[Number] {
        match &self.review {
            Review::Ready(plan) if !plan.samples.is_empty() => &plan.samples,
            _ => self.audience.get().map_or(&[], |audience| &audience.samples),
        }
    }

    /// The values for a person, as far as they are bound.
    pub fn values_for(&self, number: Option<&Number>) -> Vec<String> {
        let columns = self.columns();
        let value = |(slot, binding): &(Slot, Binding)| {
            let left_out = slot.place.is_optional() && binding.choice == 0;
            if left_out { String::new() } else { binding.value(&slot.name, columns, number) }
        };
        self.variables.iter().map(value).collect()
    }

    /// The request as it stands.
    pub fn request(&self, model: &Model) -> Result<BroadcastRequest, String> {
        let Some(template) = &self.template else { return Err("choose a template first".to_owned()) };
        Ok(BroadcastRequest {
            template_name: template.name.clone(),
            language_code: template.language.clone(),
            list: self.list.clone().flatten(),
            label: self.label.trimmed().to_owned(),
            bindings: bindings(&self.variables, self.columns()),
            start_at: self.start_at(model)?,
            messages_per_second: self.own_pace(model)?,
            expect: None,
            repeat: self.repeat,
            idempotency: None,
            choices: self.choices,
        })
    }

    /// The number that has to be typed, when the review is ready.
    pub fn goes_to(&self) -> Option<u64> {
        if let Review::Ready(plan) = &self.review { Some(plan.goes_to()) } else { None }
    }

    /// The number as typed.
    pub fn typed_count(&self) -> Option<u64> {
        let digits: String = self.count.value().chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    }

    /// Who is in the chosen audience was read.
    pub fn audience_read(&mut self, list: Option<&str>, audience: Result<AudienceView, ServiceError>) {
        if self.list.as_ref().is_some_and(|chosen| chosen.as_deref() == list) {
            // The reason is kept in the state and drawn there.
            let _shown_there = self.audience.take(audience);
            let columns = self.columns().to_vec();
            for (slot, binding) in &mut self.variables {
                guess(slot, binding, &columns);
            }
        }
    }

    /// How far planning is.
    pub fn planning(&mut self, serial: u64, looked_at: u64, of: u64) {
        if serial == self.serial && matches!(self.review, Review::Planning(..)) {
            self.review = Review::Planning(looked_at, of);
        }
    }

    /// The plan came.
    pub fn planned(&mut self, serial: u64, plan: Result<Plan, ServiceError>) {
        if serial == self.serial {
            self.review = match plan {
                Ok(plan) => Review::Ready(Box::new(plan)),
                Err(error) => Review::Refused(error),
            };
        }
    }

    /// Starting did not work: says why, and works the review out anew when the audience was another.
    pub fn not_started(&mut self, model: &mut Model, error: &ServiceError) -> Vec<Request> {
        self.starting = false;
        self.trouble.clone_from(&error.message);
        if error.code == "count_differs" || error.code == "looks_like_repeat" {
            self.count.set("");
            return self.plan(model);
        }
        Vec::new()
    }

    /// What to say when it was started.
    pub fn started_words(started: &Started) -> String {
        let broadcast = &started.broadcast;
        let name = if broadcast.definition.label.is_empty() {
            &broadcast.definition.template.name
        } else {
            &broadcast.definition.label
        };
        if broadcast.start_at.is_some() {
            format!("{name} is scheduled.")
        } else {
            format!("{name} has started. p pauses it at any moment.")
        }
    }
}
