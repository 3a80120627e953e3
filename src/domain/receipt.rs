//! Receipts as they come to the webhook: statuses of messages, read tolerantly.
//!
//! One malformed status among a thousand spoils none of the others; fields that Meta leaves out or adds
//! break nothing. What else an event holds (inbound messages, templates, the account) is handed on unread as [`News`].

use super::attempt_id::AttemptId;
use super::opt_out::{Who, inbound};
use super::pricing::{Mark, Pricing};
use super::state::RecipientState;
use super::time::{Millis, SECOND};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Statuses of one body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statuses {
    /// Those that could be read, in their order.
    pub events: Vec<StatusEvent>,
    /// How many could not.
    pub malformed: usize,
    /// What else the body tells, in its order.
    pub news: Vec<News>,
}

/// A part of a webhook body that is not about the status of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The WhatsApp Business account that it is about.
    pub account: String,
    /// Which kind: `messages`, `user_preferences`, `message_template_status_update`, `account_update` …
    pub field: String,
    /// The kind's own JSON, as it came. Bounded by the body.
    pub value: String,
    /// When it happened, by Meta's clock in whole seconds, if that was said.
    pub at: Option<Millis>,
}

/// One status of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusEvent {
    /// Meta's id of the message.
    pub wamid: String,
    /// What it says; words that are not known are left out before.
    pub status: Status,
    /// When, by Meta's clock; whole seconds.
    pub at: Millis,
    /// Our id of the attempt, when it is of our making.
    pub attempt: Option<AttemptId>,
    /// It carries an id that is another program's.
    pub foreign: bool,
    /// The sender's phone number id; empty: not said.
    pub sender: String,
    /// Whom it went to, as far as WhatsApp names them: not for finding a recipient (that is what the attempt's id is for).
    pub recipient: Who,
    /// What the message costs, if that was said; of a failed one never.
    pub pricing: Option<Pricing>,
}

impl StatusEvent {
    /// What it says of the message's price.
    pub fn mark(&self) -> Mark {
        match self.status {
            Status::Sent => Mark::reached(RecipientState::Sent, self.pricing),
            Status::Delivered => Mark::reached(RecipientState::Delivered, self.pricing),
            Status::Read => Mark::reached(RecipientState::Read, self.pricing),
            Status::Failed { .. } => Mark::default(),
        }
    }
}

/// What a status says.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Left WhatsApp's servers.
    Sent,
    /// Reached the phone.
    Delivered,
    /// Was read (or played).
    Read,
    /// Was not delivered.
    Failed {
        /// The error code; 0: none given.
        code: i64,
        /// The error's own JSON, bounded.
        response: String,
        /// `error_data.details`, else the title; bounded.
        details: String,
    },
}

/// The body is not JSON of the shape that Meta sends.
#[derive(Debug, thiserror::Error)]
#[error("not a webhook event: {0}")]
pub struct NotAnEvent(String);

/// Texts from outside are cut to so many characters.
const LONGEST: usize = 1_000;

/// The deepest that Meta's events go is about 12.
const DEEPEST: usize = 64;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    entry: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    time: Option<&'a RawValue>,
    #[serde(borrow, default)]
    changes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow, default)]
    field: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Value<'a> {
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    statuses: Option<&'a RawValue>,
    /// Messages of people; read elsewhere.
    #[serde(borrow, default)]
    messages: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    phone_number_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawStatus<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    recipient_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    recipient_user_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    biz_opaque_callback_data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    errors: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pricing: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct RawPricing<'a> {
    #[serde(borrow, default)]
    category: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    billable: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct RawError<'a> {
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    title: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error_data: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct RawErrorData<'a> {
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
}

/// Whether a body can be an event at all: a JSON object that is nested no deeper than 64. For the door, before it is
/// stored; what is in it, [`statuses`] reads.
pub fn check_shape(body: &[u8]) -> Result<(), NotAnEvent> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(NotAnEvent(format!("nested deeper than {DEEPEST}")));
                }
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    // What is passed over is not looked at, so the letters are looked at here.
    let text = std::str::from_utf8(body).map_err(|error| NotAnEvent(error.to_string()))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| NotAnEvent(error.to_string()))?;
    if body.trim_ascii_start().first() == Some(&b'{') { Ok(()) } else { Err(NotAnEvent("no JSON object".to_owned())) }
}

