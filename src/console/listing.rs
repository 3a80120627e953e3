//! What an operator does to a list: where the cursor stands, which words it is filtered by, how it is sorted, what is
//! marked. Every list on a screen has one; the rows themselves are elsewhere.

use super::actions::Action;
use super::field::Field;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// One way to order rows, with the word for it.
pub struct Order<T: ?Sized> {
    /// `newest`, `name`.
    pub word: &'static str,
    /// The order.
    pub by: fn(&T, &T) -> Ordering,
}

/// A list's state.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The marked row among those that are shown.
    pub cursor: usize,
    /// The words that rows are filtered by.
    pub filter: Field,
    /// The filter has the keys.
    pub typing: bool,
    /// Which of the orders.
    pub order: usize,
    /// From the other end.
    pub reversed: bool,
    /// The rows that are marked, by what tells them apart.
    pub marks: BTreeSet<String>,
}

impl Default for Listing {
    fn default() -> Self {
        let filter = Field::new("", 60);
        Self { cursor: 0, filter, typing: false, order: 0, reversed: false, marks: BTreeSet::new() }
    }
}

impl Listing {
    /// The rows that the filter lets through, in their order. `words` is what a row is found by.
    pub fn shown<'a, T>(&self, rows: &'a [T], words: impl Fn(&T) -> String, orders: &[Order<T>]) -> Vec<&'a T> {
        let wanted: Vec<String> = self.filter.trimmed().to_lowercase().split_whitespace().map(str::to_owned).collect();
        let mut shown: Vec<&T> = rows
            .iter()
            .filter(|row| {
                wanted.is_empty() || {
                    let words = words(row).to_lowercase();
                    wanted.iter().all(|word| words.contains(word))
                }
            })
            .collect();
        if let Some(order) = orders.get(self.order) {
            // The first order is the one that the rows come in.
            if self.order > 0 {
                shown.sort_by(|a, b| (order.by)(a, b));
            }
            if self.reversed {
                shown.reverse();
            }
        }
        shown
    }

    /// The marked row's place among `length` rows.
    pub fn place(&self, length: usize) -> usize {
        self.cursor.min(length.saturating_sub(1))
    }

    /// Moves the cursor over `length` rows, a screen of them being `page`.
    pub fn go(&mut self, action: Action, page: usize, length: usize) {
        self.cursor = moved(self.place(length), action, page, length);
    }

    /// The next of so many orders.
    pub fn next_order(&mut self, orders: usize) {
        self.order = (self.order + 1) % orders.max(1);
        self.reversed = false;
        self.cursor = 0;
    }

    /// Marks a row, or unmarks it, and goes one on.
    pub fn mark(&mut self, key: &str, length: usize) {
        if !self.marks.remove(key) {
            self.marks.insert(key.to_owned());
        }
        self.go(Action::Down, 1, length);
    }

    /// What stands in a title about filter, order and marks; empty when there is nothing to say.
    pub fn words<T>(&self, shown: usize, all: usize, orders: &[Order<T>]) -> String {
        let mut words = Vec::new();
        if !self.filter.trimmed().is_empty() && !self.typing {
            words.push(format!("{shown} of {all} with \"{}\"", self.filter.trimmed()));
        }
        if let Some(order) = orders.get(self.order).filter(|_| self.order > 0 || self.reversed) {
            words.push(format!("by {}{}", order.word, if self.reversed { ", reversed" } else { "" }));
        }
        if !self.marks.is_empty() {
            words.push(format!("{} marked", self.marks.len()));
        }
        words.join(", ")
    }
}

/// Where a cursor goes among `length` rows.
pub fn moved(cursor: usize, action: Action, page: usize, length: usize) -> usize {
    let last = length.saturating_sub(1);
    match action {
        Action::Up => cursor.saturating_sub(1),
        Action::Down => cursor.saturating_add(1),
        Action::PageUp => cursor.saturating_sub(page),
        Action::PageDown => cursor.saturating_add(page),
        Action::Top => 0,
        Action::Bottom => last,
        _ => cursor,
    }
    .min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &[Order<&str>] =
        &[Order { word: "newest", by: |_, _| Ordering::Equal }, Order { word: "name", by: |a, b| a.cmp(b) }];

    #[test]
    fn rows_are_filtered_by_every_word_and_sorted() {
        let rows = ["Diwali offer", "diwali thanks", "Acme offer"];
        let mut list = Listing::default();
        let shown = |list: &Listing| {
            list.shown(&rows, |row| (*row).to_owned(), ORDERS).into_iter().copied().collect::<Vec<_>>()
        };
        assert_eq!(shown(&list), rows);
        list.filter.set("OFFER");
        assert_eq!(shown(&list), ["Diwali offer", "Acme offer"]);
        list.next_order(2);
        assert_eq!(shown(&list), ["Acme offer", "Diwali offer"]);
        list.reversed = true;
        assert_eq!(shown(&list), ["Diwali offer", "Acme offer"]);
        assert_eq!(list.words(2, 3, ORDERS), "2 of 3 with \"OFFER\", by name, reversed");
        list.filter.set("offer diw");
        assert_eq!(shown(&list), ["Diwali offer"]);
    }

    #[test]
    fn the_cursor_stays_among_the_rows() {
        let mut list = Listing::default();
        list.go(Action::Up, 10, 3);
        assert_eq!(list.cursor, 0);
        list.go(Action::PageDown, 10, 3);
        assert_eq!(list.cursor, 2);
        list.go(Action::Down, 10, 0);
        assert_eq!(list.cursor, 0);
        list.mark("a", 3);
        assert!(list.marks.contains("a"));
        list.mark("a", 3);
        assert!(list.marks.is_empty());
    }
}
