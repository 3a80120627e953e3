//! The pace: how many messages a second may leave, exactly.
//!
//! Two parts. [`Pace`] spreads messages evenly over time (governor with a small burst; one dispatcher asks it).
//! [`Window`] is the hard promise at the socket: asked just before a message is written, it counts what was
//! really written in the last second, so that a stall, a slow connection or a change of rate can never put
//! more than the limit into any one-second window.

use crate::cloud_api::Usage;
use arc_swap::ArcSwapOption;
use governor::clock::{Clock, ReasonablyRealtime};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Spreading aims a little below the limit, so that the hard window hardly ever has to make anyone wait.
const AIM: f64 = 0.995;
/// The hard window is a little longer than a second: a clock read and the write it stands for are not one moment.
const WINDOW: Duration = Duration::from_millis(1_002);
/// The pace that a slow-down never goes below, messages a second.
const FLOOR: f64 = 1.0;
/// After a slow-down the pace grows by this share of the configured pace …
const GROWTH: f64 = 0.05;
/// … each time this much time went by without another.
const GROWTH_EVERY: Duration = Duration::from_secs(3);
/// Usage of a limit that slows us before it is reached.
const NEAR_PERCENT: u16 = 95;
/// … and how often, since the figures lag behind.
const EASED_EVERY: Duration = Duration::from_secs(10);

/// governor's clock on tokio's, so that tests can pause time.
#[derive(Debug, Clone, Copy, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        Instant::now().into_std()
    }
}

impl ReasonablyRealtime for TokioClock {}

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<std::time::Instant>>;

fn limiter(messages_per_second: f64) -> Option<Arc<Limiter>> {
    if messages_per_second <= 0.0 {
        return None;
    }
    let quota = Quota::with_period(Duration::from_secs_f64(1.0 / (messages_per_second * AIM)))?;
    Some(Arc::new(RateLimiter::direct_with_clock(quota.allow_burst(burst(messages_per_second)), TokioClock)))
}

