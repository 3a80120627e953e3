//! What values may be together: contradictions are errors, doubtful ones are warnings.

use super::error::ConfigError;
use super::origin::Origin;
use super::source::Values;
use super::{Config, keys};
use jiff::civil::{Date, date};
use secrecy::{ExposeSecret, SecretString};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What Meta allows a sender of standard throughput, messages a second.
const STANDARD_PACE: f64 = 80.0;
/// What Meta allows a sender of high throughput.
const HIGH_PACE: f64 = 1_000.0;
/// More requests at one time than this need a raised limit of open files on many machines.
const MANY_IN_FLIGHT: u32 = 512;

/// The Graph API's versions and the last day of each, as Meta's changelog has them; `None`: not set yet.
const VERSIONS: [(u32, Option<Date>); 9] = [
    (26, None),
    (25, Some(date(2028, 7, 29))),
    (24, Some(date(2028, 2, 18))),
    (23, Some(date(2027, 10, 8))),
    (22, Some(date(2027, 5, 20))),
    (21, Some(date(2027, 1, 21))),
    (20, Some(date(2026, 9, 24))),
    (19, Some(date(2026, 5, 21))),
    (18, Some(date(2026, 1, 26))),
];

/// Checks everything and resolves the store's path.
pub fn check(config: &mut Config, today: Date) -> Result<(), ConfigError> {
    let base_url = base_url(&config.whatsapp.base_url);
    invalid(config, "whatsapp.base_url", base_url)?;
    let version = api_version(&config.whatsapp.api_version, today);
    let version = invalid(config, "whatsapp.api_version", version)?;
    config.warnings.extend(version);
    let url = store_url(config.store.url.expose_secret(), &config.places.folder);
    config.store.url = invalid(config, "store.url", url)?;
    let forward = forward_webhooks(&config.http.forward_webhooks);
    invalid(config, "http.forward_webhooks", forward)?;
    let country = config.intake.default_country.as_deref().map_or(Ok(()), country);
    invalid(config, "intake.default_country", country)?;
    let currency = &config.costs.currency;
    let letters = currency.len() == 3 && currency.chars().all(|letter| letter.is_ascii_uppercase());
    let currency = if letters { Ok(()) } else { Err("expected three letters such as USD or INR".to_owned()) };
    invalid(config, "costs.currency", currency)?;
    let zone = &config.console.time_zone;
    let zone = jiff::tz::TimeZone::get(zone)
        .map(|_| ())
        .map_err(|_| format!("there is no time zone \"{zone}\"; names are like \"Asia/Kolkata\""));
    invalid(config, "console.time_zone", zone)?;
    let pace = pace(config.sender.messages_per_second, config.is_loopback());
    let pace = invalid(config, "sender.messages_per_second", pace)?;
    config.warnings.extend(pace);
    let ids = [
        ("whatsapp.phone_number_id", config.whatsapp.phone_number_id.clone()),
        ("whatsapp.business_account_id", config.whatsapp.business_account_id.clone()),
        ("whatsapp.app_id", config.whatsapp.app_id.clone()),
    ];
    for (path, id) in ids {
        let id = id.as_deref().map_or(Ok(()), graph_id);
        invalid(config, path, id)?;
    }
    let doubts = doubts(config);
    config.warnings.extend(doubts);
    Ok(())
}

fn invalid<T>(config: &Config, path: &str, result: Result<T, String>) -> Result<T, ConfigError> {
    result.map_err(|reason| ConfigError::Invalid { key: path.to_owned(), origin: config.origin(path), reason })
}

/// Scheme, host and whatever follows; `None` when it is not an address.
fn split_url(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = if authority.starts_with('[') {
        authority.split_at(authority.find(']')? + 1).0
    } else {
        authority.split(':').next()?
    };
    (!host.is_empty() && !host.contains(['@', '?', '#', ' '])).then_some((scheme, host, path))
}

