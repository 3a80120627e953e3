//! Turns records of a table (delimited text, a sheet) into rows of people.
//!
//! The first record with something in it is the heading, unless it has a phone number in it and no name
//! of a phone column: then the file has no heading and its columns are `phone`, `column_2` … and, when
//! there are just two and the other holds no digits alone, `name`.

use super::header::{self, Roles};
use super::record::{Record, Records};
use super::{COLUMNS_LIMIT, HEADER_LIMIT_BYTES, IntakeProblem, Options, PhoneReader, Reason, Rejected, Row, cell};
use crate::domain::broadcast::{Cells, Number};
use crate::domain::phone::{PhoneKind, looks_like_phone};
use std::collections::BTreeMap;

/// A table with its heading read.
pub(super) struct Table {
    records: Box<dyn Records>,
    record: Record,
    /// The record is the first row already, for want of a heading.
    is_pending: bool,
    shape: Shape,
    phones: PhoneReader,
    max_cell_bytes: usize,
}

/// The columns and what they hold.
struct Shape {
    /// All columns by name; one without a name is called by its place.
    names: Vec<String>,
    /// Which of them have no name in the file.
    nameless: Vec<bool>,
    roles: Roles,
    /// The places of the attributes among the columns, and their names.
    attributes: Vec<usize>,
    attribute_names: Vec<String>,
}

impl Table {
    pub(super) fn new(mut records: Box<dyn Records>, options: &Options) -> Result<Self, IntakeProblem> {
        let mut record = Record::default();
        loop {
            if !records.read(&mut record)? {
                return Err(IntakeProblem::Empty);
            }
            match record.flaw {
                Some(Reason::TooManyCells { .. }) => return Err(IntakeProblem::TooManyColumns),
                Some(_) => return Err(IntakeProblem::HeaderTooLong),
                None if record.bytes() > HEADER_LIMIT_BYTES => return Err(IntakeProblem::HeaderTooLong),
                None if is_blank(&record) => {}
                None => break,
            }
        }
        let (shape, is_pending) = Shape::from_first(&record, options.phone_column.as_deref())?;
        Ok(Self {
            records,
            record,
            is_pending,
            shape,
            phones: options.phone_reader(),
            max_cell_bytes: options.max_cell_bytes,
        })
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.shape.attribute_names
    }

    pub(super) fn other_columns(&self) -> Vec<String> {
        let others = self.shape.names.iter().enumerate().filter(|(index, _)| *index != self.shape.roles.phone);
        others.map(|(_, name)| name.clone()).collect()
    }

    pub(super) fn phone_column(&self) -> String {
        self.shape.names[self.shape.roles.phone].clone()
    }

    pub(super) fn name_column(&self) -> Option<String> {
        self.shape.roles.name.map(|name| self.shape.names[name].clone())
    }

    /// The next row; blank lines are none.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, IntakeProblem> {
        while std::mem::take(&mut self.is_pending) || self.records.read(&mut self.record)? {
            if self.record.flaw.is_none() && is_blank(&self.record) {
                continue;
            }
            let row = self.record.row;
            let (kind, outcome) = match self.read() {
                Ok((kind, number)) => (Some(kind), Ok(number)),
                Err(reason) => {
                    let phone_raw = cell::shown(self.record.cell(self.shape.roles.phone));
                    (None, Err(Rejected { phone_raw, reason, cells: self.shape.cells(&self.record) }))
                }
            };
            return Ok(Some(Row { row, kind, outcome }));
        }
        Ok(None)
    }

    fn read(&mut self) -> Result<(PhoneKind, Number), Reason> {
        if let Some(reason) = self.record.flaw.take() {
            return Err(reason);
        }
        let (record, shape) = (&self.record, &self.shape);
        let columns = shape.names.len();
        if (columns..record.len()).any(|index| !cell::clean(record.cell(index)).is_empty()) {
            return Err(Reason::TooManyCells { cells: record.len(), columns });
        }
        let checked = |index: usize| {
            let raw = record.cell(index);
            cell::check(raw, &shape.names[index], self.max_cell_bytes).map(|()| cell::clean(raw))
        };
        let parsed = self.phones.read(&checked(shape.roles.phone)?)?;
        let name = shape.roles.name.map(checked).transpose()?.unwrap_or_default().into_owned();
        let mut attributes = BTreeMap::new();
        for (index, key) in shape.attributes.iter().zip(&shape.attribute_names) {
            let value = checked(*index)?;
            // A column without a name is mostly a delimiter at the line's end.
            if !(shape.nameless[*index] && value.is_empty()) {
                attributes.insert(key.clone(), value.into_owned());
            }
        }
        Ok((parsed.kind, Number { phone: parsed.phone, name, attributes }))
    }
}

