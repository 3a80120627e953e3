//! Webhooks about templates: a new status, quality or category, or new words. Applied to the stored templates at once, so
//! that nothing waits for the next sync, and to the broadcasts that go out with them.
//!
//! Tolerant like everything from outside: a field that is missing or new changes nothing else.

use crate::domain::account::Alert;
use crate::domain::receipt::News;
use crate::domain::template::{Button, Component, Template};
use crate::domain::time::{MINUTE, Millis, SECOND};
use crate::engine::Shared;
use crate::engine::templates::{self, Told};
use crate::store::{Store, StoreError};
use serde_json::Value;

const STATUS: &str = "message_template_status_update";

/// The kinds of webhooks that are read here.
pub(super) const FIELDS: [&str; 5] = [
    STATUS,
    "message_template_quality_update",
    "message_template_components_update",
    "template_category_update",
    "template_correct_category_detection",
];

/// The longest word or text that is taken over.
const LONGEST: usize = 4_096;
/// The longest of why a status changed.
const LONGEST_WHY: usize = 200;
/// A list may be so far behind what was told by a webhook.
const BEHIND_MS: i64 = MINUTE;
/// Buttons of one template.
const MOST_BUTTONS: usize = 10;

/// Applies one webhook.
pub(super) async fn apply(shared: &Shared, news: &News, received_at: Millis) -> Result<(), StoreError> {
    let field = news.field.as_str();
    let Some((name, language, value)) = read(&news.value) else {
        tracing::warn!(field, "a webhook about a template does not say which");
        return Ok(());
    };
    if let Some(words) = notice(&name, &language, &value) {
        super::account::alert(shared, Alert { at: received_at, critical: false, words }).await?;
    }
    let store = &shared.parts.store;
    let at = news.at.unwrap_or(received_at);
    if is_old(&**store, field, (&name, &language), at).await? {
        tracing::info!(field, name, language, "a webhook about a template came after newer word of it");
        return Ok(());
    }
    let changed = changed(&**store, field, (name, language), &value).await?;
    if field == "message_template_quality_update" && changed.quality == "RED" {
        tracing::warn!(template = %changed.key(), "people dislike this template: WhatsApp may pause it");
    }
    // Without a status there is nothing to follow.
    if changed.status.is_empty() {
        return Ok(());
    }
    let told = if field == STATUS { Told::Status(why(&value)) } else { Told::Other };
    for followed in templates::follow(&**store, std::slice::from_ref(&changed), told, shared.parts.clock.now()).await? {
        shared.note_act(followed.what, &followed.broadcast, followed.detail).await;
    }
    shared.bell.notify_one();
    Ok(())
}

/// Changes the stored template, and nothing of the others; how it stands then.
async fn changed(
    store: &dyn Store,
    field: &str,
    (name, language): (String, String),
    value: &Value,
) -> Result<Template, StoreError> {
    loop {
        let known = store.templates().await?.templates;
        let Some(before) = known.iter().find(|one| one.name == name && one.language == language) else {
            // Never synced: its status counts all the same for what goes out with it.
            let mut unknown = unknown(name, language);
            change(&mut unknown, field, value);
            return Ok(unknown);
        };
        let mut changed = before.clone();
        change(&mut changed, field, value);
        // Else a sync came between.
        if changed == *before || store.change_template(before, &changed).await? {
            let Template { status, quality, category, .. } = &changed;
            tracing::info!(template = %changed.key(), status, quality, category, "WhatsApp told of a template");
            return Ok(changed);
        }
    }
}

/// Whether something newer is known of a template: by a webhook of the same kind, or by a sync. Else it is the newest.
async fn is_old(
    store: &dyn Store,
    field: &str,
    (name, language): (&str, &str),
    at: Millis,
) -> Result<bool, StoreError> {
    let synced_at = store.templates().await?.synced_at;
    if synced_at.is_some_and(|synced_at| synced_at.since(at) > BEHIND_MS) {
        return Ok(true);
    }
    let key = format!("templates.told.{field}.{name}.{language}");
    let told_at = store.note(&key).await?.and_then(|text| text.parse().ok()).map(Millis);
    if told_at.is_some_and(|told_at| at < told_at) {
        return Ok(true);
    }
    store.put_note(&key, &at.0.to_string()).await?;
    Ok(false)
}

