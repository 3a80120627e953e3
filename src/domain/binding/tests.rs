use super::*;
use crate::domain::broadcast::Number;
use crate::domain::template::Template;
use serde_json::json;

fn template(components: &serde_json::Value) -> Template {
    serde_json::from_value(json!({"name": "t", "language": "en", "status": "APPROVED", "components": components}))
        .unwrap()
}

fn slots(body: &str) -> Vec<Slot> {
    template(&json!([{"type": "BODY", "text": body}])).slots().unwrap()
}

fn bindings(written: &[&str]) -> Bindings {
    written.iter().map(|text| parse(text).unwrap()).collect()
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn number(attributes: &[(&str, &str)]) -> Number {
    Number {
        phone: "+15550100111".parse().unwrap(),
        name: "Asha".into(),
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

#[test]
fn the_command_lines_forms() {
    let column = |name: &str| Source::Column(name.into());
    let text = |text: &str| Source::Text { text: text.into() };
    for (written, name, source) in [
        ("1=first_name", "1", column("first_name")),
        ("{{1}}= First Name ", "1", column("First Name")),
        ("header.link:=https://example.com/?a=b", "header.link", text("https://example.com/?a=b")),
        ("2:=Diwali", "2", text("Diwali")),
        ("2:= = ", "2", text(" = ")),
        ("name=name:-friend", "name", Source::ColumnOr { column: "name".into(), fallback: "friend".into() }),
    ] {
        assert_eq!(parse(written), Ok((name.to_owned(), source)), "{written}");
    }
    for written in ["", "1", "=x", "1=", "1:=", ":=x", "1= ", "1=:-x", "1=a:-"] {
        assert!(parse(written).unwrap_err().to_string().contains("VARIABLE=COLUMN"), "{written}");
    }
}

#[test]
fn values_come_in_the_order_of_the_slots() {
    let resolved =
        resolve(&slots("{{2}} {{1}} {{3}}"), &bindings(&["1=city", "2:=Diwali", "3=phone"]), &columns(&["city"]));
    let values = resolved.unwrap().values(&number(&[("city", " Pune ")])).unwrap();
    assert_eq!(values, ["Pune", "Diwali", "+15550100111"]);
}

#[test]
fn columns_match_without_case_and_blanks_over_several_uploads() {
    let resolved = resolve(&slots("{{1}}"), &bindings(&["1=FIRST name"]), &columns(&["city", "First Name"])).unwrap();
    assert_eq!(resolved.sources().next(), Some(("1", &Source::Column("First Name".into()))));
    assert_eq!(resolved.values(&number(&[("First Name", "Ana")])).unwrap(), ["Ana"]);
    assert_eq!(resolved.values(&number(&[("firstname", "Eva")])).unwrap(), ["Eva"]);
    // The same name wins over one that is only alike.
    let both = resolve(&slots("{{1}}"), &bindings(&["1=a b"]), &columns(&["AB", "a b"])).unwrap();
    assert_eq!(both.sources().next(), Some(("1", &Source::Column("a b".into()))));
}

#[test]
fn a_named_variable_takes_the_column_of_its_name() {
    let resolved = resolve(&slots("{{first_name}} {{name}}"), &Bindings::new(), &columns(&["First_Name"])).unwrap();
    assert_eq!(resolved.values(&number(&[("First_Name", "Ana")])).unwrap(), ["Ana", "Asha"]);
    // A number never does, even if a column is called so.
    let problem = resolve(&slots("{{1}}"), &Bindings::new(), &columns(&["1"])).unwrap_err();
    assert_eq!(problem.missing, ["1"]);
}

#[test]
fn everything_that_does_not_fit_is_named_at_once() {
    let problem = resolve(
        &slots("{{1}} {{2}} {{3}}"),
        &bindings(&["1=frist", "4=city", "3:=a\nb"]),
        &columns(&["first", "city"]),
    )
    .unwrap_err();
    assert_eq!(problem.missing, ["2"]);
    assert_eq!(problem.unknown, ["4"]);
    assert_eq!(problem.no_such_column, [("1".to_owned(), "frist".to_owned())]);
    assert_eq!(problem.bad_text, [("3".to_owned(), Fault::Whitespace)]);
    assert_eq!(
        problem.to_string(),
        "nothing fills the template's variable 2; the template has no variable 4 (it has: 1, 2, 3); these numbers have \
         no column \"frist\" for variable 1, did you mean \"first\"? (there are: name, phone, first, city); the fixed text \
         for 3 has a line break, a tab or more than four blanks in a row"
    );
}

#[test]
fn a_cell_that_cannot_be_sent_is_named() {
    let plain = resolve(&slots("{{1}}"), &bindings(&["1=city"]), &columns(&["city"])).unwrap();
    let fault = |value: &str| plain.values(&number(&[("city", value)])).unwrap_err().fault;
    assert_eq!(fault("  "), Fault::Blank);
    assert_eq!(fault("a\nb"), Fault::Whitespace);
    assert_eq!(fault("a     b"), Fault::Whitespace);
    assert_eq!(fault(&"é".repeat(1_025)), Fault::TooLong(1_024));
    assert!(plain.values(&number(&[("city", &"é".repeat(1_024))])).is_ok());
    assert_eq!(plain.values(&number(&[])).unwrap_err().to_string(), "\"city\" is blank, and variable 1 needs it");
    let with_fallback = resolve(&slots("{{1}}"), &bindings(&["1=city:-your town"]), &columns(&["city"])).unwrap();
    assert_eq!(with_fallback.values(&number(&[("city", " ")])).unwrap(), ["your town"]);
    assert_eq!(with_fallback.values(&number(&[("city", "a\tb")])).unwrap_err().fault, Fault::Whitespace);
}

#[test]
fn links_and_codes_have_their_own_rules() {
    let slots = template(&json!([{"type": "HEADER", "format": "IMAGE"},
        {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "text": "Copy"}]}]))
    .slots()
    .unwrap();
    let ready = |link: &str, code: &str| {
        resolve(&slots, &bindings(&[&format!("header.link:={link}"), &format!("button.0:={code}")]), &[])
    };
    assert!(ready("HTTPS://example.com/a.jpg", "SAVE15").is_ok());
    assert_eq!(ready("example.com/a.jpg", "SAVE15").unwrap_err().bad_text[0].1, Fault::NotALink);
    assert_eq!(ready("https://example.com/", &"x".repeat(21)).unwrap_err().bad_text[0].1, Fault::TooLong(20));
}

#[test]
fn places_codes_and_files_are_checked() {
    let place = template(&json!([{"type": "HEADER", "format": "LOCATION"}]));
    let at = |latitude: &str, longitude: &str| {
        let written = [
            &format!("header.latitude:={latitude}"),
            &format!("header.longitude:={longitude}"),
            "header.name:=Shop",
            "header.address:=1 Example Road",
        ];
        resolve(&place.slots().unwrap(), &bindings(&written), &[])
    };
    assert!(at("-37.5", "180").is_ok());
    assert_eq!(
        at("91", "12,5").unwrap_err().bad_text.iter().map(|(_, fault)| *fault).collect::<Vec<_>>(),
        [Fault::NotDegrees(90), Fault::NotDegrees(180)]
    );

    let mut code = template(&json!([{"type": "BODY", "text": "{{1}} is your code."}]));
    code.category = "AUTHENTICATION".into();
    let code = |text: &str| resolve(&code.slots().unwrap(), &bindings(&[&format!("1:={text}")]), &[]);
    assert!(code("123456").is_ok());
    assert_eq!(code("1234567890123456").unwrap_err().bad_text[0].1, Fault::TooLong(15));
    assert_eq!(
        resolve(&slots("{{1}}"), &bindings(&["1=@/srv/a.jpg"]), &[]).unwrap_err().bad_text[0].1,
        Fault::NotAText
    );
}

#[test]
fn an_uploaded_document_is_called_as_its_file() {
    let document = template(&json!([{"type": "HEADER", "format": "DOCUMENT"}])).slots().unwrap();
    let values = |written: &[&str]| {
        resolve(&document, &bindings(written), &[]).unwrap().values(&number(&[("invoice", "i7.pdf")])).unwrap()
    };
    assert_eq!(
        parse("header.link=@/srv/price list.pdf").unwrap().1,
        Source::File { file: "/srv/price list.pdf".into() }
    );
    assert_eq!(values(&["header.link=@/srv/price list.pdf"]), ["price list.pdf", "price list.pdf"]);
    assert_eq!(values(&["header.link=@/srv/a.pdf", "header.filename:=Offer.pdf"]), ["a.pdf", "Offer.pdf"]);
    assert_eq!(values(&["header.link:=https://example.com/a.pdf"]), ["https://example.com/a.pdf", ""]);
    let json: Source = serde_json::from_value(json!({"file": "/srv/a.pdf"})).unwrap();
    assert_eq!(json, Source::File { file: "/srv/a.pdf".into() });
}

#[test]
fn the_whole_body_and_the_whole_header_are_measured() {
    let offer = template(&json!([{"type": "HEADER", "format": "TEXT", "text": "For you, {{1}}"},
        {"type": "BODY", "text": "{{1}}, {{2}} and {{1}}"}]));
    let resolved = resolve_for(
        &offer,
        &offer.slots().unwrap(),
        &bindings(&["header.1=name", "1=a", "2=b"]),
        &columns(&["a", "b"]),
    )
    .unwrap();
    let fault = |a: usize, b: usize| {
        resolved.values(&number(&[("a", &"x".repeat(a)), ("b", &"é".repeat(b))])).map_err(|problem| problem.to_string())
    };
    assert!(fault(300, 417).is_ok());
    assert_eq!(fault(300, 418).unwrap_err(), "\"b\" makes the body longer than 1024 letters, and variable 2 needs it");
    let long_name = Number { name: "n".repeat(52), ..number(&[("a", "x"), ("b", "x")]) };
    assert_eq!(resolved.values(&long_name).unwrap_err().fault, Fault::PartTooLong("header", 60));
}
