//! A text field: takes letters first, bounded, and never shows or logs a secret.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;
use tui_input::{Input, InputRequest};

/// What a field is for; decides which letters it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Digits and what people write between them; arrows stay with the dialog.
    Count,
    /// A path: `/` or `~` typed first, or a paste that begins with one, replaces what was put in.
    Path,
    /// A secret: shown as dots.
    Secret,
}

/// A text field.
#[derive(Clone)]
pub struct Field {
    input: Input,
    kind: Kind,
    max_chars: usize,
    /// What is in it was put in and not touched since.
    untouched: bool,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.kind == Kind::Secret { "***" } else { self.value() };
        f.debug_tuple("Field").field(&value).finish()
    }
}

impl Field {
    /// A field with a first value that holds at most `max_chars`.
    pub fn new(value: &str, max_chars: usize) -> Self {
        Self { input: Input::from(value), kind: Kind::Text, max_chars, untouched: true }
    }

    /// A field of another kind.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Whether it takes digits only.
    pub fn is_count(&self) -> bool {
        self.kind == Kind::Count
    }

    /// What is in it.
    pub fn value(&self) -> &str {
        self.input.value()
    }

    /// What is in it without blanks around.
    pub fn trimmed(&self) -> &str {
        self.value().trim()
    }

    /// Puts a first value in, as [`Field::new`] does.
    pub fn prefill(&mut self, value: &str) {
        self.set(value);
        self.untouched = true;
    }

    /// Puts other text in, the cursor behind it.
    pub fn set(&mut self, value: &str) {
        self.input = Input::from(value.chars().take(self.max_chars).collect::<String>());
        self.untouched = false;
    }

    /// What may be shown of it, and the cursor's place in it in cells.
    pub fn shown(&self, mask: &str) -> (String, usize) {
        if self.kind == Kind::Secret {
            (mask.repeat(self.value().chars().count()), self.input.cursor())
        } else {
            (super::text::clean(self.value()), self.input.visual_cursor())
        }
    }

    /// Whether the field takes this key; `false`: it is for the dialog.
    pub fn key(&mut self, event: KeyEvent) -> bool {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let request = match event.code {
            KeyCode::Char('u') if control => InputRequest::DeleteLine,
            KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
            KeyCode::Char('a') if control && self.kind != Kind::Count => InputRequest::GoToStart,
            KeyCode::Char('e') if control && self.kind != Kind::Count => InputRequest::GoToEnd,
            KeyCode::Char(_) if control || event.modifiers.contains(KeyModifiers::ALT) => return false,
            KeyCode::Char(letter) => {
                if !self.takes(letter) {
                    return false;
                }
                if self.untouched && self.begins_a_path(letter) {
                    self.set("");
                }
                if self.value().chars().count() >= self.max_chars {
                    return true;
                }
                InputRequest::InsertChar(letter)
            }
            KeyCode::Backspace => InputRequest::DeletePrevChar,
            KeyCode::Delete => InputRequest::DeleteNextChar,
            KeyCode::Left if self.kind != Kind::Count => InputRequest::GoToPrevChar,
            KeyCode::Right if self.kind != Kind::Count => InputRequest::GoToNextChar,
            KeyCode::Home if self.kind != Kind::Count => InputRequest::GoToStart,
            KeyCode::End if self.kind != Kind::Count => InputRequest::GoToEnd,
            _ => return false,
        };
        self.untouched = false;
        self.input.handle(request);
        true
    }

    /// Takes pasted text, as far as there is room; line breaks are left out.
    pub fn paste(&mut self, text: &str) {
        if text.trim().starts_with(|letter| self.begins_a_path(letter)) {
            self.set("");
        }
        self.untouched = false;
        for letter in text.trim().chars().filter(|letter| !letter.is_control()) {
            if self.takes(letter) && self.value().chars().count() < self.max_chars {
                self.input.handle(InputRequest::InsertChar(letter));
            }
        }
    }

    fn begins_a_path(&self, letter: char) -> bool {
        self.kind == Kind::Path && matches!(letter, '/' | '~')
    }

    fn takes(&self, letter: char) -> bool {
        match self.kind {
            Kind::Text | Kind::Path => !letter.is_control(),
            Kind::Count => letter.is_ascii_digit() || matches!(letter, ',' | '.' | '\''),
            Kind::Secret => letter.is_ascii_graphic(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_neither_shown_nor_printed() {
        let mut field = Field::new("", 100).of_kind(Kind::Secret);
        field.paste(" made-up-token\n");
        assert_eq!(field.value(), "made-up-token");
        assert_eq!(field.shown("•"), ("•".repeat(13), 13));
        assert!(!format!("{field:?}").contains("made-up"));
    }

    #[test]
    fn a_count_leaves_letters_and_arrows_to_the_dialog() {
        let mut field = Field::new("", 4).of_kind(Kind::Count);
        for code in [KeyCode::Char('x'), KeyCode::Char(' '), KeyCode::Left] {
            assert!(!field.key(KeyEvent::from(code)));
        }
        for digit in "12345".chars() {
            assert!(field.key(KeyEvent::from(KeyCode::Char(digit))));
        }
        assert_eq!(field.value(), "1234", "no longer than it may be");
    }
}
