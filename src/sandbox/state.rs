//! The sandbox's state and what becomes of each send. No HTTP here: [`super::server`] translates.

use super::check::{self, Refusal, Text};
use super::faults::{FaultKind, Faults};
use super::ledger::{Ledger, NewEntry, Summary, Window};
use super::media::Media;
use super::numbers::{Fate, Numbers, Way};
use super::receipts::Outbox;
use super::settings::{Provoked, SenderProfile, Settings};
use super::templates::Sample;
use super::tokens::Tokens;
use super::{SandboxConfig, SandboxError};
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::marketing::MARKETING;
use crate::domain::phone::Phone;
use arc_swap::ArcSwap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Phones whose provoked code comes only once are remembered up to this many.
const MOST_ONCE: usize = 1_000_000;

/// People who wrote are remembered up to this many.
const MOST_SPOKEN: usize = 100_000;
/// How long somebody's message keeps the customer service window open.
const WINDOW_US: u64 = 24 * 3_600 * 1_000_000;

/// One sender.
pub(super) struct Sender {
    pub(super) id: String,
    pub(super) profile: SenderProfile,
    /// Everything that arrived.
    arrived: Window,
    /// What was taken; the limit counts these.
    taken: Window,
}

/// What changes with every message.
pub(super) struct Core {
    pub(super) ledger: Ledger,
    pub(super) senders: Vec<Sender>,
    pub(super) samples: Vec<Sample>,
    pub(super) faults: Faults,
    pub(super) media: Media,
    /// Payloads that were taken, by their place in the ledger.
    pub(super) payloads: Vec<(usize, Value)>,
    /// So many places in listings are lost before they are asked for.
    pub(super) dead_cursors: u32,
    /// Phones that had their one provoked code.
    once: HashSet<u64>,
    /// When somebody last wrote, by phone.
    spoke: HashMap<u64, u64>,
    requests: u64,
    refused: BTreeMap<i64, u64>,
}

/// Everything that the sandbox's tasks share.
pub(super) struct Shared {
    pub(super) settings: ArcSwap<Settings>,
    core: Mutex<Core>,
    pub(super) outbox: Outbox,
    pub(super) numbers: Numbers,
    pub(super) policy: ErrorPolicy,
    pub(super) business_account_id: String,
    pub(super) tokens: Tokens,
    /// `app id|app secret`
    pub(super) app_token: SecretString,
    pub(super) app_secret: SecretString,
    pub(super) seed: u64,
    pub(super) stop: CancellationToken,
    pub(super) in_flight: AtomicUsize,
    /// Answers so far; chance in their latency follows from it.
    pub(super) calls: AtomicU64,
    started: Instant,
    started_us: u64,
}

/// Which call a message came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// `/messages`
    Messages,
    /// `/marketing_messages`
    MarketingMessages,
}

/// What becomes of a send.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Taken, with this id, for this person.
    Taken { wamid: String, to: u64 },
    /// Refused.
    Refused(Refusal),
    /// Something breaks.
    Broken(FaultKind),
}

impl Shared {
    pub(super) fn new(config: SandboxConfig, stop: CancellationToken) -> Result<Self, SandboxError> {
        let run = fastrand::u32(..);
        let ledger = match &config.ledger_file {
            Some(path) => Ledger::open(path, run)?,
            None => Ledger::new(run),
        };
        let policy = ErrorPolicy::built_in();
        let sender = |(place, id): (usize, String)| Sender {
            id,
            profile: SenderProfile::new(place),
            arrived: Window::default(),
            taken: Window::default(),
        };
        let app_token = format!("{}|{}", config.app_id, config.app_secret.expose_secret());
        Ok(Self {
            settings: ArcSwap::from_pointee(config.settings),
            core: Mutex::new(Core {
                ledger,
                senders: config.phone_number_ids.into_iter().enumerate().map(sender).collect(),
                samples: config.templates.into_iter().map(Sample::new).collect(),
                faults: Faults::default(),
                media: Media::default(),
                payloads: Vec::new(),
                dead_cursors: 0,
                once: HashSet::new(),
                spoke: HashMap::new(),
                requests: 0,
                refused: BTreeMap::new(),
            }),
            outbox: Outbox::default(),
            numbers: Numbers::new(&policy, config.seed),
            policy,
            business_account_id: config.business_account_id,
            tokens: Tokens::new(&config.access_token),
            app_token: app_token.into(),
            app_secret: config.app_secret,
            seed: config.seed,
            stop,
            in_flight: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            started: Instant::now(),
            started_us: u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or(0),
        })
    }

