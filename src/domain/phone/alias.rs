//! Numbers that are one person's though their digits differ: what WhatsApp calls somebody is not always what a file says.
//!
//! Pure. Used wherever a list of people (opt-outs) is compared with another (recipients); nothing is ever sent to
//! a form that was not written in a file.

use super::Phone;

/// The form that stands for all forms of a number. Two numbers are one person's exactly when theirs are equal.
///
/// - Brazil: mobiles got a ninth digit, a 9 after the two of the area. WhatsApp knows many without it. Left alone where
///   the eight digits after it are not an old mobile's (6 to 9 in front), which could be a landline's.
/// - Mexico: a 1 after the 52 stood before mobiles until 2019, and still does in WhatsApp's own ids.
/// - Argentina: a 9 after the 54 stands before mobiles when they are called from abroad.
#[must_use]
pub fn person(phone: Phone) -> Phone {
    let digits = phone.digits().to_string();
    let same = match (digits.len(), &digits.as_bytes()[..2]) {
        (13, b"55") if is_old_brazilian_mobile(&digits) => format!("{}{}", &digits[..4], &digits[5..]),
        (13, b"52") if digits.as_bytes()[2] == b'1' => format!("52{}", &digits[3..]),
        (13, b"54") if digits.as_bytes()[2] == b'9' => format!("54{}", &digits[3..]),
        _ => return phone,
    };
    same.parse().ok().and_then(|digits| Phone::from_digits(digits).ok()).unwrap_or(phone)
}

/// All forms of a person's number, itself among them.
#[must_use]
pub fn forms(phone: Phone) -> Vec<Phone> {
    let same = person(phone);
    let digits = same.digits().to_string();
    let longer = match (digits.len(), &digits.as_bytes()[..2]) {
        (12, b"55") => Some((4, "9")),
        (12, b"52") => Some((2, "1")),
        (12, b"54") => Some((2, "9")),
        _ => None,
    };
    let longer = longer.map(|(at, mark)| format!("{}{mark}{}", &digits[..at], &digits[at..]));
    let longer = longer.and_then(|digits| Phone::from_digits(digits.parse().ok()?).ok());
    [Some(same), longer].into_iter().flatten().filter(|form| person(*form) == same).collect()
}

/// Whether the digits after the area's are a 9 and a mobile's of before.
fn is_old_brazilian_mobile(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    bytes[4] == b'9' && (b'6'..=b'9').contains(&bytes[5])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        person(text.parse().unwrap()).to_string()
    }

    #[test]
    fn the_forms_of_one_number_are_one_person() {
        for (one, other) in [
            ("+5511987654321", "+551187654321"),
            ("+5585999990000", "+558599990000"),
            ("+5215550100111", "+525550100111"),
            ("+5491155501001", "+541155501001"),
        ] {
            assert_eq!(of(one), of(other), "{one} {other}");
            let both = forms(one.parse().unwrap());
            assert_eq!(both, forms(other.parse().unwrap()));
            assert!([one, other].iter().all(|form| both.contains(&form.parse().unwrap())), "{both:?}");
            assert_eq!(of(&of(one)), of(one), "the form that stands for all stands for itself");
        }
    }

    #[test]
    fn other_numbers_are_themselves() {
        for alone in [
            // A landline of São Paulo, and a mobile that would become one.
            "+551133334444",
            "+5511933334444",
            // Twelve digits with a 1 or a 9 that belong to them.
            "+521550100111",
            "+549115550100",
            "+919876500001",
            "+5511876543",
            "+15550100111",
            "+9198765000012",
        ] {
            assert_eq!(of(alone), alone);
            assert!(forms(alone.parse().unwrap()).contains(&alone.parse().unwrap()));
        }
        assert_ne!(of("+5511987654321"), of("+5521987654321"), "another area");
    }
}
