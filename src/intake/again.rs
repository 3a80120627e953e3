//! Reads a rejected row once more, with what the operator says that its file did not.
//!
//! Only what loses nothing: digits are never guessed, cut or filled in.

use super::{CELL_LIMIT_BYTES, Reason, Rejected, Row, cell, header};
use crate::domain::broadcast::{Cells, Number};
use crate::domain::phone::{Country, PhoneKind, parse_phone};
use std::collections::BTreeMap;

/// What an operator says about rejected rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// Numbers without a country code are of this country.
    Country(Country),
    /// Numbers without `+` begin with their country code all the same.
    Plus,
    /// Spreadsheets' errors in cells other than the phone's stand for nothing. Numbers without a country code are of this
    /// country, if one is known.
    Blank(Option<Country>),
}

/// Reads a row that was rejected.
pub fn read_again(row: u64, cells: &Cells, again: &Again) -> Row {
    match number(cells, again) {
        Ok((kind, number)) => Row { row, kind: Some(kind), outcome: Ok(number) },
        Err(reason) => {
            let phone_raw = place(cells.phone).and_then(|phone| cells.cells.get(phone));
            let phone_raw = phone_raw.map(|(_, phone)| cell::shown(phone)).unwrap_or_default();
            Row { row, kind: None, outcome: Err(Rejected { phone_raw, reason, cells: cells.clone() }) }
        }
    }
}

fn place(place: Option<u32>) -> Option<usize> {
    place.and_then(|place| usize::try_from(place).ok())
}

fn number(cells: &Cells, again: &Again) -> Result<(PhoneKind, Number), Reason> {
    let (phone, name) = (place(cells.phone), place(cells.name));
    let mut number_name = String::new();
    let mut attributes = BTreeMap::new();
    let mut phone_text = "";
    for (index, (key, value)) in cells.cells.iter().enumerate() {
        let is_phone = Some(index) == phone;
        let value = match cell::check(value, key, CELL_LIMIT_BYTES) {
            Err(Reason::FormulaError { .. }) if !is_phone && matches!(again, Again::Blank(_)) => "",
            checked => checked.map(|()| value.as_str())?,
        };
        if is_phone {
            phone_text = value;
            continue;
        }
        if Some(index) == name {
            value.clone_into(&mut number_name);
            if header::is_plain_name(&header::folded(key)) {
                continue;
            }
        }
        if attributes.insert(key.clone(), value.to_owned()).is_some() {
            return Err(Reason::RepeatedField(key.chars().take(64).collect()));
        }
    }
    if phone.is_none() {
        return Err(Reason::NoPhoneField);
    }
    let parsed = match again {
        Again::Country(country) => parse_phone(phone_text, Some(country))?,
        Again::Blank(country) => parse_phone(phone_text, country.as_ref())?,
        Again::Plus => parse_phone(&format!("+{phone_text}"), None)?,
    };
    Ok((parsed.kind, Number { phone: parsed.phone, name: number_name, attributes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(phone: &str, city: &str) -> Cells {
        let cells = [("Mobile", phone), ("name", "Asha"), ("city", city)];
        let cells = cells.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        Cells { cells, phone: Some(0), name: Some(1) }
    }

    fn read(phone: &str, city: &str, again: &Again) -> Result<String, &'static str> {
        let row = read_again(7, &cells(phone, city), again);
        assert_eq!(row.row, 7);
        row.outcome
            .map(|number| {
                assert_eq!((number.name.as_str(), number.attributes.len()), ("Asha", 1));
                format!("{} {}", number.phone, number.attributes["city"])
            })
            .map_err(|rejected| rejected.reason.word())
    }

    #[test]
    fn only_what_was_said_is_read_otherwise() {
        let india = Again::Country("IN".parse().unwrap());
        let blank = Again::Blank(None);
        for (phone, city, again, expected) in [
            ("98765 00001", "Pune", &india, Ok("+919876500001 Pune")),
            ("98765", "Pune", &india, Err("too_short")),
            ("9.8765E+09", "Pune", &india, Err("rounded_by_excel")),
            ("98765 00001", "#N/A", &india, Err("formula_error")),
            ("1 212 555 0100", "Pune", &Again::Plus, Ok("+12125550100 Pune")),
            ("07700 900123", "Pune", &Again::Plus, Err("unknown_country_code")),
            ("+919876500001", "#N/A", &blank, Ok("+919876500001 ")),
            ("#N/A", "Pune", &blank, Err("formula_error")),
            ("98765 00001", "#N/A", &blank, Err("no_country")),
        ] {
            let read = read(phone, city, again);
            assert_eq!(read.as_deref().map_err(|word| *word), expected, "{phone} {city} {again:?}");
        }
        let row = read_again(1, &Cells { phone: None, ..cells("98765 00001", "Pune") }, &india);
        assert_eq!(row.outcome.unwrap_err().reason, Reason::NoPhoneField);
    }
}
