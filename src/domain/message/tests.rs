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
