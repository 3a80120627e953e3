//! What the sandbox took, in order: the other side's evidence. About 65 bytes a message.
//!
//! With a file it survives the sandbox: a message is in the file before its answer leaves (not before a power
//! cut, only before a crash of the process).

use super::SandboxError;
use crate::domain::phone::Phone;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

/// Doubles are listed up to this many; their number is always whole.
const MOST_DOUBLES: usize = 1_000;
/// Rows a page at most.
const MOST_ROWS: usize = 10_000;
/// One second in microseconds.
const SECOND_US: u64 = 1_000_000;

/// A message that was taken.
#[derive(Debug, Clone, Copy)]
struct Entry {
    to: u64,
    at_us: u64,
    /// Where its opaque text ends; it begins where the one before ends.
    opaque_end: usize,
    sender: u16,
    template: u16,
    in_window: bool,
    lite: bool,
}

/// A message that was taken, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Its place, from 0.
    pub place: usize,
    /// When it arrived, microseconds since the Unix epoch.
    pub at_us: u64,
    /// The sender's phone number id.
    pub sender: String,
    /// Whom it went to.
    pub to: String,
    /// `name / language`.
    pub template: String,
    /// `biz_opaque_callback_data`.
    pub opaque: String,
    /// The id that was answered.
    pub wamid: String,
    /// The person had written in the 24 hours before; not kept in a file.
    #[serde(default)]
    pub in_window: bool,
    /// It came by the call for marketing messages; not kept in a file.
    #[serde(default)]
    pub lite: bool,
}

/// A part of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPage {
    /// The rows.
    pub items: Vec<LedgerRow>,
    /// Ask for these next; `None`: that was all.
    pub next: Option<usize>,
}

/// Something that was taken more than once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Twice {
    /// What.
    pub what: String,
    /// How often.
    pub times: usize,
}

/// The ledger in figures. Lists of doubles hold 1,000 at most.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Send requests that arrived.
    pub requests: u64,
    /// Messages that were taken.
    pub accepted: usize,
    /// Different phones among them.
    pub distinct_recipients: usize,
    /// How many refusals with each code.
    pub refused: std::collections::BTreeMap<i64, u64>,
    /// Opaque ids that were taken more than once: must be none.
    pub attempts_twice: Vec<Twice>,
    /// Recipients of one broadcast (opaque ids of wacast's without the attempt) that were taken more than once.
    pub recipients_twice: Vec<Twice>,
    /// Phones that were taken more than once with the same template.
    pub people_twice: Vec<Twice>,
    /// The most requests that arrived at one sender in any one-second window.
    pub worst_second: usize,
}

/// What must be known to write a row.
pub(super) struct NewEntry<'a> {
    pub(super) to: Phone,
    pub(super) at_us: u64,
    pub(super) sender: &'a str,
    pub(super) template: &'a str,
    pub(super) opaque: &'a str,
    pub(super) in_window: bool,
    pub(super) lite: bool,
}

/// Texts that come again and again, by number.
#[derive(Debug, Default, Clone)]
struct Words(Vec<String>);

