//! The state of the Broadcasts screen: all of them, and the one that is opened.

use super::listing::{Listing, Order};
use super::model::Load;
use super::pages::Pages;
use super::words;
use crate::domain::ids::BroadcastId;
use crate::domain::state::RecipientState;
use crate::service::view::BroadcastView;
use crate::store::RecipientRow;

/// The orders that broadcasts can be listed in.
pub const ORDERS: &[Order<BroadcastView>] = &[
    Order { word: "newest", by: |_, _| std::cmp::Ordering::Equal },
    Order { word: "name", by: |a, b| words::name_of(a).cmp(&words::name_of(b)) },
    Order { word: "people", by: |a, b| b.goes_to().cmp(&a.goes_to()) },
    Order { word: "failures", by: |a, b| count(b, RecipientState::Failed).cmp(&count(a, RecipientState::Failed)) },
    Order { word: "not sure", by: |a, b| count(b, RecipientState::InDoubt).cmp(&count(a, RecipientState::InDoubt)) },
];

fn count(view: &BroadcastView, state: RecipientState) -> u64 {
    view.counts.get(state)
}

/// The state of the screen.
#[derive(Debug, Clone, Default)]
pub struct Broadcasts {
    /// All of them, newest first.
    pub all: Load<Vec<BroadcastView>>,
    /// The list.
    pub list: Listing,
    /// The one that is opened.
    pub opened: Option<Opened>,
}

impl Broadcasts {
    /// Those that the filter lets through, in their order.
    pub fn shown(&self) -> Vec<&BroadcastView> {
        let all = self.all.get().map_or(&[][..], Vec::as_slice);
        self.list.shown(all, words_of, ORDERS)
    }
}

/// What a broadcast is found by.
fn words_of(view: &BroadcastView) -> String {
    let definition = &view.broadcast.definition;
    let status = words::status(view.broadcast.status, super::look::Glyphs::ASCII).1;
    let list = definition.audience.list.as_deref().unwrap_or_default();
    format!("{} {} {} {status} {list}", view.broadcast.id, definition.label, definition.template.key())
}

/// The part of an opened broadcast that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Funnel, failures, what to do.
    #[default]
    Figures,
    /// Its people.
    People,
}

/// One broadcast, opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Which.
    pub id: BroadcastId,
    /// How it stands, with its audit.
    pub view: Load<BroadcastView>,
    /// What is shown of it.
    pub part: Part,
    /// The marked cause of failures.
    pub cause: usize,
    /// The people of this state, or all.
    pub state: Option<RecipientState>,
    /// The people, a page at a time.
    pub people: Pages<RecipientRow, u32>,
    /// The people that are marked, by their place.
    pub marks: std::collections::BTreeSet<u32>,
}

impl Opened {
    /// A broadcast that is opened.
    pub fn new(id: BroadcastId) -> Self {
        Self {
            id,
            view: Load::Waiting,
            part: Part::Figures,
            cause: 0,
            state: None,
            people: Pages::default(),
            marks: std::collections::BTreeSet::new(),
        }
    }

    /// The states that people can be listed by: all, then those that anybody is in.
    pub fn states(&self) -> Vec<Option<RecipientState>> {
        let some = RecipientState::ALL.into_iter().filter(|state| {
            self.view.get().is_some_and(|view| view.counts.get(*state) > 0) || self.state == Some(*state)
        });
        std::iter::once(None).chain(some.map(Some)).collect()
    }

    /// Lists the people of a state from the first one on.
    pub fn list_people(&mut self, state: Option<RecipientState>) {
        self.part = Part::People;
        self.state = state;
        self.people = Pages::default();
    }
}
