//! Text that fits: widths as a terminal sees them, cutting with an ellipsis, wrapping, figures with
//! thousands separators.
//!
//! Pure. Everything that comes from outside (names, labels, answers) goes through [`clean`] before it is drawn.

use crate::domain::phone::Phone;
use ratatui::style::Style;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

/// How many cells a text takes.
pub fn width(text: &str) -> usize {
    // Most of what is drawn is plain ASCII, and every frame asks for hundreds of widths.
    if is_plain(text) { text.len() } else { text.width() }
}

/// Printable ASCII: one cell a byte.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// A count of cells as the screen's own type; what is wider than any screen stays at the greatest.
pub fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// Without line breaks, tabs and other controls: what is left can be drawn in one line and commands no terminal.
pub fn clean(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    text.chars().map(|letter| if letter.is_control() || is_direction(letter) { ' ' } else { letter }).collect()
}

/// Marks that turn the direction of all that follows, so that a name could rearrange a line of the screen.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Pieces that are drawn together: a letter with its marks. Cut anywhere else, Devanagari and emoji fall apart.
fn pieces(cleaned: &str) -> Vec<String> {
    // ratatui lays out by grapheme; its spans give the same pieces as the buffer will have.
    Span::raw(cleaned).styled_graphemes(Style::new()).map(|piece| piece.symbol.to_owned()).collect()
}

/// The text in at most `room` cells; what was cut off is shown by `ellipsis`.
pub fn fit(text: &str, room: usize, ellipsis: &str) -> String {
    let text = clean(text);
    if width(&text) <= room {
        return text;
    }
    let room_for_text = room.saturating_sub(width(ellipsis));
    let mut taken = String::new();
    let mut used = 0;
    for piece in pieces(&text) {
        let wide = width(&piece);
        if used + wide > room_for_text {
            break;
        }
        used += wide;
        taken.push_str(&piece);
    }
    if used + width(ellipsis) <= room {
        taken.push_str(ellipsis);
    }
    taken
}

/// [`fit`], filled with blanks to exactly `room` cells.
pub fn column(text: &str, room: usize, ellipsis: &str) -> String {
    let fitted = fit(text, room, ellipsis);
    let blanks = room.saturating_sub(width(&fitted));
    format!("{fitted}{}", " ".repeat(blanks))
}

/// [`fit`], with the blanks in front: for figures.
pub fn column_right(text: &str, room: usize, ellipsis: &str) -> String {
    let fitted = fit(text, room, ellipsis);
    let blanks = room.saturating_sub(width(&fitted));
    format!("{}{fitted}", " ".repeat(blanks))
}

/// Lines of at most `room` cells, broken at blanks where that is possible; line breaks in the text are kept.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let paragraph = clean(paragraph.trim_end_matches('\r'));
        let words = paragraph.trim_start_matches(' ');
        let mut line = " ".repeat((paragraph.len() - words.len()).min(room / 2));
        let mut used = line.len();
        let mut empty = true;
        for word in words.split(' ') {
            let (gap, wide) = (usize::from(!empty), width(word));
            if used + gap + wide <= room {
                line.push_str(&" "[..gap]);
                line.push_str(word);
                used += gap + wide;
                empty = false;
                continue;
            }
            if !empty {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            for piece in pieces(word) {
                let wide = width(&piece);
                if !line.is_empty() && used + wide > room {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(&piece);
                used += wide;
            }
            empty = false;
        }
        lines.push(line);
    }
    lines
}

/// A text behind a name of `indent` cells; its further lines stand below its first.
pub fn behind(name: &str, indent: usize, text: &str, room: usize) -> Vec<String> {
    let lines = wrap(text, room.saturating_sub(indent));
    let first = column(name, indent, "");
    let blank = " ".repeat(indent);
    lines.iter().enumerate().map(|(row, line)| format!("{}{line}", if row == 0 { &first } else { &blank })).collect()
}

pub use crate::domain::said::{counted, grouped as thousands, people};

/// A pace: `60`, `0.5`, `12.5`.
pub fn pace(messages_per_second: f64) -> String {
    let text = format!("{messages_per_second:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A person's number as the screen may show it.
pub fn shown_phone(phone: Phone, privacy: bool, mask: &str) -> String {
    if privacy { phone.masked().replace('•', mask) } else { phone.to_string() }
}

/// An answer of the API without what tells who it was about: long digit runs (phones, `wa_id`) and message ids,
/// which hold the phone in another spelling.
pub fn without_numbers(answer: &str, mask: &str) -> String {
    let mut shown = String::with_capacity(answer.len());
    let mut rest = answer;
    while !rest.is_empty() {
        if let Some(id) = rest.strip_prefix("wamid.") {
            let end = id.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+/=_-".contains(letter));
            shown.push_str("wamid.");
            shown.push_str(&mask.repeat(3));
            rest = &id[end.unwrap_or(id.len())..];
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits >= 7 {
            shown.push_str(&rest[..2]);
            shown.push_str(&mask.repeat(3));
            shown.push_str(&rest[digits - 2..digits]);
            rest = &rest[digits..];
            continue;
        }
        let step = if digits > 0 { digits } else { rest.chars().next().map_or(1, char::len_utf8) };
        shown.push_str(&rest[..step]);
        rest = &rest[step..];
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_separators() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (48_210, "48,210"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(count), text);
        }
        assert_eq!(people(1), "1 person");
        assert_eq!(counted(2_000, "row"), "2,000 rows");
        assert_eq!((pace(60.0), pace(0.5)), ("60".to_owned(), "0.5".to_owned()));
    }

    #[test]
    fn cuts_by_cells_not_by_bytes() {
        for (text, room, cut) in [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "abcd…"),
            ("abcdef", 1, "…"),
            ("abcdef", 0, ""),
            ("🎉🎉🎉", 5, "🎉🎉…"),
            ("🎉🎉🎉", 4, "🎉…"),
            ("a\u{1b}[31mb\nc", 20, "a [31mb c"),
            ("a\u{202e}b", 9, "a b"),
        ] {
            assert_eq!(fit(text, room, "…"), cut, "{text:?} in {room}");
        }
        let devanagari = "दिवाली की शुभकामनाएँ";
        for room in 0..30 {
            assert!(width(&fit(devanagari, room, "…")) <= room);
            assert_eq!(width(&column(devanagari, room, "…")), room.max(width(&fit(devanagari, room, "…"))));
        }
    }

    #[test]
    fn wraps_at_blanks_and_breaks_what_is_too_long() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("a\n\nb", 9), ["a", "", "b"]);
        assert_eq!(wrap("  a b", 4), ["  a", "b"], "what is set in stays set in");
        assert_eq!(behind("To", 4, "one two", 8), ["To  one", "    two"]);
        assert!(wrap("🎉🎉🎉", 1).len() <= 3);
    }

    #[test]
    fn answers_do_not_tell_who() {
        let answer = r#"{"contacts":[{"input":"+15550100111","wa_id":"15550100111"}],"messages":[{"id":"wamid.HBgLMTU1+NTA="}],"code":131026}"#;
        let shown = without_numbers(answer, "•");
        assert!(!shown.contains("15550100111") && !shown.contains("HBgL"), "{shown}");
        assert!(shown.contains("131026") && shown.contains("wamid.•••"), "{shown}");
    }
}
