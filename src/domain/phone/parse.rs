//! Reads phone numbers as people write them, on Google's numbering plans (the crate `rlibphonenumber`).
//!
//! The rule that matters: a number without `+` is read with the country that the operator named, or not at
//! all. A guess would reach a stranger.

use super::alias::forms;
use super::tidy::{DIGITS_LIMIT, Tidy, tidy};
use super::{Country, Phone, PhoneProblem};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region, ValidationError};

/// Digits of the shortest number without a country code that is taken for a whole one while no country is named. A few
/// islands have shorter ones: those are read with their country.
const FEWEST_DIGITS: usize = 6;

/// A number that can be called, and what kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedPhone {
    /// The number.
    pub phone: Phone,
    /// The kind of line by the country's numbering plan.
    pub kind: PhoneKind,
}

/// What kind of line a number is, as far as the country's numbering plan tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PhoneKind {
    /// A mobile.
    Mobile,
    /// The plan does not tell the two apart (North America).
    MobileOrLandline,
    /// A landline. WhatsApp can live on one, but it is often a slip.
    Landline,
    /// An internet line.
    Internet,
    /// Toll-free, premium rate, pager and the like.
    Special,
}

/// Whether the numbering plan says that a number is of the United States; `false` when it cannot tell.
pub(super) fn is_in_the_us(phone: Phone) -> bool {
    let number: Option<PhoneNumber> = phone.to_string().parse().ok();
    let region = number.and_then(|number| PHONE_NUMBER_UTIL.get_region_for_number(&number));
    region == Some(Region::US)
}

/// The country whose numbering plan a number is of.
pub(super) fn country(phone: Phone) -> Option<String> {
    let digits = phone.digits().to_string();
    if digits.starts_with('1') {
        let number: Option<PhoneNumber> = phone.to_string().parse().ok();
        return number
            .and_then(|number| PHONE_NUMBER_UTIL.get_region_for_number(&number))
            .map(|region| region.to_string());
    }
    // No calling code is the beginning of another one.
    let codes = (1..=3).filter_map(|length| digits.get(..length)?.parse().ok());
    let region = codes.into_iter().find_map(|code| PHONE_NUMBER_UTIL.get_region_for_country_code(code))?;
    (region != Region::World).then(|| region.to_string())
}

impl PhoneKind {
    /// Whether an operator should look at it: few such numbers have WhatsApp.
    pub fn is_doubtful(self) -> bool {
        matches!(self, Self::Landline | Self::Special)
    }
}

/// Reads a phone number from what stands in a cell or a field.
///
/// With `+` or `00` it is international. Digits alone are read with `default_country`: first as one of its
/// own numbers, then as one that lost its `+`. Without a default country they are refused.
///
/// # Errors
///
/// Says what is wrong and what to do, for the person who made the file.
pub fn parse_phone(raw: &str, default_country: Option<&Country>) -> Result<ParsedPhone, PhoneProblem> {
    let Tidy { digits, international } = tidy(raw)?;
    if international {
        return checked(&read_international(&digits)?);
    }
    let Some(country) = default_country else {
        return Err(match digits.len() {
            count @ ..FEWEST_DIGITS => PhoneProblem::TooFewDigits(count),
            count if count > DIGITS_LIMIT => PhoneProblem::TooManyDigits(count),
            _ => PhoneProblem::NoCountry,
        });
    };
    let calling_code = country.calling_code();
    let national = read(&digits, Some(country.region()), || country.code())?;
    // With an exit code as it is dialled there (011 in North America) it may be another country's.
    let is_of_the_country = national.country_code == i32::from(calling_code) || digits.starts_with('0');
    if is_of_the_country && let Ok(parsed) = checked(&national) {
        return Ok(parsed);
    }
    if digits.starts_with(&calling_code.to_string())
        && let Ok(parsed) = read_international(&digits).and_then(|number| checked(&number))
    {
        return Ok(parsed);
    }
    Err(if is_of_the_country { shortfall(&national) } else { PhoneProblem::NotAssigned(country.code()) })
}

