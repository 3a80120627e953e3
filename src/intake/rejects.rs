//! Writes the rejected rows as a CSV that opens in Excel: row, phone, reason. For `--rejects` and for
//! downloads; the place of each row leads back to the original file.

use super::Rejected;
use std::io::{self, Write};

/// The columns of a rejects file.
pub const COLUMNS: [&str; 3] = ["row", "phone", "reason"];

/// A rejects file being written.
pub struct RejectsWriter<W: Write> {
    csv: csv::Writer<W>,
}

impl<W: Write> RejectsWriter<W> {
    /// Begins a file with its heading, so that a file without rejects says so by being there.
    pub fn new(out: W) -> io::Result<Self> {
        let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        csv.write_record(COLUMNS)?;
        Ok(Self { csv })
    }

    /// Adds a rejected row.
    pub fn write(&mut self, row: u64, rejected: &Rejected) -> io::Result<()> {
        let phone = harmless(&rejected.phone_raw);
        let reason = harmless(&rejected.reason.to_string());
        Ok(self.csv.write_record([row.to_string(), phone, reason])?)
    }

    /// Writes out what is buffered and gives back what was written to.
    pub fn finish(self) -> io::Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe, which it hides and intake skips.
/// Phones keep their `+`.
fn harmless(text: &str) -> String {
    let is_formula = match text.chars().next() {
        Some('=' | '@' | '\t') => true,
        Some('+' | '-') => text.chars().any(|character| character.is_alphabetic() || "(!|".contains(character)),
        _ => false,
    };
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::PhoneProblem;
    use crate::intake::Reason;

    #[test]
    fn rejects_are_a_csv_without_formulas() {
        let mut writer = RejectsWriter::new(Vec::new()).unwrap();
        let mut write = |row, phone: &str| {
            let reason = Reason::Phone(PhoneProblem::Extension);
            writer.write(row, &Rejected { phone_raw: phone.to_owned(), reason }).unwrap();
        };
        write(2, "+1 202 555 0123");
        write(40_000, "=cmd|'/c calc'!A1, \"x\"");
        let text = String::from_utf8(writer.finish().unwrap()).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], "row,phone,reason");
        assert!(lines[1].starts_with("2,+1 202 555 0123,\"has an extension"), "{}", lines[1]);
        assert!(lines[2].starts_with("40000,\"'=cmd|'/c calc'!A1, \"\"x\"\"\","), "{}", lines[2]);
    }
}
