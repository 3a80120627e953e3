use super::*;
use crate::domain::ids::{BroadcastId, StoreId};
use proptest::prelude::*;
use serde_json::{Value, json};

fn template(format: &str, components: &Value) -> Template {
    serde_json::from_value(json!({
        "name": "autumn_offer", "language": "en_US", "status": "APPROVED", "category": "MARKETING",
        "parameter_format": format, "components": components,
    }))
    .unwrap()
}

fn attempt(seq: u32) -> AttemptId {
    AttemptId { store: StoreId::from_random(1), broadcast: BroadcastId::from_random(2), seq, attempt: 1 }
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn offer() -> Template {
    template(
        "NAMED",
        &json!([
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hi {{first_name}}, {{discount}} off for you, {{first_name}}."},
            {"type": "FOOTER", "text": "Reply STOP to end"},
            {"type": "BUTTONS", "buttons": [
                {"type": "URL", "text": "Shop", "url": "https://example.com/{{1}}"},
                {"type": "QUICK_REPLY", "text": "Stop"},
                {"type": "COPY_CODE", "text": "Copy code"}]},
        ]),
    )
}

#[test]
fn a_payload_is_what_meta_documents() {
    let phone = "+14155550123".parse().unwrap();
    let values = texts(&["https://example.com/a.jpg", "Ana", "15%", "c42/r7", "SAVE15"]);
    let body = MessageMaker::new(&offer()).unwrap().body(phone, &values, &attempt(7)).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+14155550123", "type": "template",
            "template": {
                "name": "autumn_offer", "language": {"code": "en_US", "policy": "deterministic"},
                "components": [
                    {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://example.com/a.jpg"}}]},
                    {"type": "body", "parameters": [
                        {"type": "text", "parameter_name": "first_name", "text": "Ana"},
                        {"type": "text", "parameter_name": "discount", "text": "15%"}]},
                    {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "c42/r7"}]},
                    {"type": "button", "sub_type": "copy_code", "index": "2",
                        "parameters": [{"type": "coupon_code", "coupon_code": "SAVE15"}]}],
            },
            "biz_opaque_callback_data": attempt(7).to_string(),
        })
    );
}

#[test]
fn without_variables_there_are_no_components() {
    let plain = template("POSITIONAL", &json!([{"type": "BODY", "text": "Hello"}]));
    let body = MessageMaker::new(&plain).unwrap().body("+15550100111".parse().unwrap(), &[], &attempt(0)).unwrap();
    let payload: Value = serde_json::from_slice(&body).unwrap();
    assert!(payload["template"].get("components").is_none(), "{payload}");
}

#[test]
fn a_numbered_text_header_stands_before_the_body() {
    let both = template(
        "POSITIONAL",
        &json!([{"type": "BODY", "text": "{{1}} and {{2}}"}, {"type": "HEADER", "format": "TEXT", "text": "For {{1}}"}]),
    );
    let values = texts(&["head", "one", "two"]);
    let body = MessageMaker::new(&both).unwrap().body("+15550100111".parse().unwrap(), &values, &attempt(0)).unwrap();
    let payload: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        payload["template"]["components"],
        json!([
            {"type": "header", "parameters": [{"type": "text", "text": "head"}]},
            {"type": "body", "parameters": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        ])
    );
    let shown = preview(&both, &values).unwrap();
    assert_eq!((shown.header.as_deref(), shown.body.as_str()), (Some("For head"), "one and two"));
}

#[test]
fn a_preview_shows_the_same_values() {
    let shown = preview(&offer(), &texts(&["https://example.com/a.jpg", "Ana", "15%", "c42/r7", "SAVE15"])).unwrap();
    let button = |text: &str, target: &str| PreviewButton { text: text.into(), target: target.into() };
    assert_eq!(
        shown,
        Preview {
            header: Some("https://example.com/a.jpg".into()),
            body: "Hi Ana, 15% off for you, Ana.".into(),
            footer: Some("Reply STOP to end".into()),
            buttons: vec![
                button("Shop", "https://example.com/c42/r7"),
                button("Stop", ""),
                button("Copy code", "SAVE15"),
            ],
        }
    );
}

#[test]
fn a_value_that_looks_like_a_variable_stays_a_value() {
    let two = template("POSITIONAL", &json!([{"type": "BODY", "text": "{{1}}/{{2}}"}]));
    assert_eq!(preview(&two, &texts(&["{{2}}", "b"])).unwrap().body, "{{2}}/b");
}