/// Why a status changed, in WhatsApp's words; empty: it does not say.
fn why(value: &Value) -> String {
    let title = value.get("other_info").and_then(|info| text(info, "title"));
    let rejected = value.get("rejection_info").and_then(|info| text(info, "reason"));
    let said = [title, text(value, "reason"), rejected].into_iter().flatten();
    let said: Vec<String> = said.filter(|word| word != "NONE").map(|word| plain(&word)).collect();
    said.join(", ")
}

/// Why it was rejected: WhatsApp's sentence if there is one, else its word.
fn rejected_reason(value: &Value) -> String {
    let sentence = value.get("rejection_info").and_then(|info| text(info, "reason"));
    let reason = sentence.or_else(|| text(value, "reason")).filter(|reason| reason != "NONE").unwrap_or_default();
    reason.chars().filter(|letter| !letter.is_control()).take(LONGEST_WHY).collect()
}

/// `FIRST_PAUSE` as people write it.
fn plain(word: &str) -> String {
    let word: String = word.chars().filter(|letter| !letter.is_control()).take(LONGEST_WHY).collect();
    let is_word = word.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    if is_word { word.to_lowercase().replace('_', " ") } else { word }
}

/// That WhatsApp is going to change a template's category, in words.
fn notice(name: &str, language: &str, value: &Value) -> Option<String> {
    let correct = word(value, "correct_category")?;
    let now = word(value, "new_category").or_else(|| word(value, "category"));
    let at =
        value.get("category_update_timestamp").and_then(Value::as_i64).filter(|at| (1..=32_503_680_000).contains(at));
    let from = at.map(|at| format!(" from {}", Millis(at * SECOND).rfc3339())).unwrap_or_default();
    (now.as_ref() != Some(&correct)).then(|| {
        let correct = correct.to_lowercase();
        format!("the template {name} / {language} is to be {correct}{from}: look at what goes out with it after that")
    })
}

fn unknown(name: String, language: String) -> Template {
    Template { name, language, ..Template::default() }
}

/// Name, language (with `_`), and all of it.
fn read(value: &str) -> Option<(String, String, Value)> {
    let value: Value = serde_json::from_str(value).ok()?;
    let name = text(&value, "message_template_name")?;
    let language = text(&value, "message_template_language")?.replace('-', "_");
    Some((name, language, value))
}

fn text(value: &Value, key: &str) -> Option<String> {
    let text = value.get(key)?.as_str()?;
    (!text.is_empty() && text.len() <= LONGEST).then(|| text.to_owned())
}

fn word(value: &Value, key: &str) -> Option<String> {
    text(value, key).map(|word| word.to_ascii_uppercase())
}

fn change(template: &mut Template, field: &str, value: &Value) {
    match field {
        STATUS => {
            if let Some(event) = word(value, "event") {
                template.rejected_reason = if event == "REJECTED" { rejected_reason(value) } else { String::new() };
                template.status = status(event);
            }
        }
        "message_template_quality_update" => {
            template.quality = word(value, "new_quality_score").unwrap_or(std::mem::take(&mut template.quality));
        }
        "template_category_update" => {
            // A notice names what it will be as `correct_category`; `new_category` is what it is now.
            template.category = word(value, "new_category").unwrap_or(std::mem::take(&mut template.category));
        }
        "message_template_components_update" => change_words(template, value),
        _ => {}
    }
}

/// An event as the status that the listing shows.
fn status(event: String) -> String {
    match event.as_str() {
        "REINSTATED" | "UNARCHIVED" => "APPROVED".to_owned(),
        _ => event,
    }
}

