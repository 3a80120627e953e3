//! What is wrong with a file as a whole, in words for operators.

use std::fmt;

/// A file that cannot be read, or not to its end. Nothing of it should be kept.
#[derive(Debug, thiserror::Error)]
#[error("{source_name}: {problem}")]
pub struct IntakeError {
    /// The file's path, or what the caller named the source.
    pub source_name: String,
    /// What is wrong and what to do.
    #[source]
    pub problem: IntakeProblem,
}

/// What is wrong with a file as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeProblem {
    /// No such file.
    #[error("there is no such file: check the path")]
    Missing,
    /// A folder.
    #[error("this is a folder: name the file in it")]
    IsFolder,
    /// The system refuses to open it.
    #[error("cannot be opened ({0}): check that you may read it and that no other program has it locked")]
    CannotOpen(#[source] std::io::Error),
    /// Reading failed half way.
    #[error("could not be read to its end ({0})")]
    Read(#[from] std::io::Error),
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Larger than wacast takes from a stream.
    #[error("larger than {0}, the most that is taken this way: split it, or import it from a file")]
    TooLarge(&'static str),
    /// Another kind of file.
    #[error("this is {what}, not a list of numbers: {advice}")]
    OtherKind {
        /// What it looks like.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A quote that nothing closes.
    #[error("a quote (\") opened in the row that begins on line {line} is never closed: close it or remove it")]
    UnclosedQuote {
        /// The line on which the row begins.
        line: u64,
    },
    /// A heading longer than the limit.
    #[error("the first line is longer than 64 KiB: is it a list of numbers with the columns' names on its first line?")]
    HeaderTooLong,
    /// More columns than the limit.
    #[error("more than 200 columns: remove those that are not needed")]
    TooManyColumns,
    /// One name for several columns.
    #[error("several columns are called {}: rename them so that each name stands once", Quoted(.0))]
    RepeatedColumns(Vec<String>),
    /// No column for phones.
    #[error(
        "no column for the phone numbers among {}: call it \"phone\", or say which it is (--phone-column)",
        Quoted(.0)
    )]
    NoPhoneColumn(Vec<String>),
    /// Several columns for phones.
    #[error("several columns could hold the phone numbers ({}): say which one (--phone-column)", Quoted(.0))]
    SeveralPhoneColumns(Vec<String>),
    /// The column that the caller named is not there.
    #[error("no column is called \"{wanted}\"; there are {}", Quoted(.columns))]
    NoSuchColumn {
        /// What was asked for.
        wanted: String,
        /// What there is.
        columns: Vec<String>,
    },
    /// No heading, and several phones on the first line.
    #[error(
        "several phone numbers on the first line: write one number a line, or put a line with the columns' names \
         above them"
    )]
    SeveralPhonesOnALine,
    /// The sheet that the caller named is not there.
    #[error("no sheet is called \"{wanted}\"; there are {}", Quoted(.sheets))]
    NoSuchSheet {
        /// What was asked for.
        wanted: String,
        /// What there is.
        sheets: Vec<String>,
    },
    /// A workbook that cannot be read.
    #[error("the workbook cannot be read ({0}): open it in Excel, save it again as .xlsx or as CSV UTF-8")]
    Workbook(String),
    /// A workbook beyond a bound.
    #[error("the workbook is too large when unpacked ({0}): save the sheet as CSV UTF-8 and import that")]
    WorkbookTooLarge(&'static str),
    /// JSON that cannot be read.
    #[error("not readable as JSON at line {line}: {message}")]
    Json {
        /// The line.
        line: u64,
        /// What is wrong there.
        message: String,
    },
}

/// Names in quotes, the first dozen of them.
struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        for (index, name) in self.0.iter().take(SHOWN).enumerate() {
            let short: String = name.chars().take(40).collect();
            write!(f, "{}\"{short}\"", if index == 0 { "" } else { ", " })?;
        }
        if self.0.len() > SHOWN {
            write!(f, " and {} more", self.0.len() - SHOWN)?;
        }
        Ok(())
    }
}
