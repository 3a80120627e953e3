//! JSON in its shapes, and files that are something else.

use super::{check, india, options, read, refusal, rows};
use wacast::intake::{Format, Options};

#[test]
fn json_arrays_and_the_wrapped_form_are_the_same() {
    let people = r#"[{"name":"Asha","phone":919913687632,"city":"Pune"},
        {"name":null,"phone":"9913687633","age":41,"vip":true,"rate":1.50},
        {"name":"Ila","phone":""}]"#;
    let expected = ["1 +919913687632 Asha city=Pune", "2 +919913687633  age=41 rate=1.50 vip=true", "3 no_phone"];
    check(people, &expected);
    check(format!("{{\"numbers\": {people} }}"), &expected);
    check(format!("\u{feff} {{\"list\":\"diwali\",\"numbers\":{people},\"more\":{{\"a\":[1]}}}}\n"), &expected);
}

#[test]
fn json_objects_one_a_line_keep_their_line() {
    let text =
        "{\"phone\":\"9913687632\",\"Full Name\":\"Asha\"}\n\n{\"phone\":\nx}\n{\"mobile\":\"9913687633\"}\r\nnull\n";
    check(text, &["1 +919913687632 Asha Full Name=Asha", "3 bad_json", "4 bad_json", "5 +919913687633", "6 bad_json"]);
}

#[test]
fn json_objects_over_several_lines_are_counted() {
    check(
        "{\n \"phone\": \"9913687632\"\n}\n{\n \"phone\": \"9913687633\"\n}\n",
        &["1 +919913687632", "2 +919913687633"],
    );
    check("{\"phone\":\"9913687632\"} {\"phone\":\"9913687633\"}", &["1 +919913687632", "2 +919913687633"]);
    check("{\"phone\":\"9913687632\"}", &["1 +919913687632"]);
}

#[test]
fn json_objects_are_judged_one_by_one() {
    check(
        r#"[{"phone":"9913687632","tags":["a"]}, 5, [], "9913687632", {"name":"Asha"},
            {"mobile":"1","cell":"2"}, {"phone":"9913687632","a":1,"a":2}, {"phone":9.19914E+11},
            {"phone":9.19913687632e11}, {"phone":919913687632.0}, {}, {"Phone Number":"9913687634"}]"#,
        &[
            "1 bad_json",
            "2 bad_json",
            "3 bad_json",
            "4 bad_json",
            "5 no_phone",
            "6 several_phone_fields",
            "7 bad_json",
            "8 rounded_by_excel",
            "9 +919913687632",
            "10 +919913687632",
            "11 no_phone",
            "12 +919913687634",
        ],
    );
}

#[test]
fn json_texts_may_hold_what_json_is_made_of() {
    check(
        r#"[{"name":"A \"}],{ \\","phone":"9913687632"},{"phone":"9913687633"}]"#,
        &[r#"1 +919913687632 A "}],{ \"#, "2 +919913687633"],
    );
}

#[test]
fn nobody_is_an_answer_too() {
    check("[]", &[]);
    check("{\"numbers\":[]}", &[]);
    check("phone,name\n", &[]);
}

#[test]
fn json_that_breaks_off_or_goes_wrong_fails_with_its_line() {
    for (text, message) in [
        ("[{\"phone\":\"9913687632\"},\n{\"phone\":\"99", "line 2: the file ends too early"),
        ("[{\"phone\":\"9913687632\"}", "line 1: expected , or ] after an object"),
        ("[{\"phone\":\"9913687632\"}\n{\"phone\":\"1\"}]", "line 2: expected , or ]"),
        ("[{\"phone\":\"9913687632\"},\n{\"phone\" 1}]", "line 2: expected `:`"),
        ("{\"numbers\":[{\"phone\":\"9913687632\"}]", "line 1: expected } at the end"),
        ("[{\"phone\":\"9913687632\"}] x", "line 1: something follows the end of the list"),
        ("{\"numbers\":[],\"numbers\":[{\"phone\":\"9913687632\"}]}", "\"numbers\" stands twice"),
        ("{\"phone\" \"1\"}", "line 1: expected \"name\": value"),
        ("{", "line 1: the file ends too early"),
    ] {
        let last = read(text, &india()).pop().unwrap();
        assert!(last.starts_with("error: not readable as JSON at") && last.contains(message), "{text}: {last}");
    }
}

#[test]
fn json_tells_its_columns() {
    let mut opened =
        rows(r#"[{"Name":"A","Phone":"9913687632","city":"P"},{"phone":"9913687633","zip":"1"}]"#, &india());
    assert_eq!(opened.described().format, Format::Json);
    assert_eq!(opened.described().phone_column.as_deref(), Some("Phone"));
    assert_eq!(opened.described().name_column.as_deref(), Some("Name"));
    assert_eq!(opened.columns(), ["city"]);
    assert_eq!(opened.by_ref().count(), 2);
    assert_eq!(opened.columns(), ["city", "zip"]);
    let lines = rows("{\"phone\":\"1\"}\n{\"phone\":\"2\"}\n", &india());
    assert_eq!(lines.described().format, Format::JsonLines);
}

#[test]
fn the_phone_field_can_be_chosen() {
    let chosen = Options { phone_column: Some("Alt".to_owned()), ..india() };
    assert_eq!(
        read(r#"[{"phone":"1","alt":"9913687632"},{"phone":"9913687632"}]"#, &chosen),
        ["1 +919913687632  phone=1", "2 no_phone"]
    );
}

#[test]
fn other_files_are_named_with_what_to_do() {
    for (bytes, words) in [
        (&b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1........"[..], "old Excel file (.xls) or one with a password"),
        (b"<html><table>", "a web page or XML"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?>", "a web page or XML"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08\x00", "unpack it"),
        (b"{\\rtf1 hello}", "save it as plain text"),
    ] {
        let message = refusal(bytes, &india());
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn the_format_can_be_forced() {
    let csv = Options { format: Some(Format::Csv), ..options("IN") };
    assert_eq!(read("[phone],x\n", &csv)[0].get(..26), Some("error: no column for the p"));
    assert_eq!("TSV".parse::<Format>(), Ok(Format::Csv));
    assert!("xls".parse::<Format>().is_err());
}
