//! The doctor's checks. Each says ok, warn or fail, and what to do. None of them sends anything; a store that is not
//! there yet is made, as every command would.

use crate::app::{self, AppError, Ground};
use crate::cli::terminal::counted;
use crate::cli::words;
use crate::clock::{Clock, SystemClock};
use crate::cloud_api::{CallError, CloudApi, SenderInfo, TokenInfo};
use crate::config::Config;
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::said;
use crate::service::times;
use crate::service::view::Driver;
use std::time::Duration;

/// How long one question to WhatsApp may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Less free space than this is warned of, in bytes.
const LITTLE_SPACE: u64 = 2_000_000_000;
/// A token that ends within so many days is warned of.
const TOKEN_DAYS: i64 = 14;
/// Templates synced longer ago are called old.
const OLD_TEMPLATES_MS: i64 = crate::domain::time::DAY;
/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Ok,
    Warn,
    Fail,
}

/// What was found.
#[derive(Default)]
pub(super) struct Report {
    found: Vec<(Word, &'static str, String, String)>,
}

impl Report {
    fn ok(&mut self, what: &'static str, words: impl Into<String>) {
        self.found.push((Word::Ok, what, words.into(), String::new()));
    }

    fn warn(&mut self, what: &'static str, words: impl Into<String>, advice: impl Into<String>) {
        self.found.push((Word::Warn, what, words.into(), advice.into()));
    }

    fn fail(&mut self, what: &'static str, words: impl Into<String>, advice: impl Into<String>) {
        self.found.push((Word::Fail, what, words.into(), advice.into()));
    }

    /// Whether something must be put right before anything can be sent.
    pub(super) fn failed(&self) -> bool {
        self.found.iter().any(|(word, ..)| *word == Word::Fail)
    }

    /// For printing.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(word, what, words, advice): &(Word, &str, String, String)| {
            let word = match word {
                Word::Ok => "ok  ",
                Word::Warn => "warn",
                Word::Fail => "fail",
            };
            let advice = if advice.is_empty() { String::new() } else { format!("\n{:>18}  -> {advice}", "") };
            format!("{word}  {what:<12}  {words}{advice}")
        };
        self.found.iter().map(line).collect()
    }
}

/// Looks at everything.
pub(super) async fn all(config: &Config, report: &mut Report) {
    configuration(config, report);
    let api = app::cloud_api(config);
    if config.missing().is_empty() {
        match api {
            Ok(api) => whatsapp(config, &*api, report).await,
            Err(error) => report.fail("whatsapp", error.to_string(), "correct [whatsapp] in the configuration"),
        }
    }
    match Ground::open(config.clone(), false).await {
        Ok(ground) => {
            store(&ground, report).await;
            kept(&ground, report).await;
            http(config, &ground, report).await;
            ground.close().await;
        }
        Err(error @ AppError::ErrorPolicy(_)) => {
            report.fail("configured", error.to_string(), "correct that file; the store was not looked at");
        }
        Err(error) => report.fail("store", error.to_string(), "see [store] url, and that its server runs"),
    }
}

fn configuration(config: &Config, report: &mut Report) {
    let file = config.places.file.as_ref().map_or("no file".to_owned(), |path| path.display().to_string());
    let missing = config.missing();
    if missing.is_empty() {
        report.ok("configured", file);
    } else {
        let to = config.places.write_to.display();
        let advice = format!("add them to {to} (config.toml.example explains them), or open `wacast` to set it up");
        report.fail("configured", format!("{file}: lacks {}", missing.join(", ")), advice);
    }
    for warning in &config.warnings {
        report.warn("configured", warning.as_str(), "");
    }
    match config.error_policy() {
        Ok(policy) => report.ok("error codes", policy_words(config, &policy)),
        Err(error) => report.fail("error codes", error.to_string(), "correct the file; the built-in table explains it"),
    }
    match config.http.forward_webhooks.as_slice() {
        [] => {}
        addresses => {
            report.ok("forwarding", format!("webhooks go on to {}, as they came and signed", addresses.join(" and ")));
        }
    }
    if config.is_loopback() {
        report.ok("kind", "REHEARSAL: base_url is on this machine, nothing reaches people");
    }
}

