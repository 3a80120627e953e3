//! A field in which a country is named, as people name one, and what was understood.

use super::field::Field;
use super::look::Role;
use crate::domain::phone::{Country, Meant};

/// The longest name that is typed, in letters.
const LONGEST: usize = 40;
/// Countries that are named when several begin alike.
const NAMED: usize = 4;

/// The field.
#[derive(Debug, Clone)]
pub struct CountryField {
    /// What is typed.
    pub field: Field,
    /// The configured country.
    default: Option<Country>,
}

impl CountryField {
    /// The field, with the configured country in it.
    pub fn new(default: Option<&str>) -> Self {
        Self {
            field: Field::new(default.unwrap_or_default(), LONGEST),
            default: default.and_then(|code| code.parse().ok()),
        }
    }

    /// The country that was named.
    pub fn named(&self) -> Option<Country> {
        Country::meant_by(self.field.value()).country()
    }

    /// The two letters of the country that numbers without + are read with; blank: the configured one.
    pub fn code(&self) -> Option<String> {
        let country = match Country::meant_by(self.field.value()) {
            Meant::Nothing => self.default,
            other => other.country(),
        };
        country.map(Country::code)
    }

    /// Why this cannot be taken yet, in words.
    pub fn why_not(&self) -> Option<&'static str> {
        match Country::meant_by(self.field.value()) {
            Meant::Nothing | Meant::One(_) => None,
            Meant::Several(_) => Some("several countries begin like that: go on typing"),
            Meant::Unknown => Some("no country is called that"),
        }
    }

    /// What was understood.
    pub fn understood(&self) -> (Role, String) {
        match Country::meant_by(self.field.value()) {
            Meant::Nothing => match self.default {
                Some(country) => (Role::Plain, format!("Blank: {}, as in Settings.", words(country))),
                None => (Role::Dim, "Blank: numbers without + are left out. Type India, IN or +91.".to_owned()),
            },
            Meant::One(country) => (Role::Good, format!("{}. Numbers with + keep their own country.", words(country))),
            Meant::Several(several) => {
                let mut names: Vec<String> = several.iter().take(NAMED).map(|one| one.name()).collect();
                if several.len() > NAMED {
                    names.push("…".to_owned());
                }
                (Role::Warn, format!("{}? Go on typing.", names.join(", ")))
            }
            Meant::Unknown => (Role::Bad, "No country is called that. Type a name, two letters, or +91.".to_owned()),
        }
    }
}

/// `India (IN, +91)`.
fn words(country: Country) -> String {
    format!("{} ({}, +{})", country.name(), country.code(), country.calling_code())
}
