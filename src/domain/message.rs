//! From a frozen template and one person's values to what is sent and what is shown.
//!
//! Payload and preview take the same frozen values in the order of [`Template::slots`], so what an operator
//! sees is what a person gets. The engine makes one [`MessageMaker`] a broadcast; console and reports call
//! [`preview`]. Nothing here decides who gets it or when.

use super::attempt_id::AttemptId;
use super::phone::Phone;
use super::template::{Component, LocationPart, Part, Place, Slot, Template, Unsupported, parts};
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
    /// Each value with the JSON before it.
    steps: Vec<Step>,
    /// The JSON after the last value.
    last: Vec<u8>,
    /// As many values as the template has slots.
    values: usize,
    /// All fixed JSON together.
    fixed_length: usize,
}

/// A value and what stands before it.
#[derive(Debug, Clone)]
struct Step {
    before: Vec<u8>,
    /// The place of the value among a recipient's.
    value: usize,
    /// With an empty value, neither it nor what stands before it is written.
    optional: bool,
}

const OPENING: &[u8] = br#"{"messaging_product":"whatsapp","recipient_type":"individual","to":"+"#;

impl MessageMaker {
    /// Prepares the payload of a template whose header's file, if it has one, is linked.
    pub fn new(template: &Template) -> Result<Self, Unsupported> {
        Self::with_media(template, None)
    }

