//! Checks a payload as Meta does, and says which code Meta would give.
//!
//! On the way of every message, so it borrows from the request and allocates only for refusals.

use super::templates::Sample;
use crate::domain::phone::Phone;
use crate::domain::template::{MediaKind, Place, Slot};
use serde::Deserialize;
use std::borrow::Cow;

/// The longest text of a variable.
const MOST_LETTERS: usize = 1_024;
/// The longest body that is alone in its template.
const MOST_LONE_BODY_LETTERS: usize = 32_768;
/// The longest one-time code.
const MOST_CODE_LETTERS: usize = 15;
/// The longest `biz_opaque_callback_data`.
const MOST_OPAQUE: usize = 512;

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) subcode: Option<i64>,
    pub(super) details: String,
    pub(super) transient: bool,
    /// Not the code's usual one.
    pub(super) http_status: Option<u16>,
}

impl Refusal {
    pub(super) fn new(code: i64, details: impl Into<String>) -> Self {
        Self { code, subcode: None, details: details.into(), transient: code == 2, http_status: None }
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The payload, as far as it is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Payload<'a> {
    #[serde(borrow, default)]
    messaging_product: Option<Text<'a>>,
    #[serde(borrow, default)]
    to: Option<Text<'a>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) template: Option<TemplatePart<'a>>,
    #[serde(borrow, default)]
    pub(super) biz_opaque_callback_data: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TemplatePart<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    language: Language<'a>,
    #[serde(borrow, default)]
    components: Vec<ComponentPart<'a>>,
}

#[derive(Debug, Deserialize)]
struct Language<'a> {
    #[serde(borrow)]
    code: Text<'a>,
}

#[derive(Debug, Deserialize)]
struct ComponentPart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    sub_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    index: Option<Index<'a>>,
    #[serde(borrow, default)]
    parameters: Vec<Parameter<'a>>,
}

/// `"0"` or `0`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Index<'a> {
    Number(usize),
    #[serde(borrow)]
    Text(Text<'a>),
}

#[derive(Debug, Deserialize)]
struct Parameter<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    #[serde(rename = "parameter_name")]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    coupon_code: Option<Text<'a>>,
    #[serde(borrow, default)]
    image: Option<Media<'a>>,
    #[serde(borrow, default)]
    video: Option<Media<'a>>,
    #[serde(borrow, default)]
    document: Option<Media<'a>>,
    #[serde(borrow, default)]
    location: Option<Location<'a>>,
}

#[derive(Debug, Deserialize)]
struct Location<'a> {
    #[serde(borrow, default)]
    latitude: Option<Text<'a>>,
    #[serde(borrow, default)]
    longitude: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    address: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Media<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    link: Option<Text<'a>>,
}

/// Reads a payload and checks what does not depend on the template.
pub(super) fn read(body: &[u8]) -> Result<(Payload<'_>, Phone), Refusal> {
    let payload: Payload<'_> = serde_json::from_slice(body)
        .map_err(|error| Refusal::new(100, format!("Invalid parameter: the body cannot be read: {error}")))?;
    if payload.messaging_product.as_ref().map(Text::as_str) != Some("whatsapp") {
        return Err(Refusal::new(100, "The parameter messaging_product is required."));
    }
    let Some(to) = &payload.to else {
        return Err(Refusal::new(131_008, "The parameter to is required."));
    };
    // Meta guesses a country when the + is missing; nobody should count on that.
    let to = to.as_str().parse().map_err(|_| Refusal::new(131_009, "Parameter to is not + and a full phone number"))?;
    if payload.kind.as_ref().map(Text::as_str) != Some("template") {
        return Err(Refusal::new(131_051, "The sandbox takes messages of the type template only"));
    }
    if payload.template.is_none() {
        return Err(Refusal::new(131_008, "The parameter template is required."));
    }
    if payload.biz_opaque_callback_data.as_ref().is_some_and(|data| data.as_str().len() > MOST_OPAQUE) {
        return Err(Refusal::new(131_009, "biz_opaque_callback_data is longer than 512 characters"));
    }
    Ok((payload, to))
}

