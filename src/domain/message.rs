//! From a frozen template and one person's values to what is sent and what is shown.
//!
//! Payload and preview take the same frozen values in the order of [`Template::slots`], so what an operator
//! sees is what a person gets. The engine makes one [`MessageMaker`] a broadcast; console and reports call
//! [`preview`]. Nothing here decides who gets it or when.

use super::attempt_id::AttemptId;
use super::phone::Phone;
use super::template::{Component, Part, Place, Slot, Template, Unsupported, parts};
use bytes::Bytes;
use std::io::Write;

/// Why a message cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageProblem {
    /// The template has a part that cannot be filled.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The recipient was frozen for another template.
    #[error("the template needs {expected} values and the recipient has {got}")]
    ValueCount {
        /// As many as the template has slots.
        expected: usize,
        /// As many as the recipient has values.
        got: usize,
    },
}

/// Makes the payloads of one broadcast: everything that is the same for all is written once.
#[derive(Debug, Clone)]
pub struct MessageMaker {
    /// The JSON before the first value, between the values and after the last.
    pieces: Vec<Vec<u8>>,
    /// All pieces together.
    fixed_length: usize,
}

const OPENING: &[u8] = br#"{"messaging_product":"whatsapp","recipient_type":"individual","to":"+"#;

impl MessageMaker {
    /// Prepares the payload of a template.
    pub fn new(template: &Template) -> Result<Self, Unsupported> {
        let slots = template.slots()?;
        let mut pieces = vec![Vec::new()];
        let mut write = PieceWriter { pieces: &mut pieces };
        write.fixed(r#"","type":"template","template":{"name":"#);
        write.text(&template.name);
        write.fixed(r#","language":{"code":"#);
        write.text(&template.language);
        write.fixed(r#","policy":"deterministic"}"#);
        if !slots.is_empty() {
            write.fixed(r#","components":["#);
            write_components(&slots, &mut write);
            write.fixed("]");
        }
        write.fixed(r#"},"biz_opaque_callback_data":""#);
        let fixed_length = OPENING.len() + pieces.iter().map(Vec::len).sum::<usize>();
        Ok(Self { pieces, fixed_length })
    }

    /// The whole payload for one person and attempt, as it goes to `POST /{phone_number_id}/messages`.
    pub fn body(&self, phone: Phone, values: &[String], attempt: &AttemptId) -> Result<Bytes, MessageProblem> {
        let expected = self.pieces.len() - 1;
        if values.len() != expected {
            return Err(MessageProblem::ValueCount { expected, got: values.len() });
        }
        // 15 digits, the longest attempt id, and a little for quotes and escapes.
        let length = self.fixed_length + values.iter().map(|value| value.len() + 8).sum::<usize>() + 80;
        let mut json = Vec::with_capacity(length);
        json.extend_from_slice(OPENING);
        // Writing to memory cannot fail.
        let _ = write!(json, "{}", phone.digits());
        for (piece, value) in self.pieces.iter().zip(values) {
            json.extend_from_slice(piece);
            write_json_text(&mut json, value);
        }
        json.extend_from_slice(&self.pieces[expected]);
        let _ = write!(json, "{attempt}\"}}");
        Ok(json.into())
    }
}

/// Collects the JSON between the values.
struct PieceWriter<'a> {
    pieces: &'a mut Vec<Vec<u8>>,
}

impl PieceWriter<'_> {
    fn fixed(&mut self, json: &str) {
        if let Some(piece) = self.pieces.last_mut() {
            piece.extend_from_slice(json.as_bytes());
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(piece) = self.pieces.last_mut() {
            write_json_text(piece, text);
        }
    }

    fn value(&mut self) {
        self.pieces.push(Vec::new());
    }
}

fn write_json_text(json: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(json, text).expect("a text can always be written to memory as JSON");
}

fn write_components(slots: &[Slot], write: &mut PieceWriter<'_>) {
    let mut separator = "";
    let mut body_open = false;
    for slot in slots {
        let in_body = matches!(slot.place, Place::Body(_));
        if body_open && !in_body {
            write.fixed("]}");
            body_open = false;
        }
        match &slot.place {
            Place::Body(name) => {
                if body_open {
                    write.fixed(",");
                } else {
                    write.fixed(separator);
                    write.fixed(r#"{"type":"body","parameters":["#);
                    body_open = true;
                }
                write_text_parameter(name.as_deref(), write);
            }
            Place::HeaderText(name) => {
                write.fixed(r#"{"type":"header","parameters":["#);
                write_text_parameter(name.as_deref(), write);
                write.fixed("]}");
            }
            Place::HeaderMedia(kind) => {
                let kind = kind.word();
                write.fixed(&format!(r#"{{"type":"header","parameters":[{{"type":"{kind}","{kind}":{{"link":"#));
                write.value();
                write.fixed("}}]}");
            }
            Place::UrlSuffix(index) => write_button(separator, "url", "text", "text", *index, write),
            Place::CopyCode(index) => {
                write_button(separator, "copy_code", "coupon_code", "coupon_code", *index, write);
            }
        }
        separator = ",";
    }
    if body_open {
        write.fixed("]}");
    }
}

fn write_text_parameter(name: Option<&str>, write: &mut PieceWriter<'_>) {
    write.fixed(r#"{"type":"text","#);
    if let Some(name) = name {
        write.fixed(r#""parameter_name":"#);
        write.text(name);
        write.fixed(",");
    }
    write.fixed(r#""text":"#);
    write.value();
    write.fixed("}");
}

fn write_button(separator: &str, sub_type: &str, kind: &str, key: &str, index: usize, write: &mut PieceWriter<'_>) {
    write.fixed(&format!(
        r#"{separator}{{"type":"button","sub_type":"{sub_type}","index":"{index}","parameters":[{{"type":"{kind}","{key}":"#
    ));
    write.value();
    write.fixed("}]}");
}

/// A message as a person will see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// The header's text, or the link of its picture, video or document.
    pub header: Option<String>,
    /// The body's text.
    pub body: String,
    /// The footer's text.
    pub footer: Option<String>,
    /// The buttons, in order.
    pub buttons: Vec<PreviewButton>,
}

/// A button as a person will see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewButton {
    /// What stands on it.
    pub text: String,
    /// Where it leads or what it copies; empty for one that answers.
    pub target: String,
}

/// The message with one person's frozen values.
pub fn preview(template: &Template, values: &[String]) -> Result<Preview, MessageProblem> {
    let slots = template.slots()?;
    if values.len() != slots.len() {
        return Err(MessageProblem::ValueCount { expected: slots.len(), got: values.len() });
    }
    let filled = Filled { slots: &slots, values };
    let mut preview = Preview::default();
    for component in &template.components {
        let text = component.text.as_deref().unwrap_or_default();
        match component.kind.to_ascii_uppercase().as_str() {
            "HEADER" => {
                let media = filled.find(|place| matches!(place, Place::HeaderMedia(_)));
                let in_header = |place: &Place| matches!(place, Place::HeaderText(_));
                preview.header = Some(media.map_or_else(|| filled.text(text, in_header), str::to_owned));
            }
            "BODY" => preview.body = filled.text(text, |place| matches!(place, Place::Body(_))),
            "FOOTER" => preview.footer = Some(text.to_owned()),
            _ => preview.buttons.extend(filled.buttons(component)),
        }
    }
    Ok(preview)
}

/// Values by their slots.
struct Filled<'a> {
    slots: &'a [Slot],
    values: &'a [String],
}

impl Filled<'_> {
    fn find(&self, wanted: impl Fn(&Place) -> bool) -> Option<&str> {
        self.slots.iter().zip(self.values).find(|(slot, _)| wanted(&slot.place)).map(|(_, value)| value.as_str())
    }

    fn text(&self, text: &str, belongs: impl Fn(&Place) -> bool) -> String {
        let mut filled = String::with_capacity(text.len() + 32);
        for part in parts(text) {
            match part {
                Part::Fixed(fixed) => filled.push_str(fixed),
                Part::Variable(name) => {
                    let slot = self.slots.iter().zip(self.values).find(|(slot, _)| {
                        belongs(&slot.place) && slot.name.strip_prefix("header.").unwrap_or(&slot.name) == name
                    });
                    filled.push_str(slot.map_or("", |(_, value)| value));
                }
            }
        }
        filled
    }

    fn buttons(&self, component: &Component) -> Vec<PreviewButton> {
        let target = |index: usize, url: Option<&str>| {
            let value = self.find(|place| matches!(place, Place::UrlSuffix(at) | Place::CopyCode(at) if *at == index));
            let Some(Part::Fixed(fixed)) = url.and_then(|url| parts(url).into_iter().next()) else {
                return value.unwrap_or_default().to_owned();
            };
            format!("{fixed}{}", value.unwrap_or_default())
        };
        let button = |(index, button): (usize, &super::template::Button)| PreviewButton {
            text: button.text.clone(),
            target: target(index, button.url.as_deref()),
        };
        component.buttons.iter().enumerate().map(button).collect()
    }
}

#[cfg(test)]
mod tests;
