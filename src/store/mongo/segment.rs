//! A segment: one letter of state for each of 1,000 recipients, with the figures that follow from it.
//!
//! Pure: read from a document, changed in memory, written back whole. The figures (how many in each
//! state, failures by code, skips by reason) are what counts are summed from, so they are kept by the
//! same call that changes a letter.

use super::documents::{large, small};
use crate::domain::ids::BroadcastId;
use crate::domain::pricing::{Mark, Pricing};
use crate::domain::state::RecipientState;
use crate::store::StoreError;
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Recipients in one segment.
pub const SEGMENT: u32 = 1_000;

/// The key of `segments`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SegmentKey {
    /// The broadcast.
    pub b: BroadcastId,
    /// Which thousand.
    pub n: i32,
}

impl SegmentKey {
    /// The segment that a recipient is in.
    pub fn of(broadcast: &BroadcastId, seq: u32) -> Self {
        Self { b: broadcast.clone(), n: small(seq / SEGMENT) }
    }
}

impl From<&SegmentKey> for Bson {
    fn from(key: &SegmentKey) -> Self {
        Self::Document(doc! { "b": key.b.as_str(), "n": key.n })
    }
}

/// A document of `segments`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Which.
    #[serde(rename = "_id")]
    pub id: SegmentKey,
    /// The letters, in order of seq.
    states: String,
    /// How many recipients have each letter.
    counts: BTreeMap<char, i32>,
    /// The newest attempt's number of those who had more than one, by their place in the segment.
    #[serde(default)]
    newest: BTreeMap<String, i32>,
    /// How many failed, by error code.
    #[serde(default)]
    failures: BTreeMap<String, i32>,
    /// How many were left out, by reason.
    #[serde(default)]
    skips: Vec<(String, i32)>,
    /// Who stands where they do by an operator's word. Few, and gone with the next move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    decided: Vec<Decided>,
    /// What receipts said of the price of the first attempts: two characters each ([`Mark::code`]), in order of seq, as far
    /// as there was such a receipt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    marks: String,
    /// The same of later attempts, by `PLACE/ATTEMPT`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    later_marks: BTreeMap<String, String>,
    /// How many delivered messages were priced how.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    prices: BTreeMap<String, i32>,
}

/// An operator's word on people of one segment who were in doubt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Decided {
    word: String,
    at: DateTime,
    /// Places in the segment, with the tries used up before.
    people: Vec<(i32, i32)>,
}

/// What an operator decided about one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// In the operator's words.
    pub word: String,
    /// When.
    pub at: DateTime,
    /// Tries used up before.
    pub tries: i32,
}

impl Segment {
    /// One without recipients yet.
    pub fn empty(id: SegmentKey) -> Self {
        Self {
            id,
            states: String::new(),
            counts: BTreeMap::new(),
            newest: BTreeMap::new(),
            failures: BTreeMap::new(),
            skips: Vec::new(),
            decided: Vec::new(),
            marks: String::new(),
            later_marks: BTreeMap::new(),
            prices: BTreeMap::new(),
        }
    }

    /// The seq of its first recipient.
    pub fn first_seq(&self) -> u32 {
        large(self.id.n) * SEGMENT
    }

    /// How many recipients are in it.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Where the recipient with this seq stands; `None` when there is no such recipient.
    pub fn state(&self, seq: u32) -> Option<RecipientState> {
        let place = seq.checked_sub(self.first_seq())? as usize;
        self.states.as_bytes().get(place).and_then(|letter| RecipientState::from_letter(char::from(*letter)))
    }