/// Finds the template and checks the components against it. `media_is_good`: whether an id is that of an uploaded file.
pub(super) fn template<'s>(
    samples: &'s [Sample],
    media_is_good: impl Fn(&str) -> bool,
    part: &TemplatePart<'_>,
) -> Result<&'s Sample, Refusal> {
    let (name, language) = (part.name.as_str(), part.language.code.as_str());
    let found = samples.iter().find(|sample| sample.template.name == name && sample.template.language == language);
    let Some(sample) = found else {
        return Err(Refusal::new(132_001, format!("template name ({name}) does not exist in {language}")));
    };
    match sample.template.status.as_str() {
        "APPROVED" => {}
        "PAUSED" => return Err(Refusal::new(132_015, format!("template {name} is paused for low quality"))),
        "DISABLED" => return Err(Refusal::new(132_016, format!("template {name} is disabled"))),
        other => return Err(Refusal::new(132_001, format!("template {name} is not approved: {other}"))),
    }
    let Some(slots) = &sample.slots else { return Ok(sample) };
    for component in &part.components {
        match component.kind.as_str() {
            "header" | "body" | "button" => {}
            other => return Err(Refusal::new(100, format!("Invalid parameter: component type {other}"))),
        }
    }
    header(slots, media_is_good, part)?;
    let in_body = |slot: &&Slot| matches!(slot.place, Place::Body(_) | Place::OneTimeCode(_));
    let parameters = component(part, "body").map_or(&[][..], |body| &body.parameters);
    texts("body", &slots.iter().filter(in_body).collect::<Vec<_>>(), parameters)?;
    let letters = |parameter: &Parameter<'_>| parameter.text.as_ref().map_or(0, |text| text.as_str().chars().count());
    let all = sample.body_letters + parameters.iter().map(letters).sum::<usize>();
    let alone = sample.template.components.iter().all(|one| one.kind == "BODY");
    if all > if alone { MOST_LONE_BODY_LETTERS } else { MOST_LETTERS } {
        return Err(Refusal::new(132_005, "body: the translated text is too long"));
    }
    buttons(slots, part)?;
    Ok(sample)
}

fn component<'p, 'a>(part: &'p TemplatePart<'a>, kind: &str) -> Option<&'p ComponentPart<'a>> {
    part.components.iter().find(|component| component.kind.as_str() == kind)
}

fn header(slots: &[Slot], media_is_good: impl Fn(&str) -> bool, part: &TemplatePart<'_>) -> Result<(), Refusal> {
    let parameters = component(part, "header").map_or(&[][..], |header| &header.parameters);
    if slots.iter().any(|slot| matches!(slot.place, Place::Location(_))) {
        return place(parameters);
    }
    let slot = slots.iter().find(|slot| matches!(slot.place, Place::HeaderText(_) | Place::HeaderMedia(_)));
    let Some(Slot { place: Place::HeaderMedia(kind), .. }) = slot else {
        return texts("header", &slot.into_iter().collect::<Vec<_>>(), parameters);
    };
    let [parameter] = parameters else {
        let expected = kind.word().to_uppercase();
        return Err(Refusal::new(132_012, format!("header: Format mismatch, expected {expected}, received UNKNOWN")));
    };
    let media = match kind {
        MediaKind::Image => &parameter.image,
        MediaKind::Video => &parameter.video,
        MediaKind::Document => &parameter.document,
    };
    let Some(media) = media.as_ref().filter(|_| parameter.kind.as_str() == kind.word()) else {
        let (expected, received) = (kind.word().to_uppercase(), parameter.kind.as_str().to_uppercase());
        return Err(Refusal::new(
            132_012,
            format!("header: Format mismatch, expected {expected}, received {received}"),
        ));
    };
    match (&media.id, &media.link) {
        (Some(id), None) if media_is_good(id.as_str()) => Ok(()),
        (None, Some(link)) if link.as_str().starts_with("http://") || link.as_str().starts_with("https://") => Ok(()),
        _ => Err(Refusal::new(131_053, "header: the media has neither an id nor a link that can be fetched")),
    }
}

/// A location header's one parameter.
fn place(parameters: &[Parameter<'_>]) -> Result<(), Refusal> {
    let [Parameter { kind, location: Some(location), .. }] = parameters else {
        return Err(Refusal::new(132_012, "header: Format mismatch, expected LOCATION, received UNKNOWN"));
    };
    if kind.as_str() != "location" {
        let received = kind.as_str().to_uppercase();
        return Err(Refusal::new(132_012, format!("header: Format mismatch, expected LOCATION, received {received}")));
    }
    let degrees = |text: &Option<Text<'_>>, most: f64| {
        text.as_ref().and_then(|text| text.as_str().parse::<f64>().ok()).is_some_and(|value| value.abs() <= most)
    };
    if !degrees(&location.latitude, 90.0) || !degrees(&location.longitude, 180.0) {
        return Err(Refusal::new(131_009, "header: the location's latitude or longitude is not a number of degrees"));
    }
    text("header", location.name.as_ref())?;
    text("header", location.address.as_ref())
}

