//! What a broadcast would do, before anything is stored or sent.
//!
//! The checks are here once: a plan shows what they find, and a start makes them again without trusting any plan.

use super::audience::LeaveOut;
use super::broadcasts::check_pace;
use super::sender::SenderView;
use super::snapshot::takes_ms;
use super::view::{BroadcastRequest, Plan};
use super::{Kind, Result, Service, ServiceError, Settings, times};
use crate::domain::account::Restriction;
use crate::domain::binding::{self, BindingProblem, Bindings, Resolved};
use crate::domain::broadcast::{Audience, Broadcast, Definition, OnBadRows, UploadId};
use crate::domain::ids::BroadcastId;
use crate::domain::media;
use crate::domain::opt_out::Kinds;
use crate::domain::said::{self, grouped, people};
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::template::Template;
use crate::domain::time::{DAY, Millis};
use serde_json::json;

/// How long the same template to the same list counts as a repeat.
pub(super) const REPEAT_MS: i64 = DAY;
/// The longest label.
const LONGEST_LABEL: usize = 200;
/// What a person costs in the store, in bytes: about 2 GB a million people.
const BYTES_A_PERSON: u64 = 2_000;
/// What must be free beside it.
const SPARE_BYTES: u64 = 50 * 1024 * 1024;
/// How many of the newest broadcasts are looked at for a repeat.
const NEWEST: u32 = 500;

/// A request that passed the checks.
pub(super) struct Checked {
    pub request: BroadcastRequest,
    pub template: Template,
    pub resolved: Resolved,
    pub uploads: Vec<UploadId>,
    pub people: u64,
    pub sender: Option<SenderView>,
    pub warnings: Vec<String>,
}

impl Checked {
    /// What is stored. `uploads`: the audience, if it is fixed now.
    pub(super) fn definition(&self, settings: &Settings, uploads: Vec<UploadId>) -> Definition {
        Definition {
            label: self.request.label.trim().to_owned(),
            sender: settings.sender.clone(),
            template: self.template.clone(),
            bindings: spelled_out(&self.resolved),
            audience: Audience { list: self.request.list.clone(), follow_up: None, uploads, own: Vec::new() },
            messages_per_second: self.request.messages_per_second,
            rehearsal: settings.rehearsal,
            choices: self.request.choices,
        }
    }
}

impl Service {
    /// Checks a request and says what it would do. Sends and stores nothing (but may sync templates and ask how the sender
    /// stands). `progress` is called with (people looked at, people in all) while the audience is walked; it
    /// is walked once, for those who are left out, for what the others cost, and for who got the template lately. Dropping the future stops the walk.
    ///
    /// Errors: `unknown_list` (404), `nobody_to_send_to`, `template_missing`, `template_not_approved`, `template_unsupported`, `variables_unbound`,
    /// `variables_unknown`, `columns_missing`, `bad_text`, `bad_file`, `bad_label`, `bad_pace`, `pace_too_high`, `in_the_past`, `sender_blocked` (all 422),
    /// `store_full` (503), and the store's.
    pub async fn plan(&self, request: &BroadcastRequest, progress: impl FnMut(u64, u64) + Send) -> Result<Plan> {
        let checked = self.check(request, request.start_at.is_none()).await?;
        let Checked { template, uploads, people, sender, mut warnings, .. } = checked;
        let held_back = Kinds::holding_back(&template.category, self.inner.settings.typed_holds);
        let rules = LeaveOut {
            category: &template.category,
            held_back,
            count_others: true,
            lately: Some(self.lately(request).await?),
        };
        let left_out = self.left_out(&uploads, people, &checked.resolved, rules, progress).await?;
        let cost = self.estimate(&left_out.others, &template.category, request.start_at);
        let pace = request.messages_per_second.unwrap_or(self.inner.settings.messages_per_second);
        let mut plan = Plan {
            request: request.clone(),
            template: template.key(),
            category: template.category,
            quality: template.quality,
            people,
            left_out: left_out.by_reason,
            left_out_first: left_out.first,
            left_out_at: left_out.first_at,
            samples: left_out.samples,
            sender: sender.map(|known| known.info),
            rehearsal: self.inner.settings.rehearsal,
            messages_per_second: pace,
            takes_ms: None,
            cost,
            budget: self.budget().await?,
            repeat_of: self.looks_like_repeat_of(request).await?,
            warnings: Vec::new(),
        };
        let bad_rows = left_out.bad_rows;
        let lately = left_out.lately.words(plan.goes_to(), plan.repeat_of.as_ref(), self.now());
        plan.takes_ms = (pace > 0.0).then(|| takes_ms(plan.goes_to(), pace));
        self.add_warnings(&plan, &uploads, bad_rows, &mut warnings).await?;
        warnings.extend(lately);
        plan.warnings = warnings;
        Ok(plan)
    }

