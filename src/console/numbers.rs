//! The state of the Numbers screen: lists and their people, files and what could not be used of them, opt-outs.
//!
//! Plain state; keys change it in `update::numbers`, `view::numbers` draws it.

mod fix_box;
mod messages;
mod opt_out_box;
mod rows;

pub use fix_box::{FixBox, FixChoice};
pub use messages::{Asked, NumbersAnswer, NumbersFile, NumbersRequest, Pasted, Rejects, RowsFrom};
pub use opt_out_box::OptOutBox;
pub use rows::{cause_name, repeats, row_word, shown_cells, shown_phone_cell, sums, why, why_not_yet};

use super::actions::Place;
use super::listing::{Listing, Order};
use super::model::Load;
use super::pages::Pages;
use crate::domain::broadcast::UploadId;
use crate::domain::opt_out::{Event, Kind, OptedOut};
use crate::domain::time::Millis;
use crate::service::people::NumberView;
use crate::service::view::Snapshot;
use crate::store::{AudiencePlace, KeptReject, ListSummary, UploadSummary};
use std::cmp::Ordering;

/// Digits from which on a text is taken for a whole number that somebody is looked for by.
pub(super) const DIGITS_OF_A_NUMBER: usize = 7;

/// The parts of the screen, in the order of their tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// The lists.
    #[default]
    Lists,
    /// The files that were loaded into the marked list.
    Files,
    /// The people who are not to be written to.
    OptOuts,
}

impl Part {
    /// All of them, in the order of their tabs.
    pub const ALL: [Self; 3] = [Self::Lists, Self::Files, Self::OptOuts];

    /// The next one, or the one before.
    #[must_use]
    pub fn beside(self, forward: bool) -> Self {
        let at = Self::ALL.iter().position(|part| *part == self).unwrap_or(0);
        Self::ALL[(at + if forward { 1 } else { Self::ALL.len() - 1 }) % Self::ALL.len()]
    }
}

/// The orders that lists can be listed in.
pub const LIST_ORDERS: &[Order<ListSummary>] = &[
    Order { word: "name", by: |_, _| Ordering::Equal },
    Order { word: "newest", by: |a, b| b.last_upload_at.cmp(&a.last_upload_at) },
    Order { word: "people", by: |a, b| b.people.cmp(&a.people) },
    Order { word: "files", by: |a, b| b.uploads.cmp(&a.uploads) },
];

/// The orders that files can be listed in.
pub const FILE_ORDERS: &[Order<UploadSummary>] = &[
    Order { word: "newest", by: |_, _| Ordering::Equal },
    Order { word: "rejected", by: |a, b| b.report.rejected.cmp(&a.report.rejected) },
    Order { word: "rows", by: |a, b| b.report.received.cmp(&a.report.received) },
    Order { word: "name", by: |a, b| a.source.cmp(&b.source) },
];

/// The state of the screen.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    /// The part that has the keys.
    pub part: Part,
    /// The list of lists.
    pub lists: Listing,
    /// The files, newest first.
    pub uploads: Load<Vec<UploadSummary>>,
    /// The list of the marked list's files.
    pub files: Listing,
    /// What is opened of the lists or the files.
    pub opened: Option<Opened>,
    /// Who is not to be written to.
    pub opt_outs: OptOuts,
    /// What takes a while: rows that are put right, a file that is taken back.
    pub under_way: Option<UnderWay>,
    /// A file that was just loaded, by its id and list: to be marked as soon as it is listed.
    pub to_mark: Option<(UploadId, String)>,
    /// A row that cannot be used and is shown whole for a few seconds: its file, which row, until when.
    pub revealed_row: Option<(UploadId, u32, Millis)>,
}

/// Something that takes a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// What, in words.
    pub words: String,
    /// Since when.
    pub since: Millis,
}

/// What is opened.
#[derive(Debug, Clone)]
pub enum Opened {
    /// The people of a list.
    People(Box<People>),
    /// What became of a file.
    File(Box<File>),
}

/// The people of a list, a page at a time.
#[derive(Debug, Clone)]
pub struct People {
    /// The list's name.
    pub list: String,
    /// What is typed to find somebody.
    pub find: Listing,
    /// What was asked for: a part of a name, or a whole number; empty: everybody.
    pub asked: Asked,
    /// The people.
    pub pages: Pages<NumberView, AudiencePlace>,
    /// Rows that were looked at for this page.
    pub looked_at: u64,
}

