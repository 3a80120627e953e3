//! What webhooks say about the account and its senders: limits, restrictions, warnings. Pure, and tolerant: what is not
//! understood says nothing.
//!
//! The fields and their forms are those of Meta's webhook reference (`account_update`, `account_alerts`,
//! `business_capability_update`, `phone_number_quality_update`). [`crate::engine`] acts on it, [`crate::service`] shows it.

use super::time::{Millis, SECOND};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The note that holds the [`Restriction`] that stands, as JSON; empty: none.
pub const RESTRICTION_NOTE: &str = "account.restriction";
/// The note that holds the last [`Alert`]s, as a JSON list, the newest last.
pub const ALERTS_NOTE: &str = "account.alerts";
/// The note that holds the [`TokenStanding`], as JSON.
pub const TOKEN_NOTE: &str = "token.standing";
/// Alerts that are kept.
pub const MOST_ALERTS: usize = 10;
/// Texts from outside are cut to so many characters.
const LONGEST: usize = 300;

/// The note that holds what is known of a sender.
pub fn sender_note(sender: &str) -> String {
    format!("sender.{sender}")
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub enum AccountNews {
    /// How many people may be written to in 24 hours, as the API writes it: `TIER_2K` … It is the whole portfolio's.
    Limit(String),
    /// A sender's throughput level, by its displayed number's digits.
    Throughput(String, String),
    /// A sender's status, by its displayed number's digits.
    Status(String, String),
    /// Sending is restricted.
    Restricted(Restriction),
    /// What was restricted is not any more.
    Lifted,
    /// Something that an operator should know.
    Alert {
        /// Whether it is urgent.
        critical: bool,
        /// In words.
        words: String,
    },
}

/// Why nothing, or nothing of one category, may be sent from the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// In words.
    pub detail: String,
    /// When it ends, if that was said.
    pub until: Option<Millis>,
    /// Templates of this category only; `None`: all.
    pub category: Option<String>,
}

impl Restriction {
    /// Whether it still stands, and concerns templates of this category.
    pub fn stops(&self, category: &str, now: Millis) -> bool {
        self.until.is_none_or(|until| until > now) && self.category.as_deref().is_none_or(|only| only == category)
    }

    /// Whether all that another one stops is stopped by this one, for as long.
    pub fn covers(&self, other: &Self, now: Millis) -> bool {
        let stands = self.until.is_none_or(|until| until > now);
        let as_wide = self.category.is_none() || self.category == other.category;
        let as_long = self.until.is_none_or(|until| other.until.is_some_and(|others| others <= until));
        // Nothing is worth more than everything, however long.
        let wider = self.category.is_none() && other.category.is_some();
        stands && as_wide && (as_long || wider)
    }

    /// As a note holds it.
    pub fn from_note(note: Option<&str>) -> Option<Self> {
        serde_json::from_str(note?).ok()
    }
}

/// An alert as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// When it came.
    pub at: Millis,
    /// Whether it is urgent.
    pub critical: bool,
    /// In words.
    pub words: String,
}

/// How the access token stood when it was last looked at. Holds nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenStanding {
    /// When it was looked at.
    pub checked_at: Millis,
    /// Why nothing can be sent with it; empty: it will do.
    pub trouble: String,
    /// When it ends; `None`: never, or it could not be asked.
    pub ends_at: Option<Millis>,
    /// It could be asked when it ends.
    pub end_known: bool,
    /// Why it could not be renewed; empty: it was, or there was no need.
    pub not_renewed: String,
}