    /// Everything that must be right before a broadcast or a schedule is made. `at_once`: it is to be sent now.
    pub(super) async fn check(&self, request: &BroadcastRequest, at_once: bool) -> Result<Checked> {
        let settings = &self.inner.settings;
        let now = self.now();
        if request.label.chars().count() > LONGEST_LABEL || request.label.chars().any(char::is_control) {
            return Err(wrong("bad_label", format!("a label has {LONGEST_LABEL} printable characters at most")));
        }
        if let Some(pace) = request.messages_per_second {
            check_pace(pace, settings.messages_per_second)?;
        }
        if let Some(at) = request.start_at.filter(|at| *at <= now) {
            let at = times::words_alone(at, &settings.time_zone, now);
            return Err(wrong("in_the_past", format!("{at} is in the past")));
        }
        let list = request.list.as_deref();
        let uploads = self.audience_uploads(list).await?;
        let people = self.inner.store.audience_size(&uploads).await?;
        if people == 0 {
            return Err(nobody(list));
        }
        let (template, stale) = self.sendable_template(&request.template_name, &request.language_code).await?;
        let columns = self.columns(list, &uploads).await?;
        let resolved = resolve(&template, &request.bindings, &columns)?;
        check_file(&template, &request.bindings).await?;
        self.check_space(people).await?;
        let mut warnings: Vec<String> = stale.into_iter().collect();
        if at_once {
            self.account_may_send(&template.category).await?;
        }
        let sender = match self.sender_may_send(&mut warnings).await {
            // What is to go out later is not stopped by what stands now.
            Err(error) if error.kind == Kind::Wrong && !at_once => {
                warnings.push(format!("{error}; it will not start while that is so"));
                self.known_sender().await?
            }
            sender => sender?,
        };
        let request = request.clone();
        Ok(Checked { request, template, resolved, uploads, people, sender, warnings })
    }