/// Whether an address is this machine.
pub fn is_loopback(url: &str) -> bool {
    let host = split_url(url).map_or("", |(_, host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn base_url(url: &str) -> Result<(), String> {
    match split_url(url) {
        Some(("https", _, _)) => Ok(()),
        Some(("http", _, _)) if is_loopback(url) => Ok(()),
        Some(("http", _, _)) => Err("the token would travel unencrypted; use https://".to_owned()),
        _ => Err("expected an address such as https://graph.facebook.com".to_owned()),
    }
}

/// The most addresses that webhooks go on to.
const MOST_FORWARDS: usize = 8;

fn forward_webhooks(addresses: &[String]) -> Result<(), String> {
    if addresses.len() > MOST_FORWARDS {
        return Err(format!("{} addresses; {MOST_FORWARDS} are the most", addresses.len()));
    }
    for address in addresses {
        let shown = super::value::shorten(address);
        match split_url(address) {
            Some(("https", _, path)) if !path.contains(['?', '#']) => {}
            Some(("http", _, path)) if is_loopback(address) && !path.contains(['?', '#']) => {}
            Some(("http", ..)) => {
                return Err(format!("people's numbers would travel unencrypted to {shown}; use https://"));
            }
            _ => return Err(format!("expected addresses such as https://crm.example.com/webhook, found \"{shown}\"")),
        }
    }
    Ok(())
}

pub(super) fn api_version(version: &str, today: Date) -> Result<Option<String>, String> {
    let number = version.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
    let number: u32 = number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| format!("expected a version such as v25.0, found \"{}\"", super::value::shorten(version)))?;
    let end = VERSIONS.iter().find(|(known, _)| *known == number);
    let past = "WhatsApp silently answers it by an older version still alive; take v25.0";
    Ok(match end {
        Some((_, None)) => None,
        Some((_, Some(end))) => {
            let days = today.until(*end).map_or(0, |span| span.get_days());
            if today > *end {
                Some(format!("whatsapp.api_version {version} ended on {end}: {past}"))
            } else if days <= 30 {
                Some(format!("whatsapp.api_version {version} ends on {end}; take v25.0 before that"))
            } else {
                None
            }
        }
        None if number < 18 => Some(format!("whatsapp.api_version {version} ended before 2026: {past}")),
        None => Some(format!("whatsapp.api_version {version} is newer than this wacast knows")),
    })
}

/// A full url: a relative SQLite file becomes one below `folder`.
fn store_url(url: &str, folder: &Path) -> Result<SecretString, String> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        if path.is_empty() || path.ends_with('/') {
            return Err("expected a file after sqlite://".to_owned());
        }
        return Ok(SecretString::from(format!("sqlite://{}", folder.join(path).display())));
    }
    if url.starts_with("mongodb://") || url.starts_with("mongodb+srv://") {
        return Ok(SecretString::from(url));
    }
    Err("expected \"sqlite://FILE\" or \"mongodb://host/dbname?replicaSet=rs0\"".to_owned())
}

/// A url for people: whoever it signs in as is left out.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "not a url".to_owned() };
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) if scheme != "sqlite" => format!("{scheme}://***{}", &rest[at..]),
        _ => url.to_owned(),
    }
}

/// `ADDRESS:PORT` or `off`.
pub fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    named.as_deref().unwrap_or(text).parse().map(Some).map_err(|_| {
        format!("expected ADDRESS:PORT such as 127.0.0.1:8080, or \"off\", found \"{}\"", super::value::shorten(text))
    })
}

fn country(code: &str) -> Result<(), String> {
    if code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err("expected a country's two letters, such as \"IN\"".to_owned())
    }
}

fn graph_id(id: &str) -> Result<(), String> {
    if id.len() <= 32 && id.bytes().all(|digit| digit.is_ascii_digit()) {
        Ok(())
    } else {
        Err("expected an id of digits only, as WhatsApp Manager shows it (it is not the phone number)".to_owned())
    }
}