    /// The state. Locked for microseconds only.
    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        // Nothing leaves the state half changed, so a panic elsewhere does not spoil it.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds since the Unix epoch; never goes back.
    pub(super) fn now_us(&self) -> u64 {
        self.started_us + u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX / 2)
    }

    /// Takes or refuses one message.
    pub(super) fn take(&self, sender_id: &str, way: Call, authorization: Option<&str>, body: &[u8]) -> Outcome {
        let now_us = self.now_us();
        let read = check::read(body);
        let settings = self.settings.load();
        let mut core = self.core();
        let core = &mut *core;
        core.requests += 1;
        if let Some(sender) = core.senders.iter_mut().find(|sender| sender.id == sender_id) {
            sender.arrived.add(now_us);
        }
        let broken = core.faults.next();
        match broken {
            Some(FaultKind::CutAfter | FaultKind::HangAfter | FaultKind::Malformed) | None => {}
            Some(kind) => return Outcome::Broken(kind),
        }
        let outcome = if self.is_authorised(authorization) {
            read.map_err(Outcome::Refused)
                .and_then(|message| {
                    let before = core.ledger.len();
                    let outcome = self.take_read(core, &settings, (sender_id, way), &message, now_us);
                    if core.ledger.len() > before && core.payloads.len() < settings.keep_payloads {
                        core.payloads.push((before, serde_json::from_slice(body).unwrap_or_default()));
                    }
                    outcome
                })
                .unwrap_or_else(|outcome| outcome)
        } else {
            Outcome::Refused(Refusal::new(190, "Error validating access token"))
        };
        match (&outcome, broken) {
            (Outcome::Taken { .. }, Some(kind)) => return Outcome::Broken(kind),
            (Outcome::Refused(refusal), _) => *core.refused.entry(refusal.code).or_default() += 1,
            _ => {}
        }
        outcome
    }

    fn take_read(
        &self,
        core: &mut Core,
        settings: &Settings,
        (sender_id, way): (&str, Call),
        (payload, to): &(check::Payload<'_>, crate::domain::phone::Phone),
        now_us: u64,
    ) -> Result<Outcome, Outcome> {
        let refused = |refusal| Outcome::Refused(refusal);
        let Some(place) = core.senders.iter().position(|sender| sender.id == sender_id) else {
            return Err(refused(unknown_object(sender_id)));
        };
        let sender = &mut core.senders[place];
        if sender.profile.can_send_message == "BLOCKED" {
            return Err(refused(Refusal::new(131_031, sender.profile.health_note.clone())));
        }
        let limit = settings.messages_per_second as usize;
        if limit > 0 && sender.taken.count(now_us) >= limit {
            return Err(refused(Refusal::new(130_429, "Cloud API message throughput has been reached.")));
        }
        let Some(part) = &payload.template else { return Err(refused(Refusal::new(131_008, "template"))) };
        let media_is_good = |id: &str| core.media.is_good(id, now_us, settings.media_lifetime_s);
        let sample = check::template(&core.samples, media_is_good, part).map_err(refused)?;
        match (way, sample.template.category == MARKETING) {
            (Call::MarketingMessages, false) => {
                return Err(refused(Refusal::new(134_100, "Only marketing templates are supported")));
            }
            (Call::Messages, true) if !settings.marketing_on_messages => {
                return Err(refused(Refusal::new(131_063, "Marketing templates are disabled on Cloud API")));
            }
            _ => {}
        }
        if sender.profile.display_phone_number.bytes().filter(u8::is_ascii_digit).eq(to.digits().to_string().bytes()) {
            return Err(refused(Refusal::new(131_021, "Recipient phone number cannot be the sender's")));
        }
        let asked_for =
            if settings.provoke.is_empty() { None } else { settings.provoke.get(&format!("+{}", to.digits())) };
        if let Some(Provoked { code, subcode, details, transient, http_status, by_receipt: false }) = asked_for {
            return Err(refused(Refusal {
                code: *code,
                subcode: *subcode,
                details: details.clone(),
                transient: *transient,
                http_status: *http_status,
            }));
        }
        let provoked = if settings.provoking_numbers { self.numbers.provoked(*to) } else { None };
        let fate = match provoked {
            _ if asked_for.is_some() => Fate::Failed(asked_for.map_or(0, |what| what.code)),
            Some((Way::Once, _)) if core.once.contains(&to.digits()) => Fate::Delivered,
            Some((way, fate)) => {
                if way == Way::Once && core.once.len() < MOST_ONCE {
                    core.once.insert(to.digits());
                }
                fate
            }
            None => self.numbers.by_chance(&settings.mix, *to, &sample.template.category),
        };
        let broken = match fate {
            Fate::Refused(number) => {
                return Err(refused(Refusal::new(number, format!("provoked by +{}", to.digits()))));
            }
            Fate::Broken(kind @ (FaultKind::CutAfter | FaultKind::HangAfter | FaultKind::Malformed)) => Some(kind),
            Fate::Broken(kind) => return Err(Outcome::Broken(kind)),
            _ => None,
        };
        let opaque = payload.biz_opaque_callback_data.as_ref().map_or("", Text::as_str);
        let spoke = core.spoke.get(&to.digits());
        let in_window = spoke.is_some_and(|at_us| *at_us <= now_us && now_us - at_us < WINDOW_US);
        let (at_us, template, lite) = (now_us, &sample.key, way == Call::MarketingMessages);
        let entry = NewEntry { to: *to, at_us, sender: sender_id, template, opaque, in_window, lite };
        let row = core.ledger.push(&entry).map_err(|problem| refused(Refusal::new(131_000, problem)))?;
        sender.taken.add(now_us);
        self.outbox.schedule(settings, self.seed, row, now_us, fate);
        match broken {
            Some(kind) => Err(Outcome::Broken(kind)),
            None => Ok(Outcome::Taken { wamid: core.ledger.wamid(row), to: to.digits() }),
        }
    }

    /// Somebody wrote to the business: a customer service window is open from then on.
    pub(super) fn spoke(&self, phone: Phone, at_us: u64) {
        let mut core = self.core();
        if core.spoke.len() >= MOST_SPOKEN {
            let now_us = self.now_us();
            core.spoke.retain(|_, at_us| now_us.saturating_sub(*at_us) < WINDOW_US);
        }
        if core.spoke.len() < MOST_SPOKEN {
            let newest = core.spoke.entry(phone.digits()).or_default();
            *newest = at_us.max(*newest);
        }
    }

    /// Replaces the settings after checking them.
    pub(super) fn set_settings(&self, settings: Settings) -> Result<(), SandboxError> {
        settings.check().map_err(SandboxError::Refused)?;
        self.settings.store(settings.into());
        self.outbox.wake();
        Ok(())
    }

    /// `reason`: why it is rejected; empty: there is none.
    pub(super) fn set_template_status(
        &self,
        name: &str,
        language: &str,
        status: &str,
        reason: &str,
    ) -> Result<(), SandboxError> {
        let mut core = self.core();
        let is_it = |sample: &&mut Sample| sample.template.name == name && sample.template.language == language;
        let sample = core.samples.iter_mut().find(is_it);
        let missing = || SandboxError::Refused(format!("there is no template {name} / {language}"));
        let template = &mut sample.ok_or_else(missing)?.template;
        status.clone_into(&mut template.status);
        reason.clone_into(&mut template.rejected_reason);
        Ok(())
    }

    /// Gives a template another status and tells the webhook, as Meta does.
    pub(super) fn tell_template_status(
        &self,
        name: &str,
        language: &str,
        event: &str,
        reason: &str,
    ) -> Result<(), SandboxError> {
        let status = if matches!(event, "REINSTATED" | "UNARCHIVED") { "APPROVED" } else { event };
        self.set_template_status(name, language, status, reason)?;
        let id = {
            let core = self.core();
            let is_it = |sample: &&Sample| sample.template.name == name && sample.template.language == language;
            core.samples.iter().find(is_it).map(|sample| sample.template.id.clone()).unwrap_or_default()
        };
        let title = if event == "PAUSED" { "FIRST_PAUSE" } else { event };
        let value = json!({
            "event": event, "message_template_id": id.parse::<u64>().unwrap_or(0), "message_template_name": name,
            // Meta writes it with a hyphen here.
            "message_template_language": language.replace('_', "-"), "reason": if reason.is_empty() { "NONE" } else { reason },
            "other_info": {"title": title, "description": "told by the sandbox"},
        });
        self.tell("message_template_status_update", &value)
    }

    /// Sends the webhook something that is not about the status of a message.
    pub(super) fn tell(&self, field: &str, value: &Value) -> Result<(), SandboxError> {
        if self.settings.load().webhook_url.is_none() {
            return Err(SandboxError::Refused("no webhook_url is set".to_owned()));
        }
        let change = json!({"field": field, "value": value});
        let entry = json!({"id": self.business_account_id, "time": self.now_us() / 1_000_000, "changes": [change]});
        let body = json!({"object": "whatsapp_business_account", "entry": [entry]}).to_string();
        if self.outbox.push_news(body) {
            Ok(())
        } else {
            Err(SandboxError::Refused("too much waits for the webhook".to_owned()))
        }
    }

    pub(super) fn change_sender(&self, id: &str, change: impl FnOnce(&mut SenderProfile)) -> Result<(), SandboxError> {
        let mut core = self.core();
        let sender = core.senders.iter_mut().find(|sender| sender.id == id);
        change(&mut sender.ok_or_else(|| SandboxError::Refused(format!("there is no sender {id}")))?.profile);
        Ok(())
    }

    /// All figures. Counts over a copy, so that sends go on meanwhile.
    pub(super) fn summary(&self) -> Summary {
        let core = self.core();
        let ledger = core.ledger.copy();
        let (requests, refused) = (core.requests, core.refused.clone());
        let worst_second = core.senders.iter().map(|sender| sender.arrived.worst()).max().unwrap_or(0);
        drop(core);
        Summary { requests, refused, worst_second, ..ledger.summary() }
    }
}

/// Meta's answer for an id that does not exist or is not the token's.
pub(super) fn unknown_object(id: &str) -> Refusal {
    let shown: String = id.chars().take(40).collect();
    Refusal {
        code: 100,
        subcode: Some(33),
        transient: false,
        http_status: None,
        details: format!("Object with ID '{shown}' does not exist or cannot be loaded due to missing permissions"),
    }
}
