//! Figures of a running sender: messages written in each of the last seconds, answer times.

use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Seconds that are remembered.
const SECONDS: usize = 120;
/// Answer times are kept for one to two of these.
const ANSWERS_EVERY: Duration = Duration::from_secs(30);
/// Answer times above this are counted as this, in milliseconds.
const LONGEST_MS: u64 = 60_000;

/// Counts writes and answers. Cheap: two short locks for each message.
#[derive(Debug)]
pub struct Meter {
    writes: Mutex<Writes>,
    answers: Mutex<Answers>,
}

#[derive(Debug)]
struct Writes {
    start: Instant,
    /// The second that the newest entry stands for.
    second: u64,
    counts: VecDeque<u32>,
}

#[derive(Debug)]
struct Answers {
    current: Histogram<u32>,
    before: Histogram<u32>,
    turned_at: Instant,
}

fn empty() -> Histogram<u32> {
    Histogram::new_with_max(LONGEST_MS, 2).expect("the bounds are constants that the crate accepts")
}

impl Default for Meter {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            writes: Mutex::new(Writes { start: now, second: 0, counts: VecDeque::from([0]) }),
            answers: Mutex::new(Answers { current: empty(), before: empty(), turned_at: now }),
        }
    }
}

impl Writes {
    fn turn_to(&mut self, now: Instant) {
        let second = now.duration_since(self.start).as_secs();
        for _ in 0..(second - self.second).min(SECONDS as u64) {
            self.counts.push_back(0);
        }
        self.second = second;
        while self.counts.len() > SECONDS {
            self.counts.pop_front();
        }
    }
}

impl Meter {
    /// A message is being written to the socket now.
    pub fn wrote(&self, now: Instant) {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.turn_to(now);
        if let Some(count) = writes.counts.back_mut() {
            *count += 1;
        }
    }

    /// An answer came after this long.
    pub fn answered(&self, after: Duration) {
        let now = Instant::now();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(answers.turned_at) >= ANSWERS_EVERY {
            answers.turned_at = now;
            answers.before = std::mem::replace(&mut answers.current, empty());
        }
        let milliseconds = u64::try_from(after.as_millis()).unwrap_or(LONGEST_MS).min(LONGEST_MS);
        answers.current.saturating_record(milliseconds);
    }

    /// Messages written in each of the last seconds, oldest first; the last one is still going on.
    pub fn written_per_second(&self) -> Vec<u32> {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.turn_to(Instant::now());
        writes.counts.iter().copied().collect()
    }

    /// Messages a second over the last full seconds, 5 at most.
    pub fn lately(&self) -> f64 {
        let counts = self.written_per_second();
        let full = &counts[..counts.len() - 1];
        let last = &full[full.len().saturating_sub(5)..];
        if last.is_empty() {
            return f64::from(counts.last().copied().unwrap_or(0));
        }
        #[expect(clippy::cast_precision_loss, reason = "at most five")]
        let seconds = last.len() as f64;
        last.iter().map(|count| f64::from(*count)).sum::<f64>() / seconds
    }

    /// Answer times over the last half to whole minute, in milliseconds: half, and 99 of 100, were below.
    pub fn answer_times_ms(&self) -> (u64, u64) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut both = answers.current.clone();
        if both.add(&answers.before).is_err() {
            return (0, 0);
        }
        (both.value_at_quantile(0.5), both.value_at_quantile(0.99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn seconds_roll_on_also_when_nothing_is_written() {
        let meter = Meter::default();
        for _ in 0..3 {
            meter.wrote(Instant::now());
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        meter.wrote(Instant::now());
        assert_eq!(meter.written_per_second(), [3, 0, 1]);
        tokio::time::advance(Duration::from_secs(1_000)).await;
        let counts = meter.written_per_second();
        assert_eq!((counts.len(), counts.iter().sum::<u32>()), (SECONDS, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn answer_times_are_of_the_last_minute() {
        let meter = Meter::default();
        for _ in 0..100 {
            meter.answered(Duration::from_millis(50));
        }
        assert_eq!(meter.answer_times_ms(), (50, 50));
        for _ in 0..2 {
            tokio::time::advance(ANSWERS_EVERY).await;
            meter.answered(Duration::from_millis(200));
        }
        assert!(meter.answer_times_ms().0 >= 200);
    }
}
