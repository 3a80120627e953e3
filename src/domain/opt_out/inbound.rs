//! Reads out of webhooks who asked to be left alone, or to be written to again: messages, button replies and
//! `user_preferences`, also when they come in the field `standby` because somebody else answers the thread.
//!
//! Tolerant: what cannot be read is counted and left. Whoever hides the phone is known by the user id alone.

use super::words::{self, Meaning};
use super::{Change, Kind, LONGEST_USER_ID, Rules, Who};
use crate::domain::phone::Phone;
use crate::domain::receipt::{self, News, list, part, seconds};
use crate::domain::time::Millis;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a part of a webhook says about opt-outs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// Words for and against being written to, in their order.
    pub changes: Vec<Change>,
    /// User ids with their phones, of whomever both were named.
    pub known: Vec<(String, Phone)>,
    /// Of changes by somebody who hides the phone: their place in `changes`, and Meta's id of the message of ours that they
    /// answer, which tells whose it is. Such a change may name nobody by itself.
    pub answers: Vec<(usize, String)>,
    /// Parts that could not be read.
    pub malformed: usize,
}

#[derive(Deserialize, Default)]
struct Value<'a> {
    #[serde(borrow, default)]
    contacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    messages: Option<&'a RawValue>,
    #[serde(borrow, default)]
    user_preferences: Option<&'a RawValue>,
}

#[derive(Deserialize, Default, Clone)]
struct Contact<'a> {
    #[serde(borrow, default)]
    wa_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    user_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    from: Option<&'a RawValue>,
    #[serde(borrow, default)]
    from_user_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    button: Option<&'a RawValue>,
    #[serde(borrow, default)]
    interactive: Option<&'a RawValue>,
    #[serde(borrow, default)]
    context: Option<&'a RawValue>,
}

/// The message that somebody answers.
#[derive(Deserialize, Default)]
struct Context<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

impl Message<'_> {
    /// Meta's id of the message that this one answers.
    fn answers(&self) -> Option<String> {
        let id = receipt::text(part::<Context<'_>>(self.context).id);
        (!id.is_empty()).then_some(id)
    }
}

#[derive(Deserialize, Default)]
struct Text<'a> {
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// Which button of a template was pressed.
#[derive(Deserialize, Default)]
struct Button<'a> {
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Interactive<'a> {
    #[serde(borrow, default)]
    button_reply: Option<&'a RawValue>,
    #[serde(borrow, default)]
    list_reply: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Reply<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    title: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Preference<'a> {
    #[serde(borrow, default)]
    wa_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    category: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
}

/// Whether a part of a webhook may say something about opt-outs.
pub fn concerns(news: &News) -> bool {
    matches!(news.field.as_str(), "messages" | "standby" | "user_preferences")
}

/// Reads one part of a webhook. `received_at` stands in where no usable time is said.
pub fn read(news: &News, rules: &Rules, received_at: Millis) -> Said {
    let mut said = Said::default();
    let Ok(value) = serde_json::from_str::<Value<'_>>(&news.value) else {
        said.malformed = 1;
        return said;
    };
    let contacts: Vec<Contact<'_>> = list(value.contacts, &mut said.malformed)
        .into_iter()
        .filter_map(|raw| serde_json::from_str(raw.get()).ok())
        .collect();
    let place = if news.field == "standby" { " (in standby)" } else { "" };
    for raw in list(value.messages, &mut said.malformed) {
        match serde_json::from_str::<Message<'_>>(raw.get()) {
            Ok(message) => said.message(&message, &contacts, rules, place, received_at),
            Err(_) => said.malformed += 1,
        }
    }
    for raw in list(value.user_preferences, &mut said.malformed) {
        match serde_json::from_str::<Preference<'_>>(raw.get()) {
            Ok(preference) => said.preference(&preference, received_at),
            Err(_) => said.malformed += 1,
        }
    }
    said
}