#[test]
fn too_few_or_too_many_values_make_no_message() {
    let maker = MessageMaker::new(&offer()).unwrap();
    let phone = "+15550100111".parse().unwrap();
    for count in [0, 4, 6] {
        let values = vec!["x".to_owned(); count];
        let problem = MessageProblem::ValueCount { expected: 5, got: count };
        assert_eq!(maker.body(phone, &values, &attempt(0)), Err(problem.clone()));
        assert_eq!(preview(&offer(), &values), Err(problem));
    }
}

fn five_values(tag: &str) -> impl Strategy<Value = Vec<String>> + use<> {
    let tag = tag.to_owned();
    proptest::collection::vec(any::<String>().prop_map(move |text| format!("{tag}{text}")), 5)
}

proptest! {
    #[test]
    fn any_text_arrives_as_it_is_and_only_at_its_person(
        first in five_values("\u{e000}"), second in five_values("\u{e001}"), digits in 1_000_000_u64..=999_999_999_999_999,
    ) {
        let maker = MessageMaker::new(&offer()).unwrap();
        let phone = Phone::from_digits(digits).unwrap();
        prop_assume!(!first.iter().any(|value| value.contains('\u{e001}')));
        for (seq, values) in [&first, &second, &first].into_iter().enumerate() {
            let seq = u32::try_from(seq).unwrap();
            let body = maker.body(phone, values, &attempt(seq)).unwrap();
            let payload: Value = serde_json::from_slice(&body).unwrap();
            let components = &payload["template"]["components"];
            let got = [
                &components[0]["parameters"][0]["image"]["link"],
                &components[1]["parameters"][0]["text"],
                &components[1]["parameters"][1]["text"],
                &components[2]["parameters"][0]["text"],
                &components[3]["parameters"][0]["coupon_code"],
            ];
            for (got, value) in got.iter().zip(values) {
                prop_assert_eq!(got.as_str(), Some(value.as_str()));
            }
            prop_assert_eq!(payload["to"].as_str().unwrap(), phone.to_string());
            prop_assert_eq!(payload["biz_opaque_callback_data"].as_str().unwrap(), attempt(seq).to_string());
            prop_assert_eq!(std::str::from_utf8(&body).unwrap().contains('\u{e001}'), seq == 1);
        }
    }
}

#[test]
fn a_one_time_code_stands_in_body_and_button() {
    let mut code = template(
        "POSITIONAL",
        &json!([{"type": "BODY", "text": "*{{1}}* is your code."},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Copy code", "url": "https://example.com/?code={{1}}"}]}]),
    );
    code.category = "AUTHENTICATION".into();
    let payload = |values: &[String]| -> Value {
        let maker = MessageMaker::new(&code).unwrap();
        serde_json::from_slice(&maker.body("+15550100111".parse().unwrap(), values, &attempt(0)).unwrap()).unwrap()
    };
    assert_eq!(
        payload(&texts(&["123456"]))["template"]["components"],
        json!([
            {"type": "body", "parameters": [{"type": "text", "text": "123456"}]},
            {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "123456"}]},
        ])
    );
    let shown = preview(&code, &texts(&["123456"])).unwrap();
    assert_eq!(
        (shown.body.as_str(), shown.buttons[0].target.as_str()),
        ("*123456* is your code.", "https://example.com/?code=123456")
    );
}

#[test]
fn a_place_is_a_header_like_any_other() {
    let place =
        template("NAMED", &json!([{"type": "HEADER", "format": "LOCATION"}, {"type": "BODY", "text": "Hi {{name}}"}]));
    let values = texts(&["12.97", "77.59", "Shop", "1 Example Road", "Ana"]);
    let body = MessageMaker::new(&place).unwrap().body("+15550100111".parse().unwrap(), &values, &attempt(0)).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["template"]["components"],
        json!([
            {"type": "header", "parameters": [{"type": "location", "location":
                {"latitude": "12.97", "longitude": "77.59", "name": "Shop", "address": "1 Example Road"}}]},
            {"type": "body", "parameters": [{"type": "text", "parameter_name": "name", "text": "Ana"}]},
        ])
    );
    let shown = preview(&place, &values).unwrap();
    assert_eq!((shown.header.as_deref(), shown.body.as_str()), (Some("Shop, 1 Example Road (12.97, 77.59)"), "Hi Ana"));
}