/// Text parameters of header or body: how many, their names, and each text.
fn texts(component: &str, slots: &[&Slot], parameters: &[Parameter<'_>]) -> Result<(), Refusal> {
    let (got, expected) = (parameters.len(), slots.len());
    if got != expected {
        return Err(Refusal::new(
            132_000,
            format!(
                "{component}: number of localizable_params ({got}) does not match the expected number of params ({expected})"
            ),
        ));
    }
    for (place, parameter) in parameters.iter().enumerate() {
        if parameter.kind.as_str() != "text" {
            let kind = parameter.kind.as_str();
            return Err(Refusal::new(132_012, format!("{component}: Format mismatch, expected text, received {kind}")));
        }
        let name = parameter.name.as_ref().map(Text::as_str);
        let named = |slot: &Slot| match &slot.place {
            Place::Body(own) | Place::HeaderText(own) => own.as_deref() == name,
            Place::OneTimeCode(_) => name.is_none(),
            _ => false,
        };
        let again = name.is_some() && parameters[..place].iter().any(|one| one.name.as_ref().map(Text::as_str) == name);
        if again || !slots.iter().any(|slot| named(slot)) {
            return Err(Refusal::new(132_012, format!("{component}: Parameter name {name:?} is not the template's")));
        }
        text(component, parameter.text.as_ref())?;
    }
    Ok(())
}

fn text(component: &str, text: Option<&Text<'_>>) -> Result<(), Refusal> {
    let text = text.map_or("", Text::as_str);
    if text.is_empty() {
        return Err(Refusal::new(131_008, format!("{component}: the parameter's ['text'] must be non-empty")));
    }
    if text.contains(['\n', '\r', '\t']) || text.contains("     ") {
        return Err(Refusal::new(
            132_018,
            "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
        ));
    }
    if text.len() > MOST_LETTERS && text.chars().count() > MOST_LETTERS {
        return Err(Refusal::new(132_005, format!("{component}: the translated text is too long")));
    }
    Ok(())
}

fn buttons(slots: &[Slot], part: &TemplatePart<'_>) -> Result<(), Refusal> {
    let is_at = |component: &&ComponentPart<'_>, index: usize| {
        component.kind.as_str() == "button"
            && match &component.index {
                Some(Index::Number(number)) => *number == index,
                Some(Index::Text(text)) => text.as_str().parse() == Ok(index),
                None => false,
            }
    };
    for slot in slots {
        let (index, sub_type) = match slot.place {
            Place::UrlSuffix(index) | Place::OneTimeCode(Some(index)) => (index, "url"),
            Place::CopyCode(index) => (index, "copy_code"),
            _ => continue,
        };
        let given = part.components.iter().find(|component| is_at(component, index));
        let Some([parameter]) = given.map(|component| component.parameters.as_slice()) else {
            return Err(Refusal::new(
                131_008,
                format!("button at index {index} of type {sub_type} requires a parameter"),
            ));
        };
        let got = given.and_then(|component| component.sub_type.as_ref()).map_or("", Text::as_str);
        if got != sub_type {
            return Err(Refusal::new(132_012, format!("button at index {index}: expected {sub_type}, received {got}")));
        }
        let value = if sub_type == "url" { &parameter.text } else { &parameter.coupon_code };
        text("button", value.as_ref())?;
        if matches!(slot.place, Place::OneTimeCode(_)) {
            let given = value.as_ref().map_or("", Text::as_str);
            let body = component(part, "body").and_then(|body| body.parameters.first());
            let in_body = body.and_then(|parameter| parameter.text.as_ref()).map_or("", Text::as_str);
            if given != in_body || given.chars().count() > MOST_CODE_LETTERS {
                return Err(Refusal::new(
                    132_018,
                    "the code must be the same in body and button, 15 characters at most",
                ));
            }
        }
    }
    Ok(())
}
