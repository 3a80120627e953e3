//! Reading a broadcast: counts, failures, recipients, the log. Changes nothing.

use super::Inner;
use super::documents::{AttemptDoc, AttemptKey, RecipientDoc, TodoDoc, TodoKind, count, large, millis, small};
use super::failure::Op;
use super::segment::{Decision, Segment};
use super::sheet::UnderWay;
use crate::domain::broadcast::Counts;
use crate::domain::ids::BroadcastId;
use crate::domain::pricing::{self, Priced, Pricing};
use crate::domain::state::RecipientState;
use crate::store::{AttemptPlace, LogRow, RESTORED, RecipientRow, StoreError};
use mongodb::IndexModel;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{FindOptions, IndexOptions};
use std::collections::HashMap;

/// The most rows that a call returns.
pub const PAGE: u32 = 5_000;
/// An attempt with Meta's id of its message.
#[derive(serde::Deserialize)]
struct Identified {
    #[serde(rename = "_id")]
    id: AttemptKey,
    wamid: String,
}

/// Recipients that lie this close together are read as one range.
const GAP: u32 = 50;
/// Ranges in one query.
pub(super) const RANGES: usize = 50;

/// A recipient whose row is wanted, as the segment has it.
struct Chosen {
    seq: u32,
    state: RecipientState,
    newest: u32,
    decision: Option<Decision>,
    prices: Vec<Pricing>,
}

/// All segments of a broadcast.
pub(super) fn segments_of(id: &BroadcastId) -> Document {
    doc! { "_id": { "$gte": { "b": id.as_str() }, "$lt": { "b": id.as_str(), "n": i32::MAX } } }
}

impl Inner {
    pub(super) async fn counts(&self, id: &BroadcastId) -> Op<Counts> {
        let Some(sender) = self.sender_of(None, id).await? else {
            return Err(StoreError::NotFound(format!("broadcast {id}")).into());
        };
        // The windows first: who of them is still queued afterwards was queued all the while.
        let lease = self.lease_document(None, &sender).await?;
        let mut group = doc! { "_id": Bson::Null };
        for state in RecipientState::ALL {
            group.insert(state.letter(), doc! { "$sum": format!("$counts.{}", state.letter()) });
        }
        let sums =
            self.aggregate("segments", vec![doc! { "$match": segments_of(id) }, doc! { "$group": group }]).await?;
        let mut counts = Counts::default();
        let Some(sums) = sums.first() else { return Ok(counts) };
        for state in RecipientState::ALL {
            counts.set(state, count(sums.get(state.letter().to_string())));
        }
        let sending = self.under_way(None, &lease, id).await?.len() as u64;
        let queued = counts.get(RecipientState::Queued);
        let sending = sending.min(queued);
        counts.set(RecipientState::Queued, queued - sending);
        counts.set(RecipientState::Sending, sending);
        Ok(counts)
    }

    pub(super) async fn failures(&self, id: &BroadcastId) -> Op<Vec<(i64, u64)>> {
        self.must_exist(id).await?;
        let stages = vec![
            doc! { "$match": segments_of(id) },
            doc! { "$project": { "of": { "$objectToArray": "$failures" } } },
            doc! { "$unwind": "$of" },
            doc! { "$group": { "_id": "$of.k", "count": { "$sum": "$of.v" } } },
        ];
        let mut failures: Vec<(i64, u64)> = self
            .aggregate("segments", stages)
            .await?
            .iter()
            .filter_map(|found| Some((found.get_str("_id").ok()?.parse().ok()?, count(found.get("count")))))
            .collect();
        failures.sort_unstable_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        Ok(failures)
    }

    pub(super) async fn skips(&self, id: &BroadcastId) -> Op<Vec<(String, u64)>> {
        self.must_exist(id).await?;
        let stages = vec![
            doc! { "$match": segments_of(id) },
            doc! { "$unwind": "$skips" },
            doc! { "$group": {
                "_id": { "$arrayElemAt": ["$skips", 0] },
                "count": { "$sum": { "$arrayElemAt": ["$skips", 1] } },
            } },
        ];
        let mut skips: Vec<(String, u64)> = self
            .aggregate("segments", stages)
            .await?
            .iter()
            .filter_map(|found| Some((found.get_str("_id").ok()?.to_owned(), count(found.get("count")))))
            .collect();
        skips.sort_unstable_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
        Ok(skips)
    }

    pub(super) async fn prices(&self, id: &BroadcastId) -> Op<Vec<Priced>> {
        self.must_exist(id).await?;
        let stages = vec![
            doc! { "$match": segments_of(id) },
            doc! { "$project": { "of": { "$objectToArray": "$prices" } } },
            doc! { "$unwind": "$of" },
            doc! { "$group": { "_id": "$of.k", "count": { "$sum": "$of.v" } } },
        ];
        let found = self.aggregate("segments", stages).await?;
        let of = |found: &Document| Some((Pricing::parse(found.get_str("_id").ok()?)?, count(found.get("count"))));
        Ok(pricing::listed(found.iter().filter_map(of)))
    }

