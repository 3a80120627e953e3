//! Every key of the configuration, once: its name, what it takes, its default and what it is for.
//!
//! Reading, the example file, `wacast doctor` and the console's Settings are all made from this table. It
//! reads nothing itself.

use crate::domain::marketing::MarketingEndpoint;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number, fractions too, from `min` to `max`.
    Number {
        /// At least.
        min: f64,
        /// At most.
        max: f64,
    },
    /// A whole number from `min` to `max`.
    Whole {
        /// At least.
        min: u32,
        /// At most.
        max: u32,
    },
    /// `true` or `false`.
    YesNo,
    /// A span of time such as `"15m"`, from `min` to `max` seconds.
    Span {
        /// At least, in seconds.
        min: u64,
        /// At most, in seconds.
        max: u64,
    },
    /// A file; a relative one is relative to the configuration file.
    Path,
    /// Text that is never shown. Also read from the file that `NAME_file` names.
    Secret,
    /// Several texts; in the environment separated by commas.
    Texts,
    /// Several secrets; in the environment separated by commas, in a file one a line.
    Secrets,
}

impl Kind {
    /// What the key expects, for error messages: "expected …".
    pub fn expects(self) -> String {
        match self {
            Self::Text => "text in quotes".to_owned(),
            Self::Choice(words) => format!("one of \"{}\"", words.join("\", \"")),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::YesNo => "true or false".to_owned(),
            Self::Span { min, max } => format!(
                "a span of time in quotes such as \"90s\", \"15m\" or \"1h30m\", from {} to {}",
                super::value::write_span(std::time::Duration::from_secs(min)),
                super::value::write_span(std::time::Duration::from_secs(max)),
            ),
            Self::Path => "a file's path in quotes".to_owned(),
            Self::Secret => "text in quotes (its value is not shown here)".to_owned(),
            Self::Texts => "a list of texts in quotes, [\"…\", \"…\"]".to_owned(),
            Self::Secrets => "a list of texts in quotes, [\"…\", \"…\"] (their values are not shown here)".to_owned(),
        }
    }

    /// Whether its value must never be shown.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Secrets)
    }

    /// Whether its value stands in quotes in a file.
    pub(super) fn is_quoted(self) -> bool {
        !matches!(self, Self::Number { .. } | Self::Whole { .. } | Self::YesNo | Self::Texts | Self::Secrets)
    }
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The section it stands in.
    pub section: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Used when nobody says anything, as it would stand in an environment variable.
    pub default: Option<&'static str>,
    /// A made-up value for the example file, as it would stand there, where there is no default.
    pub example: &'static str,
    /// What it is for, with units.
    pub doc: &'static str,
}

impl Key {
    /// `section.name`, as messages name it.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("WACAST_{}__{}", self.section.to_uppercase(), self.name.to_uppercase())
    }
}

/// The sections in the order of the example file, each with what it is about.
pub const SECTIONS: [(&str, &str); 10] = [
    ("whatsapp", "The account that messages go out from."),
    ("store", "Where the ledger is kept."),
    ("http", "The HTTP API, and the webhook that receipts come in by."),
    ("intake", "How number files are read."),
    ("sender", "How fast and how many at once."),
    ("opt_out", "What counts as asking not to be written to, and what that holds back."),
    ("schedule", "When something was due and nobody was there."),
    ("console", "How the console looks and in which zone times are read and shown."),
    ("costs", "What messages cost, for the estimate before a broadcast starts."),
    ("log", "The program's own words."),
];

