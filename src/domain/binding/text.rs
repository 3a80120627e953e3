//! How a binding is written on the command line.

use super::Source;

/// A text that is not a binding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a binding: write VARIABLE=COLUMN (1=first_name), VARIABLE=COLUMN:-TEXT to fill blank cells \
     (1=first_name:-friend), VARIABLE:=TEXT for the same words for everybody (2:=Diwali), or header.link=@FILE for a \
     file that is uploaded"
)]
pub struct NotABinding(pub String);

/// Reads `NAME=COLUMN`, `NAME=COLUMN:-TEXT` (a fallback for blank cells), `NAME:=TEXT` (a fixed text) or `NAME=@FILE` (a
/// header's file, to be uploaded).
///
/// The name may stand in braces as in the template (`{{1}}`); the text is taken as it is.
pub fn parse(text: &str) -> Result<(String, Source), NotABinding> {
    let wrong = || NotABinding(text.chars().take(80).collect());
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let (name, fixed) = name.strip_suffix(':').map_or((name, false), |name| (name, true));
    let name = name.trim();
    let name = name.strip_prefix("{{").and_then(|name| name.strip_suffix("}}")).unwrap_or(name).trim();
    if name.is_empty() || value.trim().is_empty() {
        return Err(wrong());
    }
    let source = if fixed {
        Source::Text { text: value.to_owned() }
    } else if let Some(file) = value.trim().strip_prefix('@').filter(|file| !file.is_empty()) {
        Source::File { file: file.to_owned() }
    } else if let Some((column, fallback)) = value.split_once(":-") {
        if column.trim().is_empty() || fallback.trim().is_empty() {
            return Err(wrong());
        }
        Source::ColumnOr { column: column.trim().to_owned(), fallback: fallback.to_owned() }
    } else {
        Source::Column(value.trim().to_owned())
    };
    Ok((name.to_owned(), source))
}
