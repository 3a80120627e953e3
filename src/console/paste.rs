//! Rows that an operator pastes: bounded, with line ends as files have them, and with a heading where none was pasted.

use super::numbers::{DIGITS_OF_A_NUMBER, Pasted};
use std::sync::Arc;

/// The most that is taken, in bytes; more belongs in a file.
pub const MOST_BYTES: usize = 2 * 1024 * 1024;

/// The lines of what was pasted, if it is rows: two or more of them.
pub fn rows(text: &str) -> Option<Pasted> {
    // Terminals send a carriage return for each line end.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // Blank lines stay, so that each row keeps the line that it was pasted in; they are no rows.
    let lines: Vec<&str> = text.lines().map(|line| if line.trim().is_empty() { "" } else { line }).collect();
    let mut filled = lines.iter().copied().filter(|line| !line.is_empty());
    let (first, _) = (filled.next()?, filled.next()?);
    let heading = heading_for(first);
    let heading_added = heading.is_some();
    let heading = heading.map(|heading| heading + "\n").unwrap_or_default();
    Some(Pasted { text: Arc::from(format!("{heading}{}\n", lines.join("\n"))), heading_added })
}

/// How many rows there are, without a heading.
pub fn count(rows: &Pasted) -> u64 {
    let filled = || rows.text.lines().filter(|line| !line.is_empty());
    let heading = u64::from(filled().next().is_some_and(|first| !is_json(first)));
    (filled().count() as u64).saturating_sub(heading)
}

fn is_json(line: &str) -> bool {
    line.trim_start().starts_with(['{', '['])
}

/// A heading for rows whose first line is a person already; `None`: it is a heading itself, or JSON.
fn heading_for(first: &str) -> Option<String> {
    if is_json(first) {
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
                Some("name\tphone\tcolumn 3\nAsha\t+1 555 010 0111\tPune\n\nBo\t+1 555 010 0122\tSalem\n"),
            ),
            (json, Some(json_lines.as_str())),
            ("/home/asha/in/file.csv\n", None),
            ("", None),
        ] {
            assert_eq!(rows(pasted).map(|rows| rows.text.to_string()).as_deref(), wanted, "{pasted:?}");
        }
        for (pasted, rows_in_it, heading_added) in [
            ("+15550100111\n+15550100122", 2, true),
            ("\n+15550100111\n \n+15550100122\n\n", 2, true),
            ("phone\n+15550100111\n+15550100122", 2, false),
            ("{\"phone\":\"+15550100111\"}\n{\"phone\":\"+15550100122\"}", 2, false),
        ] {
            let rows = rows(pasted).unwrap();
            assert_eq!((count(&rows), rows.heading_added), (rows_in_it, heading_added), "{pasted:?}");
        }
    }
}
