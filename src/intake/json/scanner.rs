//! Cuts JSON into values without building them: depth and quotes are all it knows, and it keeps no more of
//! a value than a record may have.

use crate::intake::encoding::Text;
use crate::intake::{IntakeProblem, RECORD_LIMIT_BYTES};
use std::io::BufRead;

/// Reads values off a text.
pub(super) struct Scanner {
    text: Text,
    line: u64,
}

impl Scanner {
    pub(super) fn new(text: Text) -> Self {
        Self { text, line: 1 }
    }

    /// The line of what comes next, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn fault(&self, message: &str) -> IntakeProblem {
        IntakeProblem::Json { line: self.line, message: message.to_owned() }
    }

    fn next(&mut self) -> Result<Option<u8>, IntakeProblem> {
        Ok(self.text.fill_buf()?.first().copied())
    }

    /// The next character that is not blank, without taking it.
    pub(super) fn next_mark(&mut self) -> Result<Option<u8>, IntakeProblem> {
        while let Some(byte) = self.next()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.take()?;
        }
        Ok(None)
    }

    /// Takes one character.
    pub(super) fn take(&mut self) -> Result<(), IntakeProblem> {
        if self.next()? == Some(b'\n') {
            self.line += 1;
        }
        self.text.consume(1);
        Ok(())
    }

    pub(super) fn expect(&mut self, mark: u8, message: &str) -> Result<(), IntakeProblem> {
        if self.next_mark()? == Some(mark) { self.take() } else { Err(self.fault(message)) }
    }

    /// Whether nothing more stands on this line; takes the blanks.
    pub(super) fn rest_of_line_is_blank(&mut self) -> Result<bool, IntakeProblem> {
        while let Some(byte) = self.next()? {
            match byte {
                b'\n' => return Ok(true),
                b' ' | b'\t' | b'\r' => self.take()?,
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Takes one value and adds it to `out`; false when a record may not be that long, and then only a
    /// part of it was added. The value is whole but not checked.
    pub(super) fn value(&mut self, out: &mut Vec<u8>) -> Result<bool, IntakeProblem> {
        let first = self.next_mark()?;
        let (mut depth, mut in_string, mut escaped) = (0_u64, false, false);
        let is_scalar = !matches!(first, Some(b'{' | b'[' | b'"'));
        let (mut fits, mut is_missing) = (true, true);
        loop {
            let next = self.text.fill_buf()?;
            if next.is_empty() {
                return if is_scalar && first.is_some() {
                    Ok(fits)
                } else {
                    Err(self.fault("the file ends too early"))
                };
            }
            let mut taken = 0;
            let mut whole = false;
            for byte in next {
                if is_scalar && (byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}' | b':')) {
                    whole = true;
                    break;
                }
                taken += 1;
                if *byte == b'\n' {
                    self.line += 1;
                }
                if escaped {
                    escaped = false;
                } else if in_string {
                    match byte {
                        b'\\' => escaped = true,
                        b'"' => in_string = false,
                        _ => {}
                    }
                } else {
                    match byte {
                        b'"' => in_string = true,
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                }
                if !is_scalar && !in_string && depth == 0 {
                    whole = true;
                    break;
                }
            }
            fits &= out.len() + taken <= RECORD_LIMIT_BYTES;
            if fits {
                out.extend_from_slice(&next[..taken]);
            }
            self.text.consume(taken);
            is_missing &= taken == 0;
            if whole {
                // A scalar of no length is a mark where a value should be.
                return if is_missing { Err(self.fault("a value is missing")) } else { Ok(fits) };
            }
        }
    }

    /// Takes the next line with something on it: its number, and false when it is longer than a record may be.
    pub(super) fn next_line(&mut self, out: &mut Vec<u8>) -> Result<Option<(u64, bool)>, IntakeProblem> {
        if self.next_mark()?.is_none() {
            return Ok(None);
        }
        let line = self.line;
        let mut fits = true;
        loop {
            let next = self.text.fill_buf()?;
            let end = next.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(next.len());
            fits &= out.len() + taken <= RECORD_LIMIT_BYTES;
            if fits {
                out.extend_from_slice(&next[..taken]);
            }
            let at_end = next.is_empty();
            self.text.consume(taken);
            if end.is_some() || at_end {
                return Ok(Some((line, fits)));
            }
        }
    }
}
