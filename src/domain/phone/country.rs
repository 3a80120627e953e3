//! A country as numbers are read with: its two letters, checked against the numbering plans we know.

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A country or territory by its ISO 3166-1 alpha-2 code, with a numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country {
    region: Region,
    calling_code: u16,
}

/// A text that is not the code of a country with phone numbers.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("\"{0}\" is not a country's code: write the two letters of ISO 3166, such as IN, BR or US")]
pub struct NotACountry(pub String);

impl Country {
    /// The code in two capital letters.
    pub fn code(self) -> String {
        self.region.to_string()
    }

    /// What stands after the `+`: 91 for India.
    pub fn calling_code(self) -> u16 {
        self.calling_code
    }

    pub(super) fn region(self) -> Region {
        self.region
    }
}

impl FromStr for Country {
    type Err = NotACountry;

    fn from_str(text: &str) -> Result<Self, NotACountry> {
        let trimmed = text.trim();
        let refused = || NotACountry(trimmed.chars().take(16).collect());
        if trimmed.len() != 2 {
            return Err(refused());
        }
        let region = Region::from_code(trimmed).map_err(|_| refused())?;
        let calling_code = PHONE_NUMBER_UTIL.get_country_code_for_region(region).ok_or_else(refused)?;
        Ok(Self { region, calling_code: u16::try_from(calling_code).map_err(|_| refused())? })
    }
}

impl TryFrom<String> for Country {
    type Error = NotACountry;

    fn try_from(text: String) -> Result<Self, NotACountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.code()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.region.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_any_case_and_written_in_capitals() {
        let india: Country = " in ".parse().unwrap();
        assert_eq!((india.code().as_str(), india.calling_code()), ("IN", 91));
        assert_eq!(serde_json::to_string(&india).unwrap(), "\"IN\"");
    }

    #[test]
    fn what_has_no_numbering_plan_is_refused() {
        for text in ["", "I", "IND", "India", "ZZ", "001", "91", "+9", "न"] {
            assert!(text.parse::<Country>().is_err(), "{text}");
        }
    }
}
