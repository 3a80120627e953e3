//! A list of any length, one page of it at a time: a million rows are gone through without being loaded.
//!
//! The store gives rows after a key, so the way back is the list of the keys that the pages began after: one small
//! value a page.

use super::actions::Action;
use super::model::Load;
use crate::service::error::ServiceError;

/// Rows in one page.
pub const PAGE: u32 = 200;

/// A page of rows, the cursor in it, and how it was come to.
#[derive(Debug, Clone)]
pub struct Pages<T, K> {
    /// The keys that this page and the ones before it begin after; the first page after none.
    starts: Vec<Option<K>>,
    /// The page's rows.
    pub rows: Load<Vec<T>>,
    /// The marked row in the page.
    pub cursor: usize,
    /// Once the page is here the cursor goes to its last row.
    to_last: bool,
    /// Where a page that comes in portions goes on.
    portion: Option<K>,
    /// Where the next page begins.
    next: Next<K>,
}

/// Where a next page begins.
#[derive(Debug, Clone)]
enum Next<K> {
    /// After the last row, if the page is full: the store has not said.
    Unsaid,
    /// After this key, as the store said.
    After(K),
    /// The store said that there is none.
    Nowhere,
}

impl<T, K: Clone + PartialEq> Default for Pages<T, K> {
    fn default() -> Self {
        Self { starts: vec![None], rows: Load::Waiting, cursor: 0, to_last: false, portion: None, next: Next::Unsaid }
    }
}

impl<T, K: Clone + PartialEq> Pages<T, K> {
    /// The key that the page begins after: what to ask the store for.
    pub fn after(&self) -> Option<K> {
        self.starts.last().cloned().flatten()
    }

    /// What to ask the store for when a page may come in portions: the key, and how many rows.
    pub fn wanted(&self) -> (Option<K>, u32) {
        let here = if self.portion.is_some() { self.rows.get().map_or(0, Vec::len) } else { 0 };
        (self.portion.clone().or_else(|| self.after()), PAGE - u32::try_from(here).unwrap_or(PAGE).min(PAGE - 1))
    }

    /// Whether more of this page is still to come.
    pub fn is_looking(&self) -> bool {
        self.portion.is_some()
    }

    /// Whether there are rows after this page.
    pub fn has_more(&self) -> bool {
        match &self.next {
            Next::After(_) => true,
            Next::Nowhere => false,
            Next::Unsaid => self.rows.get().is_some_and(|rows| rows.len() >= PAGE as usize),
        }
    }

    /// How many rows stand before this page.
    pub fn before(&self) -> u64 {
        (self.starts.len() as u64 - 1) * u64::from(PAGE)
    }

    /// The marked row.
    pub fn marked(&self) -> Option<&T> {
        self.rows.get().and_then(|rows| rows.get(self.cursor.min(rows.len().saturating_sub(1))))
    }

    /// Takes a page in that was asked for by its key; one that is not wanted any more is dropped.
    pub fn take(&mut self, after: Option<&K>, page: Result<Vec<T>, ServiceError>) -> Result<(), String> {
        if self.after().as_ref() != after {
            return Ok(());
        }
        let taken = self.rows.take(page);
        let length = self.rows.get().map_or(0, Vec::len);
        if std::mem::take(&mut self.to_last) {
            self.cursor = length;
        }
        self.cursor = self.cursor.min(length.saturating_sub(1));
        taken
    }

    /// Takes a portion in, with the key that the store goes on after; `true`: the next portion is to be asked for.
    pub fn take_portion(
        &mut self,
        after: Option<&K>,
        portion: Result<(Vec<T>, Option<K>), ServiceError>,
    ) -> Result<bool, String> {
        if self.wanted().0.as_ref() != after {
            return Ok(false);
        }
        let (mut rows, next) = match portion {
            Ok(portion) => portion,
            Err(error) => {
                self.portion = None;
                return self.rows.take(Err(error)).map(|()| false);
            }
        };
        match &mut self.rows {
            Load::Here(before) if self.portion.is_some() => before.append(&mut rows),
            _ => self.rows = Load::Here(rows),
        }
        let length = self.rows.get().map_or(0, Vec::len);
        let is_short = length < PAGE as usize && next.is_some();
        if is_short {
            self.portion = next;
            return Ok(true);
        }
        self.portion = None;
        self.next = next.map_or(Next::Nowhere, Next::After);
        if std::mem::take(&mut self.to_last) {
            self.cursor = length;
        }
        self.cursor = self.cursor.min(length.saturating_sub(1));
        Ok(false)
    }

