//! What is promised of reading webhook bodies, for any bytes at all. The property tests call it, and the fuzz target.

use wacast::domain::opt_out::{Rules, inbound};
use wacast::domain::receipt::{News, Status, Statuses, check_shape, statuses};
use wacast::domain::time::Millis;

const NOW: Millis = Millis(1_800_000_000_000);
/// Seconds in which every year has four digits, in milliseconds.
const LATEST: i64 = 32_503_680_000_000;
/// Texts are cut to so many characters.
const LONGEST: usize = 1_000;

/// Panics when a promise is broken.
pub fn hold(body: &[u8]) {
    let shaped = check_shape(body).is_ok();
    let found = statuses(body, NOW).ok();
    assert!(found.is_some() || !shaped || std::str::from_utf8(body).is_ok(), "only what is shaped oddly is refused");
    if let Some(found) = &found {
        is_bounded(found, body.len());
        assert_eq!(statuses(body, NOW).ok().as_ref(), Some(found), "read twice, it says the same");
        for news in &found.news {
            concerning_people(news, body.len());
        }
    }
    // One JSON value, and not several: as a member, and alone in a list.
    let is_value = |odd: &str| {
        let forms = [format!(r#"{{"a":{odd}}}"#), format!(r#"{{"a":[{odd}]}}"#)];
        forms.iter().all(|form| check_shape(form.as_bytes()).is_ok())
    };
    if let Ok(odd) = std::str::from_utf8(body)
        && is_value(odd)
    {
        receipts_beside(odd);
        stops_beside(odd);
    }
}

fn is_bounded(found: &Statuses, length: usize) {
    assert!(found.events.len() + found.malformed + found.news.len() <= length, "no more than came");
    for news in &found.news {
        assert!(news.value.len() <= length && news.field.chars().count() <= LONGEST);
        assert!(news.account.chars().count() <= LONGEST);
    }
    for event in &found.events {
        assert!(event.wamid.chars().count() <= LONGEST && event.sender.chars().count() <= LONGEST);
        assert!((0..=LATEST).contains(&event.at.0), "{:?}", event.at);
        if let Status::Failed { response, details, .. } = &event.status {
            assert!(response.chars().count() <= LONGEST && details.chars().count() <= LONGEST);
        }
    }
}

fn concerning_people(news: &News, length: usize) {
    let said = inbound::read(news, &Rules::default(), NOW);
    // A resume by WhatsApp's settings ends two kinds of stops.
    assert!(said.changes.len() <= 2 * length && said.known.len() <= length);
    for (place, change) in said.changes.iter().enumerate() {
        let answers = said.answers.iter().any(|(of, wamid)| *of == place && !wamid.is_empty());
        assert!(change.who.key().is_some() || answers, "a word of nobody");
        assert!((0..=LATEST).contains(&change.at.0), "{:?}", change.at);
        assert!(change.wamid.len() + change.text.len() + change.how.len() <= 10 * LONGEST, "texts are cut");
    }
    wacast::domain::account::read(&news.field, &news.value);
}

fn event(value: &str) -> String {
    format!(r#"{{"id":"200","changes":[{{"field":"messages","value":{value}}}]}}"#)
}

/// A receipt whose id nobody else has.
fn receipt(place: usize, more: &str) -> String {
    format!(r#"{{"id":"wamid.WITNESS-{place}","status":"delivered","timestamp":"1795305600"{more}}}"#)
}

/// Receipts are read whatever stands beside them, or in those of their fields that need not be there.
fn receipts_beside(odd: &str) {
    let (first, second, third) = (receipt(1, ""), receipt(2, ""), receipt(3, ""));
    let filled = receipt(
        4,
        &format!(
            r#","recipient_id":{odd},"recipient_user_id":{odd},"biz_opaque_callback_data":{odd},"errors":{odd},
            "pricing":{odd},"conversation":{odd}"#
        ),
    );
    let entries = [
        event(&format!(r#"{{"statuses":[{first},{odd},{second}]}}"#)),
        odd.to_owned(),
        format!(
            r#"{{"id":{odd},"time":{odd},"changes":[{odd},{{"field":"messages","value":{odd}}},
            {{"field":"messages","value":{{"metadata":{odd},"contacts":{odd},"messages":{odd},"statuses":[{third}]}}}}]}}"#
        ),
        event(&format!(r#"{{"statuses":[{filled}]}}"#)),
    ];
    let body = format!(r#"{{"object":{odd},"entry":[{}]}}"#, entries.join(","));
    let found = statuses(body.as_bytes(), NOW).expect("odd parts do not spoil a body");
    for place in 1..=4 {
        let id = format!("wamid.WITNESS-{place}");
        let mut events = found.events.iter().filter(|event| event.wamid == id);
        let event = events.next().unwrap_or_else(|| panic!("receipt {place} is lost beside {odd}"));
        assert_eq!((&event.status, event.at), (&Status::Delivered, Millis(1_795_305_600_000)));
        assert!(events.next().is_none() || odd.contains("WITNESS"));
    }
}

/// Whoever asks to be left alone is heard, whatever stands beside it.
fn stops_beside(odd: &str) {
    let stop = |phone: &str, more: &str| {
        format!(r#"{{"from":"{phone}","id":"wamid.IN","timestamp":"1795305700","text":{{"body":"STOP"}}{more}}}"#)
    };
    let preference = |more: &str| {
        format!(
            r#"{{"wa_id":"15550100113","category":"marketing_messages","value":"stop","timestamp":"1795305700"{more}}}"#
        )
    };
    let values = [
        (
            "messages",
            "+15550100111",
            format!(r#"{{"messages":[{odd},{}],"contacts":[{odd}]}}"#, stop("15550100111", "")),
        ),
        (
            "standby",
            "+15550100112",
            format!(
                r#"{{"metadata":{odd},"contacts":{odd},"statuses":{odd},"user_preferences":{odd},"messages":[{}]}}"#,
                stop(
                    "15550100112",
                    &format!(
                        r#","from_user_id":{odd},"type":{odd},"context":{odd},"button":{odd},"interactive":{odd}"#
                    )
                )
            ),
        ),
        (
            "user_preferences",
            "+15550100113",
            format!(
                r#"{{"contacts":{odd},"messages":{odd},"user_preferences":[{odd},{}]}}"#,
                preference(&format!(r#","user_id":{odd},"detail":{odd}"#))
            ),
        ),
    ];
    for (field, phone, value) in values {
        let body = format!(r#"{{"entry":[{{"id":{odd},"changes":[{{"field":"{field}","value":{value}}}]}}]}}"#);
        let found = statuses(body.as_bytes(), NOW).expect("odd parts do not spoil a body");
        let said = found.news.iter().flat_map(|news| inbound::read(news, &Rules::default(), NOW).changes);
        let heard = said.into_iter().any(|change| {
            change.stop
                && change.at.0 == 1_795_305_700_000
                && change.who.phone.is_some_and(|who| who.to_string() == phone)
        });
        assert!(heard, "a stop of {phone} in {field} is not heard beside {odd}");
    }
}
