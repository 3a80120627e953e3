//! A test send: the message as one person of the audience would get it, to the operator's own numbers.
//!
//! It is a broadcast of its own, so the same ledger, engine, pace and opt-outs hold for it, and it is in doubt when a real
//! one would be. Its audience is no list: own numbers are never among the people of lists, and a test is never a repeat of
//! the real one, nor the other way about.

use super::plan::wrong;
use super::view::BroadcastRequest;
use super::{Kind, Result, Service, ServiceError};
use crate::domain::binding::{Bindings, Resolved, Source};
use crate::domain::broadcast::{Audience, Broadcast, Definition, MOST_OWN, Number};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::{Phone, alias, parse_phone};
use crate::domain::state::BroadcastStatus;
use crate::store::{BroadcastMade, NewBroadcast};

/// The note that holds the own numbers, as a JSON list.
const OWN_NUMBERS_NOTE: &str = "own_numbers";
/// The longest label of a test, in characters.
const LONGEST_LABEL: usize = 200;

impl Service {
    /// The operator's own numbers, which test messages go to; shared by everybody on this store.
    pub async fn own_numbers(&self) -> Result<Vec<Phone>> {
        let note = self.recall(OWN_NUMBERS_NOTE).await?;
        Ok(note.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Replaces the own numbers, five at most; none takes them away. Returns them as they are kept. `bad_phone`,
    /// `too_many_numbers` (422).
    pub async fn set_own_numbers(&self, numbers: &[String]) -> Result<Vec<Phone>> {
        let phones = self.own(numbers)?;
        let text = serde_json::to_string(&phones).unwrap_or_default();
        self.remember(OWN_NUMBERS_NOTE, &text).await?;
        let masked: Vec<String> = phones.iter().map(|phone| phone.masked()).collect();
        self.note_act("own_numbers", "", masked.join(", ")).await;
        Ok(phones)
    }

    /// Sends what `request` would send to `sample` (`None`: to the first person of its audience who would get it) to the
    /// numbers of `to`; empty: to the own ones. Its time, pace, `expect` and key do not count. The broadcast made is
    /// labelled `test: LABEL`. Errors: `no_own_numbers`, `nobody_to_send_to`, `bad_rows`, `bad_phone`, `too_many_numbers` (422), and those of
    /// [`Service::plan`].
    pub async fn test_send(
        &self,
        request: &BroadcastRequest,
        sample: Option<&Number>,
        to: &[String],
    ) -> Result<Broadcast> {
        self.may_change().await?;
        let own = if to.is_empty() { self.own_numbers().await? } else { self.own(to)? };
        if own.is_empty() {
            let message = format!(
                "no numbers of your own are noted, to send a test to: `{} own-numbers PHONE` notes them",
                self.inner.settings.program()
            );
            return Err(wrong("no_own_numbers", message));
        }
        let now_request = BroadcastRequest { start_at: None, idempotency: None, ..request.clone() };
        let checked = self.check(&now_request, true).await?;
        let bindings = if let Some(sample) = sample {
            rendered(&checked.resolved, sample).map_err(|why| wrong("bad_rows", why))?
        } else {
            let samples = self.samples(&checked.uploads).await?;
            let first = samples.iter().find_map(|sample| rendered(&checked.resolved, sample).ok());
            let refused =
                || wrong("bad_rows", "the values of the first people cannot be sent: see the plan".to_owned());
            first.ok_or_else(refused)?
        };
        let total = u32::try_from(own.len()).unwrap_or(0);
        let label = format!("test: {}", request.label.trim());
        let definition = Definition {
            label: label.trim_end_matches([' ', ':']).chars().take(LONGEST_LABEL).collect(),
            bindings,
            audience: Audience { list: None, uploads: Vec::new(), follow_up: None, own },
            ..checked.definition(&self.inner.settings, Vec::new())
        };
        let new = NewBroadcast {
            id: BroadcastId::from_random(fastrand::u64(..)),
            definition,
            status: BroadcastStatus::Preparing,
            start_at: None,
            total,
            occurrence: None,
            idempotency: None,
            refuse_repeats_since: None,
        };
        let BroadcastMade::New(broadcast) = self.make(new).await? else {
            let message = "a test was refused for a reason that it cannot have";
            return Err(ServiceError::new(Kind::Internal, "internal", message));
        };
        let template = &broadcast.definition.template;
        let detail = format!("{} to {total} own numbers", template.key());
        self.note_act("test", broadcast.id.as_str(), detail).await;
        self.ring();
        Ok(broadcast)
    }

    /// Reads numbers as people write them, each person once.
    fn own(&self, numbers: &[String]) -> Result<Vec<Phone>> {
        if numbers.len() > MOST_OWN {
            return Err(wrong("too_many_numbers", format!("{} numbers; {MOST_OWN} are the most", numbers.len())));
        }
        let country = self.country(None)?;
        let mut phones: Vec<Phone> = Vec::new();
        for text in numbers {
            let parsed = parse_phone(text, country.as_ref()).map_err(|problem| {
                let shown: String = text.chars().filter(|letter| !letter.is_control()).take(40).collect();
                wrong("bad_phone", format!("{shown}: {problem}"))
            })?;
            if phones.iter().all(|known| alias::person(*known) != alias::person(parsed.phone)) {
                phones.push(parsed.phone);
            }
        }
        Ok(phones)
    }
}

/// What fills each variable for one person, as texts that are the same for everybody.
fn rendered(resolved: &Resolved, sample: &Number) -> std::result::Result<Bindings, String> {
    let values = resolved.values(sample).map_err(|problem| problem.to_string())?;
    let fixed = |((variable, source), text): ((&str, &Source), String)| match source {
        Source::File { .. } => (variable.to_owned(), source.clone()),
        _ => (variable.to_owned(), Source::Text { text }),
    };
    Ok(resolved.sources().zip(values).map(fixed).collect())
}
