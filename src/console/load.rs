//! Loading numbers, or opt-outs, from a file on the server or from pasted rows: choose it, look at its first rows, watch it load, read the result.
//!
//! Only state and keys; reading is asked for by requests.

mod count;

pub use count::{Count, CountOf, Counted, Lacking};

use super::actions::{Action, Place};
use super::country_field::CountryField;
use super::dialog::Then;
use super::field::{Field, Kind};
use super::message::{FileEntry, FilePeek, Request};
use super::model::{Import, Load, Model};
use super::numbers::{NumbersRequest, Pasted, RowsFrom};
use super::{paste, update};
use crate::service::import::ImportProgress;
use std::path::{Path, PathBuf};

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Choosing a file.
    Pick,
    /// Its first rows, the country and the list.
    Check,
    /// Under way or through.
    Run,
}

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum What {
    /// Numbers for a list.
    #[default]
    Numbers,
    /// People who are not to be written to.
    OptOuts,
}

/// What is asked before a file is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The list.
    List,
    /// The country for numbers without one.
    Country,
    /// Tags, with commas between them.
    Tags,
}

/// Loading a file.
#[derive(Debug, Clone)]
pub struct LoadFile {
    /// What is in it.
    pub what: What,
    /// Where it stands.
    pub stage: Stage,
    /// The path as typed.
    pub path: Field,
    /// The folder that was asked for.
    pub folder: PathBuf,
    /// Its entries.
    pub entries: Load<Vec<FileEntry>>,
    /// The marked one of those shown.
    pub cursor: usize,
    /// The first rows of the chosen file.
    pub peek: Load<FilePeek>,
    /// How many rows it has in all; `None`: that is not asked.
    pub count: Option<Count>,
    /// The country for numbers without one.
    pub country: CountryField,
    /// It was asked for the country that most rows lack; Enter again loads without one.
    pub asked_for_country: bool,
    /// The list.
    pub list: Field,
    /// Tags, with commas between them.
    pub tags: Field,
    /// The field that has the keys.
    pub at: Ask,
    /// Rows that were pasted in place of a file.
    pub pasted: Option<Pasted>,
    /// Why a paste was not taken.
    pub paste_trouble: Option<String>,
    /// The country that its first rows were read with.
    looked_with: Option<String>,
}

impl LoadFile {
    /// Opens the picker in a folder.
    pub fn open(folder: &Path, default_country: Option<&str>) -> (Self, Vec<Request>) {
        let mut text = folder.to_string_lossy().into_owned();
        if !text.ends_with('/') {
            text.push('/');
        }
        let load = Self {
            what: What::Numbers,
            stage: Stage::Pick,
            path: Field::new(&text, 1_000).of_kind(Kind::Path),
            folder: PathBuf::from(&text),
            entries: Load::Waiting,
            cursor: 0,
            peek: Load::Waiting,
            count: None,
            country: CountryField::new(default_country),
            asked_for_country: false,
            list: Field::new("", 80),
            tags: Field::new("", 200),
            at: Ask::List,
            pasted: None,
            paste_trouble: None,
            looked_with: None,
        };
        let request = Request::Folder(load.folder.clone());
        (load, vec![request])
    }

    /// Shows the file that is being loaded, or the last one that was.
    pub fn watch(folder: &Path) -> Self {
        let (mut load, _) = Self::open(folder, None);
        load.stage = Stage::Run;
        load
    }

    /// Where its keys are heard.
    pub fn place(&self) -> Place {
        match self.stage {
            Stage::Pick => Place::LoadPick,
            Stage::Check => Place::LoadCheck,
            Stage::Run => Place::LoadRun,
        }
    }

    /// Whether an action of its place is there at the moment.
    pub fn offers(&self, model: &Model, action: Action) -> bool {
        match (self.stage, action) {
            (Stage::Run, Action::Cancel) => matches!(model.import, Some(Import::Running { .. })),
            (Stage::Run, Action::Fix) => {
                matches!(&model.import, Some(Import::Done(done)) if done.upload.report.rejected > 0)
            }
            (Stage::Check, Action::Accept) => self.may_load().is_ok(),
            _ => true,
        }
    }

    /// Whether it can be loaded as it stands; else why not, in words.
    pub fn may_load(&self) -> Result<(), String> {
        match &self.peek {
            Load::Waiting => return Err("its first rows are still being read".to_owned()),
            Load::Failed(_) => return Err("it cannot be read: Esc chooses another".to_owned()),
            Load::Here(peek) if peek.phone_column.is_none() => {
                return Err("no column with phone numbers was found".to_owned());
            }
            Load::Here(peek) if peek.rows.is_empty() => {
                return Err("there is nobody in it: Esc chooses another".to_owned());
            }
            Load::Here(_) => {}
        }
        self.country.why_not().map_or(Ok(()), |why_not| Err(why_not.to_owned()))
    }

    /// Why a key does nothing now: the end of a sentence.
    pub fn why_not(&self, action: Action) -> String {
        let loads = (self.stage, action) == (Stage::Check, Action::Accept);
        let why_not = if loads { self.may_load().err() } else { None };
        why_not.unwrap_or_else(|| "it is not possible at this moment".to_owned())
    }

