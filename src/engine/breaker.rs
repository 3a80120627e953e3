//! When failures of one kind pause a broadcast: many in a row, or too large a share of the last people. Pure.
//!
//! Failures in a row are counted by answer, as they come. The share is taken from the store's own counts, so that it
//! holds what receipts said as well, whoever folded them; the overseer brings them every few seconds. It never counts
//! what tells about one person only: which codes count is the error policy's word.

/// Equal failures in a row that pause a broadcast.
const EQUAL_FAILURES: u32 = 50;
/// No share is taken of fewer people than this.
pub const LEAST_PEOPLE: u64 = 50;
/// The share is taken of the last so many people, up to twice as many.
const WINDOW: u64 = 1_000;

/// How many people of a broadcast are through, and how many of them failed with each code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Taken by WhatsApp or failed.
    pub people: u64,
    /// Failed, by code.
    pub failures: Vec<(i64, u64)>,
}

impl Tally {
    fn failed(&self, code: i64) -> u64 {
        self.failures.iter().find(|(known, _)| *known == code).map_or(0, |(_, count)| *count)
    }
}

/// Failures of one kind that are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// The code.
    pub code: i64,
    /// How many failed with it …
    pub failed: u64,
    /// … of so many people.
    pub people: u64,
}

/// One for each broadcast that is being sent.
#[derive(Debug, Default)]
pub struct Breaker {
    code: i64,
    in_a_row: u32,
    /// What is counted from; `None`: from the next tally on.
    from: Option<Tally>,
    /// What will be counted from when the window is full.
    next: Option<Tally>,
}

impl Breaker {
    /// Counts from here on.
    pub fn new(from: Tally) -> Self {
        Self { from: Some(from), ..Self::default() }
    }

    /// Whether this failure, by answer, is the one too many in a row.
    pub fn failure(&mut self, code: i64) -> bool {
        self.in_a_row = if self.code == code { self.in_a_row + 1 } else { 1 };
        self.code = code;
        self.in_a_row >= EQUAL_FAILURES
    }

    /// WhatsApp took one.
    pub fn success(&mut self) {
        self.in_a_row = 0;
    }

    /// Somebody let it go on: what failed before does not count again.
    pub fn start_over(&mut self) {
        *self = Self::default();
    }

    /// Whether the newest tally shows more than `share` of failures of a kind that `counts`.
    pub fn look(&mut self, tally: Tally, share: f64, counts: impl Fn(i64) -> bool) -> Option<TooMany> {
        let Some(from) = &self.from else {
            self.from = Some(tally);
            return None;
        };
        let people = tally.people.saturating_sub(from.people);
        let worst = tally
            .failures
            .iter()
            .map(|(code, count)| TooMany { code: *code, failed: count.saturating_sub(from.failed(*code)), people })
            .filter(|found| found.failed > 0 && counts(found.code))
            .max_by_key(|found| found.failed);
        let next_people = self.next.get_or_insert_with(|| tally.clone()).people;
        if tally.people.saturating_sub(next_people) >= WINDOW {
            self.from = self.next.replace(tally);
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let too_many = |found: &TooMany| found.failed as f64 / found.people as f64 > share;
        worst.filter(|found| people >= LEAST_PEOPLE && share < 1.0 && too_many(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(people: u64, failures: &[(i64, u64)]) -> Tally {
        Tally { people, failures: failures.to_vec() }
    }

    #[test]
    fn fifty_equal_failures_in_a_row_are_too_many() {
        let mut breaker = Breaker::default();
        assert!((0..49).all(|_| !breaker.failure(131_026)) && !breaker.failure(131_021));
        assert!((0..49).all(|_| !breaker.failure(131_026)));
        breaker.success();
        assert!((0..49).all(|_| !breaker.failure(131_026)) && breaker.failure(131_026));
    }

    #[test]
    fn a_share_needs_enough_people_and_one_kind() {
        let mut breaker = Breaker::new(Tally::default());
        let mut look = |people, failures: &[(i64, u64)]| breaker.look(tally(people, failures), 0.3, |code| code > 0);
        assert_eq!(look(49, &[(131_026, 49)]), None, "too few people");
        assert_eq!(
            look(100, &[(131_026, 30), (131_009, 30), (-1, 90)]),
            None,
            "none alone, and one that does not count"
        );
        let found = look(110, &[(131_026, 34)]);
        assert_eq!(found, Some(TooMany { code: 131_026, failed: 34, people: 110 }));
        assert_eq!(Breaker::new(Tally::default()).look(tally(99, &[(1, 200)]), 1.0, |_| true), None, "1: never");
    }

    #[test]
    fn what_was_before_does_not_count() {
        let bad = tally(1_000, &[(131_026, 900)]);
        let mut breaker = Breaker::new(bad.clone());
        assert_eq!(breaker.look(tally(1_100, &[(131_026, 910)]), 0.3, |_| true), None);
        breaker.start_over();
        assert_eq!(breaker.look(tally(1_200, &[(131_026, 1_010)]), 0.3, |_| true), None, "counted from here on");
        assert!(breaker.look(tally(1_300, &[(131_026, 1_050)]), 0.3, |_| true).is_some());
    }

    #[test]
    fn a_problem_that_begins_late_is_seen_soon() {
        let mut breaker = Breaker::new(Tally::default());
        for hundreds in 1..=5_000 {
            assert_eq!(breaker.look(tally(hundreds * 100, &[(1, hundreds)]), 0.3, |_| true), None);
        }
        let tripped = (1..=10).find(|hundreds| {
            breaker.look(tally(500_000 + hundreds * 100, &[(1, 5_000 + hundreds * 100)]), 0.3, |_| true).is_some()
        });
        assert!(tripped.is_some_and(|hundreds| hundreds <= 9), "{tripped:?}");
    }
}
