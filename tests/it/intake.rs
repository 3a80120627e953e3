//! What becomes of number files as people send them: each row a person or a reason, each file read or a
//! message that says what to do.

mod formats;
mod limits;
mod workbooks;

use crate::messy::{Expected, Person, messy};
use proptest::prelude::*;
use std::fmt::Write;
use wacast::intake::{IntakeProblem, Options, Row, Rows, Source, open};

fn options(country: &str) -> Options {
    Options { default_country: (!country.is_empty()).then(|| country.parse().unwrap()), ..Options::default() }
}

fn india() -> Options {
    options("IN")
}

fn rows(bytes: impl Into<Vec<u8>>, options: &Options) -> Rows {
    open(Source::bytes("test", bytes), options).unwrap()
}

/// A row in short: `2 +91… Asha city=Pune`, or `3 no_phone`.
fn short(row: &Row) -> String {
    let mut text = row.row.to_string();
    match &row.outcome {
        Ok(number) => {
            let _ = write!(text, " {} {}", number.phone, number.name);
            for (key, value) in &number.attributes {
                let _ = write!(text, " {key}={value}");
            }
        }
        Err(rejected) => {
            let _ = write!(text, " {}", rejected.reason.word());
        }
    }
    text.trim_end().to_owned()
}

/// All rows in short; a file that fails ends with `error: …`.
fn read(bytes: impl Into<Vec<u8>>, options: &Options) -> Vec<String> {
    match open(Source::bytes("test", bytes), options) {
        Ok(rows) => rows
            .map(|row| match row {
                Ok(row) => short(&row),
                Err(error) => format!("error: {}", error.problem),
            })
            .collect(),
        Err(error) => vec![format!("error: {}", error.problem)],
    }
}

#[track_caller]
fn check(bytes: impl Into<Vec<u8>>, expected: &[&str]) {
    assert_eq!(read(bytes, &india()), expected);
}

/// The message of a file that cannot be opened.
#[track_caller]
fn refusal(bytes: impl Into<Vec<u8>>, options: &Options) -> String {
    open(Source::bytes("numbers.csv", bytes), options).unwrap_err().to_string()
}

#[test]
fn people_come_with_their_attributes_and_rejects_with_their_reason() {
    check(
        "name,phone,city\nAsha,+919913687632,Pune\nRavi,99136,Goa\nIla,,\n",
        &["2 +919913687632 Asha city=Pune", "3 too_short", "4 no_phone"],
    );
}

#[test]
fn delimiters_are_told_from_the_text() {
    for delimiter in [',', ';', '\t', '|'] {
        let text = "name,phone,city\n\"Rao, A; B|C\tD\",9913687632,Pune\n".replace(',', &delimiter.to_string());
        let text = text.replace(&format!("Rao{delimiter}"), "Rao,");
        check(text, &["2 +919913687632 Rao, A; B|C\tD city=Pune"]);
    }
    check("sep=|\r\nname|phone\r\nA,b,c;d|9913687632\r\n", &["3 +919913687632 A,b,c;d"]);
}

#[test]
fn quotes_hold_delimiters_quotes_and_lines_and_rows_keep_their_line() {
    check(
        "name;phone\r\n\"Asha \"\"A\"\";\r\nRao\";9913687632\r\n\r\nRavi;9913687633\r\n\r\n\r\n",
        &["2 +919913687632 Asha \"A\";\nRao", "5 +919913687633 Ravi"],
    );
    // Line ends of old Macs, and a last line without one.
    check("phone\r9913687632\r\r9913687633", &["2 +919913687632", "4 +919913687633"]);
}

#[test]
fn blank_lines_are_no_rows_and_short_lines_have_blank_cells() {
    check(
        "phone,name,city\n,,\n   \n9913687632\n\"\",\" \"\n9913687633,Ravi,Goa,,\n9913687634,Ila,Goa,x\n",
        &["4 +919913687632  city=", "6 +919913687633 Ravi city=Goa", "7 too_many_cells"],
    );
}

#[test]
fn headings_are_found_in_any_spelling() {
    for heading in
        ["phone", "Phone Number", "MOBILE_NO", "  WhatsApp-Number ", "\u{feff}Teléfono", "Cell", "msisdn", "मोबाइल"]
    {
        check(format!("name,{heading}\nAsha,9913687632\n"), &["2 +919913687632 Asha"]);
    }
    // A name column of another name can be bound by that name too.
    check("Customer Name,phone\nAsha,9913687632\n", &["2 +919913687632 Asha Customer Name=Asha"]);
    check("First Name,phone,Last Name\nAsha,9913687632,Rao\n", &["2 +919913687632 Asha First Name=Asha Last Name=Rao"]);
    // The surer column wins, the other stays an attribute.
    check("phone,WhatsApp No.\n02212345678,9913687632\n", &["2 +919913687632  phone=02212345678"]);
    // A column without a name counts where it has something in it.
    check("phone,,name,\n9913687632,x,Asha,\n", &["2 +919913687632 Asha column_2=x"]);
}

