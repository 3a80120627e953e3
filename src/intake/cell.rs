//! What every cell goes through, whatever the file's format.

use super::Reason;
use std::borrow::Cow;

/// A spreadsheet's words for a formula that failed.
const FORMULA_ERRORS: [&str; 9] =
    ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"];

/// Characters of a rejected row's phone cell that are shown.
const SHOWN_CHARACTERS: usize = 64;

/// Without blanks and invisible marks around it, without control characters in it (lines and tabs stay),
/// and out of Excel's `="…"`. Joiners stay: letters of Indian scripts and emoji need them.
pub(super) fn clean(cell: &str) -> Cow<'_, str> {
    let mut text = trim(cell);
    if let Some(inner) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        text = trim(inner);
    }
    if text.chars().any(|character| character.is_control() && character != '\n' && character != '\t') {
        let kept = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").chars().filter(kept).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace()
            || character.is_control()
            || matches!(
                character,
                '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}'
            )
    })
}

/// Whether a cell can be used at all; `column` names it in the reason.
pub(super) fn check(cell: &str, column: &str, limit_bytes: usize) -> Result<(), Reason> {
    let column = || column.chars().take(SHOWN_CHARACTERS).collect::<String>();
    if cell.len() > limit_bytes {
        return Err(Reason::CellTooLong { column: column(), limit_bytes });
    }
    if cell.contains('\u{FFFD}') {
        return Err(Reason::LostCharacters { column: column() });
    }
    if cell.starts_with('#')
        && let Some(text) = FORMULA_ERRORS.into_iter().find(|word| *word == cell)
    {
        return Err(Reason::FormulaError { column: column(), text: text.to_owned() });
    }
    Ok(())
}

/// A phone cell as reports show it: cleaned and shortened.
pub(super) fn shown(cell: &str) -> String {
    clean(cell).chars().take(SHOWN_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_lose_what_nobody_typed_and_nothing_else() {
        for (cell, expected) in [
            ("  Asha\u{a0}", "Asha"),
            ("\u{feff}Asha\u{200b}", "Asha"),
            ("A\u{0}s\u{7}ha", "Asha"),
            ("two\r\nlines", "two\nlines"),
            ("tab\tin it", "tab\tin it"),
            ("=\"00123\"", "00123"),
            ("ന്‍", "ന്‍"),
            ("क\u{94d}\u{200d}ष", "क\u{94d}\u{200d}ष"),
            ("", ""),
        ] {
            assert_eq!(clean(cell), expected, "{cell:?}");
        }
    }
}
