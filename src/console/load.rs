//! Loading numbers from a file on the server: choose it, look at its first rows, watch it load, read the result.
//!
//! Only state and keys; reading is asked for by requests.

use super::actions::{Action, Place};
use super::dialog::Then;
use super::field::{Field, Kind};
use super::message::{FileEntry, FilePeek, Request};
use super::model::{Import, Load, Model};
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

/// Loading a file.
#[derive(Debug, Clone)]
pub struct LoadFile {
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
    /// The country for numbers without one.
    pub country: Field,
    /// The list.
    pub list: Field,
    /// The list has the keys, else the country.
    pub on_list: bool,
}

impl LoadFile {
    /// Opens the picker in a folder.
    pub fn open(folder: &Path, default_country: Option<&str>) -> (Self, Vec<Request>) {
        let mut text = folder.to_string_lossy().into_owned();
        if !text.ends_with('/') {
            text.push('/');
        }
        let load = Self {
            stage: Stage::Pick,
            path: Field::new(&text, 1_000).of_kind(Kind::Path),
            folder: PathBuf::from(&text),
            entries: Load::Waiting,
            cursor: 0,
            peek: Load::Waiting,
            country: Field::new(default_country.unwrap_or_default(), 2),
            list: Field::new("", 80),
            on_list: true,
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
            (Stage::Check, Action::Accept) => self.peek.get().is_some_and(|peek| peek.phone_column.is_some()),
            _ => true,
        }
    }

    /// The field that letters go to first.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.stage {
            Stage::Pick => Some(&mut self.path),
            Stage::Check if self.on_list => Some(&mut self.list),
            Stage::Check => Some(&mut self.country),
            Stage::Run => None,
        }
    }

    /// The path's folder and what is typed after it.
    pub fn parts(&self) -> (&str, &str) {
        let typed = self.path.value();
        typed.rfind('/').map_or(("", typed), |at| typed.split_at(at + 1))
    }

    /// The entries that fit what is typed, folders among them; the way up first.
    pub fn shown(&self) -> Vec<FileEntry> {
        let (_, typed) = self.parts();
        let wanted = typed.to_lowercase();
        let fits = |entry: &&FileEntry| {
            (wanted.starts_with('.') || !entry.name.starts_with('.')) && entry.name.to_lowercase().contains(&wanted)
        };
        let mut shown: Vec<FileEntry> = self.entries.get().into_iter().flatten().filter(fits).cloned().collect();
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

    /// The chosen file.
    pub fn file(&self) -> PathBuf {
        PathBuf::from(self.path.value())
    }

    /// A field took something.
    pub fn typed(&mut self) -> Vec<Request> {
        match self.stage {
            Stage::Pick => {
                self.cursor = 0;
                self.read_folder_if_other()
            }
            Stage::Check if !self.on_list => {
                let upper = self.country.value().to_ascii_uppercase();
                self.country.set(&upper);
                if matches!(upper.len(), 0 | 2) { vec![self.look()] } else { Vec::new() }
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

    fn look(&self) -> Request {
        let country = Some(self.country.trimmed().to_owned()).filter(|country| !country.is_empty());
        Request::Peek { path: self.file(), country }
    }

    /// A folder was read.
    pub fn folder_read(&mut self, folder: &Path, entries: Result<Vec<FileEntry>, String>) {
        if folder == self.folder {
            self.entries = entries.map_or_else(Load::Failed, Load::Here);
        }
    }

    /// A file's first rows were read.
    pub fn peeked(&mut self, path: &Path, peek: Result<FilePeek, String>) {
        if path == self.file() {
            self.peek = peek.map_or_else(Load::Failed, Load::Here);
        }
    }

    /// Does what a key asks for.
    pub fn act(&mut self, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        match self.stage {
            Stage::Pick => self.act_pick(action),
            Stage::Check => self.act_check(model, action),
            Stage::Run => Self::act_run(action),
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
        self.stage = Stage::Check;
        self.on_list = true;
        self.peek = Load::Waiting;
        self.list.set(&list_name(&entry.name));
        vec![self.look()]
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
            Action::Next | Action::Previous => self.on_list = !self.on_list,
            Action::Accept => {
                let filled = |field: &Field| Some(field.trimmed().to_owned()).filter(|text| !text.is_empty());
                let request =
                    Request::Import { path: self.file(), country: filled(&self.country), list: filled(&self.list) };
                let file = self.file().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                model.import = Some(Import::Running { file, since: model.now, progress: ImportProgress::default() });
                self.stage = Stage::Run;
                return (Then::Stay, vec![request]);
            }
            _ => {
                self.stage = Stage::Pick;
                let folder = self.parts().0.to_owned();
                self.path.prefill(&folder);
                self.cursor = 0;
            }
        }
        (Then::Stay, Vec::new())
    }

    fn act_run(action: Action) -> (Then, Vec<Request>) {
        match action {
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
