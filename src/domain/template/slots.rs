//! What must be filled before a template can be sent, in a fixed order.
//!
//! The order (header, body, buttons) is that of the values which the ledger keeps for each recipient, so it
//! never changes for the same template. What wacast cannot fill yet is refused here, by name, before anybody
//! is written to. Parts that Meta adds stay in the stored template; only sending with them is refused.

use super::{Component, Part, Template, parts};

/// One thing to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The name that operators and scripts bind: `1`, `first_name`, `header.1`, `header.link`, `header.latitude`,
    /// `button.0`.
    pub name: String,
    /// Where it goes.
    pub place: Place,
}

/// Where a value goes in the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The variable of a text header; its name in a `NAMED` template.
    HeaderText(Option<String>),
    /// A media header's file: a link, or the name of one that is uploaded.
    HeaderMedia(MediaKind),
    /// What a document is called on the phone; may stay empty.
    FileName,
    /// A piece of a location header.
    Location(LocationPart),
    /// A variable of the body; its name in a `NAMED` template, else they go by their order.
    Body(Option<String>),
    /// The end of a URL button's address. The index counts all buttons, from 0.
    UrlSuffix(usize),
    /// The code of a copy-code button.
    CopyCode(usize),
    /// The one-time code of an authentication template: in the body, and in the button with this index if there is one.
    OneTimeCode(Option<usize>),
}

impl Place {
    /// Whether a message can be sent with nothing in it.
    pub fn is_optional(&self) -> bool {
        *self == Self::FileName
    }
}

/// What a location header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationPart {
    /// Degrees north, -90 to 90.
    Latitude,
    /// Degrees east, -180 to 180.
    Longitude,
    /// What the place is called.
    Name,
    /// Where it is, in words.
    Address,
}

impl LocationPart {
    /// In the order of the values.
    pub const ALL: [Self; 4] = [Self::Latitude, Self::Longitude, Self::Name, Self::Address];

    /// The word in the payload.
    pub fn word(self) -> &'static str {
        match self {
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Name => "name",
            Self::Address => "address",
        }
    }
}

/// A media header's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// JPEG or PNG.
    Image,
    /// MP4.
    Video,
    /// Any document; PDF shows best.
    Document,
}

impl MediaKind {
    /// The word in the payload.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
        }
    }
}

/// A template with a part that wacast cannot fill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {template} has {part}, which wacast cannot send yet")]
pub struct Unsupported {
    /// The template's name and language.
    pub template: String,
    /// The part, in words.
    pub part: String,
}

impl Template {
    /// What must be filled, in the order of header, body, buttons.
    ///
    /// Names: a body's `{{1}}` is `1` and its `{{first_name}}` is `first_name`. A text header's `{{1}}` is
    /// `header.1`; a named one keeps its plain name unless the body uses the same. A media header is
    /// `header.link`, a document has `header.filename` too, and a location is `header.latitude`, `header.longitude`,
    /// `header.name` and `header.address`. A URL button's suffix or a copy-code button's code is `button.<index>`, where
    /// the index counts all buttons from 0. An authentication template has one variable, `1`: its code.
    pub fn slots(&self) -> Result<Vec<Slot>, Unsupported> {
        let unsupported = |part: String| Unsupported { template: self.key().to_string(), part };
        if self.category.eq_ignore_ascii_case("AUTHENTICATION") {
            return self.code_slots().map_err(unsupported);
        }
        let (mut header, mut body, mut buttons) = (Vec::new(), Vec::new(), Vec::new());
        for component in &self.components {
            match component.kind.to_ascii_uppercase().as_str() {
                "HEADER" => header.extend(header_slots(component).map_err(unsupported)?),
                "BODY" => body.extend(body_slots(component).map_err(unsupported)?),
                "FOOTER" => {}
                "BUTTONS" => buttons.extend(button_slots(component).map_err(unsupported)?),
                other => return Err(unsupported(format!("a part of the kind {other}"))),
            }
        }
        for slot in &mut header {
            if let Place::HeaderText(Some(name)) = &slot.place
                && !body.iter().any(|other: &Slot| other.name == *name)
            {
                slot.name.clone_from(name);
            }
        }
        header.extend(body);
        header.extend(buttons);
        Ok(header)
    }

