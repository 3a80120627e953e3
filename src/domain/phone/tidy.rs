//! From a cell's text to `+` and digits: marks nobody sees, other scripts' digits, what Excel does to numbers.
//!
//! Nothing here knows numbering plans. It repairs only what loses nothing, and says what it refuses.

use super::PhoneProblem;

/// Characters of a cell after trimming; a number with every kind of punctuation has half as many.
const TEXT_LIMIT: usize = 64;
/// Digits of the longest number in E.164.
pub(super) const DIGITS_LIMIT: usize = 15;
/// Digits of the shortest text that is a number by itself and not a part of one.
const WHOLE_NUMBER: usize = 7;

/// The zeros of the scripts that people write numbers in; nine digits follow each.
const ZEROS: [char; 19] = [
    '\u{0660}', '\u{06F0}', '\u{07C0}', '\u{0966}', '\u{09E6}', '\u{0A66}', '\u{0AE6}', '\u{0B66}', '\u{0BE6}',
    '\u{0C66}', '\u{0CE6}', '\u{0D66}', '\u{0DE6}', '\u{0E50}', '\u{0ED0}', '\u{0F20}', '\u{1040}', '\u{17E0}',
    '\u{1810}',
];

/// What a cell holds: digits, and whether they begin with a country code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tidy {
    /// ASCII digits, without `+` and without the `00` that stands for it.
    pub digits: String,
    /// Written with `+` or `00`.
    pub international: bool,
}

/// Takes a cell's text apart.
pub(super) fn tidy(raw: &str) -> Result<Tidy, PhoneProblem> {
    let raw = raw.trim();
    if raw.chars().nth(TEXT_LIMIT).is_some() {
        return Err(PhoneProblem::TooMuchText);
    }
    let plain: String = raw.chars().filter_map(plain).collect();
    let text = without_wrapping(&plain);
    if text.is_empty() {
        return Err(PhoneProblem::Empty);
    }
    let text = match scientific(text) {
        Some(digits) => digits?,
        None => without_decimals(text).to_owned(),
    };
    refuse_words(&text)?;
    refuse_several(&text)?;
    digits(&text)
}