/// Enough to make up for late timers, small enough to keep the stream even.
fn burst(messages_per_second: f64) -> NonZeroU32 {
    let burst = if messages_per_second < 2.0 { 1.0 } else { (messages_per_second / 50.0).max(2.0) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to a few thousand")]
    NonZeroU32::new(burst as u32).unwrap_or(NonZeroU32::MIN)
}

#[derive(Debug)]
struct Adaptation {
    configured: f64,
    /// What the API lets us have for now; the configured pace when it has not complained.
    allowed: f64,
    slowed_at: Option<Instant>,
    grown_at: Instant,
    not_before: Option<Instant>,
    code: i64,
}

/// Spreads messages over time, and gives way when the API asks for less.
pub struct Pace {
    limiter: ArcSwapOption<Limiter>,
    adaptation: Mutex<Adaptation>,
    window: Window,
}

impl Pace {
    /// At so many messages a second; 0: as fast as it goes.
    pub fn new(messages_per_second: f64) -> Self {
        Self {
            limiter: ArcSwapOption::from(limiter(messages_per_second)),
            adaptation: Mutex::new(Adaptation {
                configured: messages_per_second,
                allowed: messages_per_second,
                slowed_at: None,
                grown_at: Instant::now(),
                not_before: None,
                code: 0,
            }),
            window: Window::new(messages_per_second),
        }
    }

    fn adaptation(&self) -> std::sync::MutexGuard<'_, Adaptation> {
        self.adaptation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hard window at the socket.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// What is allowed at this moment, messages a second; 0: off.
    pub fn allowed(&self) -> f64 {
        self.adaptation().allowed
    }

    /// Changes the configured pace.
    pub fn configure(&self, messages_per_second: f64) {
        let mut adaptation = self.adaptation();
        if (adaptation.configured - messages_per_second).abs() < f64::EPSILON {
            return;
        }
        adaptation.configured = messages_per_second;
        if adaptation.slowed_at.is_none() || messages_per_second < adaptation.allowed {
            self.allow(&mut adaptation, messages_per_second);
        }
        self.window.limit(messages_per_second);
    }

    fn allow(&self, adaptation: &mut Adaptation, messages_per_second: f64) {
        adaptation.allowed = messages_per_second;
        self.limiter.store(limiter(messages_per_second));
    }

    /// The API asked for less: halves the pace (once a second at most: answers under way say the same thing
    /// again) and sends nothing for `wait`. `written_lately` is the pace to halve when none is configured.
    pub fn slow_down(&self, code: i64, wait: Option<Duration>, written_lately: f64) {
        let now = Instant::now();
        let mut adaptation = self.adaptation();
        adaptation.code = code;
        if let Some(wait) = wait {
            adaptation.not_before = adaptation.not_before.max(Some(now + wait));
        }
        if adaptation.slowed_at.is_some_and(|at| now.duration_since(at) < Duration::from_secs(1)) {
            return;
        }
        let from = if adaptation.allowed > 0.0 { adaptation.allowed } else { written_lately };
        let to = (from / 2.0).max(FLOOR.min(from));
        adaptation.slowed_at = Some(now);
        adaptation.grown_at = now;
        self.allow(&mut adaptation, to.max(FLOOR / 10.0));
    }

    /// The API says that so much of a limit is used: near its end the pace is halved before anybody is refused.
    pub fn near_limit(&self, usage: Usage, written_lately: f64) {
        if usage.percent < NEAR_PERCENT {
            return;
        }
        let eased = self.adaptation().slowed_at.is_some_and(|at| at.elapsed() < EASED_EVERY);
        if !eased {
            self.slow_down(usage.code, None, written_lately);
        }
    }

    /// Grows back towards the configured pace; to be called a few times a second.
    pub fn grow(&self) {
        let now = Instant::now();
        let mut adaptation = self.adaptation();
        if adaptation.slowed_at.is_none() || now.duration_since(adaptation.grown_at) < GROWTH_EVERY {
            return;
        }
        adaptation.grown_at = now;
        let off = adaptation.configured <= 0.0;
        let step = if off { adaptation.allowed.max(FLOOR) } else { adaptation.configured * GROWTH };
        let to = adaptation.allowed + step;
        if !off && to >= adaptation.configured {
            adaptation.slowed_at = None;
            let configured = adaptation.configured;
            self.allow(&mut adaptation, configured);
        } else if off && to > 10_000.0 {
            adaptation.slowed_at = None;
            self.allow(&mut adaptation, 0.0);
        } else {
            self.allow(&mut adaptation, to);
        }
    }

    /// The code that slowed us and the pace that is left, while it is below the configured one; and for how long
    /// nothing leaves at all.
    pub fn slowed(&self) -> Option<(i64, f64, Option<Duration>)> {
        let adaptation = self.adaptation();
        let still = adaptation.not_before.map(|until| until.saturating_duration_since(Instant::now()));
        adaptation.slowed_at.map(|_| (adaptation.code, adaptation.allowed, still.filter(|still| !still.is_zero())))
    }

    /// The code that asked for silence, and how long it is still to be, if that is `least` or more.
    pub fn silent(&self, least: Duration) -> Option<(i64, Duration)> {
        let adaptation = self.adaptation();
        let left = adaptation.not_before?.saturating_duration_since(Instant::now());
        (left >= least).then_some((adaptation.code, left))
    }

    /// Waits until the next message may leave.
    pub async fn wait(&self) {
        loop {
            let not_before = self.adaptation().not_before;
            if let Some(until) = not_before
                && until > Instant::now()
            {
                tokio::time::sleep_until(until).await;
                continue;
            }
            let Some(limiter) = self.limiter.load_full() else { return };
            match limiter.check() {
                Ok(()) => return,
                Err(not_until) => tokio::time::sleep_until(Instant::from_std(not_until.earliest_possible())).await,
            }
        }
    }
}

/// Counts what was written in the last second and lets no more than the limit in.
pub struct Window {
    state: Mutex<WindowState>,
}

struct WindowState {
    /// Messages in any second; `None`: no limit.
    limit: Option<usize>,
    written: VecDeque<Instant>,
}

impl Window {
    fn new(messages_per_second: f64) -> Self {
        Self { state: Mutex::new(WindowState { limit: whole(messages_per_second), written: VecDeque::new() }) }
    }

    fn limit(&self, messages_per_second: f64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).limit = whole(messages_per_second);
    }

    /// Counts one message as written now, or says how long to wait before asking again.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(limit) = state.limit else { return Ok(()) };
        while state.written.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            state.written.pop_front();
        }
        if state.written.len() < limit {
            state.written.push_back(now);
            return Ok(());
        }
        // The one that must leave the window before there is room, also after the limit was lowered.
        let blocking = state.written[state.written.len() - limit];
        Err((blocking + WINDOW).duration_since(now))
    }
}