    /// The field that letters go to first.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.stage {
            Stage::Pick => Some(&mut self.path),
            Stage::Check => Some(match self.at {
                Ask::List => &mut self.list,
                Ask::Country => &mut self.country.field,
                Ask::Tags => &mut self.tags,
            }),
            Stage::Run => None,
        }
    }

    /// The path's folder and what is typed after it.
    pub fn parts(&self) -> (&str, &str) {
        let typed = self.path.value();
        typed.rfind('/').map_or(("", typed), |at| typed.split_at(at + 1))
    }

    /// The entries that fit what is typed, folders among them; what can hardly be loaded after what can, the way up last.
    pub fn shown(&self) -> Vec<FileEntry> {
        let (_, typed) = self.parts();
        let wanted = typed.to_lowercase();
        let fits = |entry: &&FileEntry| {
            (wanted.starts_with('.') || !entry.name.starts_with('.')) && entry.name.to_lowercase().contains(&wanted)
        };
        let mut shown: Vec<FileEntry> = self.entries.get().into_iter().flatten().filter(fits).cloned().collect();
        shown.sort_by_key(|entry| !entry.may_hold_numbers());
        if typed.is_empty() && self.folder.parent().is_some_and(|up| !up.as_os_str().is_empty()) {
            let up = FileEntry {
                name: "..".to_owned(),
                is_folder: true,
                bytes: 0,
                changed_at: crate::domain::time::Millis::default(),
            };
            shown.push(up);
        }
        shown
    }

    /// What is asked about it.
    pub fn asks(&self) -> &'static [Ask] {
        match self.what {
            What::Numbers => &[Ask::List, Ask::Country, Ask::Tags],
            What::OptOuts => &[Ask::Country],
        }
    }

    /// What is loaded, for people.
    pub fn name(&self) -> String {
        match &self.pasted {
            Some(rows) => format!("{} that you pasted", super::text::counted(paste::count(rows), "row")),
            None => self.file().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        }
    }

    /// Where the rows are read from.
    pub fn from(&self) -> RowsFrom {
        self.pasted.clone().map_or_else(|| RowsFrom::File(self.file()), RowsFrom::Pasted)
    }

    /// Takes pasted rows in place of a file; one line is a path, for the field.
    pub fn paste_lines(&mut self, text: &str) -> Option<Vec<Request>> {
        if self.stage != Stage::Pick {
            return None;
        }
        self.paste_trouble = None;
        if text.len() > paste::MOST_BYTES {
            let most = paste::MOST_BYTES / 1024 / 1024;
            self.paste_trouble = Some(format!("That is more than {most} MB: put it into a file and copy it here."));
            return Some(Vec::new());
        }
        let rows = paste::rows(text)?;
        self.pasted = Some(rows);
        self.list.prefill("pasted");
        Some(self.check())
    }

    /// On to the first rows.
    fn check(&mut self) -> Vec<Request> {
        self.stage = Stage::Check;
        self.at = self.asks()[0];
        self.peek = Load::Waiting;
        self.asked_for_country = false;
        self.looked_with = self.country.code();
        self.look()
    }

    /// The chosen file.
    pub fn file(&self) -> PathBuf {
        PathBuf::from(self.path.value())
    }

    /// A field took something.
    pub fn typed(&mut self) -> Vec<Request> {
        match self.stage {
            Stage::Pick => {
                self.cursor = 0;
                self.paste_trouble = None;
                self.read_folder_if_other()
            }
            Stage::Check if self.at == Ask::Country => {
                self.asked_for_country = false;
                let code = self.country.code();
                // As long as it is not clear what is meant, the rows stay as they were read.
                if self.country.why_not().is_some() {
                    return Vec::new();
                }
                if std::mem::replace(&mut self.looked_with, code.clone()) == code {
                    return Vec::new();
                }
                self.look()
            }
            _ => Vec::new(),
        }
    }

    fn read_folder_if_other(&mut self) -> Vec<Request> {
        let folder = PathBuf::from(self.parts().0);
        if folder == self.folder {
            return Vec::new();
        }
        self.folder.clone_from(&folder);
        self.entries = Load::Waiting;
        vec![Request::Folder(folder)]
    }

    /// Reads the first rows, again with another country; a count that is under way ends with that.
    fn look(&mut self) -> Vec<Request> {
        self.count = None;
        vec![Request::Peek { from: self.from(), country: self.country.code() }]
    }

    /// A folder was read.
    pub fn folder_read(&mut self, folder: &Path, entries: Result<Vec<FileEntry>, String>) {
        if folder == self.folder {
            self.entries = entries.map_or_else(Load::Failed, Load::Here);
        }
    }

    /// A file's first rows were read: all of them are counted now.
    pub fn peeked(&mut self, from: &RowsFrom, peek: Result<FilePeek, String>) -> Vec<Request> {
        if *from != self.from() {
            return Vec::new();
        }
        self.peek = peek.map_or_else(Load::Failed, Load::Here);
        self.begin_count()
    }

    /// Does what a key asks for.
    pub fn act(&mut self, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        // What was said about another file, or before, is over.
        model.toast = None;
        match self.stage {
            Stage::Pick => self.act_pick(action),
            Stage::Check => self.act_check(model, action),
            Stage::Run => Self::act_run(model, action),
        }
    }

    fn act_pick(&mut self, action: Action) -> (Then, Vec<Request>) {
        let shown = self.shown();
        match action {
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::Down => self.cursor = (self.cursor + 1).min(shown.len().saturating_sub(1)),
            Action::Next => {
                self.complete(&shown);
                return (Then::Stay, self.read_folder_if_other());
            }
            Action::Accept => {
                let Some(entry) = shown.get(self.cursor) else { return (Then::Stay, Vec::new()) };
                return (Then::Stay, self.open_entry(entry));
            }
            _ => return (Then::Close, Vec::new()),
        }
        (Then::Stay, Vec::new())
    }

    fn open_entry(&mut self, entry: &FileEntry) -> Vec<Request> {
        let (folder, _) = self.parts();
        let path = if entry.name == ".." {
            let up = Path::new(folder).parent().map_or_else(String::new, |up| up.to_string_lossy().into_owned());
            if up.ends_with('/') { up } else { format!("{up}/") }
        } else {
            format!("{folder}{}{}", entry.name, if entry.is_folder { "/" } else { "" })
        };
        self.path.prefill(&path);
        self.cursor = 0;
        if entry.is_folder {
            return self.read_folder_if_other();
        }
        self.list.set(&list_name(&entry.name));
        self.check()
    }

    /// Adds to the path what all entries that begin with it have in common.
    fn complete(&mut self, shown: &[FileEntry]) {
        let (folder, typed) = self.parts();
        let wanted = typed.to_lowercase();
        let names: Vec<String> = shown
            .iter()
            .filter(|entry| entry.name != ".." && entry.name.to_lowercase().starts_with(&wanted))
            .map(|entry| if entry.is_folder { format!("{}/", entry.name) } else { entry.name.clone() })
            .collect();
        let Some(first) = names.first() else { return };
        let mut common = first.clone();
        for name in &names {
            while !name.starts_with(&common) {
                common.pop();
            }
        }
        if common.len() >= typed.len() {
            let path = format!("{folder}{common}");
            self.path.set(&path);
            self.cursor = 0;
        }
    }

    fn act_check(&mut self, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        match action {
            Action::Next | Action::Previous => {
                let asks = self.asks();
                let at = asks.iter().position(|ask| *ask == self.at).unwrap_or(0);
                let step = if action == Action::Next { 1 } else { asks.len() - 1 };
                self.at = asks[(at + step) % asks.len()];
            }
            Action::Accept if self.stops_for_country() => {
                self.asked_for_country = true;
                self.at = Ask::Country;
            }
            Action::Accept => {
                let filled = |field: &Field| Some(field.trimmed().to_owned()).filter(|text| !text.is_empty());
                let (from, country) = (self.from(), self.country.code());
                let request = match self.what {
                    What::Numbers => {
                        let tags = self.tags.value().split(',').map(|tag| tag.trim().to_owned());
                        let tags = tags.filter(|tag| !tag.is_empty()).collect();
                        Request::Import { from, country, list: filled(&self.list), tags }
                    }
                    What::OptOuts => Request::Numbers(NumbersRequest::ImportOptOuts { from, country }),
                };
                let progress = ImportProgress::default();
                model.import = Some(Import::Running { file: self.name(), since: model.now, progress, what: self.what });
                self.stage = Stage::Run;
                // The desk ends it before it loads.
                self.count = None;
                return (Then::Stay, vec![request]);
            }
            _ => {
                let requests = self.stop_count();
                self.stage = Stage::Pick;
                self.pasted = None;
                let folder = self.parts().0.to_owned();
                self.path.prefill(&folder);
                self.cursor = 0;
                return (Then::Stay, requests);
            }
        }
        (Then::Stay, Vec::new())
    }

    /// Most rows would be left out for want of a country: that is asked first, once.
    fn stops_for_country(&self) -> bool {
        let most_lack_it = self.lacking_country().is_some_and(Lacking::is_most);
        !self.asked_for_country && self.country.code().is_none() && most_lack_it
    }

    fn act_run(model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        match action {
            Action::Fix => {
                let Some(Import::Done(done)) = &model.import else { return (Then::Close, Vec::new()) };
                let upload = done.upload.clone();
                (Then::Close, update::open_file(model, upload))
            }
            Action::Cancel => (Then::Stay, vec![Request::StopImport]),
            _ => (Then::Close, Vec::new()),
        }
    }
}

/// A list's name from a file's: without its ending, and only letters that are easy to type again.
fn list_name(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let name: String = stem
        .chars()
        .map(|letter| if letter.is_control() || letter.is_ascii_punctuation() || letter == ' ' { '-' } else { letter })
        .take(60)
        .collect();
    name.trim_matches('-').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_named_after_its_file() {
        assert_eq!(list_name("Diwali offer (2026).CSV"), "diwali-offer--2026");
        assert_eq!(list_name("नाम.csv"), "नाम");
    }
}
