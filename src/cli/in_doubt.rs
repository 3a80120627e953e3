//! `in-doubt`: shows people of whom it is not known whether they got it, and takes an operator's word about them.

use super::args::InDoubtArgs;
use super::exit::{Exit, Failure, Outcome};
use super::follow_up::confirmed;
use super::terminal::{self, people};
use super::{Start, act, with_ground};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::parse_phone;
use crate::domain::state::RecipientState;
use crate::domain::time::Millis;
use crate::service::doubts::DoubtWord;
use crate::service::{Service, times};
use crate::store::RecipientRow;
use serde_json::{Value, json};

/// People in one page.
const PAGE: u32 = 1_000;

pub(super) async fn run(start: Start, args: InDoubtArgs) -> Outcome {
    let zone = start.config.console.time_zone.clone();
    with_ground(start, |service| async move {
        let Some(id) = &args.id else { return broadcasts(&service, args.json).await };
        let id = act::id(id)?;
        match word(&args) {
            None => list(&service, &id, args.json, &zone).await,
            Some(word) => decide(&service, &id, word, &args).await,
        }
    })
    .await
}

fn word(args: &InDoubtArgs) -> Option<DoubtWord> {
    let said = [
        (args.leave, DoubtWord::Leave),
        (args.count_as_sent, DoubtWord::CountAsSent),
        (args.give_up, DoubtWord::GiveUp),
        (args.send_again, DoubtWord::SendAgain),
    ];
    said.into_iter().find(|(said, _)| *said).map(|(_, word)| word)
}

/// All broadcasts that have somebody in doubt.
async fn broadcasts(service: &Service, as_json: bool) -> Outcome {
    let views = service.doubts().await?;
    if as_json {
        let items: Vec<Value> = views.iter().map(crate::service::view::BroadcastView::to_json).collect();
        terminal::json(&Value::from(items))?;
        return Ok(Exit::Completed);
    }
    if views.is_empty() {
        terminal::line("nobody is in doubt")?;
    }
    for view in views {
        let (id, count) = (&view.broadcast.id, view.counts.get(RecipientState::InDoubt));
        let label = &view.broadcast.definition.label;
        let program = service.settings().program();
        terminal::line(&format!("{id}  {} in doubt  {label}  {program} in-doubt {id}", people(count)))?;
    }
    Ok(Exit::Completed)
}

/// The people in doubt of one broadcast.
async fn list(service: &Service, id: &BroadcastId, as_json: bool, zone: &str) -> Outcome {
    let mut after = None;
    let mut items = Vec::new();
    let mut count = 0_u64;
    loop {
        let page = service.in_doubt(id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        for row in &page {
            count += 1;
            if as_json {
                items.push(shown(row));
                continue;
            }
            let at = row.changed_at.map(|at| times::words_alone(at, zone, service.now())).unwrap_or_default();
            terminal::line(&format!("{}  {}  attempt {}, {at}: {}", row.phone, row.name, row.attempt, row.detail))?;
        }
    }
    if as_json {
        terminal::json(&Value::from(items))?;
    } else {
        let words = DoubtWord::ALL.map(|word| format!("--{}", word.word().replace('_', "-"))).join(", ");
        let hint = if count > 0 { format!("; decide with one of {words}") } else { String::new() };
        terminal::note(&format!("{} of {id} in doubt: they are not sent again by themselves{hint}", people(count)));
    }
    Ok(Exit::Completed)
}

fn shown(row: &RecipientRow) -> Value {
    json!({
        "seq": row.seq,
        "phone": row.phone,
        "name": row.name,
        "attempt": row.attempt,
        "detail": row.detail,
        "since": row.changed_at.map(Millis::rfc3339),
    })
}

async fn decide(service: &Service, id: &BroadcastId, word: DoubtWord, args: &InDoubtArgs) -> Outcome {
    let seqs = if args.phones.is_empty() { None } else { Some(named(service, id, &args.phones).await?) };
    let count = match &seqs {
        Some(seqs) => seqs.len() as u64,
        None => service.broadcast(id).await?.counts.get(RecipientState::InDoubt),
    };
    let expect = match args.expect {
        Some(expected) => Some(expected),
        None if args.yes || word == DoubtWord::Leave || count == 0 => None,
        None => {
            let what = match word {
                DoubtWord::CountAsSent => format!("{} count as sent", people(count)),
                DoubtWord::GiveUp => format!("{} count as failed and do not get it", people(count)),
                _ => format!("It is sent again to {}, who may get it twice", people(count)),
            };
            Some(confirmed(&what, count).await?)
        }
    };
    let decided = service.decide(id, word, seqs, expect).await?;
    if args.json {
        let follow_up = decided.follow_up.as_ref().map(|broadcast| &broadcast.id);
        terminal::json(&json!({ "people": decided.people, "decision": word.word(), "follow_up": follow_up }))?;
        return Ok(Exit::Completed);
    }
    let count = people(decided.people);
    let said = match (word, decided.follow_up) {
        (DoubtWord::Leave, _) => format!("{count} stay in doubt; a late receipt may still settle them"),
        (DoubtWord::CountAsSent, _) => format!("{count} count as sent"),
        (DoubtWord::GiveUp, _) => format!("{count} count as failed"),
        (DoubtWord::SendAgain, None) => format!("{count} are sent to again by {id}"),
        (DoubtWord::SendAgain, Some(other)) => format!("{count} are sent to again by broadcast {}", other.id),
    };
    terminal::line(&said)?;
    Ok(Exit::Completed)
}

/// The places of these phones among those in doubt; one that is not among them is an error.
async fn named(service: &Service, id: &BroadcastId, phones: &[String]) -> Result<Vec<u32>, Failure> {
    let mut wanted = Vec::with_capacity(phones.len());
    for text in phones {
        let phone = parse_phone(text, None);
        wanted.push(phone.map_err(|error| Failure::usage("bad_phone", format!("{text}: {error}")))?.phone);
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = service.in_doubt(id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        for row in &page {
            if let Some(place) = wanted.iter().position(|phone| *phone == row.phone) {
                wanted.remove(place);
                found.push(row.seq);
            }
        }
    }
    match wanted.first() {
        None => Ok(found),
        Some(phone) => {
            Err(Failure::error("not_in_doubt", format!("{phone} is not in doubt in {id}: nothing was decided")))
        }
    }
}
