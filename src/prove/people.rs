//! Made-up people with numbers that nobody can have: 555-0100 to 555-0199 of each North American area code.

use crate::domain::phone::{Phone, parse_phone};
use std::fmt::Write;

/// The most that there are, roughly.
pub(super) const MOST: u32 = 30_000;

/// A file with so many people.
pub(super) fn csv(people: u32) -> String {
    let mut text = String::from("phone,name\n");
    for (place, phone) in (1..=people).zip(phones()) {
        let _ = writeln!(text, "{phone},Person {place}");
    }
    text
}

fn phones() -> impl Iterator<Item = Phone> {
    let area_codes = (200..1_000).filter(|area| parse_phone(&format!("+1{area}5550100"), None).is_ok());
    area_codes.flat_map(|area| {
        (100..200)
            .filter_map(move |last| parse_phone(&format!("+1{area}5550{last}"), None).ok())
            .map(|parsed| parsed.phone)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_enough_of_them() {
        let phones: HashSet<u64> = phones().map(Phone::digits).take(MOST as usize).collect();
        assert_eq!(phones.len(), MOST as usize);
        assert!(phones.iter().all(|digits| (digits / 10_000) % 1_000 == 555), "all are reserved ones");
    }
}
