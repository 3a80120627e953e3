//! The kept rejects of an upload as a file: to be put right in a spreadsheet and imported again.

use super::reader::rejects_file;
use crate::domain::broadcast::{Cells, UploadId};
use crate::intake::rejects::RejectsWriter;
use crate::service::{Result, Service};
use std::io::Write;

/// Rows that are read at a time.
const PAGE: u32 = 1_000;

impl Service {
    /// Writes the rejects that are kept and still to be put right as CSV (row, phone, reason, the other cells) and
    /// returns how many rows that are. `unknown_upload` (404), `rejects_file` (422: cannot be written).
    pub async fn export_rejects(&self, upload: UploadId, out: impl Write + Send) -> Result<u64> {
        self.upload(upload).await?;
        let store = &self.inner.store;
        let mut page = store.rejects(upload, None, None, PAGE).await?;
        // Every row of a table has its heading's columns; what has more of them goes into the last column.
        let columns = page.first().map_or_else(Vec::new, |reject| other_columns(&reject.cells));
        let mut writer = RejectsWriter::new(out, columns).map_err(|error| rejects_file(&error))?;
        let mut rows = 0;
        while let Some(last) = page.last().map(|reject| reject.row) {
            for reject in page {
                writer
                    .write_row(reject.row.into(), &reject.phone, &reject.reason, &reject.cells)
                    .map_err(|error| rejects_file(&error))?;
                rows += 1;
            }
            page = store.rejects(upload, None, Some(last), PAGE).await?;
        }
        writer.finish().and_then(|mut out| out.flush()).map_err(|error| rejects_file(&error))?;
        Ok(rows)
    }
}

/// The names of the columns but the phone's, in the file's order.
fn other_columns(cells: &Cells) -> Vec<String> {
    let is_phone = |index: usize| cells.phone.is_some_and(|phone| usize::try_from(phone) == Ok(index));
    let others = cells.cells.iter().enumerate().filter(|(index, _)| !is_phone(*index));
    others.map(|(_, (name, _))| name.clone()).collect()
}