/// The same, and takes a form that only WhatsApp itself uses, such as a Brazilian mobile without its ninth digit, for the
/// number that is dialled. For lists of people who are not to be written to, which often come from WhatsApp's own ids;
/// nobody is ever sent to by what is read so.
///
/// # Errors
///
/// As [`parse_phone`].
pub fn parse_phone_of_list(raw: &str, default_country: Option<&Country>) -> Result<ParsedPhone, PhoneProblem> {
    parse_phone(raw, default_country).or_else(|problem| {
        let Tidy { digits, .. } = tidy(raw)?;
        let phone = digits.parse().ok().and_then(|digits| Phone::from_digits(digits).ok());
        let forms = phone.map(forms).unwrap_or_default();
        forms.into_iter().find_map(|form| parse_phone(&form.to_string(), None).ok()).ok_or(problem)
    })
}

/// Whether a text is written like a phone number, valid or not: 7 digits or more and nothing else that
/// does not belong. For telling a heading from a number.
pub fn looks_like_phone(text: &str) -> bool {
    match tidy(text) {
        Ok(tidy) => tidy.digits.len() >= 7,
        Err(problem) => matches!(problem, PhoneProblem::RoundedByExcel | PhoneProblem::SeveralNumbers),
    }
}

fn read_international(digits: &str) -> Result<PhoneNumber, PhoneProblem> {
    // Mexico gave up the 1 before mobiles in 2019, but WhatsApp's own ids, and so many lists, still have it.
    let without_old_mark = digits.strip_prefix("521").filter(|rest| rest.len() == 10);
    match without_old_mark {
        Some(rest) => read(&format!("+52{rest}"), None, || "MX (+52)".into()),
        None => read(&format!("+{digits}"), None, || "any country".into()),
    }
}

fn read(text: &str, region: Option<Region>, place: impl Fn() -> String) -> Result<PhoneNumber, PhoneProblem> {
    use rlibphonenumber::ParseError::{InvalidCountryCode, NotANumber, TooLongNsn, TooShortAfterIdd, TooShortNsn};
    PHONE_NUMBER_UTIL.parse(text, region).map_err(|error| match error {
        InvalidCountryCode => PhoneProblem::UnknownCountryCode,
        NotANumber(_) | TooShortAfterIdd | TooShortNsn => PhoneProblem::TooShort(place()),
        TooLongNsn => PhoneProblem::TooLong(place()),
    })
}

fn checked(number: &PhoneNumber) -> Result<ParsedPhone, PhoneProblem> {
    let kind = match number.get_type() {
        PhoneNumberType::Unknown => return Err(shortfall(number)),
        PhoneNumberType::Mobile => PhoneKind::Mobile,
        PhoneNumberType::FixedLineOrMobile => PhoneKind::MobileOrLandline,
        PhoneNumberType::FixedLine => PhoneKind::Landline,
        PhoneNumberType::VoIP => PhoneKind::Internet,
        PhoneNumberType::TollFree
        | PhoneNumberType::PremiumRate
        | PhoneNumberType::SharedCost
        | PhoneNumberType::PersonalNumber
        | PhoneNumberType::Pager
        | PhoneNumberType::UAN
        | PhoneNumberType::VoiceMail => PhoneKind::Special,
    };
    // The plans have a few numbers below the 7 digits that a `Phone` holds; none is a person's.
    let phone = number.format_as(PhoneNumberFormat::E164).parse().map_err(|_| PhoneProblem::TooShort(place(number)))?;
    Ok(ParsedPhone { phone, kind })
}

/// Why a number that was read is not a valid one.
fn shortfall(number: &PhoneNumber) -> PhoneProblem {
    match number.is_possible_with_reason() {
        Err(ValidationError::TooShort) => PhoneProblem::TooShort(place(number)),
        Err(ValidationError::TooLong) => PhoneProblem::TooLong(place(number)),
        Err(ValidationError::InvalidCountryCode) => PhoneProblem::UnknownCountryCode,
        Err(ValidationError::InvalidLength) | Ok(_) => PhoneProblem::NotAssigned(place(number)),
    }
}

fn place(number: &PhoneNumber) -> String {
    let code = number.country_code;
    match PHONE_NUMBER_UTIL.get_region_for_country_code(code) {
        Some(region) if region != Region::World => format!("{region} (+{code})"),
        _ => format!("+{code}"),
    }
}

#[cfg(test)]
mod tests;