impl Words {
    fn place(&mut self, word: &str) -> u16 {
        let place = self.0.iter().position(|known| known == word).unwrap_or_else(|| {
            self.0.push(word.to_owned());
            self.0.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    fn get(&self, place: u16) -> &str {
        self.0.get(usize::from(place)).map_or("", String::as_str)
    }
}

/// The ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Tells the ids of one sandbox from those of another.
    run: u32,
    entries: Vec<Entry>,
    opaques: String,
    senders: Words,
    templates: Words,
    file: Option<File>,
}

impl Ledger {
    /// An empty ledger in memory. `run` makes its ids unlike those of other runs.
    pub(super) fn new(run: u32) -> Self {
        let words = Words::default();
        Self { run, entries: Vec::new(), opaques: String::new(), senders: words.clone(), templates: words, file: None }
    }

    /// The ledger of a file, which is made when it does not exist.
    pub(super) fn open(path: &Path, run: u32) -> Result<Self, SandboxError> {
        let wrong = |problem: String| SandboxError::LedgerFile(path.to_owned(), problem);
        let mut ledger = Self::new(run);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| wrong(error.to_string()))?;
        let mut lines = BufReader::new(&file).lines();
        match lines.next().transpose().map_err(|error| wrong(error.to_string()))? {
            None => writeln!(file, "wacast sandbox ledger\t{run:08x}").map_err(|error| wrong(error.to_string()))?,
            Some(head) => {
                let run =
                    head.strip_prefix("wacast sandbox ledger\t").and_then(|run| u32::from_str_radix(run, 16).ok());
                ledger.run = run.ok_or_else(|| wrong("is not a ledger of the sandbox's".into()))?;
                for (number, line) in lines.enumerate() {
                    let line = line.map_err(|error| wrong(error.to_string()))?;
                    ledger.read_line(&line).ok_or_else(|| wrong(format!("line {} cannot be read", number + 2)))?;
                }
            }
        }
        ledger.file = Some(file);
        Ok(ledger)
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let mut fields = line.splitn(5, '\t');
        let at_us = fields.next()?.parse().ok()?;
        let to = Phone::from_digits(fields.next()?.parse().ok()?).ok()?;
        let (sender, template) = (fields.next()?, fields.next()?);
        let opaque: String = serde_json::from_str(fields.next()?).ok()?;
        self.remember(&NewEntry { to, at_us, sender, template, opaque: &opaque, in_window: false, lite: false });
        Some(())
    }

    /// Writes a row; its place is the answer. An error means that nothing was taken.
    pub(super) fn push(&mut self, new: &NewEntry<'_>) -> Result<usize, String> {
        if let Some(file) = &mut self.file {
            let opaque = serde_json::to_string(new.opaque).map_err(|error| error.to_string())?;
            let (to, at_us) = (new.to.digits(), new.at_us);
            let line = format!("{at_us}\t{to}\t{}\t{}\t{opaque}\n", new.sender, new.template);
            file.write_all(line.as_bytes()).map_err(|error| error.to_string())?;
        }
        Ok(self.remember(new))
    }

    fn remember(&mut self, new: &NewEntry<'_>) -> usize {
        self.opaques.push_str(new.opaque);
        self.entries.push(Entry {
            to: new.to.digits(),
            at_us: new.at_us,
            opaque_end: self.opaques.len(),
            sender: self.senders.place(new.sender),
            template: self.templates.place(new.template),
            in_window: new.in_window,
            lite: new.lite,
        });
        self.entries.len() - 1
    }

    /// The id of the message at a place.
    pub(super) fn wamid(&self, place: usize) -> String {
        format!("wamid.SBX{:08X}{place:08X}", self.run)
    }

    fn opaque(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.entries[before].opaque_end);
        &self.opaques[start..self.entries[place].opaque_end]
    }

    /// The row at a place.
    pub(super) fn row(&self, place: usize) -> Option<LedgerRow> {
        let entry = self.entries.get(place)?;
        Some(LedgerRow {
            place,
            at_us: entry.at_us,
            sender: self.senders.get(entry.sender).to_owned(),
            to: format!("+{}", entry.to),
            template: self.templates.get(entry.template).to_owned(),
            opaque: self.opaque(place).to_owned(),
            wamid: self.wamid(place),
            in_window: entry.in_window,
            lite: entry.lite,
        })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The rows from `after` on.
    pub(super) fn page(&self, after: usize, limit: usize) -> LedgerPage {
        let end = after.saturating_add(limit.min(MOST_ROWS)).min(self.entries.len());
        let items = (after..end).filter_map(|place| self.row(place)).collect();
        LedgerPage { items, next: (end < self.entries.len()).then_some(end) }
    }

    /// A copy to count over without holding up anybody.
    pub(super) fn copy(&self) -> Self {
        Self {
            run: self.run,
            entries: self.entries.clone(),
            opaques: self.opaques.clone(),
            senders: self.senders.clone(),
            templates: self.templates.clone(),
            file: None,
        }
    }

    /// The figures that the ledger alone tells.
    pub(super) fn summary(&self) -> Summary {
        let distinct: HashSet<u64> = self.entries.iter().map(|entry| entry.to).collect();
        let opaques = || (0..self.entries.len()).map(|place| self.opaque(place)).filter(|opaque| !opaque.is_empty());
        let recipients =
            opaques().filter(|opaque| opaque.starts_with("w1:")).filter_map(|opaque| Some(opaque.rsplit_once(':')?.0));
        let people = self.entries.iter().map(|entry| (entry.to, entry.template));
        Summary {
            accepted: self.entries.len(),
            distinct_recipients: distinct.len(),
            attempts_twice: twice(opaques(), |opaque| (*opaque).to_owned()),
            recipients_twice: twice(recipients, |recipient| (*recipient).to_owned()),
            people_twice: twice(people, |(to, template)| format!("+{to} {}", self.templates.get(*template))),
            ..Summary::default()
        }
    }
}

/// What comes more than once, the most frequent first.
fn twice<T: std::hash::Hash + Eq>(things: impl Iterator<Item = T>, in_words: impl Fn(&T) -> String) -> Vec<Twice> {
    let mut counts: HashMap<T, usize> = HashMap::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    let more = counts.iter().filter(|(_, times)| **times > 1);
    let mut twice: Vec<Twice> = more.map(|(thing, times)| Twice { what: in_words(thing), times: *times }).collect();
    twice.sort_by(|one, other| other.times.cmp(&one.times).then_with(|| one.what.cmp(&other.what)));
    twice.truncate(MOST_DOUBLES);
    twice
}

/// Counts what happened within the last second, and remembers the most that ever did.
#[derive(Debug, Default)]
pub(super) struct Window {
    times_us: VecDeque<u64>,
    worst: usize,
}

impl Window {
    /// How many within the second that ends now.
    pub(super) fn count(&mut self, now_us: u64) -> usize {
        while self.times_us.front().is_some_and(|time| time + SECOND_US <= now_us) {
            self.times_us.pop_front();
        }
        self.times_us.len()
    }

