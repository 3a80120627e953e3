//! One JSON object as a person: which field is the phone, which the name, and the rest as attributes.

use crate::domain::broadcast::{Cells, Number};
use crate::domain::phone::PhoneKind;
use crate::intake::{COLUMNS_LIMIT, Options, PhoneReader, Reason, Rejected, Row, cell, header};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Characters of a record that is not JSON that are kept of it.
const UNREADABLE_CHARACTERS: usize = 1_000;

/// Reads objects by the options of the file.
pub(super) struct Reader {
    phones: PhoneReader,
    phone_column: Option<String>,
    max_cell_bytes: usize,
}

/// A row, and what its object's fields were called.
pub(super) struct Fields {
    pub row: Row,
    pub phone_field: Option<String>,
    pub name_field: Option<String>,
    pub attribute_names: Vec<String>,
}

/// An object's members in their order, values as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl Reader {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            phones: options.phone_reader(),
            phone_column: options.phone_column.as_deref().map(header::folded),
            max_cell_bytes: options.max_cell_bytes,
        }
    }

    /// Reads one record; without `fits` it was too long, and `text` is only a part of it.
    pub(super) fn read(&self, row: u64, fits: bool, text: &[u8]) -> Fields {
        let mut fields = Fields {
            row: Row {
                row,
                kind: None,
                outcome: Err(Rejected {
                    phone_raw: String::new(),
                    reason: Reason::RecordTooLong,
                    cells: Cells::default(),
                }),
            },
            phone_field: None,
            name_field: None,
            attribute_names: Vec::new(),
        };
        if !fits {
            return fields;
        }
        let mut phone_raw = String::new();
        match self.person(text, &mut phone_raw, &mut fields) {
            Ok((kind, number)) => {
                fields.row.kind = Some(kind);
                fields.row.outcome = Ok(number);
            }
            Err(reason) => fields.row.outcome = Err(Rejected { phone_raw, reason, cells: self.cells(text) }),
        }
        fields
    }

    fn person(&self, text: &[u8], phone_raw: &mut String, fields: &mut Fields) -> Result<(PhoneKind, Number), Reason> {
        if text.trim_ascii_start().first() != Some(&b'{') {
            serde_json::from_slice::<serde::de::IgnoredAny>(text).map_err(|error| Reason::BadJson(words_of(&error)))?;
            return Err(Reason::NotAnObject);
        }
        let Members(members) = serde_json::from_slice(text).map_err(|error| Reason::BadJson(words_of(&error)))?;
        if members.len() > COLUMNS_LIMIT {
            return Err(Reason::TooManyFields);
        }
        let folded: Vec<String> = members.iter().map(|(key, _)| header::folded(key)).collect();
        let phone = self.phone_field(&members, &folded)?;
        *phone_raw = cell::shown(&value_text(members[phone].1).unwrap_or_default());
        fields.phone_field = Some(members[phone].0.clone());
        let name = header::best(&folded, header::name_rank).first().copied().filter(|name| *name != phone);
        fields.name_field = name.map(|name| members[name].0.clone());
        let mut number_name = String::new();
        let mut attributes = BTreeMap::new();
        let mut phone_text = String::new();
        for (index, (key, raw)) in members.iter().enumerate() {
            let value = value_text(raw).ok_or_else(|| Reason::NestedField(short(key)))?;
            cell::check(&value, key, self.max_cell_bytes)?;
            let value = cell::clean(&value).into_owned();
            if index == phone {
                phone_text = value;
                continue;
            }
            if Some(index) == name {
                number_name.clone_from(&value);
                if header::is_plain_name(&folded[index]) {
                    continue;
                }
            }
            let key = cell::clean(key).into_owned();
            if attributes.insert(key.clone(), value).is_some() {
                return Err(Reason::RepeatedField(short(&key)));
            }
            fields.attribute_names.push(key);
        }
        let parsed = self.phones.read(&phone_text)?;
        Ok((parsed.kind, Number { phone: parsed.phone, name: number_name, attributes }))
    }

    /// A rejected record as it stands in the file: its fields, or the beginning of what could not be taken apart.
    fn cells(&self, text: &[u8]) -> Cells {
        let Ok(Members(members)) = serde_json::from_slice::<Members<'_>>(text) else {
            let text = String::from_utf8_lossy(text);
            let shown = text.trim().chars().take(UNREADABLE_CHARACTERS).collect();
            return Cells { cells: vec![("line".to_owned(), shown)], ..Cells::default() };
        };
        let folded: Vec<String> = members.iter().map(|(key, _)| header::folded(key)).collect();
        let phone = self.phone_field(&members, &folded).ok();
        let name = header::best(&folded, header::name_rank).first().copied().filter(|name| Some(*name) != phone);
        let cell = |(key, raw): &(String, &RawValue)| {
            let value = value_text(raw).unwrap_or_else(|| raw.get().to_owned());
            (cell::clean(key).into_owned(), cell::clean(&value).into_owned())
        };
        let place = |index: Option<usize>| index.and_then(|index| u32::try_from(index).ok());
        Cells { cells: members.iter().map(cell).collect(), phone: place(phone), name: place(name) }
    }

    fn phone_field(&self, members: &[(String, &RawValue)], folded: &[String]) -> Result<usize, Reason> {
        let found = match &self.phone_column {
            Some(wanted) => (0..folded.len()).filter(|index| folded[*index] == *wanted).collect(),
            None => header::best(folded, header::phone_rank),
        };
        match found.as_slice() {
            [] => Err(Reason::NoPhoneField),
            [phone] => Ok(*phone),
            several => {
                let names: Vec<String> = several.iter().map(|index| short(&members[*index].0)).collect();
                Err(Reason::SeveralPhoneFields(names.join(", ")))
            }
        }
    }
}

/// A value as a cell's text: numbers as they are written, null as a blank; `None` for objects and arrays.
fn value_text(raw: &RawValue) -> Option<String> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') => None,
        Some(b'"') => Some(serde_json::from_str(text).unwrap_or_default()),
        Some(b'n') => Some(String::new()),
        _ => Some(text.to_owned()),
    }
}

fn short(key: &str) -> String {
    key.chars().take(64).collect()
}

/// What serde says, without the place within one record, which means nothing to the reader of a file.
pub(super) fn words_of(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.split(" at line ").next().unwrap_or_default().to_owned()
}
