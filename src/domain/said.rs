//! How counts and Meta's ratings are said to people: the same words in the console, on the command line, in messages and
//! in errors. Pure.

/// A count with its thousands apart: `48,210`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2,000 rows`: for words that take an s.
pub fn counted(count: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `1 person`, `48,210 people`.
pub fn people(count: u64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", grouped(count)) }
}

/// `1 person is`, `48,210 people are`.
pub fn people_are(count: u64) -> String {
    format!("{} {}", people(count), if count == 1 { "is" } else { "are" })
}

/// The quality that Meta gives a sender or a template (`GREEN`, `YELLOW`, `RED`, anything else).
pub fn quality(rating: &str) -> &'static str {
    match rating {
        "GREEN" => "good",
        "YELLOW" => "medium",
        "RED" => "low",
        _ => "not rated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_said_as_people_say_them() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (48_210, "48,210"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
        assert_eq!([0, 1, 2_000].map(people), ["0 people", "1 person", "2,000 people"]);
        assert_eq!([0, 1, 2_000].map(|count| counted(count, "row")), ["0 rows", "1 row", "2,000 rows"]);
        assert_eq!([1, 2].map(people_are), ["1 person is", "2 people are"]);
    }
}