/// One character in plain ASCII where it has such a form; `None` for marks that nobody sees.
fn plain(character: char) -> Option<char> {
    if character.is_ascii_digit() {
        return Some(character);
    }
    Some(match character {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => '\n',
        '\u{00AD}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FE0F}'
        | '\u{FEFF}' => return None,
        _ if character.is_whitespace() => ' ',
        _ if character.is_control() => return None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{00B4}' | '`' => '\'',
        '\u{201C}' | '\u{201D}' => '"',
        '\u{00B7}' | '\u{2022}' | '\u{2219}' => '.',
        // The full-width forms stand in the order of ASCII.
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(character as u32 - 0xFEE0).unwrap_or(character),
        _ => other_digit(character).unwrap_or(character),
    })
}

fn other_digit(character: char) -> Option<char> {
    ZEROS.iter().find_map(|zero| {
        let value = (character as u32).checked_sub(*zero as u32)?;
        char::from_digit(value, 10)
    })
}

/// Without what surrounds a number: quotes, Excel's apostrophe and `="…"`, a list's `;`, a link's scheme.
fn without_wrapping(text: &str) -> &str {
    let text = text.trim_start_matches([' ', '\n', '\'', '"', '=']);
    let text = text.trim_end_matches([' ', '\n', '\'', '"', ';', ',', '.']);
    for scheme in ["tel:", "whatsapp:"] {
        if let Some(start) = text.get(..scheme.len())
            && start.eq_ignore_ascii_case(scheme)
        {
            return text[scheme.len()..].trim_start();
        }
    }
    text
}

/// Reads `9.19913687632E+11`; `None` when the text is not of this form. Only a form that shows every digit
/// is a number: with fewer, zeros and rounded digits look the same.
fn scientific(text: &str) -> Option<Result<String, PhoneProblem>> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let exponent = exponent.trim_start_matches('+');
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let whole = whole.trim_start_matches('+');
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || exponent.is_empty() || ![whole, fraction, exponent].into_iter().all(all_digits) {
        return None;
    }
    let places: usize = exponent.parse().unwrap_or(usize::MAX);
    let shown = fraction.get(..places).unwrap_or(fraction);
    let beyond = &fraction[shown.len()..];
    let lossless = shown.len() == places && beyond.bytes().all(|byte| byte == b'0');
    Some(if lossless { Ok(format!("{whole}{shown}")) } else { Err(PhoneProblem::RoundedByExcel) })
}

/// Without the `.0` or `,00` that a spreadsheet puts behind a number.
fn without_decimals(text: &str) -> &str {
    let Some((number, decimals)) = text.rsplit_once(['.', ',']) else { return text };
    let is_number = digit_count(number) >= WHOLE_NUMBER
        && number.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    if is_number && matches!(decimals, "0" | "00") { number } else { text }
}

fn digit_count(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Letters and `#` are an extension's, a second number's, or not a number's at all.
fn refuse_words(text: &str) -> Result<(), PhoneProblem> {
    let Some(at) = text.find(|character: char| character.is_alphabetic() || character == '#') else {
        return Ok(());
    };
    let word: String = text[at..].chars().take_while(|character| !character.is_ascii_digit()).collect();
    let (before, after) = (digit_count(&text[..at]), digit_count(&text[at..]));
    let word = word.trim_matches(|character: char| !character.is_alphabetic() && character != '#').to_lowercase();
    if before >= WHOLE_NUMBER && after >= WHOLE_NUMBER {
        return Err(PhoneProblem::SeveralNumbers);
    }
    if before > 0 && after > 0 && matches!(word.as_str(), "x" | "#" | "ext" | "extn" | "extension" | "ramal" | "доб")
    {
        return Err(PhoneProblem::Extension);
    }
    Err(PhoneProblem::NotANumber(text[at..].chars().next().unwrap_or('#')))
}

/// Two numbers in one cell, however they are separated.
fn refuse_several(text: &str) -> Result<(), PhoneProblem> {
    let parted_by = |separators: &[char]| {
        text.split(separators).map(digit_count).filter(|digits| *digits > 0).collect::<Vec<usize>>()
    };
    // Grouping (9,91,36,87,632) has short parts only; an area code (030/1234567) is a short first part.
    let grouped = parted_by(&[',']);
    let sloped = parted_by(&['/']);
    let several = parted_by(&[';', '|', '&', '\n']).len() > 1
        || (grouped.len() > 1 && grouped.iter().any(|digits| *digits > 5))
        || (sloped.len() > 1 && sloped[0] > 6)
        || text.matches('+').count() > 1
        || (digit_count(text) > DIGITS_LIMIT + 2
            && text
                .match_indices(' ')
                .any(|(at, _)| digit_count(&text[..at]) >= WHOLE_NUMBER && digit_count(&text[at..]) >= WHOLE_NUMBER));
    if several { Err(PhoneProblem::SeveralNumbers) } else { Ok(()) }
}

/// The digits, when all that stands between them is what people put there.
fn digits(text: &str) -> Result<Tidy, PhoneProblem> {
    let mut digits = String::with_capacity(text.len());
    let mut international = false;
    for character in text.chars() {
        match character {
            '0'..='9' => digits.push(character),
            '+' if digits.is_empty() => international = true,
            ' ' | '-' | '.' | '(' | ')' | '[' | ']' | ',' | '/' | '~' | '_' | '\'' => {}
            other => return Err(PhoneProblem::NotANumber(other)),
        }
    }
    if !international && digits.starts_with("00") {
        digits.drain(..2);
        international = true;
    }
    if digits.is_empty() {
        return Err(PhoneProblem::NotANumber(text.chars().next().unwrap_or('+')));
    }
    Ok(Tidy { digits, international })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decimal_digit_of_the_listed_scripts_is_read() {
        for zero in ZEROS {
            for value in 0..10u32 {
                let character = char::from_u32(zero as u32 + value).unwrap();
                assert_eq!(plain(character), char::from_digit(value, 10), "{character}");
            }
        }
    }

    #[test]
    fn scientific_forms_are_told_by_their_digits() {
        for (text, expected) in [
            ("9.19913687632E+11", Some(Ok("919913687632"))),
            ("9,19913687632e11", Some(Ok("919913687632"))),
            ("9.199136876320E+11", Some(Ok("919913687632"))),
            ("9.19914E+11", Some(Err(PhoneProblem::RoundedByExcel))),
            ("9E+99999999999999999999", Some(Err(PhoneProblem::RoundedByExcel))),
            ("9.199136876325E+11", Some(Err(PhoneProblem::RoundedByExcel))),
            ("9.19914E-11", None),
            ("Elena", None),
            ("E", None),
        ] {
            assert_eq!(scientific(text), expected.map(|result| result.map(str::to_owned)), "{text}");
        }
    }
}
