//! `send`: plans, shows, asks, makes the broadcast; with `--wait` sees it through.

use super::args::SendArgs;
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, Progress, grouped, people};
use super::{Start, wait, with_ground, words};
use crate::domain::binding::{self, Bindings, Source};
use crate::domain::broadcast::{Choices, OnBadRows, OnTemplatePause};
use crate::domain::ids::BroadcastId;
use crate::domain::message;
use crate::domain::template::Template;
use crate::domain::time::Millis;
use crate::service::schedules::Recurrence;
use crate::service::view::{BroadcastRequest, Driver, Plan};
use crate::service::{Service, ServiceError, schedules, times};
use serde_json::{Value, json};
use std::fmt::Write;

/// How many next times of a schedule are shown.
const NEXT_TIMES: usize = 3;

pub(super) async fn run(start: Start, args: SendArgs) -> Outcome {
    let zone = start.config.console.time_zone.clone();
    if args.wait || args.is_test() {
        return wait::run(start, args, &zone).await;
    }
    with_ground(start, |service| async move { make(&service, &args, &zone).await.map(|_| Exit::Completed) }).await
}

/// What was made.
pub(super) enum Made {
    /// A broadcast.
    Broadcast(BroadcastId),
    /// A schedule.
    Schedule,
}

/// Plans, asks, makes, and says what was made.
pub(super) async fn make(service: &Service, args: &SendArgs, zone: &str) -> Result<Made, Failure> {
    let mut request = request(service, args, zone)?;
    if args.is_test() {
        let test = service.test_send(&request, None, &args.test_to).await;
        let test = test.map_err(|error| with_variables(error, &request.bindings))?;
        if !args.json {
            terminal::line(&format!(
                "test {} to {}: the message of the first person",
                test.id,
                people(test.total.into())
            ))?;
        }
        return Ok(Made::Broadcast(test.id));
    }
    let every_zone = args.zone.as_deref().unwrap_or(zone);
    let every = args.every.as_deref().map(|cron| schedules::recurrence(cron, every_zone, service.now(), NEXT_TIMES));
    let every = every.transpose()?;
    let mut line = Progress::default();
    let planned = service
        .plan(&request, |looked_at, of| {
            line.say(|| format!("looking at {} of {} people", grouped(looked_at), grouped(of)));
        })
        .await;
    line.end();
    let plan = planned.map_err(|error| with_variables(error, &request.bindings))?;
    let driver = service.refresh().await.driver.clone();
    let program = service.settings().program();
    let sending = match driver {
        Driver::Nobody if args.wait => "from here".to_owned(),
        _ => words::driver(&driver, program),
    };
    let shown = words::plan(&plan, zone, service.now(), every.as_ref(), &sending);
    if !args.json {
        terminal::line(shown.trim_end())?;
        if let Some(message) = rendered(service, &plan).await {
            terminal::line(&message)?;
        }
    }
    let expected = confirm(args, &plan, &shown).await?;
    if let Some(recurrence) = &every {
        return schedule(service, args, &request, recurrence, &driver).await;
    }
    request.expect = expected;
    let started = service.start(request).await?;
    let broadcast = &started.broadcast;
    if args.json && !args.wait {
        terminal::json(&json!({
            "broadcast_id": broadcast.id,
            "status": broadcast.status,
            "recipients": broadcast.total,
            "start_at": broadcast.start_at.map(Millis::rfc3339),
            "rehearsal": plan.rehearsal,
            "cost": plan.cost,
            "driver": words::driver_json(&driver),
        }))?;
    } else if !args.json {
        terminal::line(&format!("broadcast {} is {}: {program} status {0}", broadcast.id, broadcast.status.word()))?;
    }
    // The plan has said it already, but a script has not seen the plan.
    if args.json && !args.wait && driver == Driver::Nobody {
        terminal::note(&words::nobody(program));
    }
    Ok(Made::Broadcast(started.broadcast.id))
}

