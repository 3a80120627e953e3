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

/// Australian mobile numbers that its authority keeps free for fiction, after `+61 491 57`. To these marketing messages are
/// delivered, to numbers with +1 they are not: so the demo shows both.
const AUSTRALIAN: [&str; 30] = [
    "0006", "0156", "0157", "0158", "0159", "0110", "0313", "0737", "1266", "1491", "1804", "2549", "2665", "2983",
    "3770", "3087", "4118", "4632", "5254", "5789", "6398", "6801", "7426", "7644", "8957", "8148", "8888", "9212",
    "9760", "9455",
];

/// A file with `people` different people, two of them twice, and two rows that cannot be used.
pub(super) fn csv(people: usize) -> String {
    let mut text = String::from("Phone,Name,first_name,discount,code\n");
    for index in 0..people.min(AUSTRALIAN.len() + AREA_CODES.len() * 100) {
        row(&mut text, index);
    }
    row(&mut text, 3);
    row(&mut text, 11);
    text.push_str("12,Too Short,Too,5%,C0\n");
    text.push_str("9.87654E+09,Spread Sheet,Spread,5%,C0\n");
    text
}

fn row(text: &mut String, index: usize) {
    let first = FIRST_NAMES[index % FIRST_NAMES.len()];
    let last = LAST_NAMES[index % LAST_NAMES.len()];
    let discount = 5 + index % 4 * 5;
    let phone = if let Some(ending) = AUSTRALIAN.get(index) {
        format!("+61 491 57{} {}", &ending[..1], &ending[1..])
    } else {
        let place = index - AUSTRALIAN.len();
        format!("+1 {} 555 01{:02}", AREA_CODES[place / 100 % AREA_CODES.len()], place % 100)
    };
    let _ = writeln!(text, "{phone},{first} {last},{first},{discount}%,D{index:03}");
}