    /// An authentication template's only slot. Its button is listed as `OTP`, or as the `URL` that Meta makes of it.
    fn code_slots(&self) -> Result<Vec<Slot>, String> {
        let mut button = None;
        for component in &self.components {
            match component.kind.to_ascii_uppercase().as_str() {
                "BODY" if variables(component.text.as_deref().unwrap_or_default())?.len() > 1 => {
                    return Err("more than one variable beside its one-time code".to_owned());
                }
                "BODY" | "FOOTER" => {}
                "BUTTONS" => {
                    let is_code =
                        |kind: &str| matches!(kind.to_ascii_uppercase().as_str(), "OTP" | "URL" | "COPY_CODE");
                    button = component.buttons.iter().position(|button| is_code(&button.kind));
                }
                other => return Err(format!("a part of the kind {other} beside its one-time code")),
            }
        }
        Ok(vec![Slot { name: "1".to_owned(), place: Place::OneTimeCode(button) }])
    }
}

fn header_slots(header: &Component) -> Result<Vec<Slot>, String> {
    let link = |kind| Slot { name: "header.link".to_owned(), place: Place::HeaderMedia(kind) };
    match header.format.as_deref().unwrap_or("TEXT").to_ascii_uppercase().as_str() {
        "TEXT" => {
            let variables = variables(header.text.as_deref().unwrap_or_default())?;
            if variables.len() > 1 {
                return Err("a header with more than one variable".to_owned());
            }
            let slot = |name: String| Slot { place: Place::HeaderText(named(&name)), name: format!("header.{name}") };
            Ok(variables.into_iter().map(slot).collect())
        }
        "IMAGE" => Ok(vec![link(MediaKind::Image)]),
        "VIDEO" => Ok(vec![link(MediaKind::Video)]),
        "DOCUMENT" => {
            Ok(vec![link(MediaKind::Document), Slot { name: "header.filename".to_owned(), place: Place::FileName }])
        }
        "LOCATION" => {
            let part =
                |part: LocationPart| Slot { name: format!("header.{}", part.word()), place: Place::Location(part) };
            Ok(LocationPart::ALL.into_iter().map(part).collect())
        }
        other => Err(format!("a header of the kind {other}")),
    }
}

fn body_slots(body: &Component) -> Result<Vec<Slot>, String> {
    let variables = variables(body.text.as_deref().unwrap_or_default())?;
    Ok(variables.into_iter().map(|name| Slot { place: Place::Body(named(&name)), name }).collect())
}

fn button_slots(buttons: &Component) -> Result<Vec<Slot>, String> {
    let mut slots = Vec::new();
    for (index, button) in buttons.buttons.iter().enumerate() {
        let name = format!("button.{index}");
        match button.kind.to_ascii_uppercase().as_str() {
            "QUICK_REPLY" | "PHONE_NUMBER" | "VOICE_CALL" | "REQUEST_CONTACT_INFO" => {}
            "COPY_CODE" => slots.push(Slot { name, place: Place::CopyCode(index) }),
            "URL" => match parts(button.url.as_deref().unwrap_or_default()).as_slice() {
                [] | [Part::Fixed(_)] => {}
                [Part::Fixed(_), Part::Variable(_)] => slots.push(Slot { name, place: Place::UrlSuffix(index) }),
                _ => return Err(format!("a button (\"{}\") whose address has a variable not at its end", button.text)),
            },
            other => return Err(format!("a button of the kind {other}")),
        }
    }
    Ok(slots)
}

