//! One line of cells, in one piece of memory that is used again for the next.

use super::{IntakeProblem, Reason};

/// The cells of one line or sheet row.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// The line or sheet row it begins on, from 1.
    pub row: u64,
    /// What makes it unusable, found while it was read; then it has no cells.
    pub flaw: Option<Reason>,
    text: String,
    ends: Vec<usize>,
}

/// What delivers records: delimited text or a sheet.
pub(super) trait Records: Send {
    /// Fills in the next record; false at the end.
    fn read(&mut self, record: &mut Record) -> Result<bool, IntakeProblem>;
}

impl Record {
    pub(super) fn start(&mut self, row: u64) {
        self.row = row;
        self.flaw = None;
        self.text.clear();
        self.ends.clear();
    }

    pub(super) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    /// Leaves only the reason.
    pub(super) fn spoil(&mut self, reason: Reason) {
        self.text.clear();
        self.ends.clear();
        self.flaw = Some(reason);
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// A cell as it was written; blank where the line is too short.
    pub(super) fn cell(&self, index: usize) -> &str {
        let Some(end) = self.ends.get(index) else { return "" };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..*end]
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.cell(index))
    }
}