/// What became of a file.
#[derive(Debug, Clone)]
pub struct File {
    /// The file.
    pub upload: UploadSummary,
    /// The rows that cannot be used, by cause.
    pub rejects: Load<Rejects>,
    /// The marked cause.
    pub cause: usize,
    /// The marked cause's rows, when they are looked at.
    pub rows: Option<Pages<KeptReject, u32>>,
}

impl File {
    /// A file that is opened.
    pub fn new(upload: UploadSummary) -> Self {
        Self { upload, rejects: Load::Waiting, cause: 0, rows: None }
    }

    /// The marked row of the marked cause, when they are looked at.
    pub fn marked_row(&self) -> Option<&KeptReject> {
        self.rows.as_ref().and_then(Pages::marked)
    }

    /// The marked cause.
    pub fn marked(&self) -> Option<&crate::service::import::fix::CauseView> {
        let causes = &self.rejects.get()?.page.causes;
        causes.get(self.cause.min(causes.len().saturating_sub(1)))
    }
}

/// Who is not to be written to.
#[derive(Debug, Clone, Default)]
pub struct OptOuts {
    /// What is typed to find somebody.
    pub find: Listing,
    /// What was asked for; empty: all.
    pub asked: Asked,
    /// The people.
    pub people: Pages<OptedOut, String>,
    /// How many there are in all, once that is known.
    pub total: Option<u64>,
}

impl Numbers {
    /// The lists that the filter lets through, in their order.
    pub fn shown_lists<'a>(&self, snapshot: Option<&'a Snapshot>) -> Vec<&'a ListSummary> {
        let all = snapshot.map_or(&[][..], |snapshot| snapshot.lists.as_slice());
        // A number that is looked for is no list's name.
        if looks_like_a_number(self.lists.filter.value()) {
            return all.iter().collect();
        }
        self.lists.shown(all, |list| list.name.clone(), LIST_ORDERS)
    }

    /// The marked list.
    pub fn list<'a>(&self, snapshot: Option<&'a Snapshot>) -> Option<&'a ListSummary> {
        let shown = self.shown_lists(snapshot);
        shown.get(self.lists.place(shown.len())).copied()
    }

    /// The files of the marked list that the filter lets through, in their order.
    pub fn shown_files(&self, snapshot: Option<&Snapshot>) -> Vec<&UploadSummary> {
        let Some(list) = self.list(snapshot) else { return Vec::new() };
        let all = self.uploads.get().map_or(&[][..], Vec::as_slice);
        // A number that is looked for is no file's name.
        if looks_like_a_number(self.files.filter.value()) {
            return all.iter().filter(|upload| upload.list == list.name).collect();
        }
        let mut shown = self.files.shown(all, |upload| upload.source.clone(), FILE_ORDERS);
        shown.retain(|upload| upload.list == list.name);
        shown
    }

    /// The file that keys act on: the one that is opened, or the marked one.
    pub fn file<'a>(&'a self, snapshot: Option<&Snapshot>) -> Option<&'a UploadSummary> {
        match (&self.opened, self.part) {
            (Some(Opened::File(file)), _) => Some(&file.upload),
            (None, Part::Files) => {
                let shown = self.shown_files(snapshot);
                shown.get(self.files.place(shown.len())).copied()
            }
            _ => None,
        }
    }

    /// Where keys are heard.
    pub fn place(&self) -> Place {
        match (&self.opened, self.part) {
            (Some(Opened::People(_)), _) => Place::ListPeople,
            (Some(Opened::File(file)), _) if file.rows.is_some() => Place::RejectRows,
            (Some(Opened::File(_)), _) => Place::File,
            (None, Part::Lists) => Place::Numbers,
            (None, Part::Files) => Place::Files,
            (None, Part::OptOuts) => Place::OptOuts,
        }
    }

    /// The list that filter and order are about.
    pub fn listing(&self) -> Option<&Listing> {
        match (&self.opened, self.part) {
            (Some(Opened::People(people)), _) => Some(&people.find),
            (Some(Opened::File(_)), _) => None,
            (None, Part::Lists) => Some(&self.lists),
            (None, Part::Files) => Some(&self.files),
            (None, Part::OptOuts) => Some(&self.opt_outs.find),
        }
    }

    /// The same, to be changed.
    pub fn listing_mut(&mut self) -> Option<&mut Listing> {
        match (&mut self.opened, self.part) {
            (Some(Opened::People(people)), _) => Some(&mut people.find),
            (Some(Opened::File(_)), _) => None,
            (None, Part::Lists) => Some(&mut self.lists),
            (None, Part::Files) => Some(&mut self.files),
            (None, Part::OptOuts) => Some(&mut self.opt_outs.find),
        }
    }

    /// What stands before the field that `/` opens.
    pub fn filter_name(&self) -> &'static str {
        match (&self.opened, self.part) {
            (Some(_), _) => "Part of a name, or a whole number",
            (None, Part::Lists) => "A list's name, or somebody's whole number",
            (None, Part::Files) => "A file's name, or somebody's whole number",
            (None, Part::OptOuts) => "A number, or a part of it",
        }
    }
}