/// Adds the options as they were likely meant, when a variable or a column is not there or a variable has nothing.
fn with_variables(error: ServiceError, given: &Bindings) -> Failure {
    let details = error.details.clone();
    let failure = Failure::from(error);
    let words = |value: &Value| value.as_str().map(str::to_owned);
    let all = |key: &str| details[key].as_array().into_iter().flatten();
    let mut options = Vec::new();
    for one in all("columns_missing") {
        if let (Some(variable), Some(column)) = (words(&one["variable"]), words(&one["did_you_mean"])) {
            let fallback = match given.get(&variable) {
                Some(Source::ColumnOr { fallback, .. }) => format!(":-{fallback}"),
                _ => String::new(),
            };
            options.push(format!("{variable}={column}{fallback}"));
        }
    }
    options.extend(all("unbound").filter_map(words).map(|variable| format!("{variable}=COLUMN")));
    if options.is_empty() {
        return failure;
    }
    let option = |text: &String| {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._=-".contains(&byte));
        if plain { format!("--var {text}") } else { format!("--var '{}'", text.replace('\'', r"'\''")) }
    };
    let options: Vec<String> = options.iter().map(option).collect();
    let columns: Vec<String> = all("columns").filter_map(words).collect();
    let columns = if options.iter().any(|option| option.ends_with("=COLUMN")) {
        format!("; COLUMN is one of: {}", columns.join(", "))
    } else {
        String::new()
    };
    failure.hint(format!("say {}{columns}", options.join(" ")))
}

fn choices(args: &SendArgs) -> Choices {
    let on_template_pause = if args.retry_later { OnTemplatePause::Wait } else { OnTemplatePause::Hold };
    let on_bad_rows = if args.on_bad_rows == "refuse" { OnBadRows::Refuse } else { OnBadRows::Skip };
    Choices { on_template_pause, on_bad_rows }
}

/// The bindings as given, files by their full paths: another process may upload them.
fn bindings(args: &SendArgs) -> Result<Bindings, Failure> {
    let read = |text: &String| {
        let (variable, source) =
            binding::parse(text).map_err(|error| Failure::usage("bad_variable", error.to_string()))?;
        let Source::File { file } = source else { return Ok((variable, source)) };
        let full =
            std::path::absolute(&file).map_err(|error| Failure::usage("bad_variable", format!("{file}: {error}")))?;
        let file = full.to_str().ok_or_else(|| Failure::usage("bad_variable", format!("{file} is not UTF-8")))?;
        Ok((variable, Source::File { file: file.to_owned() }))
    };
    args.variables.iter().map(read).collect()
}

fn request(service: &Service, args: &SendArgs, zone: &str) -> Result<BroadcastRequest, Failure> {
    Ok(BroadcastRequest {
        template_name: args.template.clone(),
        language_code: args.language.clone(),
        list: args.list.clone(),
        label: args.label.clone(),
        bindings: bindings(args)?,
        start_at: args.at.as_deref().map(|text| times::parse(text, zone, service.now())).transpose()?,
        messages_per_second: args.messages_per_second,
        expect: args.expect,
        repeat: args.repeat,
        idempotency: None,
        choices: choices(args),
    })
}

/// The message as the first person of the audience who gets it will see it.
async fn rendered(service: &Service, plan: &Plan) -> Option<String> {
    let templates = service.templates().await.ok()?.templates;
    let template = templates.into_iter().find(|template| template.key() == plan.template)?;
    let (phone, preview) = first_preview(&template, plan)?;
    let mut text = format!("  message  to {phone}:\n");
    for part in
        [preview.header.as_deref(), Some(preview.body.as_str()), preview.footer.as_deref()].into_iter().flatten()
    {
        for row in part.lines() {
            let _ = writeln!(text, "           | {row}");
        }
    }
    for button in &preview.buttons {
        let target = if button.target.is_empty() { String::new() } else { format!(" -> {}", button.target) };
        let _ = writeln!(text, "           [ {} ]{target}", button.text);
    }
    Some(text.trim_end().to_owned())
}

