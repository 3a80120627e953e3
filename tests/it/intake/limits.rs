//! What is too large costs its row or is refused; it never costs memory.

use super::{check, india, read, refusal, short};
use std::io::{Cursor, Read};
use wacast::intake::{CELL_LIMIT_BYTES, COLUMNS_LIMIT, Options, Source, open};

#[test]
fn a_long_cell_costs_its_row() {
    let fits = "x".repeat(CELL_LIMIT_BYTES);
    let text = format!("phone,name\n9913687632,{fits}\n9913687633,{fits}y\n9913687634,Ila\n");
    let read = read(text, &india());
    assert_eq!(read[0].len(), "2 +919913687632 ".len() + CELL_LIMIT_BYTES);
    assert_eq!(&read[1..], ["3 cell_too_long", "4 +919913687634 Ila"]);
    let small = Options { max_cell_bytes: 3, phone_column: None, ..india() };
    assert_eq!(super::read("phone\n9913687632\n", &small), ["2 cell_too_long"]);
}

#[test]
fn a_line_of_thirty_megabytes_costs_its_row_only() {
    let line = |byte: u8| std::io::repeat(byte).take(30_000_000);
    let reader = Cursor::new("phone,name\n9913687632,Asha\n9913687633,")
        .chain(line(b'x'))
        .chain(Cursor::new("\n9913687634,\"\n"))
        .chain(std::io::repeat(b',').take(1_000_000))
        .chain(Cursor::new("\"\n9913687635,Ila\n"));
    let read: Vec<String> =
        open(Source::stream("long", reader), &india()).unwrap().map(|row| short(&row.unwrap())).collect();
    assert_eq!(read, ["2 +919913687632 Asha", "3 record_too_long", "4 record_too_long", "6 +919913687635 Ila"]);
}

#[test]
fn a_row_of_a_thousand_cells_costs_its_row_only() {
    check(
        format!("phone,name\n9913687632{}\n9913687633,Ila\n", ",x".repeat(1_000)),
        &["2 too_many_cells", "3 +919913687633 Ila"],
    );
}

#[test]
fn a_heading_has_its_limits() {
    let columns = |count: usize| {
        format!("phone{}\n9913687632\n", (1..count).map(|n| format!(",c{n}")).collect::<Vec<_>>().concat())
    };
    assert_eq!(read(columns(COLUMNS_LIMIT), &india()).len(), 1);
    assert!(refusal(columns(COLUMNS_LIMIT + 1), &india()).contains("more than 200 columns"));
    assert!(refusal(columns(5_000), &india()).contains("more than 200 columns"));
    assert!(refusal(format!("phone,{}\n", "x".repeat(70_000)), &india()).contains("longer than 64 KiB"));
    assert!(refusal("x".repeat(3_000_000), &india()).contains("longer than 64 KiB"));
}

#[test]
fn json_records_have_the_same_limits() {
    let long = "x".repeat(CELL_LIMIT_BYTES + 1);
    let huge = "x".repeat(400_000);
    check(
        format!(
            r#"[{{"phone":"9913687632","a":"{long}"}},{{"phone":"9913687632","a":"{huge}"}},{{"phone":"9913687633"}}]"#
        ),
        &["1 cell_too_long", "2 record_too_long", "3 +919913687633"],
    );
    check(
        format!("{{\"a\":\"{huge}\",\"phone\":\"1\"}}\n{{\"phone\":\"9913687633\"}}\n"),
        &["1 record_too_long", "2 +919913687633"],
    );
    let many = (0..COLUMNS_LIMIT).map(|n| format!(",\"c{n}\":1")).collect::<Vec<_>>().concat();
    check(format!("[{{\"phone\":\"9913687632\"{many}}}]"), &["1 too_many_cells"]);
    check(format!("[{}", "[".repeat(1_000_000)), &["error: not readable as JSON at line 1: the file ends too early"]);
    check(format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000)), &["1 bad_json"]);
}
