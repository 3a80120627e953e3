//! All rows of the file that is looked at, counted while its first rows are on the screen.
//!
//! Only state; counting is asked for by requests. Loading never waits for it.

use super::{LoadFile, Stage, What};
use crate::console::files::LOOKED_THROUGH;
use crate::console::message::Request;
use crate::console::model::Load;
use crate::console::numbers::RowsFrom;
use crate::domain::phone::PhoneProblem;
use crate::service::import::count::{FileCount, NotCounted};

/// What is counted: an answer about another is of no use.
#[derive(Debug, Clone, PartialEq)]
pub struct CountOf {
    /// Where the rows are.
    pub from: RowsFrom,
    /// For numbers without a country code.
    pub country: Option<String>,
    /// What is in it.
    pub what: What,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// Rows so far.
    SoFar(u64),
    /// All of them.
    All(FileCount),
    /// It cannot be read to its end.
    Broken {
        /// Why and where, in words.
        problem: String,
        /// Rows before that.
        received: u64,
    },
}

impl Counted {
    /// It could not be counted.
    pub fn broken(error: NotCounted) -> Self {
        Self::Broken { problem: error.problem, received: error.received }
    }
}

/// A count that was asked for.
#[derive(Debug, Clone)]
pub struct Count {
    of: CountOf,
    /// How far it is.
    pub counted: Counted,
}

/// Rows that lack nothing but a country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacking {
    /// How many.
    pub without: u64,
    /// Of how many.
    pub of: u64,
    /// Those of these that can be used.
    pub usable: u64,
    /// These are the first rows only: there may be more.
    pub only_first: bool,
}

impl Lacking {
    /// Whether most rows would be left out only because no country was named.
    pub fn is_most(self) -> bool {
        self.without * 2 > self.of
    }
}

impl LoadFile {
    /// Asks for the count of what is looked at, unless it is asked for already.
    pub(super) fn begin_count(&mut self) -> Vec<Request> {
        let of = CountOf { from: self.from(), country: self.looked_with.clone(), what: self.what };
        let worth_it = matches!(&self.peek, Load::Here(peek) if peek.phone_column.is_some() && !peek.rows.is_empty());
        let asked = self.count.as_ref().is_some_and(|count| count.of == of);
        if self.stage != Stage::Check || !worth_it || asked {
            return Vec::new();
        }
        self.count = Some(Count { of: of.clone(), counted: Counted::SoFar(0) });
        vec![Request::Count(of)]
    }

    /// Nobody wants it any more.
    pub(super) fn stop_count(&mut self) -> Vec<Request> {
        match self.count.take() {
            Some(Count { counted: Counted::SoFar(_), .. }) => vec![Request::StopCount],
            _ => Vec::new(),
        }
    }

    /// It came further.
    pub fn counted(&mut self, of: &CountOf, counted: Counted) {
        if let Some(count) = self.count.as_mut().filter(|count| count.of == *of) {
            count.counted = counted;
        }
    }

    /// The rows that lack a country: of all, once they are counted, else of the first.
    pub fn lacking_country(&self) -> Option<Lacking> {
        if let Some(Count { counted: Counted::All(all), .. }) = &self.count {
            let word = PhoneProblem::NoCountry.word();
            let without = all.causes.iter().find(|(cause, _)| cause == word).map_or(0, |(_, rows)| *rows);
            return Some(Lacking { without, of: all.received, usable: all.usable, only_first: false });
        }
        let peek = self.peek.get()?;
        // As many as were looked through: there may be more.
        let only_first = peek.looked_at > 0 && peek.looked_at.is_multiple_of(LOOKED_THROUGH);
        let usable = peek.looked_at - peek.unusable;
        Some(Lacking { without: peek.without_country, of: peek.looked_at, usable, only_first })
    }
}
