//! What every long-running face does once at its start: asks how the sender stands, and fetches the templates.

use crate::service::Service;
use std::time::Duration;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Says how the sender stands as soon as WhatsApp answers, and fetches the templates once.
pub async fn first_look(service: Service) {
    let mut pause = Duration::from_secs(1);
    loop {
        match service.sender().await.map(|known| (known.trouble, known.info)) {
            Ok((None, info)) => {
                tracing::info!(
                    name = info.verified_name,
                    number = info.display_phone_number,
                    quality = info.quality_rating,
                    can_send = info.can_send_message,
                    "WhatsApp knows the sender"
                );
                break;
            }
            Ok((Some(trouble), _)) => tracing::warn!("{trouble}; asking again in {} s", pause.as_secs()),
            Err(error) => tracing::warn!("{error}; asking again in {} s", pause.as_secs()),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    match service.sync_templates().await {
        Ok(synced) => tracing::info!(templates = synced.templates.len(), "templates are synced"),
        Err(error) => tracing::warn!("templates are not synced: {error}"),
    }
}