#[test]
fn a_headers_file_goes_by_link_or_by_id() {
    let document = template(
        "POSITIONAL",
        &json!([{"type": "HEADER", "format": "DOCUMENT"}, {"type": "BODY", "text": "Hi {{1}}"}]),
    );
    let header = |media_id: Option<&str>, values: &[&str]| -> Value {
        let maker = MessageMaker::with_media(&document, media_id).unwrap();
        let body = maker.body("+15550100111".parse().unwrap(), &texts(values), &attempt(0)).unwrap();
        let payload: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(payload["template"]["components"][1]["parameters"][0]["text"], "Ana", "{payload}");
        payload["template"]["components"][0]["parameters"][0]["document"].clone()
    };
    let link = "https://example.com/a.pdf";
    assert_eq!(header(None, &[link, "Offer.pdf", "Ana"]), json!({"link": link, "filename": "Offer.pdf"}));
    assert_eq!(header(None, &[link, "", "Ana"]), json!({"link": link}));
    assert_eq!(header(Some("77"), &["a.pdf", "Offer.pdf", "Ana"]), json!({"id": "77", "filename": "Offer.pdf"}));
    assert_eq!(
        preview(&document, &texts(&[link, "Offer.pdf", "Ana"])).unwrap().header.unwrap(),
        format!("Offer.pdf: {link}")
    );
}

/// Any template that can be sent: every kind of header, up to five variables, every kind of button.
fn any_template() -> impl Strategy<Value = Template> {
    let header = prop_oneof![
        Just(None),
        Just(Some(json!({"type": "HEADER", "format": "TEXT", "text": "For {{1}}"}))),
        prop::sample::select(vec!["IMAGE", "VIDEO", "DOCUMENT", "LOCATION"])
            .prop_map(|format| Some(json!({"type": "HEADER", "format": format}))),
    ];
    let body = (0..=5_usize, any::<bool>()).prop_map(|(variables, named)| {
        let variable = |place: usize| if named { format!("v_{place}") } else { place.to_string() };
        (1..=variables)
            .fold(String::from("Hi"), |text, place| format!("{text} {{{{{0}}}}} {{{{{0}}}}}", variable(place)))
    });
    let button = prop::sample::select(vec![
        json!({"type": "QUICK_REPLY", "text": "Stop"}),
        json!({"type": "URL", "text": "Shop", "url": "https://example.com/{{1}}"}),
        json!({"type": "COPY_CODE", "text": "Copy"}),
    ]);
    let buttons = prop::collection::vec(button, 0..4);
    (header, body, buttons, prop::bool::weighted(0.1)).prop_map(|(header, body, buttons, code)| {
        let mut components =
            vec![json!({"type": "BODY", "text": body}), json!({"type": "BUTTONS", "buttons": buttons})];
        components.extend(header);
        let mut made = template("POSITIONAL", &Value::Array(components));
        if code {
            made = template(
                "POSITIONAL",
                &json!([{"type": "BODY", "text": "{{1}} is your code"},
                {"type": "BUTTONS", "buttons": [{"type": "OTP", "text": "Copy"}]}]),
            );
            made.category = "AUTHENTICATION".into();
        }
        made
    })
}

/// Every text in a JSON value.
fn all_texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| all_texts(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| all_texts(field, into)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn nobody_gets_anybody_elses_words_whatever_the_template(
        template in any_template(),
        first in prop::collection::vec(any::<String>(), 12), second in prop::collection::vec(any::<String>(), 12),
    ) {
        let slots = template.slots().unwrap();
        let tagged = |tag: char, words: &[String]| -> Vec<String> {
            words.iter().take(slots.len()).map(|word| format!("{tag}{}", word.replace(['\u{e000}', '\u{e001}'], ""))).collect()
        };
        let (ours, theirs) = (tagged('\u{e000}', &first), tagged('\u{e001}', &second));
        let maker = MessageMaker::new(&template).unwrap();
        let phone = "+15550100111".parse().unwrap();
        // One maker makes them in turn, as it does at work.
        maker.body(phone, &theirs, &attempt(1)).unwrap();
        let body = maker.body(phone, &ours, &attempt(0)).unwrap();
        let payload: Value = serde_json::from_slice(&body).unwrap();
        let mut sent = Vec::new();
        all_texts(&payload, &mut sent);
        prop_assert!(!sent.iter().any(|text| text.contains('\u{e001}')), "{payload}");
        for value in &ours {
            prop_assert!(sent.contains(value), "{value:?} is missing in {payload}");
        }
        // What is shown is what is sent.
        let shown = format!("{:?}", preview(&template, &ours).unwrap());
        prop_assert!(!shown.contains(&format!("{:?}", '\u{e001}').replace('\'', "")), "{shown}");
        let tags = |text: &str| text.matches(&format!("{:?}", '\u{e000}').replace('\'', "")).count();
        prop_assert!(tags(&shown) >= ours.len().min(1), "{shown}");
    }
}
