//! Six seconds between two messages to one person, whatever broadcasts they come from.
//!
//! WhatsApp limits a pair of sender and person to one message in six seconds (code 131056).

use crate::domain::phone::Phone;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

const SPACING: Duration = Duration::from_secs(6);

/// Remembers who was written to in the last six seconds: at most six seconds of pace.
#[derive(Debug, Default)]
pub struct Pairs {
    last: HashMap<Phone, Instant>,
    order: VecDeque<(Instant, Phone)>,
}

impl Pairs {
    /// Says how long a message to this person has to wait, without noting one.
    pub fn look(&mut self, phone: Phone, now: Instant) -> Result<(), Duration> {
        self.forget(now);
        match self.last.get(&phone) {
            Some(at) => Err((*at + SPACING).duration_since(now)),
            None => Ok(()),
        }
    }

    /// Notes a message to this person now, or says how long it has to wait.
    pub fn admit(&mut self, phone: Phone, now: Instant) -> Result<(), Duration> {
        self.look(phone, now)?;
        self.last.insert(phone, now);
        self.order.push_back((now, phone));
        Ok(())
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, old)) = self.order.front().copied()
            && now.duration_since(at) >= SPACING
        {
            self.order.pop_front();
            if self.last.get(&old) == Some(&at) {
                self.last.remove(&old);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_second_message_waits_and_memory_is_given_back() {
        let ana = Phone::from_digits(15_550_100_111).unwrap();
        let ben = Phone::from_digits(15_550_100_112).unwrap();
        let mut pairs = Pairs::default();
        let start = Instant::now();
        assert_eq!(pairs.admit(ana, start), Ok(()));
        assert_eq!(pairs.admit(ben, start), Ok(()));
        assert_eq!(pairs.admit(ana, start + Duration::from_secs(2)), Err(Duration::from_secs(4)));
        assert_eq!(pairs.admit(ana, start + Duration::from_secs(6)), Ok(()));
        assert_eq!((pairs.last.len(), pairs.order.len()), (1, 1));
    }
}
