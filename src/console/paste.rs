//! Rows that an operator pastes: bounded, with line ends as files have them, and with a heading where none was pasted.

use super::numbers::{DIGITS_OF_A_NUMBER, Pasted};
use std::sync::Arc;

/// The most that is taken, in bytes; more belongs in a file.
pub const MOST_BYTES: usize = 2 * 1024 * 1024;

/// The lines of what was pasted, if it is rows: two or more of them.
pub fn rows(text: &str) -> Option<Pasted> {
    // Terminals send a carriage return for each line end.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.len() < 2 {
        return None;
    }
    let heading = heading_for(lines[0]).map(|heading| heading + "\n").unwrap_or_default();
    Some(Pasted(Arc::from(format!("{heading}{}\n", lines.join("\n")))))
}

/// How many rows there are, without a heading.
pub fn count(rows: &Pasted) -> u64 {
    (rows.0.lines().count() as u64).saturating_sub(1)
}

/// A heading for rows whose first line is a person already; `None`: it is a heading itself, or JSON.
fn heading_for(first: &str) -> Option<String> {
    if first.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let delimiter = ['\t', ';', ',', '|'].into_iter().find(|delimiter| first.contains(*delimiter)).unwrap_or(',');
    let cells: Vec<&str> = first.split(delimiter).map(|cell| cell.trim().trim_matches('"')).collect();
    let phone = cells.iter().position(|cell| is_phone(cell))?;
    let name = cells.iter().position(|cell| cell.chars().any(char::is_alphabetic));
    let names = (0..cells.len()).map(|place| {
        if place == phone {
            "phone".to_owned()
        } else if Some(place) == name {
            "name".to_owned()
        } else {
            format!("column {}", place + 1)
        }
    });
    Some(names.collect::<Vec<_>>().join(&delimiter.to_string()))
}

fn is_phone(cell: &str) -> bool {
    cell.chars().filter(|letter| letter.is_numeric()).count() >= DIGITS_OF_A_NUMBER
        && !cell.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_get_a_heading_when_they_have_none() {
        let json = "[{\"phone\":\"+15550100111\"},\n{\"phone\":\"+15550100122\"}]";
        let json_lines = format!("{json}\n");
        for (pasted, wanted) in [
            ("phone,name\r+15550100111,Asha\r", Some("phone,name\n+15550100111,Asha\n")),
            ("+15550100111\r\n+15550100122", Some("phone\n+15550100111\n+15550100122\n")),
            (
                "Asha\t+1 555 010 0111\tPune\n\nBo\t+1 555 010 0122\tSalem",
                Some("name\tphone\tcolumn 3\nAsha\t+1 555 010 0111\tPune\nBo\t+1 555 010 0122\tSalem\n"),
            ),
            (json, Some(json_lines.as_str())),
            ("/home/asha/in/file.csv\n", None),
            ("", None),
        ] {
            assert_eq!(rows(pasted).map(|rows| rows.0.to_string()).as_deref(), wanted, "{pasted:?}");
        }
        assert_eq!(count(&rows("+15550100111\n+15550100122").unwrap()), 2);
    }
}
