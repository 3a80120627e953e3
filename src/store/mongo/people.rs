//! One person over all uploads and broadcasts, and the people of a list in pages. Changes nothing.

use super::Inner;
use super::documents::{AttemptDoc, PersonKey, large, millis, small};
use super::failure::Op;
use super::segment::{SEGMENT, SegmentKey};
use super::uploads::{NumberDoc, PAGE, by_row, person, rows_after};
use crate::domain::broadcast::{Number, UploadId};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::state::RecipientState;
use crate::store::{AttemptRow, AudiencePlace, LookedThrough, StoreError};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::FindOptions;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Rows or recipients with one phone that are looked at. Each upload and each broadcast has a person once.
const MOST_OF_ONE: i64 = 20_000;

/// Where somebody is a recipient.
#[derive(Deserialize)]
struct Standing {
    #[serde(rename = "_id")]
    id: PersonKey,
}

/// Who is a recipient where.
#[derive(Deserialize)]
struct Addressed {
    #[serde(rename = "_id")]
    id: PersonKey,
    phone: Phone,
}

/// The letters of a segment alone.
#[derive(Deserialize)]
struct States {
    #[serde(rename = "_id")]
    id: SegmentKey,
    states: String,
}

fn words(phones: &[Phone]) -> Vec<String> {
    phones.iter().copied().map(String::from).collect()
}