    /// Moves the cursor; `true`: another page is to be asked for. `key` tells what a row is found by.
    pub fn go(&mut self, action: Action, screen: usize, key: impl Fn(&T) -> K) -> bool {
        let Some(rows) = self.rows.get() else { return false };
        let length = rows.len();
        let past_end = self.cursor + 1 >= length;
        match action {
            Action::Down | Action::PageDown if past_end && self.has_more() => {
                let next = if let Next::After(next) = &self.next { Some(next.clone()) } else { rows.last().map(&key) };
                let Some(next) = next else { return false };
                self.starts.push(Some(next));
                self.begin(false)
            }
            Action::Up | Action::PageUp if self.cursor == 0 && self.starts.len() > 1 => {
                self.starts.pop();
                self.begin(true)
            }
            Action::Top if self.starts.len() > 1 => {
                self.starts.truncate(1);
                self.begin(false)
            }
            _ => {
                self.cursor = super::listing::moved(self.cursor, action, screen, length);
                false
            }
        }
    }

    fn begin(&mut self, at_last: bool) -> bool {
        self.rows = Load::Waiting;
        self.cursor = 0;
        self.to_last = at_last;
        self.portion = None;
        self.next = Next::Unsaid;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The store: rows 0 to 449, those after a key.
    fn page(after: Option<u32>) -> Vec<u32> {
        let first = after.map_or(0, |after| after + 1);
        (first..450.min(first + PAGE)).collect()
    }

    fn ask(pages: &mut Pages<u32, u32>) {
        let after = pages.after();
        pages.take(after.as_ref(), Ok(page(after))).unwrap();
    }

    #[test]
    fn a_page_comes_in_portions() {
        let mut pages: Pages<u32, u32> = Pages::default();
        assert_eq!(pages.wanted(), (None, PAGE));
        // A search: nothing in the first rows looked at, three in the next, and that was all.
        assert_eq!(pages.take_portion(None, Ok((vec![], Some(20_000)))), Ok(true));
        assert_eq!((pages.wanted(), pages.is_looking()), ((Some(20_000), PAGE), true));
        assert_eq!(pages.take_portion(None, Ok((vec![9], None))), Ok(false), "late, and not wanted any more");
        assert_eq!(pages.take_portion(Some(&20_000), Ok((vec![1, 2, 3], Some(40_000)))), Ok(true));
        assert_eq!(pages.wanted(), (Some(40_000), PAGE - 3));
        assert!(!pages.go(Action::Down, 20, |row| *row), "the cursor moves meanwhile");
        assert_eq!(pages.take_portion(Some(&40_000), Ok((vec![4], None))), Ok(false));
        assert_eq!((pages.rows.get(), pages.marked(), pages.has_more()), (Some(&vec![1, 2, 3, 4]), Some(&2), false));
        // A full page, and where the next one begins is what the store said.
        let mut pages: Pages<u32, u32> = Pages::default();
        assert_eq!(pages.take_portion(None, Ok(((0..PAGE).collect(), Some(777)))), Ok(false));
        assert!(pages.has_more());
        pages.go(Action::Bottom, 20, |row| *row);
        assert!(pages.go(Action::Down, 20, |row| *row));
        assert_eq!(pages.wanted(), (Some(777), PAGE));
    }

    #[test]
    fn pages_follow_each_other_both_ways() {
        let mut pages = Pages::default();
        ask(&mut pages);
        for _ in 0..449 {
            if pages.go(Action::Down, 20, |row| *row) {
                ask(&mut pages);
            }
        }
        assert_eq!((pages.marked(), pages.before()), (Some(&449), 400));
        assert!(!pages.go(Action::Down, 20, |row| *row), "that was the last one");
        for _ in 0..449 {
            if pages.go(Action::Up, 20, |row| *row) {
                ask(&mut pages);
            }
        }
        assert_eq!((pages.marked(), pages.before()), (Some(&0), 0));
        for _ in 0..300 {
            if pages.go(Action::Down, 20, |row| *row) {
                ask(&mut pages);
            }
        }
        assert!(pages.go(Action::Top, 20, |row| *row));
        // An answer about the page before comes late: it is not this page.
        pages.take(Some(&199), Ok(page(Some(199)))).unwrap();
        assert_eq!(pages.marked(), None);
        ask(&mut pages);
        assert_eq!(pages.marked(), Some(&0));
    }
}
