//! One person over everything that is known of them, the people of a list in pages, and one recipient of a broadcast.

use super::plan::wrong;
use super::{Kind as ErrorKind, Result, Service, ServiceError};
use crate::domain::broadcast::{Broadcast, Number, UploadId};
use crate::domain::ids::BroadcastId;
use crate::domain::opt_out::{Event, Record, Who};
use crate::domain::phone::{Phone, alias, parse_phone};
use crate::domain::time::Millis;
use crate::store::{AttemptRow, AudiencePlace, RecipientRow, UploadDetails};
use serde_json::{Value, json};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// Uploads that a person is shown in, the newest ones.
pub const MOST_UPLOADS: u32 = 200;
/// Broadcasts that a person is shown in, the newest ones.
pub const MOST_BROADCASTS: u32 = 100;
/// Rows that one page of a list looks at, at most: a search that finds fewer goes on where it stopped.
pub const LOOKED_AT: u32 = 20_000;
/// Rows that are looked at at a time.
const PAGE: u32 = 5_000;

/// A row of an upload with what its upload says.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberView {
    /// Who.
    pub number: Number,
    /// The upload and the row in its file.
    pub place: AudiencePlace,
    /// The upload's list.
    pub list: String,
    /// The upload's source.
    pub source: String,
    /// The upload's tags.
    pub tags: Vec<String>,
    /// When the upload became visible.
    pub at: Millis,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct NumbersPage {
    /// The people, each once, as the newest upload has them; newest upload first, in it by row.
    pub items: Vec<NumberView>,
    /// Where to go on; `None`: that was all. A page may be short of what was asked for, even empty, and go on.
    pub next: Option<AudiencePlace>,
    /// Rows that were looked at for it.
    pub looked_at: u64,
}

/// One request for one recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptView {
    /// As the log has it.
    pub row: AttemptRow,
    /// What the code means; empty: no code.
    pub title: String,
    /// What to do about it.
    pub advice: String,
}

/// One recipient of a broadcast.
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientView {
    /// The broadcast.
    pub broadcast: Broadcast,
    /// As it stands; delivered and read are states, whose time is `changed_at` where the store keeps it.
    pub row: RecipientRow,
    /// What the last code means; empty: no code.
    pub title: String,
    /// What to do about it.
    pub advice: String,
    /// The attempts that were answered, or that a receipt told of.
    pub attempts: Vec<AttemptView>,
}

/// All that is known of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonView {
    /// The number that was asked for.
    pub phone: Phone,
    /// The uploads they stand in, newest first, [`MOST_UPLOADS`] at most.
    pub uploads: Vec<NumberView>,
    /// The broadcasts they are a recipient of, newest first, [`MOST_BROADCASTS`] at most.
    pub broadcasts: Vec<RecipientView>,
    /// There are more broadcasts than are shown.
    pub more_broadcasts: bool,
    /// The words against being written to that stand now.
    pub opted_out: Vec<Event>,
    /// Everything that was said and noted about it, the oldest first.
    pub opt_out_history: Vec<Event>,
}

impl PersonView {
    /// Whether nothing at all is known.
    pub fn is_unknown(&self) -> bool {
        self.uploads.is_empty() && self.broadcasts.is_empty() && self.opt_out_history.is_empty()
    }
}

impl Service {
    /// Everything about the person with this number: in any spelling, with or without `+`, in any of the forms that are one
    /// person's. `bad_phone` (422), `unknown_person` (404).
    pub async fn person(&self, text: &str) -> Result<PersonView> {
        let phone = self.phone(text)?;
        let store = &self.inner.store;
        let forms = alias::forms(phone);
        let rows = store.rows_with(&forms, MOST_UPLOADS).await?;
        let uploads = self.with_uploads(rows).await?;
        let mut found = store.broadcasts_to(&forms, MOST_BROADCASTS + 1).await?;
        let more_broadcasts = found.len() > MOST_BROADCASTS as usize;
        found.truncate(MOST_BROADCASTS as usize);
        let mut broadcasts = Vec::with_capacity(found.len());
        for (id, seq) in found {
            broadcasts.push(self.recipient(&id, seq).await?);
        }
        let key = Who::phone(phone).key().unwrap_or_default();
        let opt_out_history = store.opt_out_events(&key).await?;
        let opted_out = Record::new(opt_out_history.clone()).standing();
        let person = PersonView { phone, uploads, broadcasts, more_broadcasts, opted_out, opt_out_history };
        if person.is_unknown() {
            let message = format!("{phone} stands in no list, and was a recipient of no broadcast");
            return Err(ServiceError::new(ErrorKind::NotFound, "unknown_person", message));
        }
        Ok(person)
    }