    pub(super) async fn must_exist(&self, id: &BroadcastId) -> Op<()> {
        match self.sender_of(None, id).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::NotFound(format!("broadcast {id}")).into()),
        }
    }

    pub(super) async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Op<Vec<RecipientRow>> {
        let Some(sender) = self.sender_of(None, id).await? else {
            return Err(StoreError::NotFound(format!("broadcast {id}")).into());
        };
        let limit = limit.min(PAGE) as usize;
        let lease = self.lease_document(None, &sender).await?;
        let under_way = self.under_way(None, &lease, id).await?;
        let from = after.map_or(0, |after| after.saturating_add(1));
        let chosen = self.choose_recipients(id, state, from, limit, &under_way).await?;
        self.rows_of(id, &chosen, &under_way).await
    }

    /// Walks the segments for recipients in a state.
    async fn choose_recipients(
        &self,
        id: &BroadcastId,
        wanted: Option<RecipientState>,
        from: u32,
        limit: usize,
        under_way: &UnderWay,
    ) -> Op<Vec<Chosen>> {
        let letter = match wanted {
            Some(RecipientState::Sending) => Some(RecipientState::Queued.letter()),
            other => other.map(RecipientState::letter),
        };
        let mut chosen = Vec::new();
        let mut next = super::segment::SegmentKey::of(id, from);
        while chosen.len() < limit {
            let mut filter = doc! { "_id": { "$gte": &next, "$lt": { "b": id.as_str(), "n": i32::MAX } } };
            if let Some(letter) = letter {
                filter.insert(format!("counts.{letter}"), doc! { "$gt": 0 });
            }
            let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(64).build();
            let segments = self.find_with::<Segment>(None, "segments", filter, options).await?;
            let Some(last) = segments.last() else { break };
            next.n = last.id.n + 1;
            let people = segments.iter().flat_map(|segment| segment.recipients().map(move |one| (segment, one)));
            let standing = people.filter(|(_, (seq, _))| *seq >= from).map(|(segment, (seq, state))| {
                let sending = state == RecipientState::Queued && under_way.get(seq).is_some();
                (segment, seq, if sending { RecipientState::Sending } else { state })
            });
            let wanted = standing.filter(|(_, _, state)| wanted.is_none_or(|wanted| wanted == *state));
            chosen.extend(wanted.take(limit - chosen.len()).map(|(segment, seq, state)| Chosen {
                seq,
                state,
                newest: segment.newest(seq),
                decision: segment.decision(seq),
                prices: segment.prices_of(seq),
            }));
        }
        Ok(chosen)
    }

    async fn rows_of(&self, id: &BroadcastId, chosen: &[Chosen], under_way: &UnderWay) -> Op<Vec<RecipientRow>> {
        let mut people: HashMap<i32, RecipientDoc> = HashMap::new();
        let mut attempts: HashMap<i32, AttemptDoc> = HashMap::new();
        let mut waiting: HashMap<i32, TodoDoc> = HashMap::new();
        for ranges in ranges(chosen.iter().map(|one| one.seq)).chunks(RANGES) {
            let filter = within(id, ranges);
            let found = self.find_in::<RecipientDoc>(None, "recipients", filter.clone()).await?;
            people.extend(found.into_iter().map(|person| (person.id.s, person)));
            let found = self.find_in::<TodoDoc>(None, "todo", filter.clone()).await?;
            waiting.extend(found.into_iter().map(|todo| (todo.id.s, todo)));
            for attempt in self.find_in::<AttemptDoc>(None, "attempts", filter).await? {
                match attempts.get(&attempt.id.s) {
                    Some(known) if known.id.a > attempt.id.a => {}
                    _ => {
                        attempts.insert(attempt.id.s, attempt);
                    }
                }
            }
        }
        let row = |one: &Chosen| {
            let seq = small(one.seq);
            let person = people.remove(&seq)?;
            let flying = under_way.get(one.seq).filter(|_| one.state == RecipientState::Sending);
            let (attempt, todo) = (attempts.remove(&seq), waiting.remove(&seq));
            Some(recipient_row(person, one, attempt, todo, flying.map(|flying| flying.attempt)))
        };
        Ok(chosen.iter().filter_map(row).collect())
    }

    pub(super) async fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Op<Vec<LogRow>> {
        let mut filter = doc! { "n": { "$gt": i64::try_from(after).unwrap_or(i64::MAX) } };
        if let Some(id) = id {
            self.must_exist(id).await?;
            filter.insert("_id.b", id.as_str());
        }
        let options = FindOptions::builder().sort(doc! { "n": 1 }).limit(i64::from(limit.min(PAGE))).build();
        let found = self.find_with::<AttemptDoc>(None, "attempts", filter, options).await?;
        Ok(found.into_iter().map(log_row).collect())
    }

    pub(super) async fn log_tail(&self, limit: u32) -> Op<Vec<LogRow>> {
        let options = FindOptions::builder().sort(doc! { "n": -1 }).limit(i64::from(limit.min(PAGE))).build();
        let found = self.find_with::<AttemptDoc>(None, "attempts", doc! {}, options).await?;
        Ok(found.into_iter().map(log_row).collect())
    }

    pub(super) async fn attempts_of(&self, wamids: &[String]) -> Op<Vec<AttemptPlace>> {
        if wamids.is_empty() {
            return Ok(Vec::new());
        }
        if wamids.len() > PAGE as usize {
            let problem = format!("{} rows in one call, {PAGE} are the most", wamids.len());
            return Err(StoreError::Conflict(problem).into());
        }
        self.finds_by_wamid.get_or_try_init(|| self.find_by_wamid()).await?;
        // The second condition lets the index on those that have one be used.
        let filter = doc! { "wamid": { "$in": wamids, "$gt": "" } };
        let options = FindOptions::builder().projection(doc! { "_id": 1, "wamid": 1 }).build();
        let found = self.find_with::<Identified>(None, "attempts", filter, options).await?;
        let place = |found: Identified| AttemptPlace {
            wamid: found.wamid,
            broadcast: found.id.b,
            seq: large(found.id.s),
            attempt: large(found.id.a),
        };
        Ok(found.into_iter().map(place).collect())
    }

    /// Makes that attempts can be found by Meta's id of their message. The index's keys come in no order, so that every
    /// message changes a page of its own, and most stores never see a receipt without an id of ours: it is made when the
    /// first one comes.
    async fn find_by_wamid(&self) -> Op<()> {
        let options = IndexOptions::builder().partial_filter_expression(doc! { "wamid": { "$gt": "" } }).build();
        let index = IndexModel::builder().keys(doc! { "wamid": 1 }).options(options).build();
        self.documents("attempts").create_index(index).await?;
        Ok(())
    }
}

