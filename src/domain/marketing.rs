//! What is special about marketing messages: whom WhatsApp delivers none to, and which way they go. Pure.

use super::phone::Phone;

/// The category of marketing templates, as WhatsApp writes it.
pub const MARKETING: &str = "MARKETING";

/// The code that only marketing messages get when the person gets enough of them for now.
pub const ENOUGH_MARKETING: i64 = 131_049;

/// Which of WhatsApp's two calls marketing messages are sent by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MarketingEndpoint {
    /// `/marketing_messages`, always.
    Always,
    /// `/messages`, always.
    Never,
    /// `/messages`, until WhatsApp says that this account or template must go the other way.
    #[default]
    Auto,
}

impl MarketingEndpoint {
    /// The words of the configuration.
    pub const WORDS: [&'static str; 3] = ["auto", "always", "never"];

    /// From the configuration's word; anything else is `auto`.
    pub fn from_word(word: &str) -> Self {
        match word {
            "always" => Self::Always,
            "never" => Self::Never,
            _ => Self::Auto,
        }
    }

    /// The configuration's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Auto => "auto",
        }
    }
}

/// Whether an error of `/messages` says that a marketing message must go by `/marketing_messages`: 131061 a template with a
/// maximum price, 131063 an account that has switched marketing off there.
pub fn demands_marketing_endpoint(code: i64) -> bool {
    matches!(code, 131_061 | 131_063)
}

/// Why WhatsApp does not deliver a message of this category to this person; `None`: nothing is known against it.
///
/// Since 1 April 2025 WhatsApp delivers no marketing messages to numbers with the calling code +1 (error 131049).
pub fn undeliverable(category: &str, phone: Phone) -> Option<&'static str> {
    // A country code is never a prefix of another one, and +1 is the only one that begins with 1.
    let calling_code_1 = phone.digits().to_string().starts_with('1');
    (category == MARKETING && calling_code_1).then_some("WhatsApp delivers no marketing messages to +1 numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marketing_to_calling_code_1_is_undeliverable_and_nothing_else() {
        let phone = |text: &str| text.parse::<Phone>().unwrap();
        assert!(undeliverable("MARKETING", phone("+15550100111")).is_some());
        assert!(undeliverable("UTILITY", phone("+15550100111")).is_none());
        assert!(undeliverable("AUTHENTICATION", phone("+15550100111")).is_none());
        for other in ["+919876500001", "+5511999990001", "+2125550100", "+4915550100111"] {
            assert!(undeliverable("MARKETING", phone(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for word in MarketingEndpoint::WORDS {
            assert_eq!(MarketingEndpoint::from_word(word).word(), word);
        }
    }
}