/// Reads the statuses out of a webhook body. `received_at` stands in where a status has no usable time.
pub fn statuses(body: &[u8], received_at: Millis) -> Result<Statuses, NotAnEvent> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| NotAnEvent(error.to_string()))?;
    let mut found = Statuses::default();
    for raw in body.entry {
        let Ok(Entry { id, time, changes }) = serde_json::from_str(raw.get()) else {
            found.malformed += 1;
            continue;
        };
        let account = text(id);
        let at = time.and_then(seconds);
        for raw in list(changes, &mut found.malformed) {
            match serde_json::from_str::<Change<'_>>(raw.get()) {
                Ok(change) => read_change(&change, (&account, at), received_at, &mut found),
                Err(_) => found.malformed += 1,
            }
        }
    }
    Ok(found)
}

fn read_change(change: &Change<'_>, (account, at): (&str, Option<Millis>), received_at: Millis, found: &mut Statuses) {
    let Some(raw) = change.value else { return };
    let news = || {
        let (account, field) = (account.to_owned(), cut(&change.field));
        News { account, field, value: raw.get().to_owned(), at }
    };
    if change.field != "messages" {
        found.news.push(news());
        return;
    }
    let Ok(value) = serde_json::from_str::<Value<'_>>(raw.get()) else {
        found.malformed += 1;
        return;
    };
    if value.messages.is_some_and(|messages| !matches!(messages.get(), "[]" | "null")) {
        found.news.push(news());
    }
    let metadata: Metadata<'_> = part(value.metadata);
    let sender = text(metadata.phone_number_id);
    for raw in list(value.statuses, &mut found.malformed) {
        match read_status(raw, &sender, received_at) {
            Ok(event) => found.events.extend(event),
            Err(Malformed) => found.malformed += 1,
        }
    }
}

/// A list that may be missing or null; of another shape it is counted as malformed and read as empty.
pub(super) fn list<'a>(raw: Option<&'a RawValue>, malformed: &mut usize) -> Vec<&'a RawValue> {
    let Some(raw) = raw else { return Vec::new() };
    let read: Option<Option<_>> = serde_json::from_str(raw.get()).ok();
    *malformed += usize::from(read.is_none());
    read.flatten().unwrap_or_default()
}

/// A part that may be missing, or of another shape than is known: then it says nothing.
pub(super) fn part<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// A text, or a number's digits; of anything else nothing. Bounded.
pub(super) fn text(raw: Option<&RawValue>) -> String {
    let Some(raw) = raw else { return String::new() };
    if raw.get().starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return cut(raw.get());
    }
    cut(&part::<Cow<'_, str>>(Some(raw)))
}

/// A status without an id or a word.
struct Malformed;

/// `None`: a status that says nothing about delivery.
fn read_status(raw: &RawValue, sender: &str, received_at: Millis) -> Result<Option<StatusEvent>, Malformed> {
    let raw: RawStatus<'_> = serde_json::from_str(raw.get()).map_err(|_| Malformed)?;
    let status = match &*raw.status {
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        "read" | "played" => Status::Read,
        "failed" => failed(raw.errors),
        _ => return Ok(None),
    };
    let id = text(raw.biz_opaque_callback_data);
    let attempt = AttemptId::parse(&id);
    let pricing = if matches!(status, Status::Failed { .. }) { None } else { pricing(raw.pricing) };
    Ok(Some(StatusEvent {
        wamid: cut(&raw.id),
        status,
        at: raw.timestamp.and_then(seconds).unwrap_or(received_at),
        foreign: attempt.is_none() && !id.is_empty(),
        attempt,
        sender: cut(sender),
        recipient: inbound::who(Some(&text(raw.recipient_id)), Some(&text(raw.recipient_user_id))),
        pricing,
    }))
}

