//! Looks after the access token while a process runs: at the start and daily how it stands (renewing it in time), every
//! second whether a newer one lies in its file.

use crate::domain::time::Millis;
use crate::service::Service;
use crate::service::token;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks into the files.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two questions how it stands; sooner when there was no answer.
const ASK_EVERY_MS: i64 = crate::domain::time::DAY;
const ASK_AGAIN_MS: i64 = 10 * crate::domain::time::MINUTE;

/// Runs until told to stop.
pub(super) async fn keep(service: Service, stop: CancellationToken) {
    if service.settings().sender.is_empty() {
        // Nothing is configured to send with, so there is no token.
        return stop.cancelled().await;
    }
    let mut ask_at = Millis(0);
    loop {
        if service.now() >= ask_at {
            ask_at = service.now().plus(if ask(&service).await { ASK_EVERY_MS } else { ASK_AGAIN_MS });
        }
        if let Err(error) = service.look_for_token().await {
            tracing::warn!("a new access token was not taken up wholly: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Whether there was an answer.
async fn ask(service: &Service) -> bool {
    match service.look_at_token().await {
        Ok(standing) => {
            let words = token::words(&standing, service.now());
            let soon = standing.days_left(service.now()).is_some_and(|days| days < token::RENEW_DAYS);
            if soon || !standing.trouble.is_empty() {
                tracing::warn!("access token: {words}");
            } else {
                tracing::info!("access token: {words}");
            }
            true
        }
        Err(error) => {
            tracing::warn!("how the access token stands could not be asked: {error}");
            false
        }
    }
}