impl Inner {
    pub(super) async fn look_through(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Op<LookedThrough> {
        let mut falling: Vec<u32> = uploads.iter().map(|upload| upload.0).collect();
        falling.sort_unstable_by(|one, other| other.cmp(one));
        falling.dedup();
        let mut room = i64::from(limit).min(PAGE);
        let mut looked = LookedThrough::default();
        for (at, upload) in falling.iter().enumerate() {
            if after.is_some_and(|after| *upload > after.upload) {
                continue;
            }
            let row = after.filter(|after| after.upload == *upload).map(|after| after.row);
            let options = FindOptions::builder().sort(by_row()).limit(room).build();
            let page = self.find_with::<NumberDoc>(None, "numbers", rows_after(*upload, row), options).await?;
            room -= i64::try_from(page.len()).unwrap_or(room);
            if let Some(last) = page.last() {
                looked.next = Some(AudiencePlace { upload: *upload, row: last.id.r });
            }
            let newer: HashSet<u32> = falling[..at].iter().copied().collect();
            let superseded = self.superseded(&page, *upload, &newer).await?;
            looked.people.extend(page.into_iter().filter(|row| !superseded.contains(&row.phone)).map(person));
            if room <= 0 {
                return Ok(looked);
            }
        }
        looked.next = None;
        Ok(looked)
    }

    pub(super) async fn rows_with(&self, phones: &[Phone], limit: u32) -> Op<Vec<(AudiencePlace, Number)>> {
        check(phones)?;
        let visible: HashSet<u32> = self.visible(None).await?.into_iter().collect();
        let options = FindOptions::builder().sort(doc! { "_id.u": -1 }).limit(MOST_OF_ONE).build();
        let filter = doc! { "phone": { "$in": words(phones) } };
        let found = self.find_with::<NumberDoc>(None, "numbers", filter, options).await?;
        let mut rows: Vec<_> = found.into_iter().filter(|row| visible.contains(&row.id.u)).map(person).collect();
        rows.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        rows.truncate(limit as usize);
        Ok(rows)
    }

    pub(super) async fn broadcasts_to(&self, phones: &[Phone], limit: u32) -> Op<Vec<(BroadcastId, u32)>> {
        check(phones)?;
        let options = FindOptions::builder().projection(doc! { "_id": 1 }).limit(MOST_OF_ONE).build();
        let filter = doc! { "phone": { "$in": words(phones) } };
        let found = self.find_with::<Standing>(None, "recipients", filter, options).await?;
        let ids: Vec<&str> = found.iter().map(|one| one.id.b.as_str()).collect();
        let options = FindOptions::builder().projection(doc! { "no": 1 }).build();
        let broadcasts =
            self.find_with::<Document>(None, "broadcasts", doc! { "_id": { "$in": ids } }, options).await?;
        let numbers: HashMap<&str, i64> = broadcasts
            .iter()
            .filter_map(|one| Some((one.get_str("_id").ok()?, super::documents::whole(one.get("no")))))
            .collect();
        let mut places: Vec<(i64, BroadcastId, u32)> = found
            .iter()
            .filter_map(|one| Some((*numbers.get(one.id.b.as_str())?, one.id.b.clone(), large(one.id.s))))
            .collect();
        places.sort_by_key(|(no, _, seq)| (std::cmp::Reverse(*no), *seq));
        places.truncate(limit as usize);
        Ok(places.into_iter().map(|(_, id, seq)| (id, seq)).collect())
    }

    pub(super) async fn recipients_among(&self, phones: &[Phone], ids: &[BroadcastId]) -> Op<Vec<(usize, usize)>> {
        check(phones)?;
        let wanted: HashMap<&BroadcastId, usize> =
            ids.iter().enumerate().rev().map(|(place, id)| (id, place)).collect();
        let among: Vec<&str> = ids.iter().map(BroadcastId::as_str).collect();
        let filter = doc! { "phone": { "$in": words(phones) }, "_id.b": { "$in": among } };
        let options = FindOptions::builder().projection(doc! { "_id": 1, "phone": 1 }).build();
        let found = self.find_with::<Addressed>(None, "recipients", filter, options).await?;
        let keys: BTreeSet<SegmentKey> = found.iter().map(|one| SegmentKey::of(&one.id.b, large(one.id.s))).collect();
        let keys: Vec<Bson> = keys.iter().map(Bson::from).collect();
        let filter = doc! { "_id": { "$in": keys } };
        let options = FindOptions::builder().projection(doc! { "_id": 1, "states": 1 }).build();
        let segments = self.find_with::<States>(None, "segments", filter, options).await?;
        let segments: HashMap<SegmentKey, String> = segments.into_iter().map(|one| (one.id, one.states)).collect();
        let mut first: HashMap<Phone, usize> = HashMap::new();
        for one in &found {
            let states = segments.get(&SegmentKey::of(&one.id.b, large(one.id.s)));
            let letter = states.and_then(|states| states.as_bytes().get((large(one.id.s) % SEGMENT) as usize));
            let state = letter.and_then(|letter| RecipientState::from_letter(char::from(*letter)));
            let gets_it = state.is_some_and(|state| {
                !matches!(state, RecipientState::Failed | RecipientState::Skipped | RecipientState::Cancelled)
            });
            if let Some(place) = wanted.get(&one.id.b).filter(|_| gets_it) {
                let first = first.entry(one.phone).or_insert(*place);
                *first = (*first).min(*place);
            }
        }
        let place = |(at, phone)| first.get(phone).map(|place| (at, *place));
        Ok(phones.iter().enumerate().filter_map(place).collect())
    }

    pub(super) async fn attempts(&self, id: &BroadcastId, seq: u32) -> Op<Vec<AttemptRow>> {
        self.must_exist(id).await?;
        let (b, s) = (id.as_str(), small(seq));
        let filter = doc! { "_id": { "$gte": { "b": b, "s": s }, "$lt": { "b": b, "s": s, "a": i32::MAX } } };
        let options = FindOptions::builder().sort(by_row()).limit(PAGE).build();
        let found = self.find_with::<AttemptDoc>(None, "attempts", filter, options).await?;
        let row = |attempt: AttemptDoc| {
            let undelivered = attempt.undelivered || attempt.receipt.is_some();
            let code = attempt.receipt.map_or(attempt.code, |receipt| receipt.code);
            AttemptRow {
                attempt: large(attempt.id.a),
                status: attempt.status,
                timestamp: millis(attempt.timestamp),
                code,
                response: attempt.response,
                wamid: attempt.wamid,
                undelivered,
            }
        };
        Ok(found.into_iter().map(row).collect())
    }
}

fn check(phones: &[Phone]) -> Op<()> {
    if phones.len() > super::reading::PAGE as usize {
        return Err(StoreError::Conflict(format!("{} phones in one call", phones.len())).into());
    }
    Ok(())
}