    /// One recipient of a broadcast with every attempt. `unknown_broadcast`, `unknown_recipient` (404).
    pub async fn recipient(&self, id: &BroadcastId, seq: u32) -> Result<RecipientView> {
        let broadcast = self.stored(id).await?;
        let store = &self.inner.store;
        let rows = store.recipients(id, None, seq.checked_sub(1), 1).await?;
        let Some(row) = rows.into_iter().find(|row| row.seq == seq) else {
            let message = format!("broadcast {id} has no recipient {seq}");
            return Err(ServiceError::new(ErrorKind::NotFound, "unknown_recipient", message));
        };
        let attempts = store.attempts(id, seq).await?.into_iter().map(|row| {
            let (title, advice) = self.meaning(row.code);
            AttemptView { row, title, advice }
        });
        let attempts = attempts.collect();
        let (title, advice) = self.meaning(row.code);
        Ok(RecipientView { broadcast, row, title, advice, attempts })
    }

    /// The people of a list (`None`: of all) after `after`, `limit` (1 to 5,000) at most. `search`: a part of a name, or a
    /// whole number in any spelling; empty: everybody. A number costs a look-up; a name costs a walk over
    /// [`LOOKED_AT`] rows at most a page, which then says where to go on. `unknown_list` (404).
    pub async fn numbers(
        &self,
        list: Option<&str>,
        search: &str,
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<NumbersPage> {
        let limit = limit.clamp(1, super::broadcasts::LONGEST_PAGE) as usize;
        let uploads = self.audience_uploads(list).await?;
        let search = search.trim().to_lowercase();
        if let Ok(phone) = self.phone(&search) {
            return self.numbers_with(phone, &uploads, after).await;
        }
        let mut found: Vec<(AudiencePlace, Number)> = Vec::new();
        let (mut next, mut looked_at) = (after, 0);
        let at_once = if search.is_empty() { u32::try_from(limit).unwrap_or(PAGE) } else { PAGE };
        while looked_at < LOOKED_AT {
            let portion = at_once.min(LOOKED_AT - looked_at);
            let looked = self.inner.store.look_through(&uploads, next, portion).await?;
            looked_at += portion;
            next = looked.next;
            let matching = looked
                .people
                .into_iter()
                .filter(|(_, number)| search.is_empty() || number.name.to_lowercase().contains(&search));
            found.extend(matching);
            if found.len() > limit {
                found.truncate(limit);
                next = found.last().map(|(place, _)| *place);
            }
            if next.is_none() || found.len() == limit {
                break;
            }
        }
        Ok(NumbersPage { items: self.with_uploads(found).await?, next, looked_at: looked_at.into() })
    }

    async fn numbers_with(
        &self,
        phone: Phone,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
    ) -> Result<NumbersPage> {
        let mut newest: BTreeMap<Phone, (AudiencePlace, Number)> = BTreeMap::new();
        // Nobody pages through one person.
        if after.is_none() {
            for (place, number) in self.inner.store.rows_with(&alias::forms(phone), PAGE).await? {
                if uploads.contains(&UploadId(place.upload)) {
                    newest.entry(number.phone).or_insert((place, number));
                }
            }
        }
        let looked_at = newest.len() as u64;
        let items = self.with_uploads(newest.into_values().collect()).await?;
        Ok(NumbersPage { items, next: None, looked_at })
    }

    /// Rows with what their uploads say; those whose upload was undone meanwhile are left out.
    async fn with_uploads(&self, rows: Vec<(AudiencePlace, Number)>) -> Result<Vec<NumberView>> {
        let mut uploads: HashMap<u32, Option<UploadDetails>> = HashMap::new();
        let mut views = Vec::with_capacity(rows.len());
        for (place, number) in rows {
            if let Entry::Vacant(unknown) = uploads.entry(place.upload) {
                unknown.insert(match self.upload(UploadId(place.upload)).await {
                    Err(error) if error.kind == ErrorKind::NotFound => None,
                    other => Some(other?),
                });
            }
            if let Some(Some(UploadDetails { summary, tags })) = uploads.get(&place.upload) {
                let (list, source, at) = (summary.list.clone(), summary.source.clone(), summary.at);
                views.push(NumberView { number, place, list, source, tags: tags.clone(), at });
            }
        }
        Ok(views)
    }

    /// What a code means and what to do about it.
    fn meaning(&self, code: i64) -> (String, String) {
        if code == 0 {
            return Default::default();
        }
        let rule = self.error_policy().rule_for(code, None, None, false);
        (rule.title.clone(), rule.advice.clone())
    }

    /// Reads a number to look for: with the configured country, else as one that lacks its `+`, else as WhatsApp itself
    /// writes it, which no numbering plan need know. Nothing is ever sent to what was read this way.
    fn phone(&self, text: &str) -> Result<Phone> {
        let country = self.country(None)?;
        let text = text.trim();
        let plain = parse_phone(text, country.as_ref()).map(|parsed| parsed.phone);
        let read = plain.or_else(|problem| {
            let with_plus = parse_phone(&format!("+{text}"), None).map(|parsed| parsed.phone);
            with_plus.or_else(|_| text.parse()).map_err(|_| problem)
        });
        read.map_err(|problem| {
            let shown: String = text.chars().filter(|letter| !letter.is_control()).take(40).collect();
            wrong("bad_phone", format!("{shown}: {problem}"))
        })
    }
}

impl NumberView {
    /// As the HTTP API and scripts see it.
    pub fn to_json(&self) -> Value {
        json!({
            "phone": self.number.phone,
            "name": self.number.name,
            "attributes": self.number.attributes,
            "tags": self.tags,
            "list": self.list,
            "upload_id": self.place.upload,
            "row": self.place.row,
            "source": self.source,
            "at": self.at.rfc3339(),
        })
    }
}

impl NumbersPage {
    /// As the HTTP API and scripts see it; `next` goes into `after` of the next call.
    pub fn to_json(&self) -> Value {
        json!({
            "items": self.items.iter().map(NumberView::to_json).collect::<Vec<_>>(),
            "next": self.next.map(cursor),
            "looked_at": self.looked_at,
        })
    }
}

/// A place as text.
pub fn cursor(place: AudiencePlace) -> String {
    format!("{}.{}", place.upload, place.row)
}

/// A place from [`cursor`]'s text. `bad_field` (422).
pub fn from_cursor(text: &str) -> Result<AudiencePlace> {
    let place = text
        .split_once('.')
        .and_then(|(upload, row)| Some(AudiencePlace { upload: upload.parse().ok()?, row: row.parse().ok()? }));
    place.ok_or_else(|| wrong("bad_field", "\"after\" is not what \"next\" was".to_owned()))
}

impl RecipientView {
    /// As the HTTP API and scripts see it.
    pub fn to_json(&self) -> Value {
        let Self { broadcast, row, title, advice, attempts } = self;
        let attempts = attempts.iter().map(|one| {
            json!({
                "attempt": one.row.attempt,
                "timestamp": one.row.timestamp.rfc3339(),
                "status": one.row.status,
                "code": one.row.code,
                "title": one.title,
                "advice": one.advice,
                "undelivered": one.row.undelivered,
                "wamid": one.row.wamid,
                "response": one.row.response,
            })
        });
        json!({
            "broadcast_id": broadcast.id,
            "label": broadcast.definition.label,
            "template_name": broadcast.definition.template.name,
            "language_code": broadcast.definition.template.language,
            "broadcast_status": broadcast.status,
            "seq": row.seq,
            "phone": row.phone,
            "name": row.name,
            "state": row.state.word(),
            "code": row.code,
            "title": title,
            "advice": advice,
            "detail": row.detail,
            "wamid": row.wamid,
            "changed_at": row.changed_at.map(Millis::rfc3339),
            "due": row.due.map(Millis::rfc3339),
            "values": row.values,
            "attempts": attempts.collect::<Vec<_>>(),
        })
    }
}

impl PersonView {
    /// As the HTTP API and scripts see it.
    pub fn to_json(&self) -> Value {
        json!({
            "phone": self.phone,
            "uploads": self.uploads.iter().map(NumberView::to_json).collect::<Vec<_>>(),
            "broadcasts": self.broadcasts.iter().map(RecipientView::to_json).collect::<Vec<_>>(),
            "more_broadcasts": self.more_broadcasts,
            "opted_out": self.opted_out.iter().map(super::opt_outs::event_json).collect::<Vec<_>>(),
            "opt_out_history": self.opt_out_history.iter().map(super::opt_outs::event_json).collect::<Vec<_>>(),
        })
    }
}
