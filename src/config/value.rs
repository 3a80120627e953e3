//! Raw values from a file, the environment or a flag, and how they become what a key takes.
//!
//! An error from here names what was expected and, unless the key is secret, what was found.

use super::keys::Kind;
use secrecy::{ExposeSecret, SecretString};
use std::fmt::{self, Write as _};
use std::time::Duration;

/// A value as it was written. Its `Debug` never shows it.
#[derive(Clone)]
pub enum Raw {
    /// Text in a file's quotes.
    Text(SecretString),
    /// Text of the environment or a flag: may also stand for a number or a list.
    Loose(SecretString),
    /// A number of a file, as written.
    Number(String),
    /// `true` or `false` of a file.
    YesNo(bool),
    /// A list of texts of a file.
    List(Vec<SecretString>),
    /// Something else of a file; what, in words.
    Other(&'static str),
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Raw {
    /// What it is, in words.
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Loose(_) => "text",
            Self::Number(_) => "a number",
            Self::YesNo(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }

    fn found(&self, kind: Kind) -> String {
        let shown = match self {
            _ if kind.is_secret() => None,
            Self::Text(text) | Self::Loose(text) => Some(format!("\"{}\"", shorten(text.expose_secret()))),
            Self::Number(number) => Some(shorten(number)),
            Self::YesNo(yes) => Some(yes.to_string()),
            Self::List(_) | Self::Other(_) => None,
        };
        shown.unwrap_or_else(|| self.kind().to_owned())
    }

    /// Text of this kind of key; `Err` says what was found instead.
    pub fn text(&self, kind: Kind) -> Result<&SecretString, String> {
        match self {
            Self::Text(text) | Self::Loose(text) => Ok(text),
            _ => Err(self.found(kind)),
        }
    }

    /// A number within the kind's bounds.
    pub fn number(&self, kind: Kind) -> Result<f64, String> {
        let written = match self {
            Self::Number(number) => number.replace('_', ""),
            Self::Loose(text) => text.expose_secret().trim().to_owned(),
            _ => return Err(self.found(kind)),
        };
        let bounds = match kind {
            Kind::Number { min, max } => min..=max,
            Kind::Whole { min, max } => f64::from(min)..=f64::from(max),
            _ => f64::MIN..=f64::MAX,
        };
        match written.parse::<f64>() {
            Ok(number)
                if bounds.contains(&number) && (number.fract() == 0.0 || !matches!(kind, Kind::Whole { .. })) =>
            {
                Ok(number)
            }
            _ => Err(self.found(kind)),
        }
    }

    /// Yes or no.
    pub fn yes(&self, kind: Kind) -> Result<bool, String> {
        match self {
            Self::YesNo(yes) => Ok(*yes),
            Self::Loose(text) => text.expose_secret().trim().parse().map_err(|_| self.found(kind)),
            _ => Err(self.found(kind)),
        }
    }

    /// A span of time within the kind's bounds.
    pub fn span(&self, kind: Kind) -> Result<Duration, String> {
        let Kind::Span { min, max } = kind else { return Err(self.found(kind)) };
        let span = self.text(kind).ok().and_then(|text| read_span(text.expose_secret()));
        span.filter(|span| (Duration::from_secs(min)..=Duration::from_secs(max)).contains(span))
            .ok_or_else(|| self.found(kind))
    }

    /// A list of texts; loose text is split at commas and line ends.
    pub fn list(&self, kind: Kind) -> Result<Vec<SecretString>, String> {
        match self {
            Self::List(texts) => Ok(texts.clone()),
            Self::Loose(text) => Ok(text
                .expose_secret()
                .split([',', '\n'])
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(SecretString::from)
                .collect()),
            _ => Err(self.found(kind)),
        }
    }
}

pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().filter(|letter| !letter.is_control()).take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads `"15m"`, `"1h30m"`, `"90s"`, `"500ms"`, `"2d"`; `None` for anything else. A unit is needed.
pub fn read_span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total_ms = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(rest.len());
        let (_, unit_ms) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters])?;
        rest = rest[letters..].trim_start();
        total_ms = total_ms.checked_add(count.checked_mul(*unit_ms)?)?;
    }
    Some(Duration::from_millis(total_ms))
}

/// Writes a span as [`read_span`] reads it.
pub fn write_span(span: Duration) -> String {
    let mut rest = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, unit_ms) in UNITS {
        let count = rest / unit_ms;
        rest %= unit_ms;
        if count > 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_write() {
        for (text, seconds) in [("15m", 900), ("90s", 90), ("1h30m", 5_400), ("2d", 172_800), ("1h 5s", 3_605)] {
            assert_eq!(read_span(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(write_span(Duration::from_secs(5_401)), "1h30m1s");
        assert_eq!(read_span("500ms").map(write_span).as_deref(), Some("500ms"));
        for text in ["", "15", "m", "15 minutes", "-5m", "1.5h", "99999999999999999999d", "9999999999999999d"] {
            assert_eq!(read_span(text), None, "{text}");
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let raw = Raw::Text("hush".into());
        assert!(!format!("{raw:?}").contains("hush"));
        assert!(!raw.list(Kind::Secrets).unwrap_err().contains("hush"));
    }
}