    /// All recipients with their states, in order of seq.
    pub fn recipients(&self) -> impl Iterator<Item = (u32, RecipientState)> + '_ {
        let known = |letter| RecipientState::from_letter(letter).unwrap_or(RecipientState::InDoubt);
        (self.first_seq()..).zip(self.states.chars().map(known))
    }

    /// How many are in a state.
    pub fn count(&self, state: RecipientState) -> u64 {
        self.counts.get(&state.letter()).map_or(0, |count| u64::from(large(*count)))
    }

    /// Adds the next recipient: queued, or left out for a reason.
    pub fn push(&mut self, skipped: Option<&str>) {
        let state = if skipped.is_some() { RecipientState::Skipped } else { RecipientState::Queued };
        self.states.push(state.letter());
        *self.counts.entry(state.letter()).or_default() += 1;
        if let Some(reason) = skipped {
            match self.skips.iter_mut().find(|(known, _)| known == reason) {
                Some((_, count)) => *count += 1,
                None => self.skips.push((reason.to_owned(), 1)),
            }
        }
    }

    /// Moves a recipient. `code` is the error code that it fails with, or, when it leaves `failed`, the one
    /// that it had failed with.
    pub fn set(&mut self, seq: u32, state: RecipientState, code: i64) {
        let Some(before) = self.state(seq) else { return };
        let place = (seq - self.first_seq()) as usize;
        // Letters are ASCII, so a place is a byte.
        self.states.replace_range(place..=place, state.letter().encode_utf8(&mut [0; 4]));
        bump(&mut self.counts, before.letter(), -1);
        bump(&mut self.counts, state.letter(), 1);
        if before == RecipientState::Failed {
            bump(&mut self.failures, code.to_string(), -1);
        }
        if state == RecipientState::Failed {
            bump(&mut self.failures, code.to_string(), 1);
        }
        for decided in &mut self.decided {
            decided.people.retain(|(other, _)| large(*other) as usize != place);
        }
        self.decided.retain(|decided| !decided.people.is_empty());
    }

    /// Leaves out somebody who is queued, for a reason.
    pub fn skip(&mut self, seq: u32, reason: &str) {
        self.set(seq, RecipientState::Skipped, 0);
        match self.skips.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => self.skips.push((reason.to_owned(), 1)),
        }
    }

    /// Notes that a recipient was moved by an operator's word: there may be no log row of the newest attempt.
    pub fn decide(&mut self, seq: u32, decision: Decision) {
        let Decision { word, at, tries } = decision;
        let person = (small(seq.saturating_sub(self.first_seq())), tries);
        match self.decided.iter_mut().find(|decided| decided.word == word && decided.at == at) {
            Some(decided) => decided.people.push(person),
            None => self.decided.push(Decided { word, at, people: vec![person] }),
        }
    }

    /// The operator's word that a recipient stands where they do by.
    pub fn decision(&self, seq: u32) -> Option<Decision> {
        let place = small(seq.checked_sub(self.first_seq())?);
        self.decided.iter().find_map(|decided| {
            let (_, tries) = decided.people.iter().find(|(other, _)| *other == place)?;
            Some(Decision { word: decided.word.clone(), at: decided.at, tries: *tries })
        })
    }

    /// The number of the newest attempt that has been settled; 1 also when there was none.
    pub fn newest(&self, seq: u32) -> u32 {
        if self.newest.is_empty() {
            return 1;
        }
        let place = seq.saturating_sub(self.first_seq()).to_string();
        self.newest.get(&place).map_or(1, |attempt| large(*attempt))
    }

    /// Notes an attempt that has been settled.
    pub fn tried(&mut self, seq: u32, attempt: u32) {
        if attempt > self.newest(seq) {
            self.newest.insert(seq.saturating_sub(self.first_seq()).to_string(), small(attempt));
        }
    }

    /// What is known of the price of an attempt.
    fn mark_of(&self, place: usize, attempt: u32) -> Mark {
        let code = match attempt {
            1 => self.marks.get(place * 2..place * 2 + 2),
            later => self.later_marks.get(&format!("{place}/{later}")).map(String::as_str),
        };
        code.map_or_else(Mark::default, Mark::of_code)
    }

    /// Notes what a receipt said of the price of an attempt. Whether that was new.
    pub fn mark(&mut self, seq: u32, attempt: u32, said: Mark) -> bool {
        if self.state(seq).is_none() {
            return false;
        }
        let place = (seq - self.first_seq()) as usize;
        let before = self.mark_of(place, attempt);
        let now = before.and(said);
        if now == before {
            return false;
        }
        if attempt == 1 {
            let missing = (place * 2 + 2).saturating_sub(self.marks.len()) / 2;
            self.marks.push_str(&Mark::default().code().repeat(missing));
            // Codes are ASCII.
            self.marks.replace_range(place * 2..place * 2 + 2, &now.code());
        } else {
            self.later_marks.insert(format!("{place}/{attempt}"), now.code());
        }
        for (mark, by) in [(before, -1), (now, 1)] {
            if let Some(pricing) = mark.counts() {
                bump(&mut self.prices, pricing.to_string(), by);
            }
        }
        true
    }

    /// What the delivered messages to a recipient were priced as, by attempt.
    pub fn prices_of(&self, seq: u32) -> Vec<Pricing> {
        let Some(place) = seq.checked_sub(self.first_seq()).map(|place| place as usize) else { return Vec::new() };
        let mut marks = vec![(1, self.mark_of(place, 1))];
        if !self.later_marks.is_empty() {
            let from = format!("{place}/");
            let of_this = self.later_marks.range(from.clone()..).take_while(|(key, _)| key.starts_with(&from));
            let attempt = |key: &str| key[from.len()..].parse().unwrap_or(u32::MAX);
            marks.extend(of_this.map(|(key, code)| (attempt(key), Mark::of_code(code))));
            marks.sort_by_key(|(attempt, _)| *attempt);
        }
        marks.into_iter().filter_map(|(_, mark)| mark.counts()).collect()
    }

    /// An upsert that writes it whole.
    pub fn statement(&self) -> Result<Document, StoreError> {
        Ok(doc! { "q": { "_id": &self.id }, "u": super::documents::to_document(self)?, "upsert": true })
    }
}