/// Rising seqs as ranges from … to, with small gaps closed.
pub(super) fn ranges(seqs: impl Iterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for seq in seqs {
        match ranges.last_mut() {
            Some((_, last)) if seq <= *last + GAP => *last = seq,
            _ => ranges.push((seq, seq)),
        }
    }
    ranges
}

/// Whoever of a broadcast lies in one of these ranges.
pub(super) fn within(id: &BroadcastId, ranges: &[(u32, u32)]) -> Document {
    let id = id.as_str();
    let range = |(first, last): &(u32, u32)| {
        doc! { "_id": { "$gte": { "b": id, "s": small(*first) }, "$lt": { "b": id, "s": small(last + 1) } } }
    };
    if let [only] = ranges {
        range(only)
    } else {
        doc! { "$or": ranges.iter().map(range).collect::<Vec<_>>() }
    }
}

fn recipient_row(
    person: RecipientDoc,
    chosen: &Chosen,
    attempt: Option<AttemptDoc>,
    todo: Option<TodoDoc>,
    flying: Option<u32>,
) -> RecipientRow {
    let mut row = RecipientRow {
        seq: large(person.id.s),
        phone: person.phone,
        name: person.name,
        state: chosen.state,
        attempt: 0,
        code: 0,
        detail: String::new(),
        wamid: String::new(),
        changed_at: None,
        due: None,
        values: person.values,
        prices: chosen.prices.clone(),
    };
    if let Some(attempt) = attempt {
        row.attempt = large(attempt.id.a);
        row.wamid = attempt.wamid;
        row.changed_at = Some(millis(attempt.timestamp));
        if let Some(receipt) = attempt.receipt {
            row.code = receipt.code;
            row.detail = receipt.response;
            row.changed_at = Some(millis(receipt.timestamp));
        } else if attempt.status == "failed" {
            row.code = attempt.code;
            row.detail = attempt.response;
        }
        if chosen.state == RecipientState::Failed {
            row.due = attempt.retry_at.map(millis);
        }
    }
    if let Some(decision) = &chosen.decision {
        row.attempt = chosen.newest;
        row.code = 0;
        row.detail.clone_from(&decision.word);
        row.changed_at = Some(millis(decision.at));
        row.due = None;
    } else if chosen.state == RecipientState::InDoubt && todo.is_none() {
        row.attempt = chosen.newest;
        RESTORED.clone_into(&mut row.detail);
    }
    if let Some(todo) = todo {
        row.changed_at = Some(millis(todo.at));
        match todo.kind {
            TodoKind::Retry => row.due = Some(millis(todo.due)).filter(|due| due.0 > 0),
            TodoKind::Doubt => {
                row.attempt = large(todo.attempt);
                row.detail = todo.detail;
            }
        }
    }
    if let Some(attempt) = flying {
        row.attempt = attempt;
        row.due = None;
    }
    if let Some(reason) = person.skip {
        row.detail = reason;
    }
    row
}

fn log_row(attempt: AttemptDoc) -> LogRow {
    LogRow {
        id: attempt.n.unsigned_abs(),
        broadcast: attempt.id.b,
        seq: large(attempt.id.s),
        attempt: large(attempt.id.a),
        phone: attempt.phone,
        status: attempt.status,
        timestamp: millis(attempt.timestamp),
        code: attempt.code,
        response: attempt.response,
    }
}