impl TokenStanding {
    /// Whole days left; `None`: without end as far as is known.
    pub fn days_left(&self, now: Millis) -> Option<i64> {
        Some(self.ends_at?.since(now).div_euclid(super::time::DAY))
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn digits(value: Option<&Value>) -> String {
    text(value).chars().filter(char::is_ascii_digit).collect()
}

/// Meta's documents write a limit as a tier, its examples as a number, -1 for none.
fn limit(value: &Value) -> Option<String> {
    let said = text(value.get("max_daily_conversations_per_business").or_else(|| value.get("current_limit")));
    match said.as_str() {
        "" => None,
        "-1" => Some("TIER_UNLIMITED".to_owned()),
        tier if tier.starts_with("TIER_") => Some(tier.to_owned()),
        number => number.parse::<u64>().ok().map(|people| format!("TIER_{people}")),
    }
}

/// Reads one event; `None`: it is not of a field that this is about.
pub fn read(field: &str, value: &str) -> Option<Vec<AccountNews>> {
    let known = ["account_update", "account_alerts", "business_capability_update", "phone_number_quality_update"];
    if !known.contains(&field) {
        return None;
    }
    let Ok(value) = serde_json::from_str::<Value>(value) else { return Some(Vec::new()) };
    Some(match field {
        "business_capability_update" => limit(&value).map(AccountNews::Limit).into_iter().collect(),
        "phone_number_quality_update" => quality(&value),
        "account_alerts" => alert(&value).into_iter().collect(),
        _ => update(&value),
    })
}

fn quality(value: &Value) -> Vec<AccountNews> {
    let phone = digits(value.get("display_phone_number"));
    let event = match text(value.get("event")).as_str() {
        "THROUGHPUT_UPGRADE" => Some(AccountNews::Throughput(phone, "HIGH".to_owned())),
        "FLAGGED" => Some(AccountNews::Status(phone, "FLAGGED".to_owned())),
        "UNFLAGGED" => Some(AccountNews::Status(phone, "CONNECTED".to_owned())),
        _ => None,
    };
    limit(value).map(AccountNews::Limit).into_iter().chain(event).collect()
}

fn alert(value: &Value) -> Option<AccountNews> {
    let info = value.get("alert_info")?;
    let (severity, kind) = (text(info.get("alert_severity")), text(info.get("alert_type")));
    let words = match text(info.get("alert_description")) {
        description if description.is_empty() => kind,
        description => description,
    };
    (!words.is_empty() && severity != "INFORMATIONAL")
        .then_some(AccountNews::Alert { critical: severity == "CRITICAL", words })
}

fn update(value: &Value) -> Vec<AccountNews> {
    let event = text(value.get("event"));
    let stop =
        |detail: &str| AccountNews::Restricted(Restriction { detail: detail.into(), until: None, category: None });
    match event.as_str() {
        "ACCOUNT_RESTRICTION" => restrictions(value),
        "ACCOUNT_VIOLATION" => {
            let kind = text(value.get("violation_info").and_then(|info| info.get("violation_type")));
            vec![stop(format!("WhatsApp says that the account broke a policy. {kind}").trim_end())]
        }
        "ACCOUNT_DELETED" => vec![stop("the account was deleted")],
        "DISABLED_UPDATE" => {
            let ban = value.get("ban_info");
            match text(ban.and_then(|ban| ban.get("waba_ban_state"))).as_str() {
                "REINSTATE" => vec![AccountNews::Lifted],
                "SCHEDULE_FOR_DISABLE" => {
                    let date = text(ban.and_then(|ban| ban.get("waba_ban_date")));
                    let words = format!("WhatsApp is going to disable the account. {date}").trim_end().to_owned();
                    vec![AccountNews::Alert { critical: true, words }]
                }
                _ => vec![stop("WhatsApp has disabled the account")],
            }
        }
        _ => Vec::new(),
    }
}

/// Of several restrictions that stop sending, the longest.
fn restrictions(value: &Value) -> Vec<AccountNews> {
    let mut all: Option<Restriction> = None;
    let mut utility: Option<Restriction> = None;
    for one in value.get("restriction_info").and_then(Value::as_array).into_iter().flatten() {
        let kind = text(one.get("restriction_type"));
        let seconds = text(one.get("expiration")).parse::<i64>().ok();
        let until = seconds.filter(|at| (1..=32_503_680_000).contains(at)).map(|at| Millis(at * SECOND));
        let (place, category, detail) = match kind.as_str() {
            "RESTRICTED_BIZ_INITIATED_MESSAGING" => {
                (&mut all, None, "WhatsApp lets this account begin no conversations")
            }
            "RESTRICTED_UTILITY_TEMPLATES" => {
                (&mut utility, Some("UTILITY".to_owned()), "WhatsApp takes no utility templates from this account")
            }
            // The others do not concern broadcasts.
            _ => continue,
        };
        let longer =
            place.as_ref().is_none_or(|known| known.until.is_some_and(|known| until.is_none_or(|new| new > known)));
        if longer {
            *place = Some(Restriction { detail: detail.to_owned(), until, category });
        }
    }
    all.or(utility).map(AccountNews::Restricted).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(field: &str, value: &str) -> AccountNews {
        let mut news = read(field, value).unwrap();
        assert_eq!(news.len(), 1, "{value}");
        news.remove(0)
    }

    #[test]
    fn limits_are_read_in_every_form() {
        for (said, tier) in [(r#""TIER_2K""#, "TIER_2K"), ("2000", "TIER_2000"), ("-1", "TIER_UNLIMITED")] {
            let value =
                format!(r#"{{"max_daily_conversations_per_business":{said},"max_phone_numbers_per_business":25}}"#);
            assert_eq!(one("business_capability_update", &value), AccountNews::Limit(tier.into()));
        }
        let value = r#"{"display_phone_number":"15550100200","event":"DOWNGRADE","current_limit":"TIER_250"}"#;
        assert_eq!(one("phone_number_quality_update", value), AccountNews::Limit("TIER_250".into()));
        let value = r#"{"display_phone_number":"+1 555-0100","event":"THROUGHPUT_UPGRADE"}"#;
        assert_eq!(
            one("phone_number_quality_update", value),
            AccountNews::Throughput("15550100".into(), "HIGH".into())
        );
    }

    #[test]
    fn a_restriction_says_what_and_until_when() {
        let value = r#"{"event":"ACCOUNT_RESTRICTION","restriction_info":[
            {"restriction_type":"RESTRICTED_ADD_PHONE_NUMBER_ACTION","expiration":1895911200},
            {"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1795911200},
            {"restriction_type":"RESTRICTED_UTILITY_TEMPLATES"}]}"#;
        let AccountNews::Restricted(restriction) = one("account_update", value) else { panic!("not restricted") };
        let until = Millis(1_795_911_200_000);
        assert_eq!((restriction.until, restriction.category.as_deref()), (Some(until), None));
        assert!(restriction.stops("MARKETING", until.plus(-1)) && !restriction.stops("MARKETING", until));
        let value = r#"{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES"}]}"#;
        let AccountNews::Restricted(restriction) = one("account_update", value) else { panic!("not restricted") };
        assert!(restriction.stops("UTILITY", until) && !restriction.stops("MARKETING", until));
    }

    #[test]
    fn of_two_restrictions_the_stronger_one_stands() {
        let of = |until: Option<i64>, category: Option<&str>| Restriction {
            detail: String::new(),
            until: until.map(Millis),
            category: category.map(str::to_owned),
        };
        let utility = Some("UTILITY");
        for (one, other, covers) in [
            (of(None, None), of(Some(9), utility), true),
            (of(Some(5), None), of(None, utility), true),
            (of(None, None), of(Some(9), None), true),
            (of(Some(5), None), of(Some(9), None), false),
            (of(None, utility), of(Some(9), None), false),
            (of(Some(1), None), of(Some(1), utility), false),
        ] {
            assert_eq!(one.covers(&other, Millis(1)), covers, "{one:?} {other:?}");
        }
    }

    #[test]
    fn bans_violations_and_alerts() {
        let ban = |state: &str| format!(r#"{{"event":"DISABLED_UPDATE","ban_info":{{"waba_ban_state":"{state}"}}}}"#);
        assert!(matches!(one("account_update", &ban("DISABLE")), AccountNews::Restricted(_)));
        assert_eq!(one("account_update", &ban("REINSTATE")), AccountNews::Lifted);
        assert!(matches!(
            one("account_update", &ban("SCHEDULE_FOR_DISABLE")),
            AccountNews::Alert { critical: true, .. }
        ));
        let value = r#"{"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"ALCOHOL"}}"#;
        assert!(matches!(one("account_update", value), AccountNews::Restricted(_)));
        let value = r#"{"entity_type":"PHONE_NUMBER","alert_info":{"alert_severity":"WARNING","alert_description":"slow down"}}"#;
        assert_eq!(one("account_alerts", value), AccountNews::Alert { critical: false, words: "slow down".into() });
    }

    #[test]
    fn what_is_not_understood_says_nothing() {
        assert_eq!(read("messages", "{}"), None);
        for field in ["account_update", "account_alerts", "business_capability_update", "phone_number_quality_update"] {
            for value in ["{}", "[]", "7", "nonsense", r#"{"event":"SOMETHING_NEW","restriction_info":{"a":1}}"#] {
                assert_eq!(read(field, value), Some(vec![]), "{field} {value}");
            }
        }
    }
}