/// Every key.
pub const KEYS: &[Key] = &[
    Key {
        section: "whatsapp",
        name: "base_url",
        kind: Kind::Text,
        default: Some("https://graph.facebook.com"),
        example: "",
        doc: "Where the Cloud API is, without the version. Plain http only on loopback.",
    },
    Key {
        section: "whatsapp",
        name: "api_version",
        kind: Kind::Text,
        default: Some("v25.0"),
        example: "",
        doc: "The Graph API's version. One past its end is answered silently by another: wacast warns of it.",
    },
    Key {
        section: "whatsapp",
        name: "phone_number_id",
        kind: Kind::Text,
        default: None,
        example: "\"100000000000001\"",
        doc: "The id of the business phone number (not the number). WhatsApp Manager > API Setup. Needed to send.",
    },
    Key {
        section: "whatsapp",
        name: "business_account_id",
        kind: Kind::Text,
        default: None,
        example: "\"200000000000002\"",
        doc: "The id of the WhatsApp Business account. WhatsApp Manager > API Setup. Needed to send.",
    },
    Key {
        section: "whatsapp",
        name: "access_token",
        kind: Kind::Secret,
        default: None,
        example: "\"EAAG-made-up-token\"",
        doc: "A system user's token with whatsapp_business_messaging and whatsapp_business_management. Needed to send.",
    },
    Key {
        section: "whatsapp",
        name: "app_id",
        kind: Kind::Text,
        default: None,
        example: "\"300000000000003\"",
        doc: "The app's id. With app_secret it lets wacast ask how long the token is good for.",
    },
    Key {
        section: "whatsapp",
        name: "app_secret",
        kind: Kind::Secret,
        default: None,
        example: "\"made-up-app-secret\"",
        doc: "The app's secret. Receipts are signed with it; without it none are taken (App settings > Basic).",
    },
    Key {
        section: "whatsapp",
        name: "verify_token",
        kind: Kind::Secret,
        default: None,
        example: "\"made-up-verify-token\"",
        doc: "A word of your own that you also type into Meta's webhook form (App > WhatsApp > Configuration).",
    },
    Key {
        section: "whatsapp",
        name: "marketing_endpoint",
        kind: Kind::Choice(&MarketingEndpoint::WORDS),
        default: Some("auto"),
        example: "",
        doc: "Marketing goes by /marketing_messages: \"always\", \"never\", or \"auto\": when WhatsApp demands it.",
    },
    Key {
        section: "store",
        name: "url",
        kind: Kind::Secret,
        default: Some("sqlite://wacast.db"),
        example: "",
        doc: "\"sqlite://FILE\" (a relative file is relative to this one), or \"mongodb://host/dbname?replicaSet=rs0\".",
    },
    Key {
        section: "http",
        name: "listen",
        kind: Kind::Text,
        default: Some("127.0.0.1:8080"),
        example: "",
        doc: "ADDRESS:PORT for the HTTP API and the webhook, or \"off\". Beyond loopback put TLS in front.",
    },
    Key {
        section: "http",
        name: "api_keys",
        kind: Kind::Secrets,
        default: None,
        example: "[\"made-up-key-of-32-letters-or-more\"]",
        doc: "Who may call the HTTP API (Authorization: Bearer KEY). Make one with: openssl rand -hex 32",
    },
    Key {
        section: "http",
        name: "forward_webhooks",
        kind: Kind::Texts,
        default: None,
        example: "[\"https://crm.example.com/webhook\"]",
        doc: "Where webhooks go on to, as they came and with Meta's signature: an app has one address only. Up to 8.",
    },
    Key {
        section: "intake",
        name: "default_country",
        kind: Kind::Text,
        default: None,
        example: "\"IN\"",
        doc: "Two letters: the country of numbers without a country code. Without it they are rejected, never guessed.",
    },
    Key {
        section: "sender",
        name: "messages_per_second",
        kind: Kind::Number { min: 0.0, max: 100_000.0 },
        default: Some("60"),
        example: "",
        doc: "Messages a second. Meta allows 80, and what comes in counts too. 0: as fast as it goes, on loopback only.",
    },
    Key {
        section: "sender",
        name: "max_in_flight",
        kind: Kind::Whole { min: 1, max: 4_096 },
        default: Some("256"),
        example: "",
        doc: "Requests without an answer at one time. Twice as many people at most may be unsettled in a crash.",
    },
    Key {
        section: "sender",
        name: "failure_share",
        kind: Kind::Number { min: 0.01, max: 1.0 },
        default: Some("0.3"),
        example: "",
        doc: "A broadcast pauses when more than this share of at least 50 people failed with one code. 1: never.",
    },
    Key {
        section: "sender",
        name: "error_policy",
        kind: Kind::Path,
        default: None,
        example: "\"error_policy.csv\"",
        doc: "A CSV file of your own: what to do about WhatsApp's error codes, over the built-in rows. See wacast doctor.",
    },
    Key {
        section: "sender",
        name: "daily_reserve",
        kind: Kind::Whole { min: 0, max: 10_000_000 },
        default: Some("0"),
        example: "",
        doc: "People of the account's limit in 24 hours that are left to other programs and to single messages.",
    },
    Key {
        section: "opt_out",
        name: "payloads",
        kind: Kind::Texts,
        default: None,
        example: "[\"UNSUBSCRIBE_ME\"]",
        doc: "Payloads of your templates' buttons that mean stop. Stop words on a button count without being named here.",
    },
    Key {
        section: "opt_out",
        name: "typed_holds",
        kind: Kind::Choice(&["everything", "marketing"]),
        default: Some("everything"),
        example: "",
        doc: "What a stop word, a button, an operator's word or an imported list holds back.",
    },
    Key {
        section: "schedule",
        name: "grace",
        kind: Kind::Span { min: 60, max: 86_400 },
        default: Some("15m"),
        example: "",
        doc: "What was due or running while wacast was down for longer than this is held for you, not sent late.",
    },
    Key {
        section: "schedule",
        name: "sync_templates",
        kind: Kind::Span { min: 300, max: 604_800 },
        default: Some("6h"),
        example: "",
        doc: "How often the templates are fetched anew. Between that, webhooks tell of changes, if they are set up.",
    },
    Key {
        section: "console",
        name: "time_zone",
        kind: Kind::Text,
        default: Some("UTC"),
        example: "",
        doc: "The zone of the people you write to, such as \"Asia/Kolkata\". Never taken from the server.",
    },
    Key {
        section: "console",
        name: "privacy",
        kind: Kind::YesNo,
        default: Some("true"),
        example: "",
        doc: "Phone numbers are masked on the screen and in copies.",
    },
    Key {
        section: "console",
        name: "palette",
        kind: Kind::Choice(&["default", "mono", "colour-blind", "high-contrast"]),
        default: Some("default"),
        example: "",
        doc: "The colours. NO_COLOR in the environment means mono.",
    },
    Key {
        section: "console",
        name: "glyphs",
        kind: Kind::Choice(&["auto", "unicode", "ascii"]),
        default: Some("auto"),
        example: "",
        doc: "Bars and marks. auto: ascii where the locale is not UTF-8.",
    },
    Key {
        section: "costs",
        name: "rates",
        kind: Kind::Path,
        default: None,
        example: "\"rates.csv\"",
        doc: "A CSV file of your own with Meta's rates (valid_from,market,countries,category,currency,amount).",
    },
    Key {
        section: "costs",
        name: "currency",
        kind: Kind::Text,
        default: Some("USD"),
        example: "",
        doc: "Three letters: what Meta bills your account in. The built-in rates know USD, and INR for India.",
    },
    Key {
        section: "log",
        name: "level",
        kind: Kind::Text,
        default: Some("info"),
        example: "",
        doc: "error, warn, info, debug or trace, also by part: \"info,wacast::engine=debug\". WACAST_LOG goes over it.",
    },
    Key {
        section: "log",
        name: "file",
        kind: Kind::Path,
        default: None,
        example: "\"wacast.log\"",
        doc: "Where the console writes its log. Default: wacast.log in the state folder, which wacast doctor shows.",
    },
];

/// The key with this section and name.
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// The key whose value `name` reads from a file: `access_token_file` → `access_token`.
pub fn find_by_file(section: &str, name: &str) -> Option<&'static Key> {
    find(section, name.strip_suffix("_file")?).filter(|key| key.kind.is_secret())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::nearest::nearest;

    #[test]
    fn every_key_stands_in_a_known_section_once() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(SECTIONS.iter().any(|(section, _)| *section == key.section), "{}", key.path());
            assert!(KEYS[..index].iter().all(|other| other.path() != key.path()), "{}", key.path());
            assert!(key.default.is_some() == key.example.is_empty(), "{} needs a default or an example", key.path());
        }
    }

    #[test]
    fn a_slip_finds_the_key_that_was_meant() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("acces_token", names()), Some("access_token"));
        assert_eq!(nearest("message_per_second", names()), Some("messages_per_second"));
        assert_eq!(nearest("zzzzzzzzzzzz", names()), None);
    }
}
