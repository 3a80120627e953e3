//! The sandbox's sample templates, and their listing in pages.

use crate::domain::template::{Component, Part, Slot, Template, parts};
use serde_json::{Value, json};

/// A template with what the checks need of it.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) template: Template,
    /// `name / language`, as the ledger writes it.
    pub(super) key: String,
    /// What a message must fill; `None` where wacast does not know, and then anything goes.
    pub(super) slots: Option<Vec<Slot>>,
    /// Letters of the body without its variables.
    pub(super) body_letters: usize,
}

impl Sample {
    pub(super) fn new(template: Template) -> Self {
        let is_body = |one: &&Component| one.kind.eq_ignore_ascii_case("BODY");
        let body = template.components.iter().find(is_body).and_then(|body| body.text.as_deref());
        let letters = |part: Part<'_>| if let Part::Fixed(text) = part { text.chars().count() } else { 0 };
        let body_letters = parts(body.unwrap_or_default()).into_iter().map(letters).sum();
        Self { key: template.key().to_string(), slots: template.slots().ok(), template, body_letters }
    }
}

/// The samples: every kind of variable, both parameter formats, the states that stop a broadcast, two languages.
pub(super) fn samples() -> Vec<Template> {
    let samples = json!([
        {"id": "9001", "name": "hello", "language": "en_US", "status": "APPROVED", "category": "UTILITY", "quality": "GREEN",
         "parameter_format": "POSITIONAL", "components": [
            {"type": "BODY", "text": "Hello! This is a message without variables."},
            {"type": "FOOTER", "text": "Sent from the wacast sandbox"}]},
        {"id": "9002", "name": "order_update", "language": "en_US", "status": "APPROVED", "category": "UTILITY",
         "sub_category": "ORDER_STATUS", "quality": "GREEN", "parameter_format": "POSITIONAL", "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Order update"},
            {"type": "BODY", "text": "Hi {{1}}, your order is on its way."}]},
        {"id": "9003", "name": "diwali_offer", "language": "en_US", "status": "APPROVED", "category": "MARKETING",
         "quality": "GREEN", "parameter_format": "NAMED", "components": [
            {"type": "HEADER", "format": "TEXT", "text": "A light for you, {{first_name}}"},
            {"type": "BODY", "text": "Take {{discount}} off everything until Sunday. Happy Diwali!"},
            {"type": "FOOTER", "text": "Reply STOP to end"},
            {"type": "BUTTONS", "buttons": [
                {"type": "URL", "text": "Shop now", "url": "https://shop.example.com/{{1}}"},
                {"type": "QUICK_REPLY", "text": "Stop"}]}]},
        {"id": "9004", "name": "new_arrivals", "language": "en_US", "status": "APPROVED", "category": "MARKETING",
         "quality": "YELLOW", "parameter_format": "NAMED", "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hi {{name}}, see what is new this week."},
            {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "text": "Copy offer code"}]}]},
        {"id": "9005", "name": "order_update", "language": "hi", "status": "APPROVED", "category": "UTILITY",
         "quality": "GREEN", "parameter_format": "POSITIONAL", "components": [
            {"type": "BODY", "text": "नमस्ते {{1}}, आपका ऑर्डर रास्ते में है।"}]},
        {"id": "9006", "name": "summer_sale", "language": "en_US", "status": "PAUSED", "category": "MARKETING",
         "quality": "RED", "parameter_format": "POSITIONAL", "components": [
            {"type": "BODY", "text": "Hi {{1}}, the summer sale ends tonight."}]},
        {"id": "9007", "name": "loyalty_points", "language": "en_US", "status": "PENDING", "category": "MARKETING",
         "quality": "UNKNOWN", "parameter_format": "POSITIONAL", "components": [
            {"type": "BODY", "text": "Hi {{1}}, you have {{2}} points."}]},
        {"id": "9008", "name": "login_code", "language": "en_US", "status": "APPROVED", "category": "AUTHENTICATION",
         "quality": "GREEN", "parameter_format": "POSITIONAL", "components": [
            {"type": "BODY", "text": "{{1}} is your code."},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "text": "Copy code"}]}]},
        {"id": "9009", "name": "store_opening", "language": "en_US", "status": "APPROVED", "category": "MARKETING",
         "quality": "GREEN", "parameter_format": "NAMED", "components": [
            {"type": "HEADER", "format": "LOCATION"},
            {"type": "BODY", "text": "Hi {{first_name}}, our new store opens on {{day}}."}]},
        {"id": "9010", "name": "price_list", "language": "en_US", "status": "APPROVED", "category": "UTILITY",
         "quality": "GREEN", "parameter_format": "POSITIONAL", "components": [
            {"type": "HEADER", "format": "DOCUMENT"},
            {"type": "BODY", "text": "Hi {{1}}, here is our new price list."}]},
    ]);
    serde_json::from_value(samples).expect("the samples are read by a test")
}

/// The place in a listing is not one of ours.
pub(super) struct DeadCursor;

/// One page of the listing as Meta writes it. Cursors are opaque to callers; ours hold a place.
pub(super) fn page(samples: &[Sample], after: Option<&str>, limit: usize, url: &str) -> Result<Value, DeadCursor> {
    let start = match after {
        None => 0,
        Some(after) => after.strip_prefix("SBX").and_then(|place| place.parse().ok()).ok_or(DeadCursor)?,
    };
    if start > samples.len() {
        return Err(DeadCursor);
    }
    let end = start.saturating_add(limit).min(samples.len());
    let data: Vec<Value> = samples[start..end].iter().map(|sample| as_meta_has_it(&sample.template)).collect();
    let mut paging = json!({"cursors": {"before": format!("SBX{start}"), "after": format!("SBX{end}")}});
    if end < samples.len() {
        paging["next"] = json!(format!("{url}?limit={limit}&after=SBX{end}"));
    }
    Ok(json!({"data": data, "paging": paging}))
}

fn as_meta_has_it(template: &Template) -> Value {
    let rejected_reason = if template.rejected_reason.is_empty() { "NONE" } else { &template.rejected_reason };
    let mut listed = json!({
        "id": template.id, "name": template.name, "language": template.language, "status": template.status,
        "category": template.category, "rejected_reason": rejected_reason, "parameter_format": template.parameter_format,
        "quality_score": {"score": template.quality, "date": 1_790_000_000}, "components": template.components,
    });
    if !template.sub_category.is_empty() {
        listed["sub_category"] = template.sub_category.as_str().into();
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_cover_what_templates_can_be() {
        let samples: Vec<Sample> = samples().into_iter().map(Sample::new).collect();
        let slots = |key: &str| -> Vec<String> {
            let sample = samples.iter().find(|sample| sample.key == key).unwrap();
            sample.slots.as_ref().unwrap().iter().map(|slot| slot.name.clone()).collect()
        };
        assert!(slots("hello / en_US").is_empty());
        assert_eq!(slots("order_update / hi"), ["1"]);
        assert_eq!(slots("diwali_offer / en_US"), ["first_name", "discount", "button.0"]);
        assert_eq!(slots("new_arrivals / en_US"), ["header.link", "name", "button.0"]);
        assert_eq!(slots("login_code / en_US"), ["1"]);
        assert_eq!(slots("store_opening / en_US")[4..], ["first_name", "day"]);
        let keys: std::collections::HashSet<_> = samples.iter().map(|sample| &sample.key).collect();
        assert_eq!(keys.len(), samples.len());
    }
}