fn bump<K: Ord>(counts: &mut BTreeMap<K, i32>, key: K, by: i32) {
    let count = counts.entry(key).or_default();
    *count += by;
    if *count == 0 {
        counts.retain(|_, count| *count != 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> Segment {
        let mut segment = Segment::empty(SegmentKey::of(&BroadcastId::from_random(1), 2_000));
        segment.push(None);
        segment.push(Some("opted out"));
        segment.push(None);
        segment
    }

    #[test]
    fn figures_follow_the_letters() {
        let mut segment = segment();
        segment.set(2_000, RecipientState::Failed, 131_026);
        segment.set(2_002, RecipientState::Accepted, 0);
        assert_eq!(segment.count(RecipientState::Queued), 0);
        assert_eq!(segment.count(RecipientState::Failed), 1);
        assert_eq!(segment.failures["131026"], 1);
        segment.set(2_000, RecipientState::Delivered, 131_026);
        assert!(segment.failures.is_empty());
        assert_eq!(segment.skips, [("opted out".to_owned(), 1)]);
        let states: Vec<_> = segment.recipients().collect();
        assert_eq!(
            states,
            [(2_000, RecipientState::Delivered), (2_001, RecipientState::Skipped), (2_002, RecipientState::Accepted)]
        );
        assert_eq!(segment.counts.values().sum::<i32>(), 3);
    }

    #[test]
    fn whoever_is_not_in_it_has_no_state() {
        let segment = segment();
        assert_eq!(segment.state(1_999), None);
        assert_eq!(segment.state(2_003), None);
    }

    #[test]
    fn survives_the_way_to_the_database_and_back() {
        let mut segment = segment();
        segment.set(2_000, RecipientState::Failed, -1);
        segment.tried(2_000, 3);
        segment.decide(2_000, Decision { word: "given up".to_owned(), at: DateTime::from_millis(7), tries: 2 });
        let document = crate::store::mongo::documents::to_document(&segment).unwrap();
        let back: Segment = mongodb::bson::deserialize_from_document(document).unwrap();
        assert_eq!(back, segment);
        assert_eq!((back.newest(2_000), back.newest(2_002)), (3, 1));
        assert_eq!(back.decision(2_000).map(|decision| decision.tries), Some(2));
    }

    #[test]
    fn prices_follow_the_marks_of_each_attempt() {
        let mut segment = segment();
        let billed = Pricing::of("marketing", "regular", None);
        let said = Mark::reached(RecipientState::Delivered, billed);
        assert!(segment.mark(2_002, 1, said) && !segment.mark(2_002, 1, said), "a double is not new");
        assert!(
            segment.mark(2_002, 12, said) && segment.mark(2_002, 2, Mark::reached(RecipientState::Delivered, None))
        );
        assert!(segment.mark(2_000, 1, Mark::reached(RecipientState::Sent, billed)));
        assert!(!segment.mark(2_003, 1, said), "nobody");
        assert_eq!(segment.prices, BTreeMap::from([("marketing/regular/billed".to_owned(), 2)]));
        let free = Pricing::of("marketing", "regular", Some(false));
        assert!(segment.mark(2_002, 1, Mark::reached(RecipientState::Read, free)));
        assert_eq!(segment.prices_of(2_002), [free, billed].map(Option::unwrap));
        assert_eq!((segment.prices_of(2_000), segment.prices_of(2_001)), (vec![], vec![]));
        assert_eq!((segment.prices.len(), segment.prices.values().sum::<i32>()), (2, 2));
        let document = crate::store::mongo::documents::to_document(&segment).unwrap();
        assert_eq!(mongodb::bson::deserialize_from_document::<Segment>(document).unwrap(), segment);
    }

    #[test]
    fn an_operators_word_is_gone_with_the_next_move() {
        let mut segment = segment();
        let decision = Decision { word: "given up".to_owned(), at: DateTime::from_millis(7), tries: 0 };
        for seq in [2_000, 2_002] {
            segment.set(seq, RecipientState::Failed, 0);
            segment.decide(seq, decision.clone());
        }
        assert_eq!(segment.decided.len(), 1, "one word for both");
        segment.set(2_000, RecipientState::Read, 0);
        assert_eq!((segment.decision(2_000), segment.decision(2_002)), (None, Some(decision)));
        segment.set(2_002, RecipientState::Read, 0);
        assert!(segment.decided.is_empty() && segment.failures.is_empty());
    }
}
