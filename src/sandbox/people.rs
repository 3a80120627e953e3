//! People who write to the business: messages, button replies, and marketing stopped or resumed in WhatsApp's settings,
//! delivered to the webhook as Meta does, signed like receipts.
//!
//! Only what somebody asks for by a control call or the handle; nobody here writes by themselves.

use super::SandboxError;
use super::receipts::post;
use super::sign;
use super::state::Shared;
use crate::cloud_api::WebhookSender;
use crate::domain::phone::Phone;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the webhook may take until it has taken it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes ids of messages unlike each other.
static SAID: AtomicU64 = AtomicU64::new(1);

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Writes `text`.
    #[default]
    Message,
    /// Taps a template's quick reply with `payload` and `text`.
    Button,
    /// Chooses a row of a list with `payload` and `text`.
    ListReply,
    /// Stops marketing in WhatsApp's settings.
    Stop,
    /// Resumes it there.
    Resume,
}

/// Somebody who writes to the business.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inbound {
    /// What they do.
    pub deed: Deed,
    /// Their phone, digits with the country code; empty: hidden.
    pub from: String,
    /// WhatsApp's id of the user; empty: not told.
    pub user_id: String,
    /// The text, or what stands on the button.
    pub text: String,
    /// The button's payload.
    pub payload: String,
    /// Somebody else answers the thread, so it comes in the field `standby`.
    pub standby: bool,
    /// When, in seconds since 1970; 0: now.
    pub at_s: u64,
}

/// Delivers it; returns when the webhook has taken it.
pub(super) async fn say(shared: &Shared, inbound: &Inbound) -> Result<(), SandboxError> {
    let refused = |words: String| SandboxError::Refused(words);
    let url = shared.settings.load().webhook_url.clone().ok_or_else(|| refused("no webhook_url is set".to_owned()))?;
    let webhook = WebhookSender::new(&url).map_err(|error| refused(error.to_string()))?;
    let said = !matches!(inbound.deed, Deed::Stop | Deed::Resume);
    let phone = inbound.from.trim_start_matches('+').parse().ok().and_then(|digits| Phone::from_digits(digits).ok());
    if let Some(phone) = phone.filter(|_| said) {
        shared.spoke(phone, at_s(shared, inbound).saturating_mul(1_000_000));
    }
    let body = body(shared, inbound).to_string().into_bytes();
    let signature = sign(shared.app_secret.expose_secret(), &body);
    let posted = tokio::time::timeout(PATIENCE, post(shared, &webhook, body.into(), &signature)).await;
    posted.map_err(|_| refused("the webhook did not take it".to_owned()))
}

/// When it was said, in seconds since 1970.
fn at_s(shared: &Shared, inbound: &Inbound) -> u64 {
    if inbound.at_s == 0 { shared.now_us() / 1_000_000 } else { inbound.at_s }
}

fn body(shared: &Shared, inbound: &Inbound) -> Value {
    let some = |text: &str| (!text.is_empty()).then(|| Value::from(text.trim_start_matches('+')));
    let at_s = at_s(shared, inbound);
    let sender = shared.core().senders.first().map(|sender| sender.id.clone()).unwrap_or_default();
    let mut contact = json!({"profile": {"name": "Somebody"}});
    // What Meta leaves out is not there; it is not null.
    let person = |object: &mut Value, phone: &str, user: &str| {
        for (key, value) in [(phone, some(&inbound.from)), (user, some(&inbound.user_id))] {
            if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
                object.insert(key.to_owned(), value);
            }
        }
    };
    person(&mut contact, "wa_id", "user_id");
    let mut value =
        json!({"messaging_product": "whatsapp", "metadata": {"phone_number_id": sender}, "contacts": [contact]});
    let field = match inbound.deed {
        Deed::Stop | Deed::Resume => {
            let word = if inbound.deed == Deed::Stop { "stop" } else { "resume" };
            let mut preference = json!({"detail": "User requested it", "category": "marketing_messages", "value": word,
                "timestamp": at_s});
            person(&mut preference, "wa_id", "user_id");
            value["user_preferences"] = json!([preference]);
            "user_preferences"
        }
        deed => {
            let id = format!("wamid.SBXIN{:016X}{:08X}", shared.now_us(), SAID.fetch_add(1, Ordering::Relaxed));
            let mut message = json!({"id": id, "timestamp": at_s.to_string()});
            person(&mut message, "from", "from_user_id");
            let (payload, text) = (&inbound.payload, &inbound.text);
            let (kind, content) = match deed {
                Deed::Button => ("button", json!({"payload": payload, "text": text})),
                Deed::ListReply => {
                    ("interactive", json!({"type": "list_reply", "list_reply": {"id": payload, "title": text}}))
                }
                _ => ("text", json!({"body": text})),
            };
            message["type"] = kind.into();
            message[kind] = content;
            value["messages"] = json!([message]);
            if inbound.standby { "standby" } else { "messages" }
        }
    };
    json!({"object": "whatsapp_business_account", "entry": [{"id": shared.business_account_id,
        "changes": [{"field": field, "value": value}]}]})
}
