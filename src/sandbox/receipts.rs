//! Makes receipts and delivers them to the webhook, signed, several in one call, again until it answers 200.
//!
//! One task delivers. What waits is bounded; what does not fit is dropped and counted.

use super::ledger::LedgerRow;
use super::numbers::{Fate, mixed, share};
use super::settings::Settings;
use super::sign;
use super::state::Shared;
use crate::cloud_api::WebhookSender;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The most receipts that wait: about 96 MB.
const MOST_WAITING: usize = 4_000_000;
/// The most bodies about other things that wait.
const MOST_NEWS: usize = 1_000;
/// Receipts of this stretch of time go into the same calls.
const TICK: Duration = Duration::from_millis(25);
/// The waits after a call that was not answered 200.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// A receipt that comes twice comes again after this.
const AGAIN_AFTER_US: u64 = 300_000;

/// What a receipt says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Sent,
    Delivered,
    Read,
    Failed(u32),
}

/// A receipt to come: when, for which row of the ledger, what.
type Due = Reverse<(u64, u32, Kind)>;

/// The receipts that wait for their time.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<BinaryHeap<Due>>,
    /// Whole bodies about something else, to be sent first.
    news: Mutex<VecDeque<String>>,
    dropped: AtomicU64,
    changed: Notify,
}

impl Outbox {
    fn waiting(&self) -> MutexGuard<'_, BinaryHeap<Due>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Takes a body that is not about messages; whether there was room.
    pub(super) fn push_news(&self, body: String) -> bool {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = news.len() < MOST_NEWS;
        if fits {
            news.push_back(body);
        }
        drop(news);
        self.wake();
        fits
    }