/// A text's variables, each once: numbers in their order, which must be 1, 2, 3 …, names as they come.
fn variables(text: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    for part in parts(text) {
        if let Part::Variable(name) = part
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    let numbers: Vec<usize> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if numbers.is_empty() {
        return Ok(names);
    }
    if numbers.len() < names.len() {
        return Err("both numbered and named variables".to_owned());
    }
    if (1..=names.len()).any(|number| !numbers.contains(&number)) {
        return Err("numbered variables that are not 1, 2, 3 without a gap".to_owned());
    }
    Ok((1..=names.len()).map(|number| number.to_string()).collect())
}

/// A variable's name where it is one, `None` for a number.
fn named(variable: &str) -> Option<String> {
    variable.parse::<usize>().is_err().then(|| variable.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(components: &serde_json::Value) -> Template {
        serde_json::from_value(json!({
            "name": "t", "language": "en_US", "status": "APPROVED", "category": "MARKETING", "components": components,
        }))
        .unwrap()
    }

    fn names(components: &serde_json::Value) -> Vec<String> {
        template(components).slots().unwrap().into_iter().map(|slot| slot.name).collect()
    }

    #[test]
    fn only_what_the_template_has_is_asked_for() {
        assert!(names(&json!([{"type": "BODY", "text": "Hello"}, {"type": "FOOTER", "text": "{{1}}"}])).is_empty());
        assert_eq!(names(&json!([{"type": "BODY", "text": "{{2}} {{1}} {{1}}"}])), ["1", "2"]);
        assert_eq!(
            names(&json!([
                {"type": "BUTTONS", "buttons": [
                    {"type": "QUICK_REPLY", "text": "Stop"},
                    {"type": "URL", "text": "Shop", "url": "https://example.com/{{1}}"},
                    {"type": "URL", "text": "Home", "url": "https://example.com/"},
                    {"type": "PHONE_NUMBER", "text": "Call"},
                    {"type": "COPY_CODE", "text": "Copy"}]},
                {"type": "BODY", "text": "Hi {{first_name}}, {{city}}"},
                {"type": "HEADER", "format": "IMAGE"},
            ])),
            ["header.link", "first_name", "city", "button.1", "button.4"]
        );
    }

    #[test]
    fn a_headers_variable_keeps_its_plain_name_while_it_is_unique() {
        let with_body = |body: &str| {
            names(&json!([{"type": "HEADER", "format": "TEXT", "text": "For {{first_name}}"},
                {"type": "BODY", "text": body}]))
        };
        assert_eq!(with_body("{{city}}"), ["first_name", "city"]);
        assert_eq!(with_body("{{first_name}}"), ["header.first_name", "first_name"]);
        assert_eq!(
            names(&json!([{"type": "HEADER", "text": "{{1}}"}, {"type": "BODY", "text": "{{1}}"}])),
            ["header.1", "1"]
        );
    }

    #[test]
    fn what_cannot_be_sent_yet_is_named() {
        for (components, part) in [
            (json!([{"type": "HEADER", "format": "GIF"}]), "GIF"),
            (json!([{"type": "CAROUSEL"}]), "CAROUSEL"),
            (json!([{"type": "BUTTONS", "buttons": [{"type": "FLOW", "text": "Book"}]}]), "FLOW"),
            (json!([{"type": "BUTTONS", "buttons": [{"type": "CATALOG"}]}]), "CATALOG"),
            (
                json!([{"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Go", "url": "https://{{1}}/x"}]}]),
                "not at its end",
            ),
            (json!([{"type": "BODY", "text": "{{1}} {{name}}"}]), "both"),
            (json!([{"type": "BODY", "text": "{{1}} {{3}}"}]), "gap"),
        ] {
            let error = template(&components).slots().unwrap_err();
            assert!(error.to_string().contains(part) && error.to_string().contains("t / en_US"), "{error}");
        }
    }

    #[test]
    fn documents_and_locations_say_more_than_a_link() {
        assert_eq!(names(&json!([{"type": "HEADER", "format": "DOCUMENT"}])), ["header.link", "header.filename"]);
        assert_eq!(
            names(&json!([{"type": "HEADER", "format": "LOCATION"}, {"type": "BODY", "text": "{{name}}"}])),
            ["header.latitude", "header.longitude", "header.name", "header.address", "name"]
        );
    }

    #[test]
    fn a_one_time_code_is_one_variable_wherever_it_stands() {
        let code = |components: &serde_json::Value| {
            let mut code = template(components);
            code.category = "AUTHENTICATION".into();
            code.slots()
        };
        let as_listed = json!([{"type": "BODY", "text": "*{{1}}* is your code.", "add_security_recommendation": true},
            {"type": "FOOTER", "code_expiration_minutes": 10},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Copy code", "url": "https://example.com/otp?code={{1}}"}]}]);
        let slot = |button| vec![Slot { name: "1".into(), place: Place::OneTimeCode(button) }];
        assert_eq!(code(&as_listed), Ok(slot(Some(0))));
        assert_eq!(code(&json!([{"type": "BODY", "text": "{{1}}"}])), Ok(slot(None)));
        assert!(code(&json!([{"type": "BODY", "text": "{{1}} {{2}}"}])).unwrap_err().part.contains("one-time"));
        assert!(code(&json!([{"type": "HEADER", "format": "IMAGE"}])).unwrap_err().part.contains("HEADER"));
    }
}
