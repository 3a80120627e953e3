//! A test aid: a debug build kills itself at a named point when it is told to, so that tests can see what each
//! crash leaves behind. A release build has nothing of it.
//!
//! `WACAST_DIE_AT=after_intent:3` ends the process with SIGKILL when it passes `after_intent` the third time: no
//! unwinding, no clean-up, nothing flushed, as by the kernel's out-of-memory killer. Called by the engine and the stores.

/// Passes a point; the process may end here.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static PLAN: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let plan = std::env::var("WACAST_DIE_AT").ok()?;
        let (point, passing) = plan.split_once(':').unwrap_or((&plan, "1"));
        Some((point.to_owned(), passing.parse().ok()?))
    });
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Some((point, passing)) = PLAN.as_ref() else { return };
    if point == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *passing {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more happens in this task.
        loop {
            std::thread::park();
        }
    }
}

/// Passes a point.
#[cfg(not(debug_assertions))]
pub(crate) const fn point(_name: &str) {}
