//! A test aid: a debug build kills itself, or panics, at a named point when it is told to, so that tests can see what
//! each crash leaves behind and what a fault in one part does to the others. A release build has nothing of it.
//!
//! `WACAST_DIE_AT=after_intent:3` ends the process with SIGKILL when it passes `after_intent` the third time: no
//! unwinding, no clean-up, nothing flushed, as by the kernel's out-of-memory killer. `WACAST_PANIC_AT=before_send:3`
//! panics there instead, in whatever thread passes it. Called by the engine, the stores and the console.

#[cfg(debug_assertions)]
mod plan {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What is to happen where, and when: at the so-manyth passing of a point.
    pub(super) struct Plan {
        point: String,
        passing: u64,
        passed: AtomicU64,
    }

    impl Plan {
        /// From a variable like `after_intent:3`.
        pub(super) fn of(variable: &str) -> Option<Self> {
            let plan = std::env::var(variable).ok()?;
            let (point, passing) = plan.split_once(':').unwrap_or((&plan, "1"));
            Some(Self { point: point.to_owned(), passing: passing.parse().ok()?, passed: AtomicU64::new(0) })
        }

        /// Passes a point; `true`: it happens now.
        pub(super) fn is_due(&self, point: &str) -> bool {
            self.point == point && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.passing
        }
    }
}

/// Passes a point; the process may end here, or this thread panic.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &str) {
    use plan::Plan;
    use std::sync::LazyLock;
    static DIE: LazyLock<Option<Plan>> = LazyLock::new(|| Plan::of("WACAST_DIE_AT"));
    static PANIC: LazyLock<Option<Plan>> = LazyLock::new(|| Plan::of("WACAST_PANIC_AT"));
    if DIE.as_ref().is_some_and(|plan| plan.is_due(name)) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more happens in this task.
        loop {
            std::thread::park();
        }
    }
    assert!(!PANIC.as_ref().is_some_and(|plan| plan.is_due(name)), "told to panic at {name}");
}

/// Passes a point.
#[cfg(not(debug_assertions))]
pub(crate) const fn point(_name: &str) {}