/// Missing or odd parts say nothing; nothing at all is no pricing.
fn pricing(raw: Option<&RawValue>) -> Option<Pricing> {
    // An array would be taken for the parts in their order.
    let raw: RawPricing<'_> = part(raw.filter(|raw| raw.get().starts_with('{')));
    let billable = match raw.billable.map(|raw| raw.get().trim_matches('"')) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    };
    Pricing::of(&text(raw.category), &text(raw.kind), billable)
}

fn failed(errors: Option<&RawValue>) -> Status {
    let errors: Vec<&RawValue> = part(errors);
    let Some(first) = errors.first() else {
        return Status::Failed { code: 0, response: String::new(), details: String::new() };
    };
    let error: RawError<'_> = part(Some(first));
    let data: RawErrorData<'_> = part(error.error_data);
    let words = [data.details, error.title, error.message].map(text);
    let details = words.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
    Status::Failed { code: text(error.code).parse().unwrap_or(0), response: cut(first.get()), details }
}

/// Meta sends seconds as a string; a number is understood too.
pub(super) fn seconds(raw: &RawValue) -> Option<Millis> {
    let seconds: i64 = raw.get().trim_matches('"').parse().ok()?;
    (1..=32_503_680_000).contains(&seconds).then(|| Millis(seconds * SECOND))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::Phone;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn body(statuses: &str) -> String {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{
            "messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100200","phone_number_id":"77"}},
            "statuses":[{statuses}]}}}}]}}]}}"#
        )
    }

    fn read(statuses_json: &str) -> Statuses {
        statuses(body(statuses_json).as_bytes(), NOW).unwrap()
    }

    #[test]
    fn a_delivered_status_with_our_id() {
        let found = read(
            r#"{"id":"wamid.A","status":"delivered","timestamp":"1795305600","recipient_id":"15550100111",
                "biz_opaque_callback_data":"w1:00000001:00000002:7:1","pricing":{"billable":true}}"#,
        );
        let event = &found.events[0];
        assert_eq!((event.wamid.as_str(), &event.status), ("wamid.A", &Status::Delivered));
        assert_eq!(event.at, Millis(1_795_305_600_000));
        assert_eq!(event.sender, "77");
        assert_eq!(event.attempt.as_ref().map(|id| (id.seq, id.attempt)), Some((7, 1)));
    }

    #[test]
    fn a_failed_status_keeps_code_and_words() {
        let found = read(
            r#"{"id":"wamid.B","status":"failed","timestamp":1795305611,
                "errors":[{"code":131049,"title":"t","error_data":{"details":"healthy ecosystem"}}]}"#,
        );
        let Status::Failed { code, details, response } = &found.events[0].status else { panic!("not failed") };
        assert_eq!((*code, details.as_str()), (131_049, "healthy ecosystem"));
        assert!(response.contains("131049"));
    }

    #[test]
    fn one_malformed_status_spoils_none_of_the_others() {
        let found = read(
            r#"{"id":"a","status":"sent"},{"status":7},null,{"id":"b","status":"read"},{"id":"c","status":"warning"}"#,
        );
        assert_eq!(found.events.len(), 2);
        assert_eq!(found.malformed, 2);
        assert_eq!(found.events[0].at, NOW);
    }

    #[test]
    fn what_is_missing_or_of_another_shape_spoils_nothing_else() {
        let body = br#"{"object":"whatsapp_business_account","added":[1],"entry":[7,null,{"id":200,"changes":[null,
            {"field":"messages","value":{"metadata":null,"statuses":null,"messages":null,"contacts":null}},
            {"field":"messages","value":{"metadata":{"phone_number_id":77},"statuses":[
                {"id":"wamid.1","status":"failed","errors":null,"timestamp":null,"recipient_id":null},
                {"id":"wamid.2","status":"failed","errors":[{"code":"131026","title":null,"error_data":"odd"}]},
                {"id":"wamid.3","status":"delivered","biz_opaque_callback_data":null,"recipient_user_id":"US.1"},
                {"id":"wamid.4","status":"read","biz_opaque_callback_data":"c42:r7","recipient_id":15550100111}]}}]}]}"#;
        let found = statuses(body, NOW).unwrap();
        assert_eq!((found.events.len(), found.malformed, found.news.len()), (4, 3, 0));
        let codes = found.events.iter().map(|event| match &event.status {
            Status::Failed { code, .. } => *code,
            _ => -1,
        });
        assert_eq!(codes.collect::<Vec<_>>(), [0, 131_026, -1, -1]);
        assert!(found.events.iter().all(|event| event.sender == "77" && event.attempt.is_none()));
        assert_eq!(found.events.iter().map(|event| event.foreign).collect::<Vec<_>>(), [false, false, false, true]);
        assert_eq!(found.events[3].recipient.phone, Phone::from_digits(15_550_100_111).ok());
    }

    #[test]
    fn pricing_is_read_tolerantly_and_spoils_nothing() {
        let long = "x".repeat(5_000);
        for (said, read_as) in [
            (
                r#"{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}"#,
                "marketing/regular/billed",
            ),
            (r#"{"type":"free_customer_service","category":"utility"}"#, "utility/free_customer_service/free"),
            (r#"{"billable":"false","type":null,"category":"group_service"}"#, "other/other/free"),
            (r#"{"billable":7,"type":["regular"],"category":"UTILITY","added":{}}"#, "utility/other/billed"),
            (&format!(r#"{{"billable":true,"category":"{long}"}}"#), "other/other/billed"),
            ("null", ""),
            ("{}", ""),
            ("[1]", ""),
            (r#""free""#, ""),
            (r#"{"billable":null,"type":{},"category":false}"#, ""),
        ] {
            for (status, priced) in [("sent", true), ("delivered", true), ("read", true), ("failed", false)] {
                let found = read(&format!(r#"{{"id":"wamid.A","status":"{status}","pricing":{said}}}"#));
                assert_eq!((found.events.len(), found.malformed), (1, 0), "{said}");
                let pricing = found.events[0].pricing.map(|pricing| pricing.to_string()).unwrap_or_default();
                assert_eq!(pricing, if priced { read_as } else { "" }, "{status} {said}");
            }
        }
        let without = read(r#"{"id":"wamid.A","status":"sent"}"#);
        assert_eq!((without.events[0].pricing, without.events[0].mark()), (None, Mark::default()));
    }

    #[test]
    fn only_json_objects_of_a_bounded_depth_come_in() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        for body in ["{}", r#" {"entry":[]}"#, r#"{"a":"[[[[[[\"{{{{"}"#, &nested(64)] {
            assert!(check_shape(body.as_bytes()).is_ok(), "{body}");
        }
        for body in ["", "1", "[]", "{", "{}{}", "null", "not JSON", &nested(65), &"[".repeat(3_000_000)] {
            assert!(check_shape(body.as_bytes()).is_err(), "{}", &body[..body.len().min(80)]);
        }
        assert!(check_shape(b"{\"a\":\"\xff\xfe").is_err());
    }

    #[test]
    fn what_says_nothing_is_passed_over() {
        for text in [r#"{"entry":[]}"#, "{}", r#"{"entry":[{"changes":[{"field":"account_update"}]}]}"#] {
            assert_eq!(statuses(text.as_bytes(), NOW).unwrap(), Statuses::default(), "{text}");
        }
        assert!(statuses(b"not json", NOW).is_err());
        assert!(statuses("[".repeat(200_000).as_bytes(), NOW).is_err(), "deep nesting is refused");
    }

    #[test]
    fn what_is_not_a_status_is_handed_on() {
        let body = br#"{"entry":[{"id":"200","changes":[
            {"field":"user_preferences","value":{"x":1}},
            {"field":"messages","value":{"statuses":[]}},
            {"field":"messages","value":{"messages":[{"id":"wamid.1"}]}},
            {"field":"account_update"}]}]}"#;
        let found = statuses(body, Millis(0)).unwrap();
        let fields: Vec<_> = found.news.iter().map(|news| (news.account.as_str(), news.field.as_str())).collect();
        assert_eq!(fields, [("200", "user_preferences"), ("200", "messages")]);
        assert_eq!(found.news[0].value, r#"{"x":1}"#);
    }
}