impl Said {
    fn message(
        &mut self,
        message: &Message<'_>,
        contacts: &[Contact<'_>],
        rules: &Rules,
        place: &str,
        received_at: Millis,
    ) {
        let mut who = named(message.from, message.from_user_id);
        // Of several contacts nobody says whose message it is.
        if let [contact] = contacts {
            let named = named(contact.wa_id, contact.user_id);
            who = Who { phone: who.phone.or(named.phone), user: who.user.or(named.user) };
        }
        self.known.extend(who.pair());
        let Some((kind, meaning, how, text)) = word(message, rules) else { return };
        match message.answers() {
            Some(wamid) if who.phone.is_none() => self.answers.push((self.changes.len(), wamid)),
            _ if who.key().is_none() => {
                self.malformed += 1;
                return;
            }
            _ => {}
        }
        let change = Change {
            who,
            kind,
            stop: meaning == Meaning::Stop,
            at: message.timestamp.and_then(seconds).unwrap_or(received_at),
            how: format!("{how}{place}"),
            wamid: receipt::text(message.id),
            text,
        };
        self.changes.push(change.bounded());
    }

    fn preference(&mut self, preference: &Preference<'_>, received_at: Millis) {
        let who = named(preference.wa_id, preference.user_id);
        self.known.extend(who.pair());
        if !matches!(receipt::text(preference.category).as_str(), "" | "marketing_messages") {
            return;
        }
        let stop = match receipt::text(preference.value).as_str() {
            "stop" => true,
            "resume" => false,
            _ => {
                self.malformed += 1;
                return;
            }
        };
        if who.key().is_none() {
            self.malformed += 1;
            return;
        }
        let change = Change {
            who,
            kind: Kind::Platform,
            stop,
            at: preference.timestamp.and_then(seconds).unwrap_or(received_at),
            how: "WhatsApp's settings".to_owned(),
            wamid: String::new(),
            text: receipt::text(preference.detail),
        };
        // The code is how the same stop shows when a message is refused, so a resume ends both.
        let code = (!stop).then(|| Change { kind: Kind::Code, ..change.clone() });
        self.changes.push(change.bounded());
        self.changes.extend(code.map(Change::bounded));
    }
}

/// What a message says about being written to: the kind, the meaning, where it was said, and the text.
fn word(message: &Message<'_>, rules: &Rules) -> Option<(Kind, Meaning, &'static str, String)> {
    let typed = receipt::text(part::<Text<'_>>(message.text).body);
    if !typed.is_empty() {
        return Some((Kind::Typed, words::meaning(&typed)?, "a message", typed));
    }
    let interactive: Interactive<'_> = part(message.interactive);
    let (how, payload, text) = if let Some(button) = message.button {
        let button: Button<'_> = part(Some(button));
        ("a quick reply", button.payload, button.text)
    } else if let Some(reply) = interactive.button_reply {
        let reply: Reply<'_> = part(Some(reply));
        ("a reply button", reply.id, reply.title)
    } else {
        let reply: Reply<'_> = part(Some(interactive.list_reply?));
        ("a list's row", reply.id, reply.title)
    };
    let (payload, text) = (receipt::text(payload), receipt::text(text));
    let configured = rules.payloads.iter().any(|known| words::plain(known) == words::plain(&payload));
    let meaning = if configured && !payload.is_empty() {
        Meaning::Stop
    } else {
        words::meaning(&payload).or_else(|| words::meaning(&text))?
    };
    Some((Kind::Button, meaning, how, if text.is_empty() { payload } else { text }))
}

fn named(phone: Option<&RawValue>, user: Option<&RawValue>) -> Who {
    who(Some(&receipt::text(phone)), Some(&receipt::text(user)))
}

/// Who is named: digits with the country code, with or without `+`, and a user id of a believable form.
pub fn who(phone: Option<&str>, user: Option<&str>) -> Who {
    Who { phone: phone.and_then(self::phone), user: user.and_then(user_id) }
}

fn phone(text: &str) -> Option<Phone> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let digits = Some(digits).filter(|digits| digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    Phone::from_digits(digits?.parse().ok()?).ok()
}

fn user_id(text: &str) -> Option<String> {
    let has_form = text.len() <= LONGEST_USER_ID
        && text.split_once('.').is_some_and(|(country, rest)| {
            country.len() == 2
                && country.bytes().all(|byte| byte.is_ascii_uppercase())
                && !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        });
    has_form.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: Millis = Millis(1_800_000_000_000);

    fn said(field: &str, value: &Value) -> Said {
        let rules = Rules { payloads: vec!["unsub-7".to_owned()], ..Rules::default() };
        read(&News { account: "1".into(), field: field.into(), value: value.to_string(), at: None }, &rules, NOW)
    }

    fn told(said: &Said) -> Vec<(Option<String>, Kind, bool)> {
        said.changes.iter().map(|change| (change.who.key(), change.kind, change.stop)).collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "made where it is called")]
    fn message(more: Value) -> Value {
        let mut message = json!({"from": "15550100111", "from_user_id": "US.13491208655302741918", "id": "wamid.IN1",
            "timestamp": "1795305700"});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "messages": [message] })
    }

    #[test]
    fn a_typed_word_names_who_when_and_by_which_message() {
        let found = said("messages", &message(json!({"type": "text", "text": {"body": "Stop!"}})));
        let phone: Phone = "+15550100111".parse().unwrap();
        assert_eq!(found.known, [("US.13491208655302741918".to_owned(), phone)]);
        let [change] = &found.changes[..] else { panic!("{found:?}") };
        assert_eq!((change.kind, change.stop, change.at), (Kind::Typed, true, Millis(1_795_305_700_000)));
        assert_eq!(
            (change.wamid.as_str(), change.text.as_str(), change.how.as_str()),
            ("wamid.IN1", "Stop!", "a message")
        );
        let found = said("standby", &message(json!({"type": "text", "text": {"body": "start"}})));
        assert_eq!(told(&found), [(Some("+15550100111".to_owned()), Kind::Typed, false)]);
        assert_eq!(found.changes[0].how, "a message (in standby)");
        assert!(said("messages", &message(json!({"text": {"body": "when do you stop selling?"}}))).changes.is_empty());
    }

    #[test]
    fn buttons_and_list_rows_count_by_payload_and_by_text() {
        for (more, stop) in [
            (json!({"button": {"payload": "STOP", "text": "No more"}}), true),
            (json!({"button": {"payload": "p1", "text": "Stop promotions"}}), true),
            (json!({"button": {"payload": "UNSUB-7", "text": "Leave me alone"}}), true),
            (json!({"interactive": {"type": "button_reply", "button_reply": {"id": "unsub-7", "title": "x"}}}), true),
            (json!({"interactive": {"type": "list_reply", "list_reply": {"id": "row", "title": "Unsubscribe"}}}), true),
            (json!({"button": {"payload": "START", "text": "On again"}}), false),
        ] {
            assert_eq!(
                told(&said("messages", &message(more.clone()))),
                [(Some("+15550100111".into()), Kind::Button, stop)],
                "{more}"
            );
        }
        for more in [json!({"button": {"payload": "", "text": "Yes"}}), json!({"interactive": {"type": "nfm_reply"}})] {
            assert_eq!(said("messages", &message(more)).changes, []);
        }
    }

    #[test]
    fn marketing_stopped_in_whatsapp_is_a_kind_of_its_own() {
        let preference = |value: &str, category: &str| {
            json!({"user_preferences": [{"wa_id": "15550100111", "user_id": "US.1", "detail": "User requested",
                "category": category, "value": value, "timestamp": 1_795_305_800}]})
        };
        let found = said("user_preferences", &preference("stop", "marketing_messages"));
        assert_eq!(told(&found), [(Some("+15550100111".into()), Kind::Platform, true)]);
        assert_eq!(found.changes[0].at, Millis(1_795_305_800_000));
        let found = said("user_preferences", &preference("resume", "marketing_messages"));
        let key = || Some("+15550100111".to_owned());
        assert_eq!(told(&found), [(key(), Kind::Platform, false), (key(), Kind::Code, false)]);
        assert_eq!(said("user_preferences", &preference("stop", "service_messages")).changes, []);
        assert_eq!(said("user_preferences", &preference("pause", "marketing_messages")).malformed, 1);
    }

    #[test]
    fn without_a_phone_the_user_id_stands() {
        let value = json!({"contacts": [{"profile": {"name": "Ana"}, "user_id": "US.9"}],
            "messages": [{"id": "wamid.2", "text": {"body": "STOP"}}]});
        let found = said("messages", &value);
        assert_eq!((told(&found), found.known.len()), (vec![(Some("US.9".into()), Kind::Typed, true)], 0));
        assert_eq!(found.changes[0].at, NOW);
        let nobody = said("messages", &json!({"messages": [{"id": "w", "text": {"body": "STOP"}}]}));
        assert_eq!((nobody.changes.len(), nobody.malformed), (0, 1));
    }

    #[test]
    fn what_cannot_be_read_spoils_nothing_else() {
        let value = json!({"contacts": [7], "messages": [null, {"from": 7}, {"from": "x", "from_user_id": "drop table",
            "text": {"body": "stop"}}, {"from": "15550100112", "text": {"body": "stop"}}]});
        let found = said("messages", &value);
        // Nothing, and a stop of nobody; what asks for nothing is passed over.
        assert_eq!((found.changes.len(), found.malformed), (1, 2));
        assert_eq!(said("messages", &json!(["?"])).malformed, 1);
    }
}
