//! Holding the sender when the API gives no usable answers, and letting it go on step by step.
//!
//! Ten unknown outcomes in a row with no definite answer between them, or one connection that does not come
//! about, hold the sender. It is looked at again after 1, 2, 4 … 30 s, and when it answers, requests go on with
//! 1, 2, 4 … in flight. A dead network never uses up an attempt.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Unknown outcomes in a row that hold the sender.
const UNKNOWN_IN_A_ROW: u32 = 10;
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LONGEST_LOOK: Duration = Duration::from_secs(30);
/// After so many odd answers in a row one message is tried: at the longest pause that is every five minutes.
const ODD_LOOKS: u32 = 10;

/// What the sender may do now.
#[derive(Debug, Clone, PartialEq)]
pub enum Permit {
    /// As much as the other limits allow.
    Free,
    /// No more than so many requests in flight.
    UpTo(u32),
    /// Nothing before this moment; then look whether the API answers.
    Held {
        /// When to look.
        look_at: Instant,
        /// Why, in words.
        detail: String,
    },
}

/// Counts unknown outcomes and definite answers.
#[derive(Debug)]
pub struct Hold {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    unknown_in_a_row: u32,
    next_wait: Duration,
    /// Looks in a row that were answered, but oddly.
    odd_in_a_row: u32,
    permit: Permit,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                unknown_in_a_row: 0,
                next_wait: FIRST_LOOK,
                odd_in_a_row: 0,
                permit: Permit::Free,
            }),
        }
    }
}

impl Hold {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What may be done now.
    pub fn permit(&self) -> Permit {
        self.state().permit.clone()
    }

    fn hold(state: &mut State, detail: &str) {
        if matches!(state.permit, Permit::Held { .. }) {
            return;
        }
        state.permit = Permit::Held { look_at: Instant::now() + state.next_wait, detail: detail.to_owned() };
        state.next_wait = (state.next_wait * 2).min(LONGEST_LOOK);
    }

    /// An answer that proves something came.
    pub fn definite(&self, most_in_flight: u32) {
        let mut state = self.state();
        state.unknown_in_a_row = 0;
        match state.permit {
            Permit::UpTo(limit) if limit.saturating_mul(2) < most_in_flight => state.permit = Permit::UpTo(limit * 2),
            Permit::UpTo(_) => {
                state.permit = Permit::Free;
                state.next_wait = FIRST_LOOK;
            }
            // An answer to a request from before the hold proves nothing about now.
            Permit::Free | Permit::Held { .. } => {}
        }
    }

    /// An outcome that nobody knows.
    pub fn unknown(&self, detail: &str) {
        let mut state = self.state();
        state.unknown_in_a_row += 1;
        let on_trial = matches!(state.permit, Permit::UpTo(_));
        if on_trial || state.unknown_in_a_row >= UNKNOWN_IN_A_ROW {
            Self::hold(&mut state, detail);
        }
    }

    /// No connection came about: nothing was written.
    pub fn no_connection(&self, detail: &str) {
        let mut state = self.state();
        Self::hold(&mut state, detail);
    }

    /// The API was looked at, and something answered that says nothing (a gateway's page, a 404 without a code). Mostly
    /// messages would fare no better; but if only the question is answered so, that must not hold them up for ever: now
    /// and then one is tried.
    pub fn looked_odd(&self, detail: &str) {
        let odd = {
            let mut state = self.state();
            state.odd_in_a_row += 1;
            state.odd_in_a_row
        };
        self.looked(odd.is_multiple_of(ODD_LOOKS), detail);
        self.state().odd_in_a_row = odd;
    }

    /// The API was looked at: it answers, or it does not.
    pub fn looked(&self, answers: bool, detail: &str) {
        let mut state = self.state();
        state.odd_in_a_row = 0;
        if !matches!(state.permit, Permit::Held { .. }) {
            return;
        }
        state.permit = Permit::UpTo(1);
        state.unknown_in_a_row = 0;
        if answers {
        } else {
            Self::hold(&mut state, detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_unknown_in_a_row_hold_and_answers_between_them_do_not() {
        let hold = Hold::default();
        for _ in 0..9 {
            hold.unknown("time-out");
        }
        hold.definite(256);
        for _ in 0..9 {
            hold.unknown("time-out");
        }
        assert_eq!(hold.permit(), Permit::Free);
        hold.unknown("time-out");
        assert!(matches!(hold.permit(), Permit::Held { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn goes_on_with_one_two_four_in_flight() {
        let hold = Hold::default();
        hold.no_connection("refused");
        hold.definite(256);
        assert!(matches!(hold.permit(), Permit::Held { .. }), "an old answer does not let it go");
        hold.looked(true, "");
        for limit in [1, 2, 4, 8, 16, 32, 64, 128] {
            assert_eq!(hold.permit(), Permit::UpTo(limit));
            hold.definite(256);
        }
        assert_eq!(hold.permit(), Permit::Free);
    }

    #[tokio::test(start_paused = true)]
    async fn looks_again_after_longer_and_longer() {
        let hold = Hold::default();
        hold.no_connection("refused");
        let mut waits = Vec::new();
        for _ in 0..7 {
            let Permit::Held { look_at, .. } = hold.permit() else { panic!("not held") };
            waits.push(look_at.duration_since(Instant::now()).as_secs());
            tokio::time::advance(look_at.duration_since(Instant::now())).await;
            hold.looked(false, "refused");
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[tokio::test(start_paused = true)]
    async fn odd_answers_hold_but_not_for_ever() {
        let hold = Hold::default();
        hold.no_connection("refused");
        for _ in 1..ODD_LOOKS {
            hold.looked_odd("HTTP 404 without an error code");
            assert!(matches!(hold.permit(), Permit::Held { .. }));
        }
        hold.looked_odd("HTTP 404 without an error code");
        assert_eq!(hold.permit(), Permit::UpTo(1));
        hold.unknown("time-out");
        hold.looked_odd("HTTP 404 without an error code");
        assert!(matches!(hold.permit(), Permit::Held { .. }), "the count begins again");
    }

    #[tokio::test(start_paused = true)]
    async fn one_unknown_on_trial_holds_again() {
        let hold = Hold::default();
        hold.no_connection("refused");
        hold.looked(true, "");
        hold.unknown("time-out");
        assert!(matches!(hold.permit(), Permit::Held { .. }));
    }
}