    /// Prepares the payload of a template. `media_id`: that of its header's file, uploaded before; then the recipient's
    /// value for it (its name) is not sent.
    pub fn with_media(template: &Template, media_id: Option<&str>) -> Result<Self, Unsupported> {
        let slots = template.slots()?;
        let mut write = Writer { steps: Vec::new(), fixed: Vec::new() };
        write.fixed(r#"","type":"template","template":{"name":"#);
        write.text(&template.name);
        write.fixed(r#","language":{"code":"#);
        write.text(&template.language);
        write.fixed(r#","policy":"deterministic"}"#);
        if !slots.is_empty() {
            write.fixed(r#","components":["#);
            write_components(&slots, media_id, &mut write);
            write.fixed("]");
        }
        write.fixed(r#"},"biz_opaque_callback_data":""#);
        let Writer { steps, fixed: last } = write;
        let fixed_length = OPENING.len() + last.len() + steps.iter().map(|step| step.before.len()).sum::<usize>();
        Ok(Self { steps, last, values: slots.len(), fixed_length })
    }

    /// The whole payload for one person and attempt, as it goes to `POST /{phone_number_id}/messages`.
    pub fn body(&self, phone: Phone, values: &[String], attempt: &AttemptId) -> Result<Bytes, MessageProblem> {
        let expected = self.values;
        if values.len() != expected {
            return Err(MessageProblem::ValueCount { expected, got: values.len() });
        }
        // 15 digits, the longest attempt id, and a little for quotes and escapes.
        let length = self.fixed_length + values.iter().map(|value| value.len() + 8).sum::<usize>() + 80;
        let mut json = Vec::with_capacity(length);
        json.extend_from_slice(OPENING);
        // Writing to memory cannot fail.
        let _ = write!(json, "{}", phone.digits());
        for step in &self.steps {
            let value = values.get(step.value).map_or("", String::as_str);
            if !(step.optional && value.is_empty()) {
                json.extend_from_slice(&step.before);
                write_json_text(&mut json, value);
            }
        }
        json.extend_from_slice(&self.last);
        let _ = write!(json, "{attempt}\"}}");
        Ok(json.into())
    }
}

/// Collects the JSON between the values.
struct Writer {
    steps: Vec<Step>,
    /// What stands before the next value.
    fixed: Vec<u8>,
}

impl Writer {
    fn fixed(&mut self, json: &str) {
        self.fixed.extend_from_slice(json.as_bytes());
    }

    fn text(&mut self, text: &str) {
        write_json_text(&mut self.fixed, text);
    }

    fn value(&mut self, value: usize) {
        self.steps.push(Step { before: std::mem::take(&mut self.fixed), value, optional: false });
    }

    /// A value that is left out when it is empty, together with `before`.
    fn optional(&mut self, before: &str, value: usize) {
        debug_assert!(self.fixed.is_empty(), "what stands here would be left out, too");
        self.steps.push(Step { before: before.as_bytes().to_vec(), value, optional: true });
    }
}

fn write_json_text(json: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(json, text).expect("a text can always be written to memory as JSON");
}

fn write_components(slots: &[Slot], media_id: Option<&str>, write: &mut Writer) {
    let mut separator = "";
    // Several slots share a component: body texts, a location's parts, a document and its name.
    let mut open = "";
    for (value, slot) in slots.iter().enumerate() {
        let shares = match &slot.place {
            Place::Body(_) => "]}",
            Place::Location(_) => "}}]}",
            _ => "",
        };
        let goes_on = !open.is_empty() && open == shares;
        if !goes_on {
            write.fixed(std::mem::replace(&mut open, shares));
        }
        let between = if goes_on { "," } else { separator };
        match &slot.place {
            Place::Body(name) => {
                write.fixed(between);
                if !goes_on {
                    write.fixed(r#"{"type":"body","parameters":["#);
                }
                write_text_parameter(name.as_deref(), value, write);
            }
            Place::Location(part) => {
                write.fixed(between);
                if !goes_on {
                    write.fixed(r#"{"type":"header","parameters":[{"type":"location","location":{"#);
                }
                write.fixed(&format!(r#""{}":"#, part.word()));
                write.value(value);
            }
            Place::HeaderText(name) => {
                write.fixed(r#"{"type":"header","parameters":["#);
                write_text_parameter(name.as_deref(), value, write);
                write.fixed("]}");
            }
            Place::HeaderMedia(kind) => {
                let named = matches!(slots.get(value + 1), Some(Slot { place: Place::FileName, .. }));
                write_media(kind.word(), media_id, value, named.then_some(value + 1), write);
            }
            // Written with its document.
            Place::FileName => {}
            Place::UrlSuffix(index) => write_button(separator, "url", "text", "text", *index, value, write),
            Place::CopyCode(index) => {
                write_button(separator, "copy_code", "coupon_code", "coupon_code", *index, value, write);
            }
            Place::OneTimeCode(button) => {
                write.fixed(r#"{"type":"body","parameters":["#);
                write_text_parameter(None, value, write);
                write.fixed("]}");
                if let Some(index) = button {
                    write_button(",", "url", "text", "text", *index, value, write);
                }
            }
        }
        separator = ",";
    }
    write.fixed(open);
}

/// A header's file, by link or by id, and its name for those that have one.
fn write_media(kind: &str, media_id: Option<&str>, value: usize, name: Option<usize>, write: &mut Writer) {
    write.fixed(&format!(r#"{{"type":"header","parameters":[{{"type":"{kind}","{kind}":{{"#));
    match (media_id, name) {
        (None, name) => {
            write.fixed(r#""link":"#);
            write.value(value);
            if let Some(name) = name {
                write.optional(r#","filename":"#, name);
            }
        }
        // An uploaded document always has a name: the file's own, if nothing else is said.
        (Some(id), Some(name)) => {
            write.fixed(r#""filename":"#);
            write.value(name);
            write.fixed(r#","id":"#);
            write.text(id);
        }
        (Some(id), None) => {
            write.fixed(r#""id":"#);
            write.text(id);
        }
    }
    write.fixed("}}]}");
}

fn write_text_parameter(name: Option<&str>, value: usize, write: &mut Writer) {
    write.fixed(r#"{"type":"text","#);
    if let Some(name) = name {
        write.fixed(r#""parameter_name":"#);
        write.text(name);
        write.fixed(",");
    }
    write.fixed(r#""text":"#);
    write.value(value);
    write.fixed("}");
}

fn write_button(
    separator: &str,
    sub_type: &str,
    kind: &str,
    key: &str,
    index: usize,
    value: usize,
    write: &mut Writer,
) {
    write.fixed(&format!(
        r#"{separator}{{"type":"button","sub_type":"{sub_type}","index":"{index}","parameters":[{{"type":"{kind}","{key}":"#
    ));
    write.value(value);
    write.fixed("}]}");
}

/// A message as a person will see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// The header's text, or its picture, video, document (by its name and link) or place in words.
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
                let in_header = |place: &Place| matches!(place, Place::HeaderText(_));
                let media = filled.media().or_else(|| filled.location());
                preview.header = Some(media.unwrap_or_else(|| filled.text(text, in_header)));
            }
            "BODY" => {
                preview.body = filled.text(text, |place| matches!(place, Place::Body(_) | Place::OneTimeCode(_)));
            }
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

    /// The header's file, after its name where it has one.
    fn media(&self) -> Option<String> {
        let file = self.find(|place| matches!(place, Place::HeaderMedia(_)))?;
        let name = self.find(|place| *place == Place::FileName).filter(|name| !name.is_empty() && *name != file);
        Some(name.map_or_else(|| file.to_owned(), |name| format!("{name}: {file}")))
    }

    /// The header's place.
    fn location(&self) -> Option<String> {
        let part = |wanted| self.find(|place| *place == Place::Location(wanted));
        let [latitude, longitude, name, address] = LocationPart::ALL.map(part);
        Some(format!("{}, {} ({}, {})", name?, address?, latitude?, longitude?))
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
            let value = self.find(|place| match place {
                Place::UrlSuffix(at) | Place::CopyCode(at) | Place::OneTimeCode(Some(at)) => *at == index,
                _ => false,
            });
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
