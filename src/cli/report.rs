//! `report`: who got a broadcast and who did not, as CSV.

use super::args::ReportArgs;
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, people};
use super::{Start, act, outputs, with_ground};
use crate::service::report::COLUMNS;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub(super) async fn run(start: Start, args: ReportArgs) -> Outcome {
    let id = act::id(&args.id)?;
    with_ground(start, |service| async move {
        if args.out.as_os_str() == "-" {
            let mut text = Quiet(BufWriter::new(io::stdout()));
            service.report(&id, args.masked, &mut text).await?;
            text.flush()?;
            return Ok(Exit::Completed);
        }
        service.broadcast(&id).await?;
        let out = std::path::absolute(&args.out)?;
        outputs::may_replace(&out, &COLUMNS, "--out")?;
        let file = create(&out)?;
        let written = service.report(&id, args.masked, BufWriter::new(file)).await?;
        let masked = if args.masked { "masked" } else { "whole" };
        terminal::note(&format!("{}: {}, phone numbers {masked}", out.display(), people(written)));
        Ok(Exit::Completed)
    })
    .await
}

/// People's numbers are in it: readable by its owner only.
pub(super) fn create(path: &Path) -> Result<File, Failure> {
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.map_err(|error| Failure::error("report_file", format!("cannot write {}: {error}", path.display())))
}

/// A reader who has gone is no error: what is left is thrown away.
pub(super) struct Quiet<W>(pub(super) W);

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}