#[test]
fn the_phone_column_can_be_chosen() {
    let chosen = Options { phone_column: Some("alt PHONE".to_owned()), ..india() };
    let text = "phone,Alt Phone\n9913687632,9913687633\n";
    assert_eq!(read(text, &chosen), ["2 +919913687633  phone=9913687632"]);
    let missing = Options { phone_column: Some("fax".to_owned()), ..india() };
    assert_eq!(refusal(text, &missing), "numbers.csv: no column is called \"fax\"; there are \"phone\", \"Alt Phone\"");
}

#[test]
fn files_without_a_heading_are_read_when_they_are_plain() {
    check("9913687632\n99136 87633\n", &["1 +919913687632", "2 +919913687633"]);
    check("Asha,9913687632\nRavi,9913687633\n", &["1 +919913687632 Asha", "2 +919913687633 Ravi"]);
    check("9913687632,12,Goa\n", &["1 +919913687632  column_2=12 column_3=Goa"]);
    check("9913687632;500\n", &["1 +919913687632  column_2=500"]);
    // Without a country such numbers are not read, but they are still rows, not a heading.
    assert_eq!(read("9913687632\n+919913687633\n", &options("")), ["1 no_country", "2 +919913687633"]);
    assert!(refusal("9913687632,9913687633,9913687634", &india()).contains("one number a line"));
}

#[test]
fn headings_that_leave_a_doubt_are_refused_with_what_to_do() {
    for (text, words) in [
        ("city,age\nPune,3\n", "no column for the phone numbers among \"city\", \"age\": call it \"phone\""),
        ("Mobile,Cell\n1,2\n", "several columns could hold the phone numbers (\"Mobile\", \"Cell\"): say which"),
        ("phone,City,city \n1,2,3\n", "several columns are called \"City\", \"city\""),
        ("", "the file is empty"),
        ("\n \r\n", "the file is empty"),
    ] {
        let message = refusal(text, &india());
        assert!(message.starts_with("numbers.csv: ") && message.contains(words), "{message}");
    }
}

#[test]
fn an_open_quote_fails_the_file_and_names_the_row() {
    check(
        "phone,name\n9913687632,Asha\n9913687633,\"Ravi\n9913687634,Ila\n",
        &[
            "2 +919913687632 Asha",
            "error: a quote (\") opened in the row that begins on line 3 is never closed: close it or remove it",
        ],
    );
}

#[test]
fn encodings_are_told_and_names_stay_whole() {
    let text = "name;phone\r\nआशा;9913687632\r\nZoë;9913687633\r\n";
    let expected = ["2 +919913687632 आशा", "3 +919913687633 Zoë"];
    let units = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
    check(text, &expected);
    check(format!("\u{feff}{text}"), &expected);
    let marked = units(&format!("\u{feff}{text}"));
    check(marked.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>(), &expected);
    check(marked.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<u8>>(), &expected);
    let plain = units("name;phone\nZoë;9913687633\n");
    check(plain.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>(), &["2 +919913687633 Zoë"]);
    check(b"name;phone\r\nZo\xeb \x96 \x80;9913687633\r\n".to_vec(), &["2 +919913687633 Zoë – €"]);
    // One broken letter among whole ones costs its row, not everybody's name.
    check(
        b"name;phone\n\xe0\xa4\x86\xe0\xa4\xb6\xe0\xa4\xbe;9913687632\nZo\xeb;9913687633\n".to_vec(),
        &["2 +919913687632 आशा", "3 lost_characters"],
    );
}

#[test]
fn a_late_letter_beyond_any_look_ahead_decides_the_encoding() {
    let mut bytes = b"phone;name\n".to_vec();
    for _ in 0..20_000 {
        bytes.extend(b"9913687632;Asha\n");
    }
    bytes.extend(b"9913687633;Zo\xeb\n");
    let last = read(bytes, &india()).pop().unwrap();
    assert_eq!(last, "20002 +919913687633 Zoë");
}

