//! Phone numbers in E.164.
//!
//! A [`Phone`] is always a valid, normalised number: country code and national number, digits only.
//! [`parse_phone`] makes one from what people write in files and fields; nothing else in wacast reads
//! phone numbers, and no other module knows the library behind it.

pub mod alias;
mod country;
mod country_names;
mod parse;
mod problem;
mod tidy;

pub use country::{Country, NotACountry};
pub use country_names::Meant;
pub use parse::{ParsedPhone, PhoneKind, looks_like_phone, parse_phone, parse_phone_of_list};
pub use problem::PhoneProblem;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A phone number in E.164, kept as its digits (15 at most, so a `u64` holds any).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(u64);

/// A text that is not `+` and 7 to 15 digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a number in international form (+ and 7 to 15 digits)")]
pub struct NotE164;

impl Phone {
    /// From digits with the country code and without `+`.
    pub fn from_digits(digits: u64) -> Result<Self, NotE164> {
        if (1_000_000..=999_999_999_999_999).contains(&digits) { Ok(Self(digits)) } else { Err(NotE164) }
    }

    /// The digits with the country code, without `+`.
    pub fn digits(self) -> u64 {
        self.0
    }

    /// Whether it is a number of the United States: elsewhere under +1 marketing is delivered.
    pub fn is_in_the_us(self) -> bool {
        let digits = self.0.to_string();
        digits.len() == 11 && digits.starts_with('1') && parse::is_in_the_us(self)
    }

    /// The country by its ISO 3166 code: of the calling code, and under +1, which many share, of the area. `None`: the number
    /// belongs to no country.
    pub fn country(self) -> Option<String> {
        parse::country(self)
    }

    /// As screens and copies show it: the country code's first digits and the last two, the rest hidden.
    pub fn masked(self) -> String {
        let digits = self.0.to_string();
        let shown_front = 3.min(digits.len() - 2);
        let hidden = digits.len() - shown_front - 2;
        format!("+{}{}{}", &digits[..shown_front], "•".repeat(hidden), &digits[digits.len() - 2..])
    }
}

impl FromStr for Phone {
    type Err = NotE164;

    /// Reads the strict form `+` and digits, as [`Phone`] writes it.
    fn from_str(text: &str) -> Result<Self, NotE164> {
        let digits = text.strip_prefix('+').ok_or(NotE164)?;
        if digits.len() > 15 || !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.starts_with('0') {
            return Err(NotE164);
        }
        digits.parse().map_err(|_| NotE164).and_then(Self::from_digits)
    }
}

impl TryFrom<String> for Phone {
    type Error = NotE164;

    fn try_from(text: String) -> Result<Self, NotE164> {
        text.parse()
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> String {
        phone.to_string()
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_all_but_the_ends() {
        assert_eq!("+15550100111".parse::<Phone>().unwrap().masked(), "+155••••••11");
    }

    #[test]
    fn only_the_strict_form_is_read() {
        assert!("+15550100111".parse::<Phone>().is_ok());
        for text in ["15550100111", "+05550100111", "+1555 0100111", "+", "+12345", "+1234567890123456"] {
            assert!(text.parse::<Phone>().is_err(), "{text}");
        }
    }
}