/// Whole messages in a second: at least one where there is a pace at all.
fn whole(messages_per_second: f64) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and checked by the configuration"
    )]
    (messages_per_second > 0.0).then(|| (messages_per_second.floor() as usize).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst_window(times: &[Instant]) -> usize {
        let mut from = 0;
        let mut worst = 0;
        for (index, at) in times.iter().enumerate() {
            while at.duration_since(times[from]) >= Duration::from_secs(1) {
                from += 1;
            }
            worst = worst.max(index - from + 1);
        }
        worst
    }

    async fn write_for(pace: &Pace, duration: Duration, times: &mut Vec<Instant>) {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            pace.wait().await;
            while let Err(wait) = pace.window().admit(Instant::now()) {
                tokio::time::sleep(wait).await;
            }
            times.push(Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn keeps_the_pace_and_never_exceeds_it() {
        for (limit, least) in [(1.0, 59), (20.0, 1_185), (80.0, 4_740), (1_000.0, 58_500)] {
            let pace = Pace::new(limit);
            let mut times = Vec::new();
            write_for(&pace, Duration::from_mins(1), &mut times).await;
            assert!(times.len() >= least, "{limit}/s: {} in a minute", times.len());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
            let most = limit as usize;
            assert!(worst_window(&times) <= most, "{limit}/s: {} in a second", worst_window(&times));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_late_writers_is_stretched_by_the_window() {
        let pace = Pace::new(80.0);
        let mut times = Vec::new();
        // Eighty permits are handed out over a second while a connection hangs, and all want to write at once after it.
        for _ in 0..80 {
            pace.wait().await;
        }
        write_for(&pace, Duration::from_secs(3), &mut times).await;
        for _ in 0..80 {
            while let Err(wait) = pace.window().admit(Instant::now()) {
                tokio::time::sleep(wait).await;
            }
            times.push(Instant::now());
        }
        assert!(worst_window(&times) <= 80, "{}", worst_window(&times));
    }

    #[tokio::test(start_paused = true)]
    async fn lowering_the_limit_counts_what_was_written_before() {
        let pace = Pace::new(100.0);
        let mut times = Vec::new();
        write_for(&pace, Duration::from_secs(2), &mut times).await;
        pace.configure(10.0);
        let mut after = times.split_off(times.len() - 10);
        write_for(&pace, Duration::from_secs(3), &mut after).await;
        let waited = after[10].duration_since(after[0]);
        assert!(waited >= Duration::from_secs(1), "the eleventh came after {waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn slows_down_once_a_second_and_grows_back() {
        let pace = Pace::new(80.0);
        for _ in 0..10 {
            pace.slow_down(130_429, None, 80.0);
        }
        assert!((pace.allowed() - 40.0).abs() < 1e-9);
        assert_eq!(pace.slowed().map(|(code, ..)| code), Some(130_429));
        for _ in 0..100 {
            tokio::time::advance(Duration::from_secs(1)).await;
            pace.grow();
        }
        assert!((pace.allowed() - 80.0).abs() < 1e-9);
        assert_eq!(pace.slowed(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_nearly_used_up_slows_down_in_time() {
        let pace = Pace::new(80.0);
        pace.near_limit(Usage { percent: 94, code: 80_007 }, 80.0);
        assert_eq!(pace.slowed(), None);
        for _ in 0..40 {
            pace.near_limit(Usage { percent: 97, code: 80_007 }, 80.0);
            tokio::time::advance(Duration::from_millis(200)).await;
        }
        assert_eq!(pace.slowed(), Some((80_007, 40.0, None)), "once in ten seconds, and it does not stand still");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_the_api_named_is_kept() {
        let pace = Pace::new(80.0);
        pace.slow_down(80_007, Some(Duration::from_mins(1)), 80.0);
        assert_eq!(pace.slowed(), Some((80_007, 40.0, Some(Duration::from_mins(1)))));
        let start = Instant::now();
        pace.wait().await;
        assert!(start.elapsed() >= Duration::from_mins(1));
    }
}
