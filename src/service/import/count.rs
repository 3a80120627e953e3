//! What loading a file would meet: all its rows counted beforehand, by the reader that loads it.
//!
//! Writes nothing and asks the store nothing, so who is in the list already is not told. Called by the console's preview.
//! Memory is bounded: two batches of rows, and the numbers seen so far up to [`MOST_NUMBERS`].

use super::reader::{self, Event, Room};
use super::{ImportOptions, ImportSource, most_first, source_name};
use crate::domain::phone::{Phone, alias};
use crate::intake;
use crate::service::{Kind, Service, ServiceError};
use std::collections::{HashMap, HashSet};

/// Different numbers that are remembered to tell which stand twice: about 75 MB of them.
pub const MOST_NUMBERS: usize = 5_000_000;

/// The rows of a file. `usable` and `rejected` add up to `received`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileCount {
    /// Rows read.
    pub received: u64,
    /// Rows with a number that can be used.
    pub usable: u64,
    /// Rows that cannot be used.
    pub rejected: u64,
    /// Rows by cause that cannot be used (one stable word each), most first.
    pub causes: Vec<(String, u64)>,
    /// Usable rows whose number stood in the file before; `None`: more numbers than are remembered.
    pub repeated: Option<u64>,
}

/// A file that cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct NotCounted {
    /// What is wrong and where, in words.
    pub problem: String,
    /// Rows that were read before.
    pub received: u64,
}

/// What the rows are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountFor {
    /// Numbers for a list.
    List,
    /// Opt-outs: read with the forms that only WhatsApp uses, and people compared across a number's forms.
    OptOuts,
}

impl Service {
    /// Counts all rows of a file as loading it with the same options would. `progress` is called with the rows read so far
    /// after every batch. Dropping the future ends it within a few batches.
    ///
    /// # Errors
    ///
    /// Says where it cannot be read, or that the country is none.
    pub async fn count_rows(
        &self,
        source: ImportSource,
        options: ImportOptions,
        purpose: CountFor,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<FileCount, NotCounted> {
        let name = source_name(&source);
        let mut counted = Counting::new(purpose, MOST_NUMBERS);
        let stopped = |error: ServiceError, received| {
            let named = format!("{name}: ");
            let problem = error.message.strip_prefix(&named).map_or_else(|| error.message.clone(), str::to_owned);
            NotCounted { problem, received }
        };
        let options = intake::Options {
            default_country: self.country(options.country.as_deref()).map_err(|error| stopped(error, 0))?,
            sheet: options.sheet,
            phone_column: options.phone_column,
            whatsapp_forms: purpose == CountFor::OptOuts,
            ..intake::Options::default()
        };
        let mut rows = reader::start(source, options, None, Room::none());
        loop {
            match rows.recv().await {
                Some(Event::Batch(batch)) => {
                    counted.add(batch.numbers.iter().map(|row| row.number.phone), batch.rejected, batch.causes);
                    progress(counted.received());
                }
                Some(Event::Described(_)) => {}
                Some(Event::End { .. }) => return Ok(counted.done()),
                Some(Event::Failed { error, unsent }) => return Err(stopped(error, counted.received() + unsent)),
                None => {
                    let error = ServiceError::new(Kind::Internal, "internal", "the file's reader ended by a bug");
                    return Err(stopped(error, counted.received()));
                }
            }
        }
    }
}

/// A count under way.
struct Counting {
    purpose: CountFor,
    most: usize,
    usable: u64,
    rejected: u64,
    causes: HashMap<&'static str, u64>,
    /// `None`: there were too many.
    seen: Option<HashSet<Phone>>,
    repeated: u64,
}

impl Counting {
    fn new(purpose: CountFor, most: usize) -> Self {
        let (causes, seen) = (HashMap::new(), Some(HashSet::new()));
        Self { purpose, most, usable: 0, rejected: 0, causes, seen, repeated: 0 }
    }

    fn add(&mut self, phones: impl Iterator<Item = Phone>, rejected: u64, causes: HashMap<&'static str, u64>) {
        self.rejected += rejected;
        for (word, count) in causes {
            *self.causes.entry(word).or_default() += count;
        }
        for phone in phones {
            self.usable += 1;
            let Some(seen) = &mut self.seen else { continue };
            let person = if self.purpose == CountFor::OptOuts { alias::person(phone) } else { phone };
            self.repeated += u64::from(!seen.insert(person));
            if seen.len() > self.most {
                self.seen = None;
            }
        }
    }

    fn received(&self) -> u64 {
        self.usable + self.rejected
    }

    fn done(self) -> FileCount {
        FileCount {
            received: self.received(),
            usable: self.usable,
            rejected: self.rejected,
            repeated: self.seen.is_some().then_some(self.repeated),
            causes: most_first(self.causes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(purpose: CountFor, most: usize, digits: &[u64]) -> FileCount {
        let mut counting = Counting::new(purpose, most);
        let phones = digits.iter().map(|digits| Phone::from_digits(*digits).unwrap());
        counting.add(phones, 1, HashMap::from([("too_short", 1)]));
        counting.done()
    }

    #[test]
    fn beyond_the_bound_nobody_is_said_to_stand_twice() {
        let digits = [12_015_550_111, 12_015_550_112, 12_015_550_111];
        let within = counted(CountFor::List, 2, &digits);
        assert_eq!((within.received, within.usable, within.rejected, within.repeated), (4, 3, 1, Some(1)));
        let beyond = counted(CountFor::List, 1, &digits);
        assert_eq!((beyond.received, beyond.usable, beyond.repeated), (4, 3, None));
    }

    #[test]
    fn the_forms_of_a_number_are_one_person_only_among_opt_outs() {
        let digits = [5_511_987_654_321, 551_187_654_321];
        assert_eq!(counted(CountFor::OptOuts, 9, &digits).repeated, Some(1));
        assert_eq!(counted(CountFor::List, 9, &digits).repeated, Some(0));
    }
}