    fn next_news(&self) -> Option<String> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// How many did not fit.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Settings changed, or the end has come.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Plans the receipts of a message that was just taken.
    pub(super) fn schedule(&self, settings: &Settings, seed: u64, row: usize, now_us: u64, fate: Fate) {
        if settings.webhook_url.is_none() {
            return;
        }
        let us = |ms: u32| u64::from(ms) * 1_000;
        let sent = now_us + us(settings.sent_after_ms);
        let delivered = sent + us(settings.delivered_after_ms);
        let read = delivered + us(settings.read_after_ms);
        let failed = |code: i64| Kind::Failed(u32::try_from(code).unwrap_or(0));
        let receipts = match fate {
            Fate::Failed(code) => [Some((sent, failed(code))), None, None],
            Fate::Read => [Some((sent, Kind::Sent)), Some((delivered, Kind::Delivered)), Some((read, Kind::Read))],
            // Taken though something broke: it arrives like any other.
            Fate::Delivered | Fate::Broken(_) => [Some((sent, Kind::Sent)), Some((delivered, Kind::Delivered)), None],
            Fate::Sent | Fate::Refused(_) => [Some((sent, Kind::Sent)), None, None],
        };
        let row_number = u32::try_from(row).unwrap_or(u32::MAX);
        let mut waiting = self.waiting();
        for (place, (due_us, kind)) in receipts.into_iter().flatten().enumerate() {
            let chance = seed ^ (place as u64 + 1) << 56;
            if settings.receipts_lost > 0.0 && share(chance, row as u64) < settings.receipts_lost {
                continue;
            }
            let late = match us(settings.receipt_shuffle_ms) {
                0 => 0,
                most => mixed(chance, !(row as u64)) % most,
            };
            let again = settings.receipts_doubled > 0.0 && share(!chance, row as u64) < settings.receipts_doubled;
            for due_us in [Some(due_us + late), again.then_some(due_us + late + AGAIN_AFTER_US)].into_iter().flatten() {
                if waiting.len() < MOST_WAITING {
                    waiting.push(Reverse((due_us, row_number, kind)));
                } else {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Takes what is due, up to so many.
    fn due(&self, now_us: u64, most: usize) -> Vec<(u64, u32, Kind)> {
        let mut waiting = self.waiting();
        let mut due = Vec::new();
        while due.len() < most && waiting.peek().is_some_and(|Reverse(next)| next.0 <= now_us) {
            due.extend(waiting.pop().map(|Reverse(next)| next));
        }
        due
    }

    /// When the next one is due.
    fn next_us(&self) -> Option<u64> {
        self.waiting().peek().map(|Reverse(next)| next.0)
    }
}

/// Delivers until the sandbox stops.
pub(super) async fn deliver(shared: Arc<Shared>) {
    let mut webhook: Option<(String, WebhookSender)> = None;
    while !shared.stop.is_cancelled() {
        let settings = shared.settings.load_full();
        if webhook.as_ref().map(|(url, _)| url) != settings.webhook_url.as_ref() {
            webhook = settings.webhook_url.as_ref().and_then(|url| match WebhookSender::new(url) {
                Ok(sender) => Some((url.clone(), sender)),
                Err(error) => {
                    tracing::warn!(%error, "the sandbox cannot send receipts to this address");
                    None
                }
            });
        }
        if let (Some((_, sender)), false) = (&webhook, settings.receipts_paused)
            && let Some(body) = shared.outbox.next_news()
        {
            let signature = sign(shared.app_secret.expose_secret(), body.as_bytes());
            post(&shared, sender, body.into(), &signature).await;
            continue;
        }
        let now_us = shared.now_us();
        let next_us = shared.outbox.next_us();
        let (Some((_, sender)), Some(next_us), false) = (&webhook, next_us, settings.receipts_paused) else {
            pause(&shared, if next_us.is_some() { Duration::from_millis(200) } else { TICK }).await;
            continue;
        };
        if next_us > now_us {
            pause(&shared, TICK.min(Duration::from_micros(next_us - now_us))).await;
            continue;
        }
        let due = shared.outbox.due(now_us, settings.receipts_per_post);
        let body = body(&shared, &due);
        let signature = sign(shared.app_secret.expose_secret(), &body);
        post(&shared, sender, body.into(), &signature).await;
        if due.len() < settings.receipts_per_post {
            // Let some more come due, so that they share the next call.
            pause(&shared, TICK).await;
        }
    }
}

/// Posts one body until it is answered 200, the webhook's address changes, or the sandbox stops.
pub(super) async fn post(shared: &Shared, sender: &WebhookSender, body: bytes::Bytes, signature: &str) {
    let url = shared.settings.load().webhook_url.clone();
    let mut backoff = FIRST_BACKOFF;
    loop {
        let answer = tokio::select! {
            answer = sender.post(body.clone(), signature) => answer,
            () = shared.stop.cancelled() => return,
        };
        match answer {
            Ok(200) => return,
            Ok(status) => tracing::debug!(status, "the webhook did not take receipts; they are sent again"),
            Err(error) => tracing::debug!(error, "the webhook did not answer; receipts are sent again"),
        }
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            () = shared.stop.cancelled() => return,
        }
        if shared.settings.load().webhook_url != url {
            return;
        }
        backoff = (backoff * 2).min(LONGEST_BACKOFF);
    }
}

async fn pause(shared: &Shared, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = shared.outbox.changed.notified() => {}
        () = shared.stop.cancelled() => {}
    }
}

/// One webhook call for some receipts: a change for each sender among them.
fn body(shared: &Shared, due: &[(u64, u32, Kind)]) -> Vec<u8> {
    let mut by_sender: BTreeMap<String, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    let mut displays = BTreeMap::new();
    let core = shared.core();
    for (due_us, row, kind) in due {
        let Some(row) = core.ledger.row(*row as usize) else { continue };
        let category = core.samples.iter().find(|sample| sample.key == row.template);
        let category = category.map_or("utility".into(), |sample| sample.template.category.to_lowercase());
        let (contacts, statuses) = by_sender.entry(row.sender.clone()).or_default();
        if !matches!(kind, Kind::Failed(_)) {
            contacts.push(json!({"wa_id": row.to.trim_start_matches('+')}));
        }
        statuses.push(status(shared, *due_us, &row, *kind, &category));
    }
    for sender in &core.senders {
        displays.insert(sender.id.clone(), digits(&sender.profile.display_phone_number));
    }
    drop(core);
    let changes: Vec<Value> = by_sender
        .into_iter()
        .map(|(sender, (contacts, statuses))| {
            let display = displays.get(&sender).cloned().unwrap_or_default();
            let mut value = json!({
                "messaging_product": "whatsapp",
                "metadata": {"display_phone_number": display, "phone_number_id": sender},
                "statuses": statuses,
            });
            if !contacts.is_empty() {
                value["contacts"] = contacts.into();
            }
            json!({"field": "messages", "value": value})
        })
        .collect();
    let account = &shared.business_account_id;
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": account, "changes": changes}]});
    body.to_string().into_bytes()
}

fn status(shared: &Shared, due_us: u64, row: &LedgerRow, kind: Kind, category: &str) -> Value {
    let word = match kind {
        Kind::Sent => "sent",
        Kind::Delivered => "delivered",
        Kind::Read => "read",
        Kind::Failed(_) => "failed",
    };
    let mut status = json!({
        "id": row.wamid, "status": word, "timestamp": (due_us / 1_000_000).to_string(),
        "recipient_id": row.to.trim_start_matches('+'),
    });
    if !row.opaque.is_empty() && !shared.settings.load().receipts_without_id {
        status["biz_opaque_callback_data"] = row.opaque.as_str().into();
    }
    match kind {
        Kind::Sent | Kind::Delivered => {
            status["pricing"] = pricing(row, category);
        }
        Kind::Failed(code) => {
            let title = &shared.policy.rule_for(i64::from(code), None, None, false).title;
            status["errors"] = json!([{"code": code, "title": title, "message": title,
                "error_data": {"details": format!("provoked in the sandbox: {title}")},
                "href": "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"}]);
        }
        Kind::Read => {}
    }
    status
}

/// What a message costs: a utility template is free for whoever wrote in the 24 hours before.
fn pricing(row: &LedgerRow, category: &str) -> Value {
    let free = row.in_window && category == "utility";
    let kind = if free { "free_customer_service" } else { "regular" };
    let category = if row.lite { "marketing_lite" } else { category };
    json!({"billable": !free, "pricing_model": "PMP", "type": kind, "category": category})
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_utility_template_is_free_for_whoever_wrote() {
        let row = |in_window, lite| LedgerRow {
            place: 0,
            at_us: 7,
            sender: "1".to_owned(),
            to: "+15550100111".to_owned(),
            template: "hello / en_US".to_owned(),
            opaque: String::new(),
            wamid: "wamid.1".to_owned(),
            in_window,
            lite,
        };
        let told = |row: &LedgerRow, category| {
            let pricing = pricing(row, category);
            let word = |key: &str| pricing[key].as_str().unwrap_or_default().to_owned();
            (word("category"), word("type"), pricing["billable"] == true)
        };
        let of = |category: &str, kind: &str, billed| (category.to_owned(), kind.to_owned(), billed);
        assert_eq!(told(&row(false, false), "utility"), of("utility", "regular", true));
        assert_eq!(told(&row(true, false), "utility"), of("utility", "free_customer_service", false));
        assert_eq!(told(&row(true, false), "marketing"), of("marketing", "regular", true));
        assert_eq!(told(&row(true, true), "marketing"), of("marketing_lite", "regular", true));
    }
}