fn first_preview(template: &Template, plan: &Plan) -> Option<(String, message::Preview)> {
    let slots = template.slots().ok()?;
    plan.samples.iter().find_map(|number| {
        let columns: Vec<String> = number.attributes.keys().cloned().collect();
        let values =
            binding::resolve_for(template, &slots, &plan.request.bindings, &columns).ok()?.values(number).ok()?;
        Some((number.phone.masked(), message::preview(template, &values).ok()?))
    })
}

/// Makes sure that somebody means it. Returns the audience that was agreed to.
async fn confirm(args: &SendArgs, plan: &Plan, shown: &str) -> Result<Option<u64>, Failure> {
    let (audience, goes_to) = (plan.people, plan.goes_to());
    let differs = |expected: u64| {
        let message = format!("it goes to {} now, not {}: nothing was sent", people(goes_to), grouped(expected));
        let mut failure = Failure::error("count_differs", message);
        failure.details = json!({ "expected": expected, "people": audience });
        failure
    };
    if let Some(expected) = args.expect {
        // Either figure of the plan shows that it was looked at; scripts know the audience, people whom it goes to.
        return if [goes_to, audience].contains(&expected) { Ok(Some(audience)) } else { Err(differs(expected)) };
    }
    if args.yes {
        return Ok(None);
    }
    if !terminal::can_ask() {
        let message = format!("it goes to {}: nothing was sent, since nobody is there to ask", people(goes_to));
        return Err(Failure::usage("not_confirmed", message).hint(format!("say --expect {goes_to}, or --yes")));
    }
    if args.json {
        terminal::note(shown.trim_end());
    }
    let kind = if plan.rehearsal { "REHEARSAL" } else { "REAL" };
    let sender = plan.sender.as_ref().map_or("the sender", |sender| sender.verified_name.as_str()).to_owned();
    let act = if args.every.is_some() { "schedule" } else { "send" };
    let question = format!("{kind}, from {sender}. Type the number of people it goes to ({goes_to}) to {act} it:");
    let answer = tokio::task::spawn_blocking(move || terminal::ask(&question)).await;
    let answer = answer.map_err(|error| Failure::error("internal", error.to_string()))??;
    let typed = answer.map(|answer| answer.replace([',', '.', ' ', '_'], ""));
    if typed.as_deref() == Some(goes_to.to_string().as_str()) {
        return Ok(Some(audience));
    }
    let why = match typed.as_deref() {
        None | Some("") => "no number was typed".to_owned(),
        Some(typed) => {
            let typed: String = typed.chars().filter(|letter| !letter.is_control()).take(20).collect();
            format!("\"{typed}\" was typed, but it goes to {}", people(goes_to))
        }
    };
    Err(Failure::error("not_confirmed", format!("{why}: nothing was sent")))
}

async fn schedule(
    service: &Service,
    args: &SendArgs,
    request: &BroadcastRequest,
    recurrence: &Recurrence,
    driver: &Driver,
) -> Result<Made, Failure> {
    let zone = recurrence.zone.as_str();
    let schedule = service.add_schedule(request, &recurrence.cron, zone).await?;
    let program = service.settings().program();
    if args.json {
        terminal::json(&json!({
            "schedule_id": schedule.id,
            "cron": schedule.cron,
            "zone": schedule.zone,
            "words": recurrence.words,
            "next": recurrence.next.iter().map(|at| at.rfc3339()).collect::<Vec<_>>(),
            "driver": words::driver_json(driver),
        }))?;
    } else {
        terminal::line(&format!("schedule {}: {} ({zone})", schedule.id, recurrence.words))?;
        for at in &recurrence.next {
            terminal::line(&format!("  {}", times::words(*at, zone, service.now())))?;
        }
        terminal::line(&format!("stop it with: {program} cancel {}", schedule.id))?;
    }
    if args.json && *driver == Driver::Nobody {
        terminal::note(&words::nobody(program));
    }
    Ok(Made::Schedule)
}