fn is_blank(record: &Record) -> bool {
    record.cells().all(|cell| cell::clean(cell).is_empty())
}

impl Shape {
    /// From the first record, and whether it is a row itself.
    fn from_first(record: &Record, chosen_phone: Option<&str>) -> Result<(Self, bool), IntakeProblem> {
        if record.len() > COLUMNS_LIMIT {
            return Err(IntakeProblem::TooManyColumns);
        }
        let cells: Vec<String> = record.cells().map(|cell| cell::clean(cell).into_owned()).collect();
        if let Some(roles) = header::roles(&cells, chosen_phone)? {
            let nameless = cells.iter().map(String::is_empty).collect();
            let names = cells
                .into_iter()
                .enumerate()
                .map(|(index, name)| if name.is_empty() { by_place(index) } else { name })
                .collect();
            return Ok((Self::new(names, nameless, roles), false));
        }
        let phones: Vec<usize> = (0..cells.len()).filter(|index| looks_like_phone(&cells[*index])).collect();
        let phone = match phones.as_slice() {
            [] => return Err(IntakeProblem::NoPhoneColumn(cells)),
            [phone] => *phone,
            _ => return Err(IntakeProblem::SeveralPhonesOnALine),
        };
        let name = (cells.len() == 2).then_some(1 - phone.min(1)).filter(|other| !is_figure(&cells[*other]));
        let names = (0..cells.len())
            .map(|index| match index {
                _ if index == phone => "phone".to_owned(),
                _ if Some(index) == name => "name".to_owned(),
                _ => by_place(index),
            })
            .collect();
        Ok((Self::new(names, vec![false; cells.len()], Roles { phone, name }), true))
    }

    fn new(names: Vec<String>, nameless: Vec<bool>, roles: Roles) -> Self {
        let is_attribute = |index: &usize| {
            *index != roles.phone
                && (Some(*index) != roles.name || !header::is_plain_name(&header::folded(&names[*index])))
        };
        let attributes: Vec<usize> = (0..names.len()).filter(is_attribute).collect();
        let attribute_names = attributes.iter().map(|index| names[*index].clone()).collect();
        Self { names, nameless, roles, attributes, attribute_names }
    }
}

impl Shape {
    /// A row as it stands in the file. Cells beyond the columns are called by their places; blank ones without a name are
    /// mostly a delimiter at the line's end.
    fn cells(&self, record: &Record) -> Cells {
        let mut cells = Cells::default();
        for index in 0..record.len() {
            let name = self.names.get(index).cloned().unwrap_or_else(|| by_place(index));
            let cell = cell::clean(record.cell(index)).into_owned();
            if cell.is_empty() && self.nameless.get(index).copied().unwrap_or(true) {
                continue;
            }
            let place = u32::try_from(cells.cells.len()).ok();
            if index == self.roles.phone {
                cells.phone = place;
            } else if Some(index) == self.roles.name {
                cells.name = place;
            }
            cells.cells.push((name, cell));
        }
        cells
    }
}

fn by_place(index: usize) -> String {
    format!("column_{}", index + 1)
}

fn is_figure(text: &str) -> bool {
    text.chars().any(|character| character.is_ascii_digit())
        && text.chars().all(|character| character.is_ascii_digit() || " .,+-".contains(character))
}
