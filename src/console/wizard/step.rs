//! What keys do in the wizard, step by step.

use super::{Binding, Review, Start, Step, Wizard, guess};
use crate::console::actions::Action;
use crate::console::dialog::Then;
use crate::console::listing::Listing;
use crate::console::look::Role;
use crate::console::message::Request;
use crate::console::model::{Load, Model};
use crate::console::text::{people, thousands};
use crate::console::{update, words};

impl Wizard {
    /// Does what a key asks for.
    pub fn act(&mut self, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        self.trouble.clear();
        self.looked_for.clear();
        if self.arrange(action) {
            return (Then::Stay, Vec::new());
        }
        if action == Action::Back {
            return self.back();
        }
        let requests = match self.step {
            Step::Audience => self.act_audience(model, action),
            Step::Template => self.act_template(model, action),
            Step::Variables => self.act_variables(model, action),
            Step::When => self.act_when(model, action),
            Step::Review => self.act_review(model, action),
        };
        (Then::Stay, requests)
    }

    /// The filter of the list that is chosen from, as on the screens. `false`: the action is none of it.
    fn arrange(&mut self, action: Action) -> bool {
        let Some(list) = self.listing_mut() else { return false };
        if list.typing {
            list.typing = false;
            if action == Action::Back {
                list.filter.set("");
                list.cursor = 0;
            }
            return true;
        }
        list.typing = action == Action::Filter;
        list.typing
    }

    fn back(&mut self) -> (Then, Vec<Request>) {
        let mut requests = Vec::new();
        self.step = match self.step {
            Step::Audience => return (Then::Close, Vec::new()),
            Step::Template => Step::Audience,
            Step::When if !self.variables.is_empty() => Step::Variables,
            Step::Variables | Step::When => Step::Template,
            Step::Review => {
                requests.push(Request::StopPlan);
                Step::When
            }
        };
        (Then::Stay, requests)
    }

    fn act_audience(&mut self, model: &Model, action: Action) -> Vec<Request> {
        let audiences = self.shown_audiences(model);
        self.audience_list.go(action, model.page(), audiences.len());
        let cursor = self.audience_list.cursor;
        let Some((list, _)) = audiences.into_iter().nth(cursor).filter(|_| action == Action::Accept) else {
            return Vec::new();
        };
        self.step = Step::Template;
        let mut requests = Vec::new();
        if self.list.as_ref() != Some(&list) || self.audience.get().is_none() {
            self.list = Some(list.clone());
            self.audience = Load::Waiting;
            for (_, binding) in &mut self.variables {
                *binding = Binding::default();
            }
            requests.push(Request::Audience(list));
        }
        self.take_wanted(model);
        requests
    }

    /// Takes the template that the wizard was opened with, if it is still there; going back leaves the choice open.
    fn take_wanted(&mut self, model: &Model) {
        let Some((wanted, synced)) = self.wanted.take().zip(model.templates.get()) else { return };
        if let Some(place) = synced.templates.iter().position(|template| template.key() == wanted) {
            self.template_list = Listing { cursor: place, ..Listing::default() };
            self.act_template(model, Action::Accept);
        }
    }

    fn act_template(&mut self, model: &Model, action: Action) -> Vec<Request> {
        let templates = self.shown_templates(model);
        self.template_list.go(action, model.page(), templates.len());
        let marked = templates.get(self.template_list.cursor).filter(|_| action == Action::Accept);
        let Some(&template) = marked else { return Vec::new() };
        if !template.is_approved() {
            self.trouble = format!(
                "{} is {}: WhatsApp lets only approved templates be sent.",
                template.key(),
                template.status.to_lowercase()
            );
            return Vec::new();
        }
        let slots = match template.slots() {
            Ok(slots) => slots,
            Err(unsupported) => {
                self.trouble = unsupported.to_string();
                return Vec::new();
            }
        };
        if self.template.as_ref().map(crate::domain::template::Template::key) != Some(template.key()) {
            self.variables = slots.into_iter().map(|slot| (slot, Binding::default())).collect();
            self.variable_cursor = 0;
        }
        self.template = Some(template.clone());
        let columns = self.columns().to_vec();
        for (slot, binding) in &mut self.variables {
            guess(slot, binding, &columns);
        }
        self.step = if self.variables.is_empty() { Step::When } else { Step::Variables };
        Vec::new()
    }

