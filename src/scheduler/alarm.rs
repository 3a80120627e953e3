//! tokio-cron-scheduler as an alarm clock: one job, every second, UTC. Only [`super`] uses it.
//!
//! The job does nothing but ring; a full channel means that a ring is waiting already. Its repeated jobs die when a process
//! is stopped for longer than a period, so this is a cron job, and the scheduler's watchdog does not rely on it either.

use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

const EVERY_SECOND: &str = "* * * * * *";

/// A running alarm clock, or none when it could not be set up: then the watchdog ticks.
pub(super) struct Alarm(Option<JobScheduler>);

impl Alarm {
    pub(super) async fn start(ring: mpsc::Sender<()>) -> Self {
        match set_up(ring).await {
            Ok(scheduler) => Self(Some(scheduler)),
            Err(error) => {
                tracing::error!(%error, "the alarm clock does not start: looking without it");
                Self(None)
            }
        }
    }

    pub(super) async fn stop(self) {
        if let Some(mut scheduler) = self.0
            && let Err(error) = scheduler.shutdown().await
        {
            tracing::warn!(%error, "the alarm clock did not stop");
        }
    }
}

async fn set_up(ring: mpsc::Sender<()>) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let job = Job::new(EVERY_SECOND, move |_, _| {
        // Full: a tick is waiting already. Closed: the scheduler is stopping.
        let _ = ring.try_send(());
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok(scheduler)
}