/// Which rows say what to do about error codes.
fn policy_words(config: &Config, policy: &ErrorPolicy) -> String {
    const SHOWN: usize = 12;
    let own = policy.own_codes();
    let Some(file) = &config.sender.error_policy else {
        return format!("the built-in table, {}", counted(policy.rows() as u64, "row", "rows"));
    };
    let more = if own.len() > SHOWN { " …" } else { "" };
    let shown = own[..own.len().min(SHOWN)].join(", ");
    format!("{}: {} over the built-in ones: {shown}{more}", file.display(), counted(own.len() as u64, "row", "rows"))
}

async fn whatsapp(config: &Config, api: &dyn CloudApi, report: &mut Report) {
    let id = config.whatsapp.phone_number_id.clone().unwrap_or_default();
    match tokio::time::timeout(PATIENCE, api.sender(&id)).await {
        Err(_) => report.fail("whatsapp", format!("no answer within {} s", PATIENCE.as_secs()), "look at the network"),
        Ok(Err(error @ (CallError::Unreachable(_) | CallError::Odd { .. }))) => {
            report.fail("whatsapp", error.to_string(), "look at the network, a proxy, and [whatsapp] base_url");
        }
        Ok(Err(error)) => {
            let advice = "look at access_token (expired? both scopes? assigned to this account?) and phone_number_id";
            report.fail("sender", error.to_string(), advice);
        }
        Ok(Ok(info)) => sender(config, &info, report),
    }
    match tokio::time::timeout(PATIENCE, api.token()).await {
        Ok(Ok(Some(token))) => token_state(&token, report),
        Ok(Ok(None)) => report.warn("token", "how long it is good for is not known", "set app_id and app_secret"),
        Ok(Err(error)) => report.warn("token", error.to_string(), "look at app_id and app_secret"),
        Err(_) => report.warn("token", "WhatsApp did not say how it stands", ""),
    }
}

fn sender(config: &Config, info: &SenderInfo, report: &mut Report) {
    let word = |word: &str| if word.is_empty() { "not said".to_owned() } else { word.to_lowercase() };
    let words = format!(
        "{} {}: {}, quality {}, throughput {}, limit {}",
        info.verified_name,
        info.display_phone_number,
        word(&info.status),
        said::quality(&info.quality_rating),
        word(&info.throughput_level),
        word(&info.messaging_limit),
    );
    match info.can_send_message.as_str() {
        "BLOCKED" => report.fail("sender", words, info.health_notes.join("; ")),
        "LIMITED" => report.warn("sender", words, info.health_notes.join("; ")),
        _ => report.ok("sender", words),
    }
    let pace = config.sender.messages_per_second;
    if pace > 80.0 && info.throughput_level != "HIGH" && !config.is_loopback() {
        let advice = "set [sender] messages_per_second to 80 or less";
        report.fail("pace", format!("{pace} a second, but this sender is not of HIGH throughput"), advice);
    }
}

fn token_state(token: &TokenInfo, report: &mut Report) {
    if let Some(trouble) = token.trouble() {
        let advice = "make a new one for the system user, with both scopes and this account assigned to it";
        return report.fail("token", trouble, advice);
    }
    if token.expires_at == 0 {
        return report.ok("token", "valid, never expires");
    }
    let days = (token.expires_at - SystemClock.now().0 / 1_000) / 86_400;
    if days <= TOKEN_DAYS {
        let advice = "a running wacast renews a 60-day token by itself; else make a new one: `wacast token --stdin`";
        report.warn("token", format!("valid for {days} more days"), advice);
    } else {
        report.ok("token", format!("valid for {days} more days"));
    }
}

