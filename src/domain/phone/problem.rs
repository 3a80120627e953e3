//! Why a text is not a phone number, in words for operators: what is wrong and what to do.

/// Why [`parse_phone`](super::parse_phone) refused a text.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum PhoneProblem {
    /// Nothing in it.
    #[error("no phone number: the cell is blank")]
    Empty,
    /// More text than any spelling of a number has.
    #[error("longer than 64 characters, so not a phone number: leave only the number in this cell")]
    TooMuchText,
    /// Digits without `+`, and no country to read them with.
    #[error("no country code: write the number with + and the country code, or name the country of numbers without +")]
    NoCountry,
    /// `9.19914E+11`: the digits are gone.
    #[error(
        "Excel rounded this number and its last digits are lost: format the column as Text, fill the numbers in again \
         from where they came, and export again"
    )]
    RoundedByExcel,
    /// Two numbers or more.
    #[error("more than one number in the cell: leave one, or put the others into rows of their own")]
    SeveralNumbers,
    /// `… ext 12`.
    #[error("has an extension, which WhatsApp cannot reach: leave only the number itself")]
    Extension,
    /// Words, or characters that no number is written with.
    #[error("not a phone number: it contains \"{0}\"")]
    NotANumber(char),
    /// `+` or `00`, and then nothing that is a country's code.
    #[error("what follows the + (or 00) is not a country code: write + and the country code, such as +91")]
    UnknownCountryCode,
    /// Fewer digits than the numbers of hardly any country have, and no country to ask.
    #[error("too short: {}, so some are missing", digits(*.0))]
    TooFewDigits(usize),
    /// More digits than any number has.
    #[error("too long: {}, a number has 15 at most", digits(*.0))]
    TooManyDigits(usize),
    /// Too few digits.
    #[error("too short for a number of {0}: digits are missing")]
    TooShort(String),
    /// Too many digits.
    #[error("too long for a number of {0}: a digit too many, or another country's number that needs its +")]
    TooLong(String),
    /// The right length, but such numbers are not given out.
    #[error("no such number range in {0}: a digit is wrong, or it is another country's number that needs its +")]
    NotAssigned(String),
}

fn digits(count: usize) -> String {
    if count == 1 { "1 digit".to_owned() } else { format!("{count} digits") }
}

impl PhoneProblem {
    /// One word for counting by cause; it does not change between versions.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Empty => "no_phone",
            Self::TooMuchText | Self::NotANumber(_) => "not_a_number",
            Self::NoCountry => "no_country",
            Self::RoundedByExcel => "rounded_by_excel",
            Self::SeveralNumbers => "several_numbers",
            Self::Extension => "extension",
            Self::UnknownCountryCode => "unknown_country_code",
            Self::TooShort(_) | Self::TooFewDigits(_) => "too_short",
            Self::TooLong(_) | Self::TooManyDigits(_) => "too_long",
            Self::NotAssigned(_) => "not_assigned",
        }
    }
}