    /// The sender as far as it is known. `sender_blocked` (422).
    pub(super) async fn sender_may_send(&self, warnings: &mut Vec<String>) -> Result<Option<SenderView>> {
        let sender = match self.sender().await {
            Ok(sender) => sender,
            Err(error) if error.kind == Kind::Unavailable && error.code.starts_with("api_") => {
                warnings.push(format!("how the sender stands could not be asked: {error}"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let notes = sender.info.health_notes.join(" ");
        if sender.info.can_send_message == "BLOCKED" {
            let why = if notes.is_empty() { "WhatsApp Manager says why".to_owned() } else { notes };
            return Err(wrong("sender_blocked", format!("WhatsApp does not let this sender write to anybody: {why}")));
        }
        if sender.info.can_send_message == "LIMITED" {
            warnings.push(format!("WhatsApp limits what this sender may send. {notes}").trim_end().to_owned());
        }
        if let Some(trouble) = &sender.trouble {
            let age = times::length_words(self.now().since(sender.asked_at));
            warnings.push(format!("{trouble}; what is shown of the sender is from {age} ago"));
        }
        Ok(Some(sender))
    }

    /// Whether WhatsApp lets the account and the sender send a template of this category now. `sender_blocked` (422).
    pub(super) async fn may_send_now(&self, category: &str) -> Result<()> {
        self.account_may_send(category).await?;
        self.sender_may_send(&mut Vec::new()).await.map(|_| ())
    }

    /// The restriction of the account that concerns a template, if one stands.
    pub(super) async fn restriction_of(&self, category: &str) -> Result<Option<Restriction>> {
        Ok(self.account().await?.restriction.filter(|one| one.stops(category, self.now())))
    }

    /// A restriction of the account that concerns a template. `sender_blocked` (422).
    pub(super) async fn account_may_send(&self, category: &str) -> Result<()> {
        let restriction = self.restriction_of(category).await?;
        let Some(Restriction { detail, until, .. }) = restriction else { return Ok(()) };
        let zone = &self.inner.settings.time_zone;
        let until = until.map_or(String::new(), |at| format!(", until {}", times::words(at, zone, self.now())));
        Err(wrong("sender_blocked", format!("{detail}{until}")))
    }

    pub(super) async fn check_space(&self, people: u64) -> Result<()> {
        let needed = people.saturating_mul(BYTES_A_PERSON).saturating_add(SPARE_BYTES);
        match self.inner.store.free_bytes().await {
            Some(free) if free < needed => {
                let (free, needed) = (free / 1_048_576, needed / 1_048_576);
                let message = format!(
                    "the store has {free} MiB left and {} need about {needed} MiB: make room first ({})",
                    said::people(people),
                    self.inner.store.place()
                );
                Err(ServiceError::new(Kind::Unavailable, "store_full", message))
            }
            _ => Ok(()),
        }
    }

    /// `bad_rows`: people whose values cannot be sent.
    async fn add_warnings(
        &self,
        plan: &Plan,
        uploads: &[UploadId],
        bad_rows: u64,
        warnings: &mut Vec<String>,
    ) -> Result<()> {
        if let Some(budget) = plan.budget
            && plan.goes_to() > budget.left()
        {
            // Whoever was reached in the last 24 hours costs nothing more.
            let costs = plan.goes_to().saturating_sub(self.reached_of(uploads).await?);
            let over = costs.saturating_sub(budget.left());
            if over > 0 {
                let zone = &self.inner.settings.time_zone;
                let from = match budget.room_at {
                    Some(at) => format!(", the first of them from {}", times::words(at, zone, self.now())),
                    None => ", the first of them a day after its first messages".to_owned(),
                };
                warnings.push(format!(
                    "{} may still be written to within 24 hours: {} of this broadcast wait until there is room{from}",
                    people(budget.left()),
                    grouped(over)
                ));
            }
        }
        if matches!(plan.quality.as_str(), "RED" | "YELLOW") {
            let quality = said::quality(&plan.quality);
            warnings.push(format!("the template's quality is {quality}: WhatsApp may pause it while it goes out"));
        }
        if plan.people == plan.left_out.iter().map(|(_, count)| count).sum::<u64>() {
            warnings.push("everybody would be left out".to_owned());
        }
        if bad_rows > 0 && plan.request.choices.on_bad_rows == OnBadRows::Refuse {
            warnings.push(format!(
                "the values of {} cannot be sent, and nobody may be left out: nothing will be sent",
                people(bad_rows)
            ));
        }
        if let Some(other) = &plan.repeat_of {
            let sent = was_sent(&self.stored(other).await?, &self.inner.settings.time_zone, self.now());
            warnings.push(format!("it looks like a repeat: {sent}"));
        }
        if !self.receipts_set_up().await? {
            warnings.push(
                "no receipts are set up: delivered and read stay unknown, and doubts do not settle by themselves"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The newest broadcast that this looks like a repeat of, by the store's own rule.
    async fn looks_like_repeat_of(&self, request: &BroadcastRequest) -> Result<Option<BroadcastId>> {
        let since = self.now().plus(-REPEAT_MS);
        for other in self.inner.store.broadcasts(false, NEWEST).await? {
            let Definition { template, audience, .. } = &other.definition;
            let same = other.created_at >= since
                && template.name == request.template_name
                && template.language == request.language_code
                && audience.list == request.list
                && audience.follow_up.is_none()
                && !audience.is_test();
            if same && !(other.status == BroadcastStatus::Cancelled && self.nobody_was_sent_to(&other.id).await?) {
                return Ok(Some(other.id));
            }
        }
        Ok(None)
    }

    pub(super) async fn nobody_was_sent_to(&self, id: &BroadcastId) -> Result<bool> {
        use RecipientState::{Cancelled, Queued, Skipped};
        let counts = self.inner.store.counts(id).await?;
        Ok(counts.total() == [Queued, Skipped, Cancelled].into_iter().map(|state| counts.get(state)).sum::<u64>())
    }
}

/// Matches a template's variables with what fills them. `template_unsupported`, `variables_unbound`, `variables_unknown`,
/// `columns_missing`, `bad_text` (422).
pub(super) fn resolve(template: &Template, bindings: &Bindings, columns: &[String]) -> Result<Resolved> {
    let slots = template.slots().map_err(|error| wrong("template_unsupported", error.to_string()))?;
    binding::resolve_for(template, &slots, bindings, columns).map_err(|problem| {
        let BindingProblem { missing, unknown, no_such_column, bad_text, variables, columns } = &*problem;
        let code = match () {
            () if !missing.is_empty() => "variables_unbound",
            () if !unknown.is_empty() => "variables_unknown",
            () if !no_such_column.is_empty() => "columns_missing",
            () => "bad_text",
        };
        let pairs: Vec<_> =
            no_such_column.iter().map(|(variable, column)| {
                json!({ "variable": variable, "column": column, "did_you_mean": problem.nearest_column(column) })
            }).collect();
        let bad_text: Vec<_> = bad_text
            .iter()
            .map(|(variable, fault)| json!({ "variable": variable, "why": fault.to_string() }))
            .collect();
        wrong(code, problem.to_string()).with_details(json!({
            "unbound": missing, "unknown": unknown, "columns_missing": pairs, "bad_text": bad_text,
            "variables": variables, "columns": columns,
        }))
    })
}

/// Whether the header's file, if one is to be uploaded, is there and can be. `bad_file` (422).
pub(super) async fn check_file(template: &Template, bindings: &Bindings) -> Result<()> {
    let (Some(path), Some(kind)) = (binding::header_file(bindings), media::wanted(template)) else { return Ok(()) };
    let bad = |words: String| wrong("bad_file", format!("the header's file: {words}"));
    let there = tokio::fs::metadata(path).await.map_err(|error| bad(format!("{path}: {error}")))?;
    if !there.is_file() {
        return Err(bad(format!("{path} is not a file")));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    media::check(kind, name, there.len()).map(|_| ()).map_err(|error| bad(error.to_string()))
}

/// What fills each variable, with nothing left to be found by name: what a definition keeps.
pub(super) fn spelled_out(resolved: &Resolved) -> Bindings {
    resolved.sources().map(|(variable, source)| (variable.to_owned(), source.clone())).collect()
}

pub(super) fn wrong(code: &'static str, message: String) -> ServiceError {
    ServiceError::new(Kind::Wrong, code, message)
}

fn nobody(list: Option<&str>) -> ServiceError {
    let who = list.map_or("no numbers have been uploaded".to_owned(), |list| format!("the list \"{list}\" is empty"));
    wrong("nobody_to_send_to", format!("there is nobody to send to: {who}"))
}

/// In words, what the broadcast does, did or will do that another one would repeat.
pub(super) fn was_sent(other: &Broadcast, zone: &str, now: Millis) -> String {
    let same = "to the same people with the same template";
    let id = match other.definition.label.as_str() {
        "" => other.id.to_string(),
        label => format!("{label} ({})", other.id),
    };
    match (other.status, other.start_at) {
        (BroadcastStatus::Scheduled, Some(at)) => format!("{id} is planned {same} for {}", times::words(at, zone, now)),
        (BroadcastStatus::Draft | BroadcastStatus::Scheduled, _) => format!("{id} is planned {same}"),
        (BroadcastStatus::Preparing | BroadcastStatus::Running, _) => format!("{id} is going out {same}"),
        (BroadcastStatus::Paused, _) => format!("{id} {same} is paused"),
        (BroadcastStatus::Completed | BroadcastStatus::Cancelled, _) => {
            format!("{id} went out {same} less than a day ago")
        }
    }
}

/// Since when the same template to the same list counts as a repeat; `None`: it may be one.
pub(super) fn refuse_repeats_since(request: &BroadcastRequest, now: Millis) -> Option<Millis> {
    (!request.repeat).then(|| now.plus(-REPEAT_MS))
}