/// A file's name without the folders that it lies in: what operators call it.
pub fn name_of(upload: &UploadSummary) -> &str {
    upload.source.rsplit('/').next().unwrap_or(&upload.source)
}

/// Whether a text is a phone number as people write it, and not a name.
pub fn looks_like_a_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits >= DIGITS_OF_A_NUMBER && !text.chars().any(char::is_alphabetic)
}

/// A text from a file as the screen may show it: what could be a phone number keeps its shape and loses its digits but
/// for two at each end.
pub fn shown_cell(text: &str, privacy: bool, mask: &str) -> String {
    let digits = text.chars().filter(|letter| letter.is_numeric()).count();
    if !privacy || digits < DIGITS_OF_A_NUMBER {
        return text.to_owned();
    }
    masked(text, digits, 2, mask)
}

/// A text without its digits but for so many at each end.
fn masked(text: &str, digits: usize, ends: usize, mask: &str) -> String {
    let mut at = 0;
    text.chars()
        .map(|letter| {
            if !letter.is_numeric() {
                return letter.to_string();
            }
            at += 1;
            if at <= ends || at > digits - ends { letter.to_string() } else { mask.to_owned() }
        })
        .collect()
}

/// How a word against being written to came, in words: `wrote a stop word (a message): "STOP"`.
pub fn told(event: &Event, privacy: bool, mask: &str) -> String {
    let change = &event.change;
    let how =
        if change.how.is_empty() { String::new() } else { format!(" ({})", shown_cell(&change.how, privacy, mask)) };
    format!("{}{how}{}", change.kind.label(), quoted(event, privacy, mask))
}

/// The words themselves, as far as people wrote any: `: "STOP"`. An answer of WhatsApp's says no more than its code.
pub fn quoted(event: &Event, privacy: bool, mask: &str) -> String {
    let change = &event.change;
    if change.text.is_empty() || change.kind == Kind::Code {
        return String::new();
    }
    format!(": \"{}\"", shown_cell(&change.text, privacy, mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_from_a_name() {
        for (text, is_number) in [
            ("+1 555 010 0111", true),
            ("98765 43210", true),
            ("5550100", true),
            ("list 2026-11", false),
            ("2026", false),
            ("", false),
        ] {
            assert_eq!(looks_like_a_number(text), is_number, "{text}");
        }
    }

    #[test]
    fn a_damaged_number_keeps_its_shape() {
        assert_eq!(shown_cell("98765-43210 x", true, "•"), "98•••-•••10 x");
        assert_eq!(shown_cell("9.19E+11", true, "•"), "9.19E+11", "nobody is known by that");
        assert_eq!(shown_cell("Pune 411001", true, "•"), "Pune 411001");
        assert_eq!(shown_cell("९८७६५४३२१०", true, "•"), "९८••••••१०");
        assert_eq!(shown_cell("9876543210", false, "•"), "9876543210");
    }

    #[test]
    fn the_parts_go_round() {
        assert_eq!(Part::Lists.beside(true), Part::Files);
        assert_eq!(Part::Lists.beside(false), Part::OptOuts);
        assert_eq!(Part::OptOuts.beside(true), Part::Lists);
    }
}