#[test]
fn what_the_file_is_is_told_to_people() {
    let opened = rows("Customer Name;Mobile;City\nAsha;9913687632;Pune\n", &india());
    let described = opened.described();
    assert_eq!((described.delimiter, described.encoding), (Some(';'), Some("UTF-8")));
    assert_eq!(described.phone_column.as_deref(), Some("Mobile"));
    assert_eq!(described.name_column.as_deref(), Some("Customer Name"));
    assert_eq!(opened.columns(), ["Customer Name", "City"]);
}

#[test]
fn paths_are_checked_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers.csv");
    let message = |path: &std::path::Path| open(Source::path(path), &india()).unwrap_err().to_string();
    assert!(message(&file).ends_with("numbers.csv: there is no such file: check the path"));
    assert!(message(folder.path()).ends_with("this is a folder: name the file in it"));
    std::fs::write(&file, "").unwrap();
    assert!(message(&file).ends_with("the file is empty"));
    std::fs::write(&file, "phone\n9913687632\n").unwrap();
    let read: Vec<String> = open(Source::path(&file), &india()).unwrap().map(|row| short(&row.unwrap())).collect();
    assert_eq!(read, ["2 +919913687632"]);
}

#[test]
fn a_stream_that_breaks_off_is_an_error_not_a_short_list() {
    struct Breaks(usize);
    impl std::io::Read for Breaks {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 > 3 {
                return Err(std::io::Error::other("connection lost"));
            }
            let text = b"phone\n9913687632\n";
            out[..text.len()].copy_from_slice(text);
            Ok(text.len())
        }
    }
    let error = open(Source::stream("upload", Breaks(0)), &india()).unwrap_err();
    assert!(matches!(error.problem, IntakeProblem::Read(_)));
    assert!(error.to_string().contains("connection lost"));
}

/// The row as the generator of messy files says it.
fn as_expected(row: &Row) -> (u64, Result<Person, &'static str>) {
    let outcome = match &row.outcome {
        Ok(number) => Ok(Person {
            phone: number.phone.to_string(),
            name: number.name.clone(),
            city: number.attributes["City"].clone(),
        }),
        Err(rejected) => Err(rejected.reason.word()),
    };
    (row.row, outcome)
}

#[test]
fn ten_thousand_messy_rows_come_out_row_by_row_as_they_are_meant() {
    for seed in [1, 2, 3] {
        let file = messy(seed, 10_000);
        let read: Vec<_> = rows(file.text.as_bytes(), &india()).map(|row| as_expected(&row.unwrap())).collect();
        assert_eq!(read.len(), file.rows.len());
        for (read, Expected { row, outcome, .. }) in read.iter().zip(&file.rows) {
            assert_eq!((read.0, &read.1), (*row, outcome), "seed {seed}");
        }
        let (received, imported, duplicates, rejected) = file.counts();
        assert_eq!(received, imported + duplicates + rejected);
        assert!(imported > 7_000 && duplicates > 300 && rejected > 700, "the file is messy in every way");
    }
}

#[test]
fn the_same_mess_in_utf16_comes_out_the_same() {
    let file = messy(4, 2_000);
    let wide: Vec<u8> = file.text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // On a thread of its own, as callers within async code read it.
    let rows = rows(wide, &india());
    let reading = std::thread::spawn(|| rows.map(|row| as_expected(&row.unwrap())).collect::<Vec<_>>());
    let read = reading.join().unwrap();
    let expected: Vec<_> = file.rows.iter().map(|row| (row.row, row.outcome.clone())).collect();
    assert_eq!(read, expected);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_in_order(
        head in prop::sample::select(vec![
            &b""[..], b"phone,name\n", b"phone;name\r\n", b"[", b"{\"numbers\":[", b"{\"phone\":\"+919913687632\"}\n",
            b"\xff\xfe", b"\xef\xbb\xbfphone\n", b"PK\x03\x04", b"9913687632\n",
        ]),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..400),
            "[\\[\\]{}:,;\"\\\\a-c0-9\r\n\t phone]{0,300}".prop_map(String::into_bytes),
        ],
    ) {
        let bytes = [head, &body[..]].concat();
        if let Ok(rows) = open(Source::bytes("any", bytes), &india()) {
            let mut last = 0;
            let mut count = 0;
            for row in rows {
                count += 1;
                prop_assert!(count <= 1_000, "more rows than bytes");
                let Ok(row) = row else { continue };
                prop_assert!(row.row > last, "row {} after {last}", row.row);
                last = row.row;
                if let Err(rejected) = row.outcome {
                    prop_assert!(rejected.phone_raw.chars().count() <= 64);
                    prop_assert!(!rejected.reason.to_string().is_empty());
                }
            }
        }
    }
}
