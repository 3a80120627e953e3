//! Reads one sheet of an XLSX workbook, row by row.
//!
//! Cells are streamed; nothing ever asks for the sheet as a whole, since one stray far cell makes that
//! gigabytes. The reader borrows the workbook, so both live on a thread of their own that sends batches of
//! rows through a short channel. A workbook that breaks the reader ends that thread, and the file with it.

mod archive;
mod cells;

use super::record::{Record, Records};
use super::source::Input;
use super::{IntakeProblem, header};
use calamine::{Reader, SheetType, SheetVisible, Xlsx};
use std::io::BufReader;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Batches that wait in the channel.
const BATCHES_WAITING: usize = 2;

/// The rows of a sheet as they come from the thread.
pub(super) struct Workbook {
    messages: Receiver<Message>,
    batch: std::vec::IntoIter<Record>,
    has_ended: bool,
}

enum Message {
    Opened { sheet: String },
    Rows(Vec<Record>),
    Ended,
    Failed(IntakeProblem),
}

/// Opens the sheet of this name, or the first that is not hidden; gives back its name too.
pub(super) fn open(mut input: Input, sheet: Option<&str>) -> Result<(Workbook, String), IntakeProblem> {
    archive::check(&mut input)?;
    let wanted = sheet.map(str::to_owned);
    let (sender, messages) = sync_channel(BATCHES_WAITING);
    thread::Builder::new().name("intake-workbook".to_owned()).spawn(move || {
        let last = match read(input, wanted.as_deref(), &sender) {
            Ok(()) => Message::Ended,
            Err(problem) => Message::Failed(problem),
        };
        // Nobody listens any more when the rows were dropped before their end.
        let _ = sender.send(last);
    })?;
    match messages.recv() {
        Ok(Message::Opened { sheet }) => {
            Ok((Workbook { messages, batch: Vec::new().into_iter(), has_ended: false }, sheet))
        }
        Ok(Message::Failed(problem)) => Err(problem),
        Ok(Message::Rows(_) | Message::Ended) | Err(_) => Err(broken()),
    }
}

impl Records for Workbook {
    fn read(&mut self, record: &mut Record) -> Result<bool, IntakeProblem> {
        loop {
            if let Some(next) = self.batch.next() {
                *record = next;
                return Ok(true);
            }
            if self.has_ended {
                return Ok(false);
            }
            match self.messages.recv() {
                Ok(Message::Rows(rows)) => self.batch = rows.into_iter(),
                Ok(Message::Ended) => self.has_ended = true,
                Ok(Message::Failed(problem)) => return Err(problem),
                Ok(Message::Opened { .. }) | Err(_) => return Err(broken()),
            }
        }
    }
}

fn broken() -> IntakeProblem {
    IntakeProblem::Workbook("it is damaged".to_owned())
}

fn unreadable(error: &calamine::XlsxError) -> IntakeProblem {
    IntakeProblem::Workbook(error.to_string().chars().take(200).collect())
}

/// The thread's work.
fn read(input: Input, wanted: Option<&str>, sender: &SyncSender<Message>) -> Result<(), IntakeProblem> {
    let mut workbook = Xlsx::new(BufReader::new(input)).map_err(|error| unreadable(&error))?;
    let sheet = choose(&workbook, wanted)?;
    let mut rows = cells::Rows::new(workbook.worksheet_cells_reader(&sheet).map_err(|error| unreadable(&error))?);
    if sender.send(Message::Opened { sheet }).is_err() {
        return Ok(());
    }
    loop {
        let batch = rows.next_batch()?;
        if batch.is_empty() || sender.send(Message::Rows(batch)).is_err() {
            return Ok(());
        }
    }
}

fn choose<R: std::io::Read + std::io::Seek>(workbook: &Xlsx<R>, wanted: Option<&str>) -> Result<String, IntakeProblem> {
    let sheets = || workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let found = match wanted {
        Some(wanted) => sheets()
            .find(|sheet| sheet.name == wanted)
            .or_else(|| sheets().find(|sheet| header::folded(&sheet.name) == header::folded(wanted))),
        None => sheets().find(|sheet| sheet.visible == SheetVisible::Visible).or_else(|| sheets().next()),
    };
    found.map(|sheet| sheet.name.clone()).ok_or_else(|| match wanted {
        Some(wanted) => IntakeProblem::NoSuchSheet {
            wanted: wanted.chars().take(64).collect(),
            sheets: sheets().map(|sheet| sheet.name.clone()).collect(),
        },
        None => IntakeProblem::Workbook("it has no sheet".to_owned()),
    })
}