async fn store(ground: &Ground, report: &mut Report) {
    let place = ground.store.place();
    match ground.store.free_bytes().await {
        Some(free) if free < LITTLE_SPACE => {
            let words = format!("{place}, {} MB free", free / 1_000_000);
            report.warn("store", words, "about 2 GB are needed for a million people");
        }
        Some(free) => report.ok("store", format!("{place}, {} GB free", free / 1_000_000_000)),
        None => report.ok("store", place),
    }
}

/// What the store knows of templates, receipts and drivers.
async fn kept(ground: &Ground, report: &mut Report) {
    let service = ground.service(None, "the command line");
    let snapshot = service.refresh().await;
    let program = service.settings().program();
    if let Some(trouble) = &snapshot.store_trouble {
        return report.fail("store", trouble.as_str(), "");
    }
    match snapshot.templates {
        (_, _, None) => report.warn("templates", "never synced", format!("{program} templates --sync")),
        (all, approved, Some(at)) => {
            let age_ms = snapshot.at.since(at);
            let words = format!("{approved} of {all} approved, synced {} ago", times::length_words(age_ms));
            if approved == 0 {
                report.warn("templates", words, "templates are made and approved in WhatsApp Manager");
            } else if age_ms > OLD_TEMPLATES_MS {
                report.warn("templates", words, format!("{program} templates --sync"));
            } else {
                report.ok("templates", words);
            }
        }
    }
    let whatsapp = &ground.config.whatsapp;
    // A sandbox on this machine needs no verification of the webhook.
    let verified = whatsapp.verify_token.is_some() || ground.config.is_loopback();
    if whatsapp.app_secret.is_none() || !verified {
        let advice =
            "set app_secret and verify_token, and enter https://YOUR-HOST/webhook in the app's WhatsApp settings";
        report.warn("receipts", "not set up: what becomes of messages is not known, doubts do not settle", advice);
    } else {
        match snapshot.receipts.last_at {
            Some(at) => {
                let ago = times::length_words(snapshot.at.since(at));
                report.ok("receipts", format!("the last one came {ago} ago, {} wait", snapshot.receipts.backlog));
            }
            None => report.warn(
                "receipts",
                "set up, but none has come yet",
                "after the first message: see that Meta reaches https://YOUR-HOST/webhook and the app is subscribed",
            ),
        }
    }
    match &snapshot.driver {
        Driver::Nobody => {
            report.warn("driver", "nobody drives: nothing goes out, schedules do not fire", words::nobody(program));
        }
        driver => report.ok("driver", words::driver(driver, program)),
    }
    for problem in &snapshot.problems {
        report.warn("problem", problem.what.as_str(), problem.advice.as_str());
    }
}

async fn http(config: &Config, ground: &Ground, report: &mut Report) {
    let Some(listen) = config.http.listen else {
        return report.warn("http", "off: no HTTP API, and receipts cannot come in here", "set [http] listen");
    };
    let bound = tokio::net::TcpListener::bind(listen).await;
    match bound {
        Ok(_) => report.ok("http", format!("{listen} is free; nobody listens there at the moment")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => match app::listener_on(listen).await {
            Some((name, pid)) if name == "wacast" => {
                report.ok("http", format!("wacast, process {pid}, listens on {listen}"));
            }
            other => {
                let who = other.map_or("another program".to_owned(), |(name, pid)| format!("{name}, process {pid}"));
                report.warn("http", format!("{listen} is in use by {who}"), "stop it, or set another [http] listen");
            }
        },
        Err(error) => report.fail("http", format!("cannot listen on {listen}: {error}"), "set another [http] listen"),
    }
    if ground.config.http.api_keys.is_empty() {
        let advice = "only needed for the HTTP API: put the output of `openssl rand -hex 32` into [http] api_keys";
        report.warn("http", "no api_keys: every call but /healthz and /webhook is refused", advice);
    }
}