fn pace(messages_per_second: f64, loopback: bool) -> Result<Option<String>, String> {
    if loopback {
        return Ok(None);
    }
    if messages_per_second == 0.0 {
        return Err("0 (as fast as it goes) is allowed only with a base_url on loopback".to_owned());
    }
    if messages_per_second > HIGH_PACE {
        return Err(format!("WhatsApp takes {HIGH_PACE} messages a second at most"));
    }
    Ok((messages_per_second > STANDARD_PACE).then(|| {
        format!(
            "sender.messages_per_second is {messages_per_second}: WhatsApp takes {STANDARD_PACE} a second, more only \
             from senders of HIGH throughput (wacast doctor shows which yours is)"
        )
    }))
}

/// What works, but is likely not meant.
fn doubts(config: &Config) -> Vec<String> {
    let mut doubts = Vec::new();
    let mut doubt = |there: bool, text: &str| {
        if there {
            doubts.push(text.to_owned());
        }
    };
    let (http, whatsapp, sender) = (&config.http, &config.whatsapp, &config.sender);
    doubt(
        http.listen.is_some_and(|address| !address.ip().is_loopback()),
        "http.listen is reachable from other machines, and wacast itself speaks no TLS: put a proxy with TLS in front",
    );
    doubt(
        http.api_keys.iter().any(|key| key.expose_secret().len() < 20),
        "http.api_keys holds a key of fewer than 20 letters, which can be guessed; make one with: openssl rand -hex 32",
    );
    doubt(
        whatsapp.app_secret.is_some() && whatsapp.verify_token.is_none(),
        "whatsapp.app_secret is set, but not verify_token: Meta cannot verify the webhook",
    );
    doubt(
        whatsapp.app_secret.is_none() && whatsapp.verify_token.is_some(),
        "whatsapp.verify_token is set, but not app_secret: no receipts are taken",
    );
    doubt(
        whatsapp.app_secret.is_some() && http.listen.is_none(),
        "whatsapp.app_secret is set, but http.listen is off: receipts come in only if another process takes them",
    );
    doubt(
        f64::from(sender.max_in_flight) < sender.messages_per_second / 4.0,
        "sender.max_in_flight is small for this pace: with answers after 250 ms and more, the pace is not reached",
    );
    doubt(
        sender.max_in_flight > MANY_IN_FLIGHT,
        "sender.max_in_flight is above 512: see that the limit of open files (ulimit -n) is twice as high",
    );
    doubts
}

/// Warns of a configuration file with secrets in it that other users of the machine can read.
pub fn readable_by_others(file: &Path, values: &Values) -> Option<String> {
    let secret = values.iter().any(|(path, found)| {
        let key = path.split_once('.').and_then(|(section, name)| keys::find(section, name));
        let inline = matches!(found.origin, Origin::File { .. });
        inline && path != "store.url" && key.is_some_and(|key| key.kind.is_secret())
    });
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (secret && mode & 0o077 != 0).then(|| {
        let path = file.display();
        format!("{path} holds secrets and others on this machine can read it; change that with: chmod 600 {path}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_the_world() {
        for url in ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:80/x", "http://127.8.8.8/"] {
            assert!(is_loopback(url) && base_url(url).is_ok(), "{url}");
        }
        for url in ["http://example.com", "http://127.0.0.1.example.com", "http://localhost@example.com", "ftp://::1"] {
            assert!(base_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn passwords_leave_urls() {
        for (url, shown) in [
            ("mongodb://me:pass@db.example.com/wacast", "mongodb://***@db.example.com/wacast"),
            ("mongodb://db.example.com/wacast", "mongodb://db.example.com/wacast"),
            ("mongodb://me:p@ss@db.example.com/wacast?a=b", "mongodb://***@db.example.com/wacast?a=b"),
            ("sqlite:///a@b.db", "sqlite:///a@b.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn versions_end() {
        let today = date(2026, 11, 22);
        assert_eq!(api_version("v25.0", today), Ok(None));
        assert!(api_version("v20.0", today).unwrap().unwrap().contains("ended on 2026-09-24"));
        assert!(api_version("v12.0", today).unwrap().is_some());
        assert_eq!(api_version("v21.0", today), Ok(None));
        assert!(api_version("v21.0", date(2027, 1, 1)).unwrap().unwrap().contains("ends on 2027-01-21"));
        assert!(api_version("25", today).is_err());
    }
}
