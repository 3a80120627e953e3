//! XLSX, from workbooks made by hand here: just the parts that a reader needs.

use super::{india, read, refusal, rows};
use std::io::{Cursor, Write};
use wacast::intake::{Format, Options};
use zip::write::SimpleFileOptions;

/// A workbook of these sheets (name and rows as XML) and texts.
fn workbook(sheets: &[(&str, &str)], texts: &[&str]) -> Vec<u8> {
    let list = texts.iter().map(|text| format!("<si><t>{text}</t></si>")).collect::<Vec<_>>().concat();
    let strings = format!("<sst uniqueCount=\"{}\">{list}</sst>", texts.len());
    packed(sheets, &strings)
}

fn packed(sheets: &[(&str, &str)], strings: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut part = |name: &str, text: &str| {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    };
    let namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let (mut names, mut targets) = (Vec::new(), Vec::new());
    for (index, (name, sheet)) in sheets.iter().enumerate() {
        let id = index + 1;
        let (name, state) = name.strip_prefix('-').map_or((*name, ""), |hidden| (hidden, " state=\"hidden\""));
        names.push(format!("<sheet name=\"{name}\" sheetId=\"{id}\" r:id=\"r{id}\"{state}/>"));
        targets.push(format!(
            "<Relationship Id=\"r{id}\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet{id}.xml\"/>"
        ));
        part(
            &format!("xl/worksheets/sheet{id}.xml"),
            &format!("<worksheet xmlns=\"{namespace}\"><sheetData>{sheet}</sheetData></worksheet>"),
        );
    }
    let (names, targets) = (names.concat(), targets.concat());
    part(
        "_rels/.rels",
        &format!(
            "<Relationships xmlns=\"{package}\"><Relationship Id=\"w\" Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    part("xl/_rels/workbook.xml.rels", &format!("<Relationships xmlns=\"{package}\">{targets}</Relationships>"));
    part(
        "xl/workbook.xml",
        &format!("<workbook xmlns=\"{namespace}\" xmlns:r=\"{relations}\"><sheets>{names}</sheets></workbook>"),
    );
    part(
        "xl/styles.xml",
        &format!(
            "<styleSheet xmlns=\"{namespace}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
        ),
    );
    part("xl/sharedStrings.xml", strings);
    archive.finish().unwrap().into_inner()
}

const PEOPLE: &str = r#"
    <row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="C2" t="s"><v>2</v></c></row>
    <row r="3"><c r="A3" t="inlineStr"><is><t>Asha &amp; Co</t></is></c><c r="B3"><v>919913687632</v></c><c r="C3" s="1"><v>45943</v></c></row>
    <row r="4"><c r="A4" s="1"/></row>
    <row r="7"><c r="B7"><v>9.913687633E9</v></c><c r="C7"><v>1.5</v></c></row>
    <row r="8"><c r="A8" t="s"><v>3</v></c><c r="B8" t="s"><v>4</v></c></row>
    <row r="9"><c r="A9" t="e"><v>#N/A</v></c><c r="B9"><v>9913687634</v></c></row>
    <row r="10"><c r="B10"><v>9913687635</v></c><c r="C10" t="b"><v>1</v></c></row>
    <row r="11"><c r="B11"><v>9913687636</v></c><c r="XFD11"><v>1</v></c></row>"#;
const TEXTS: [&str; 5] = ["Name", "Mobile", "Since", "रवि", "9.19914E+11"];

#[test]
fn a_sheet_comes_row_by_row_with_numbers_and_dates_as_people_read_them() {
    let bytes = workbook(&[("People", PEOPLE)], &TEXTS);
    assert_eq!(
        read(bytes.clone(), &india()),
        [
            "3 +919913687632 Asha &amp; Co Since=2025-10-13".replace("&amp;", "&").as_str(),
            "7 +919913687633  Since=1.5",
            "8 rounded_by_excel",
            "9 formula_error",
            "10 +919913687635  Since=TRUE",
            "11 too_many_cells",
        ]
    );
    let opened = rows(bytes, &india());
    assert_eq!((opened.described().format, opened.described().sheet.as_deref()), (Format::Xlsx, Some("People")));
    assert_eq!(opened.columns(), ["Since"]);
}

#[test]
fn the_sheet_can_be_chosen_and_hidden_ones_are_not_first() {
    let one = r#"<row r="1"><c r="A1"><v>9913687632</v></c></row>"#;
    let two = r#"<row r="1"><c r="A1"><v>9913687633</v></c></row>"#;
    let bytes = workbook(&[("-Secret", one), ("May List", two)], &[]);
    let sheet = |name: &str| Options { sheet: Some(name.to_owned()), ..india() };
    assert_eq!(read(bytes.clone(), &india()), ["1 +919913687633"]);
    assert_eq!(read(bytes.clone(), &sheet("secret")), ["1 +919913687632"]);
    assert!(refusal(bytes, &sheet("June")).contains("no sheet is called \"June\"; there are \"Secret\", \"May List\""));
}

#[test]
fn rows_without_places_and_rows_out_of_order() {
    let unplaced = "<row><c><v>9913687632</v></c></row><row><c><v>9913687633</v></c></row>";
    assert_eq!(read(workbook(&[("S", unplaced)], &[]), &india()), ["1 +919913687632", "2 +919913687633"]);
    let backwards =
        r#"<row r="2"><c r="A2"><v>9913687632</v></c></row><row r="1"><c r="A1"><v>9913687633</v></c></row>"#;
    assert!(read(workbook(&[("S", backwards)], &[]), &india()).pop().unwrap().contains("not in order"));
}

#[test]
fn many_rows_come_in_batches_and_in_order() {
    let sheet = (1..=3_000)
        .map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\"><v>{}</v></c></row>", 9_913_600_000_u64 + row))
        .collect::<Vec<_>>()
        .concat();
    let read: Vec<_> = rows(workbook(&[("S", &sheet)], &[]), &india()).map(Result::unwrap).collect();
    assert_eq!(read.len(), 3_000);
    for (index, row) in read.iter().enumerate() {
        assert_eq!(row.row, index as u64 + 1);
        assert_eq!(row.outcome.as_ref().unwrap().phone.digits(), 919_913_600_001 + index as u64);
    }
    // Dropping the rows half way ends the reading.
    let mut started = rows(workbook(&[("S", &sheet)], &[]), &india());
    assert!(started.next().is_some());
    drop(started);
}

#[test]
fn bombs_and_broken_workbooks_are_refused() {
    let heading = r#"<row r="1"><c r="A1" t="inlineStr"><is><t>phone</t></is></c></row>"#;
    let claims = packed(&[("S", heading)], "<sst uniqueCount=\"99999999999999\"></sst>");
    assert!(refusal(claims, &india()).contains("4 million texts"));
    let long = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(2_000_000));
    assert!(refusal(packed(&[("S", heading)], &long), &india()).contains("more than 1 MiB"));
    let bomb = format!("<sst>{}</sst>", "<i>".repeat(16_100_000));
    assert!(refusal(packed(&[("S", heading)], &bomb), &india()).contains("4 million texts"));
    let whole = workbook(&[("S", heading)], &[]);
    let message = refusal(&whole[..whole.len() / 2], &india());
    assert!(message.contains("save it again as .xlsx"), "{message}");
    assert!(refusal(&b"PK\x03\x04 and nothing more"[..], &india()).contains("save it again as .xlsx"));
}

#[test]
fn a_cut_or_changed_workbook_never_panics() {
    let whole = workbook(&[("People", PEOPLE)], &TEXTS);
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        let _ = read(changed, &india());
    }
}