    fn act_variables(&mut self, _model: &Model, action: Action) -> Vec<Request> {
        let columns = self.columns().len();
        let fields = self.variables.len() * 2;
        match action {
            Action::Next => self.step_field(true, fields),
            Action::Previous => self.step_field(false, fields),
            Action::Left | Action::Right if self.variable_cursor.is_multiple_of(2) => {
                if let Some((slot, binding)) = self.variables.get_mut(self.variable_cursor / 2) {
                    binding.turn(action == Action::Right, columns, slot.place.is_optional());
                }
            }
            Action::Accept => {
                let lacking = self
                    .variables
                    .iter()
                    .enumerate()
                    .filter(|(_, (slot, binding))| binding.choice != 0 || !slot.place.is_optional())
                    .find_map(|(place, (slot, binding))| Some((place, slot, binding.lacks(self.columns())?)));
                if let Some((place, slot, lacks)) = lacking {
                    self.trouble = format!("{}: {lacks}.", words::slot_name(slot));
                    let has_choice = self.variables[place].1.choice > 0;
                    self.variable_cursor = place * 2 + usize::from(has_choice);
                } else {
                    self.step = Step::When;
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// To the next field that is there.
    fn step_field(&mut self, forward: bool, fields: usize) {
        for _ in 0..fields {
            self.variable_cursor = (self.variable_cursor + if forward { 1 } else { fields - 1 }) % fields;
            let there = self
                .variables
                .get(self.variable_cursor / 2)
                .is_some_and(|(_, binding)| self.variable_cursor.is_multiple_of(2) || binding.takes_text());
            if there {
                return;
            }
        }
    }

    /// Asks for a new plan; what an older one says is no longer heard.
    pub(super) fn plan(&mut self, model: &mut Model) -> Vec<Request> {
        let request = match self.request(model) {
            Ok(request) => request,
            Err(words) => {
                self.step = Step::When;
                self.trouble = words;
                return Vec::new();
            }
        };
        model.serial += 1;
        self.serial = model.serial;
        self.review = Review::Planning(0, 0);
        vec![Request::Plan(self.serial, request)]
    }

    fn act_review(&mut self, model: &mut Model, action: Action) -> Vec<Request> {
        let samples = self.samples().len();
        match action {
            Action::Left => self.sample = self.sample.saturating_sub(1),
            Action::Right => self.sample = (self.sample + 1).min(samples.saturating_sub(1)),
            Action::Up => self.scroll = self.scroll.saturating_sub(1),
            Action::Down => self.scroll = (self.scroll + 1).min(500),
            Action::PageUp => self.scroll = self.scroll.saturating_sub(model.page() / 2),
            // The view stops at the last line.
            Action::PageDown => self.scroll = (self.scroll + model.page() / 2).min(500),
            Action::Toggle => {
                // What was typed before was typed without knowing.
                self.repeat = !self.repeat;
                self.count.set("");
            }
            Action::Test => return self.test(model),
            Action::Accept => return self.start(model),
            _ => {}
        }
        Vec::new()
    }

    /// Asks whether the message that is shown is to go to the own numbers: it costs like any other.
    fn test(&self, model: &mut Model) -> Vec<Request> {
        let Review::Ready(plan) = &self.review else { return Vec::new() };
        let test = (plan.request.clone(), plan.samples.get(self.sample).cloned());
        update::ask_to_test(model, test);
        Vec::new()
    }

    /// Starts, when the count is typed and nothing stands against it.
    fn start(&mut self, model: &mut Model) -> Vec<Request> {
        let Review::Ready(plan) = &self.review else { return Vec::new() };
        let goes_to = plan.goes_to();
        if goes_to == 0 {
            "Nobody would get it: choose others, or another template.".clone_into(&mut self.trouble);
            return Vec::new();
        }
        if self.lacks_repeat() {
            "This looks like a repeat. Press Space first if it is to be sent again.".clone_into(&mut self.trouble);
            return Vec::new();
        }
        match self.typed_count() {
            None => {
                self.trouble = format!("Type the number of people, {}, then Enter.", thousands(goes_to));
                Vec::new()
            }
            Some(typed) if typed != goes_to => {
                self.trouble = format!("It goes to {}, not to {}.", people(goes_to), thousands(typed));
                self.count.set("");
                Vec::new()
            }
            Some(_) => {
                // What was reviewed, not the form read anew: `+2h` means two hours from then.
                let mut request = plan.request.clone();
                request.repeat = self.repeat;
                // The audience as it was reviewed, with those who are left out.
                request.expect = Some(plan.people);
                // The same for the same plan: Enter after a lost answer does not make a second broadcast.
                let key = format!("console-{:016x}-{}-{}", model.facts.seed, self.serial, u8::from(self.repeat));
                request.idempotency = Some((key.clone(), key));
                self.starting = true;
                if self.start == Start::Every {
                    let (cron, zone) = (self.cron.trimmed().to_owned(), model.facts.zone.name());
                    // Neither counts for a broadcast that is made anew each time.
                    (request.expect, request.idempotency) = (None, None);
                    return vec![Request::AddSchedule { request, cron, zone }];
                }
                model.say(Role::Plain, "Starting …");
                vec![Request::Start(request)]
            }
        }
    }
}
