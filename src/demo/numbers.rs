//! Sample people: names in a few scripts and numbers from the ranges that are kept free for fiction.

use std::fmt::Write;

const FIRST_NAMES: [&str; 16] = [
    "Asha",
    "Ravi",
    "Meera",
    "Arjun",
    "Ana",
    "João",
    "Zoë",
    "Li",
    "Fatima",
    "Omar",
    "Priya",
    "Kofi",
    "Nina",
    "दीपा",
    "Iris",
    "Tom",
];
const LAST_NAMES: [&str; 7] = ["Sample", "Example", "Muster", "Placeholder", "Ejemplo", "Exemple", "Specimen"];
/// In each of these area codes, 555-0100 to 555-0199 belong to nobody.
const AREA_CODES: [&str; 8] = ["212", "310", "415", "617", "702", "808", "907", "303"];

/// A file with `people` different people, two of them twice, and two rows that cannot be used.
pub(super) fn csv(people: usize) -> String {
    let mut text = String::from("Phone,Name,first_name,discount,code\n");
    for index in 0..people.min(AREA_CODES.len() * 100) {
        row(&mut text, index);
    }
    row(&mut text, 3);
    row(&mut text, 11);
    text.push_str("12,Too Short,Too,5%,C0\n");
    text.push_str("9.87654E+09,Spread Sheet,Spread,5%,C0\n");
    text
}

fn row(text: &mut String, index: usize) {
    let area = AREA_CODES[index / 100 % AREA_CODES.len()];
    let first = FIRST_NAMES[index % FIRST_NAMES.len()];
    let last = LAST_NAMES[index % LAST_NAMES.len()];
    let discount = 5 + index % 4 * 5;
    let _ = writeln!(text, "+1 {area} 555 01{:02},{first} {last},{first},{discount}%,D{index:03}", index % 100);
}
