//! Writes the rejected rows as a CSV that opens in Excel: row, phone, reason, and then the other cells. For `--rejects` and
//! for downloads; put right and without the first column it can be read again.

use super::{COLUMNS_LIMIT, Rejected};
use crate::domain::broadcast::Cells;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// The first columns of a rejects file.
pub const COLUMNS: [&str; 3] = ["row", "phone", "reason"];
/// The last column: cells of a row that have no column of their own, as JSON.
pub const OTHER_CELLS: &str = "other_cells";

/// A rejects file being written.
pub struct RejectsWriter<W: Write> {
    csv: csv::Writer<W>,
    columns: Vec<String>,
}

impl<W: Write> RejectsWriter<W> {
    /// Begins a file with its heading, so that a file without rejects says so by being there. `columns`: of the file that
    /// is read, without its phone's.
    pub fn new(out: W, columns: Vec<String>) -> io::Result<Self> {
        let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        let is_free = |name: &String| !COLUMNS.contains(&name.to_lowercase().as_str()) && name != OTHER_CELLS;
        let columns: Vec<String> = columns.into_iter().filter(is_free).take(COLUMNS_LIMIT).collect();
        let names = columns.iter().map(|name| harmless(name));
        csv.write_record(COLUMNS.map(str::to_owned).into_iter().chain(names).chain([OTHER_CELLS.to_owned()]))?;
        Ok(Self { csv, columns })
    }

    /// Adds a rejected row.
    pub fn write(&mut self, row: u64, rejected: &Rejected) -> io::Result<()> {
        self.write_row(row, &rejected.phone_raw, &rejected.reason.to_string(), &rejected.cells)
    }

    /// The same from what was kept of it.
    pub fn write_row(&mut self, row: u64, phone: &str, reason: &str, cells: &Cells) -> io::Result<()> {
        let mut line = vec![row.to_string(), harmless(phone), harmless(reason)];
        line.resize(COLUMNS.len() + self.columns.len(), String::new());
        let mut others = Map::new();
        for (index, (name, cell)) in cells.cells.iter().enumerate() {
            if cells.phone.is_some_and(|phone| usize::try_from(phone) == Ok(index)) {
                continue;
            }
            match self.columns.iter().position(|column| column == name) {
                Some(column) => line[COLUMNS.len() + column] = harmless(cell),
                None => drop(others.insert(name.clone(), Value::from(cell.clone()))),
            }
        }
        line.push(if others.is_empty() { String::new() } else { Value::from(others).to_string() });
        Ok(self.csv.write_record(line)?)
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
        let columns = ["Name", "Reason", "city"].map(str::to_owned).to_vec();
        let mut writer = RejectsWriter::new(Vec::new(), columns).unwrap();
        let mut write = |row, phone: &str, city: &str| {
            let cells = [("mobile", phone), ("Name", "Asha"), ("Reason", "old"), ("city", city)];
            let cells = cells.map(|(name, cell)| (name.to_owned(), cell.to_owned())).to_vec();
            let cells = Cells { cells, phone: Some(0), name: Some(1) };
            let reason = Reason::Phone(PhoneProblem::Extension);
            writer.write(row, &Rejected { phone_raw: phone.to_owned(), reason, cells }).unwrap();
        };
        write(2, "+1 202 555 0123", "@Pune");
        write(40_000, "=cmd|'/c calc'!A1, \"x\"", "");
        let text = String::from_utf8(writer.finish().unwrap()).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], "row,phone,reason,Name,city,other_cells");
        assert!(lines[1].starts_with("2,+1 202 555 0123,\"has an extension"), "{}", lines[1]);
        assert!(lines[1].ends_with(",Asha,'@Pune,\"{\"\"Reason\"\":\"\"old\"\"}\""), "{}", lines[1]);
        assert!(lines[2].starts_with("40000,\"'=cmd|'/c calc'!A1, \"\"x\"\"\","), "{}", lines[2]);
    }
}