fn change_words(template: &mut Template, value: &Value) {
    for (key, kind) in [
        ("message_template_title", "HEADER"),
        ("message_template_element", "BODY"),
        ("message_template_footer", "FOOTER"),
    ] {
        let component =
            template.components.iter_mut().find(|one| one.kind == kind && (kind != "HEADER" || is_text(one)));
        if let (Some(component), Some(text)) = (component, text(value, key)) {
            component.text = Some(text);
        }
    }
    let Some(told) = value.get("message_template_buttons").and_then(Value::as_array) else { return };
    let button = |told: &Value| {
        Some(Button {
            kind: word(told, "message_template_button_type")?,
            text: text(told, "message_template_button_text").unwrap_or_default(),
            url: text(told, "message_template_button_url"),
        })
    };
    let buttons: Option<Vec<Button>> = told.iter().take(MOST_BUTTONS).map(button).collect();
    let component = template.components.iter_mut().find(|one| one.kind == "BUTTONS");
    if let (Some(component), Some(buttons)) = (component, buttons) {
        component.buttons = buttons;
    }
}

fn is_text(header: &Component) -> bool {
    header.format.as_deref().is_none_or(|format| format == "TEXT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changed(field: &str, value: &Value) -> Template {
        let mut template: Template = serde_json::from_value(json!({
            "name": "offer", "language": "en_US", "status": "APPROVED", "category": "UTILITY", "quality": "GREEN",
            "components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hi {{1}}"},
                {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Stop"}]}],
        }))
        .unwrap();
        change(&mut template, field, value);
        template
    }

    #[test]
    fn each_kind_changes_its_own_part() {
        for (event, status) in [("PAUSED", "PAUSED"), ("REINSTATED", "APPROVED"), ("SOMETHING_NEW", "SOMETHING_NEW")] {
            assert_eq!(changed("message_template_status_update", &json!({"event": event})).status, status);
        }
        let rejected = changed(STATUS, &json!({"event": "REJECTED", "reason": "INVALID_FORMAT"}));
        assert_eq!(rejected.status_words(), "rejected: invalid format");
        let mut rejected = rejected;
        change(&mut rejected, STATUS, &json!({"event": "APPROVED", "reason": "NONE"}));
        assert_eq!(rejected.rejected_reason, "");
        let quality = changed("message_template_quality_update", &json!({"new_quality_score": "red"}));
        assert_eq!((quality.quality.as_str(), quality.status.as_str()), ("RED", "APPROVED"));
        let notice = json!({"new_category": "UTILITY", "correct_category": "MARKETING"});
        assert_eq!(changed("template_category_update", &notice).category, "UTILITY");
        let done = json!({"new_category": "MARKETING", "previous_category": "UTILITY"});
        assert_eq!(changed("template_category_update", &done).category, "MARKETING");
        let words = json!({"message_template_title": "no picture", "message_template_element": "Hello {{1}}",
            "message_template_buttons": [{"message_template_button_type": "URL", "message_template_button_text": "Go",
                "message_template_button_url": "https://example.com"}]});
        let words = changed("message_template_components_update", &words);
        assert_eq!(words.components[0].text, None);
        assert_eq!(words.components[1].text.as_deref(), Some("Hello {{1}}"));
        assert_eq!(words.components[2].buttons[0].url.as_deref(), Some("https://example.com"));
    }

    #[test]
    fn why_a_status_changed_is_told_in_words() {
        for (value, words) in [
            (json!({"reason": "NONE", "other_info": {"title": "FIRST_PAUSE"}}), "first pause"),
            (
                json!({"reason": "INVALID_FORMAT", "rejection_info": {"reason": "Too many line breaks."}}),
                "invalid format, Too many line breaks.",
            ),
            (json!({"reason": 7, "other_info": []}), ""),
        ] {
            assert_eq!(why(&value), words);
        }
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        for field in FIELDS {
            for value in [json!({}), json!({"event": 7, "new_category": "", "new_quality_score": null})] {
                assert_eq!(changed(field, &value), changed("", &value), "{field} {value}");
            }
        }
        assert!(read("[]").is_none() && read("{").is_none());
        assert!(read(r#"{"message_template_name":"a"}"#).is_none());
        let (name, language, _) = read(r#"{"message_template_name":"a","message_template_language":"en-US"}"#).unwrap();
        assert_eq!((name.as_str(), language.as_str()), ("a", "en_US"));
    }
}
