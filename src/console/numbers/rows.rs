//! Rows of files in the console's own words: which row it is, why it cannot be used and which key helps, what its cells may
//! show.
//!
//! The one place for these words in the console; the command line has its own.

use super::{DIGITS_OF_A_NUMBER, shown_cell};
use crate::console::text::thousands;
use crate::domain::phone::PhoneProblem;
use crate::service::import::PASTED;
use crate::store::{KeptReject, UploadReport};

/// Digits of what stands in a phone's cell from which on the first and the last one are shown.
const SHOWN_ENDS: usize = 4;
/// Rows that repeat a number and that are named.
const NAMED_REPEATS: usize = 3;

/// What a row of this source is called: whoever pasted has lines before them, not a file's rows.
pub fn row_word(source: &str) -> &'static str {
    if source.starts_with(PASTED) { "pasted line" } else { "row" }
}

/// Why a row cannot be used, with the key that helps: `r` in what became of a file.
pub fn why(reason: &str) -> String {
    if reason == PhoneProblem::NoCountry.to_string() {
        return "no country code, and no country was named for numbers without +".to_owned();
    }
    reason.to_owned()
}

/// The same before the file is loaded, when the field for the country is in sight.
pub fn why_not_yet(reason: &str) -> String {
    if reason == PhoneProblem::NoCountry.to_string() {
        return "no country code: name the country above".to_owned();
    }
    reason.to_owned()
}

/// A cause's name.
pub fn cause_name(cause: &str) -> String {
    let name = match cause {
        "no_country" => "no country code",
        "rounded_by_excel" => "rounded by Excel, digits lost",
        "several_numbers" => "more than one number in the cell",
        "unknown_country_code" => "no such country code",
        "not_assigned" => "no such number in that country",
        "no_phone" => "no phone number",
        "formula_error" => "a spreadsheet's error in a cell",
        "lost_characters" => "letters were lost",
        "bad_json" => "not readable",
        "several_phone_fields" => "several fields could be the phone",
        "record_too_long" => "the row is too long",
        other => return other.replace('_', " "),
    };
    name.to_owned()
}

/// What stands in a phone's cell and is no number that can be used: whatever its length, no more than its ends.
pub fn shown_phone_cell(text: &str, privacy: bool, mask: &str) -> String {
    let digits = text.chars().filter(|letter| letter.is_numeric()).count();
    if !privacy || digits >= DIGITS_OF_A_NUMBER {
        return shown_cell(text, privacy, mask);
    }
    super::masked(text, digits, usize::from(digits >= SHOWN_ENDS), mask)
}

/// The cells of a row that cannot be used, as the screen may show them: names and cells.
pub fn shown_cells(row: &KeptReject, privacy: bool, mask: &str) -> Vec<(String, String)> {
    let is_phone = |place: usize| row.cells.phone.is_some_and(|phone| usize::try_from(phone) == Ok(place));
    let cells = row.cells.cells.iter().enumerate();
    cells
        .map(|(place, (name, cell))| {
            let show = if is_phone(place) { shown_phone_cell } else { shown_cell };
            (name.clone(), show(cell, privacy, mask))
        })
        .collect()
}

/// A file's figures, which add up: `140 rows = 110 new + 2 already in this list + 28 rejected`.
pub fn sums(report: &UploadReport) -> String {
    let repeated = match report.repeated {
        0 => String::new(),
        count => format!(" + {} twice in this file", thousands(count)),
    };
    format!(
        "{} = {} new + {} already in this list{repeated} + {} rejected",
        crate::console::text::counted(report.received, "row"),
        thousands(report.imported),
        thousands(report.in_list_before()),
        thousands(report.rejected)
    )
}

/// Which rows repeat a number of their own file; `None`: none does.
pub fn repeats(report: &UploadReport, source: &str) -> Option<String> {
    let row = row_word(source);
    let named: Vec<String> = report
        .repeats
        .iter()
        .take(NAMED_REPEATS)
        .map(|one| match one.of {
            Some(of) => format!("{row} {} (the number of {row} {of})", one.row),
            None => format!("{row} {}", one.row),
        })
        .collect();
    let more = if report.repeated > named.len() as u64 { " and more" } else { "" };
    (!named.is_empty()).then(|| format!("Twice in this file: {}{more}. The first of them counts.", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Repeat;

    #[test]
    fn what_is_no_number_is_masked_all_the_same() {
        for (cell, shown) in
            [("98765", "9•••5"), ("98 76", "9• •6"), ("123", "•••"), ("98765 43210", "98••• •••10"), ("n/a", "n/a")]
        {
            assert_eq!(shown_phone_cell(cell, true, "•"), shown);
        }
        assert_eq!(shown_phone_cell("98765", false, "•"), "98765");
    }

    #[test]
    fn no_flag_of_the_command_line_is_named() {
        let reason = PhoneProblem::NoCountry.to_string();
        for words in [why(&reason), why_not_yet(&reason)] {
            assert!(!words.contains("--") && !words.contains("default_country"), "{words}");
        }
    }

    #[test]
    fn figures_add_up_and_name_the_rows_that_repeat() {
        let repeats_of = |count| (0..count).map(|at| Repeat { row: 5 + at, of: (at > 0).then_some(3) }).collect();
        let report = UploadReport {
            received: 10,
            imported: 3,
            duplicates: 6,
            rejected: 1,
            repeated: 4,
            repeats: repeats_of(4),
            ..UploadReport::default()
        };
        assert_eq!(sums(&report), "10 rows = 3 new + 2 already in this list + 4 twice in this file + 1 rejected");
        assert_eq!(
            repeats(&report, "a.csv").unwrap(),
            "Twice in this file: row 5, row 6 (the number of row 3), row 7 (the number of row 3) and more. The first of them counts."
        );
        assert_eq!(repeats(&UploadReport::default(), "a.csv"), None);
    }
}
