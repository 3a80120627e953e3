//! `follow-up`: some people of a broadcast that has ended get it once more.

use super::args::FollowUpArgs;
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, people};
use super::{Start, act, with_ground, words};
use crate::domain::broadcast::Pick;
use crate::domain::time::Millis;
use crate::service::follow_up::{FollowUpRequest, Picked};
use crate::service::times;

pub(super) async fn run(start: Start, args: FollowUpArgs) -> Outcome {
    let of = act::id(&args.id)?;
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        let pick = Pick::from_word(&args.pick)
            .ok_or_else(|| Failure::usage("bad_pick", format!("there is no pick \"{}\"", args.pick)))?;
        let request = FollowUpRequest {
            code: args.code,
            without: args.without,
            label: args.label,
            start_at: args.at.as_deref().map(|text| times::parse(text, &zone, service.now())).transpose()?,
            repeat: args.repeat,
            ..FollowUpRequest::new(of, pick)
        };
        let picked = service.picked(&request.audience()).await?;
        let count = picked.people;
        if !args.json {
            about(&picked, &zone, service.now());
        }
        let expect = match args.expect {
            Some(expected) => Some(expected),
            None if args.yes => None,
            None => Some(confirmed(&format!("It goes once more to {}", people(count)), count).await?),
        };
        let request = FollowUpRequest { expect, ..request };
        let made = service.follow_up(request).await?;
        if args.json {
            terminal::json(&service.broadcast(&made.id).await?.to_json())?;
        } else {
            let program = service.settings().program();
            let driver = words::driver(&service.refresh().await.driver, program);
            let (id, status) = (&made.id, made.status.word());
            terminal::line(&format!("broadcast {id} is {status}, to {}: {driver}", people(made.total.into())))?;
        }
        Ok(Exit::Completed)
    })
    .await
}

/// What is to be known before it is made, on stderr.
fn about(picked: &Picked, zone: &str, now: Millis) {
    for cause in &picked.not_again {
        let (who, code) = (people(cause.count), cause.code);
        terminal::note(&format!(
            "{who} should not be tried again: {} ({code}); --without {code} spares them",
            cause.title
        ));
    }
    for (cause, until) in &picked.not_yet {
        let (who, code, until) = (people(cause.count), cause.code, times::words_alone(*until, zone, now));
        terminal::note(&format!(
            "{who} should not be tried before {until}: {} ({code}); --without {code} spares them, --pick retry waits for it",
            cause.title
        ));
    }
    for (rule, count) in &picked.left_out {
        terminal::note(&format!("{} will be left out: {rule}", people(*count)));
    }
    if picked.cost.rates_from.is_some() {
        let (currency, total) = (&picked.cost.currency, picked.cost.total);
        terminal::note(&format!("it costs about {currency} {total}; WhatsApp bills what it delivers"));
    }
}

/// Asks for the number of people, typed.
pub(super) async fn confirmed(what: &str, count: u64) -> Result<u64, Failure> {
    if !terminal::can_ask() {
        let failure = Failure::usage("not_confirmed", format!("{what}; nothing was done"));
        return Err(failure.hint(format!("say --expect {count}, or --yes")));
    }
    let question = format!("{what}. Type the number to go on:");
    let answer = tokio::task::spawn_blocking(move || terminal::ask(&question)).await;
    let answer = answer.ok().transpose()?.flatten().unwrap_or_default();
    if answer.replace([',', '.', ' '], "").parse() == Ok(count) {
        return Ok(count);
    }
    Err(Failure::error("not_confirmed", "that was not the number: nothing was done"))
}