    /// Adds one.
    pub(super) fn add(&mut self, now_us: u64) {
        let count = self.count(now_us) + 1;
        self.times_us.push_back(now_us);
        self.worst = self.worst.max(count);
    }

    /// The most within any second.
    pub(super) fn worst(&self) -> usize {
        self.worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(ledger: &mut Ledger, to: u64, opaque: &str) {
        let to = Phone::from_digits(to).unwrap();
        ledger
            .push(&NewEntry {
                to,
                at_us: 7,
                sender: "1",
                template: "hello / en",
                opaque,
                in_window: false,
                lite: false,
            })
            .unwrap();
    }

    #[test]
    fn doubles_are_found_by_attempt_recipient_and_person() {
        let mut ledger = Ledger::new(1);
        push(&mut ledger, 15_550_100_111, "w1:s:b:1:1");
        push(&mut ledger, 15_550_100_112, "w1:s:b:2:1");
        assert_eq!(ledger.summary().people_twice, []);
        push(&mut ledger, 15_550_100_111, "w1:s:b:1:1");
        push(&mut ledger, 15_550_100_112, "w1:s:b:2:2");
        let twice = |what: &str| Twice { what: what.into(), times: 2 };
        let summary = ledger.summary();
        assert_eq!((summary.accepted, summary.distinct_recipients), (4, 2));
        assert_eq!(summary.attempts_twice, [twice("w1:s:b:1:1")]);
        assert_eq!(summary.recipients_twice, [twice("w1:s:b:1"), twice("w1:s:b:2")]);
        assert_eq!(summary.people_twice, [twice("+15550100111 hello / en"), twice("+15550100112 hello / en")]);
    }

    #[test]
    fn a_file_brings_the_ledger_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut ledger = Ledger::open(&path, 5).unwrap();
        push(&mut ledger, 15_550_100_111, "any\ttext\n\"quoted\"");
        push(&mut ledger, 15_550_100_112, "");
        let before = ledger.page(0, 10);
        drop(ledger);
        let mut ledger = Ledger::open(&path, 6).unwrap();
        assert_eq!(ledger.page(0, 10), before);
        push(&mut ledger, 15_550_100_113, "c");
        assert_eq!(ledger.page(1, 1).next, Some(2));
        assert_eq!(ledger.page(2, 1).items[0].opaque, "c");
        std::fs::write(&path, "something else\n").unwrap();
        assert!(Ledger::open(&path, 7).is_err());
    }

    #[test]
    fn the_worst_second_is_a_sliding_one() {
        let mut window = Window::default();
        for time_us in [0, 900_000, 999_999, 1_000_000, 1_500_000, 3_000_000] {
            window.add(time_us);
        }
        assert_eq!(window.worst(), 4);
        assert_eq!(window.count(3_999_999), 1);
        assert_eq!(window.count(4_000_000), 0);
    }
}
