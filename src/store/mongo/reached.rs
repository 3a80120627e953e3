//! Who was reached in the last day: written as small portions, counted in memory.
//!
//! A document for each person would cost more than all else that an outcome writes. So each transaction leaves one
//! portion, the phones that it reached in a quarter hour, under a number that rises in the order of commits; every process
//! folds the portions that it has not seen into a map of its own when it is asked. What is older than two days goes.

use super::Inner;
use super::documents::{date, whole};
use super::failure::Op;
use super::sheet::LOG;
use crate::domain::phone::Phone;
use crate::domain::time::{DAY, Millis};
use mongodb::ClientSession;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::FindOptions;
use std::collections::{BTreeMap, HashMap};

/// Portions of one read.
const PORTIONS: i64 = 1_000;

/// What this process has folded.
#[derive(Default)]
pub(super) struct Reached {
    /// The last portion.
    seen: i64,
    /// The newest quarter hour of each person, by phone.
    newest: HashMap<i64, i64>,
    /// How many people have each quarter hour as their newest.
    quarters: BTreeMap<i64, u64>,
}

impl Reached {
    fn reach(&mut self, phone: i64, quarter: i64) {
        match self.newest.insert(phone, quarter) {
            Some(before) if before >= quarter => {
                self.newest.insert(phone, before);
                return;
            }
            Some(before) => {
                if let Some(people) = self.quarters.get_mut(&before) {
                    *people -= 1;
                }
            }
            None => {}
        }
        *self.quarters.entry(quarter).or_default() += 1;
    }

    fn forget_before(&mut self, quarter: i64) {
        if self.quarters.first_key_value().is_some_and(|(first, _)| *first < quarter) {
            self.newest.retain(|_, newest| *newest >= quarter);
            self.quarters = self.quarters.split_off(&quarter);
        }
    }
}

/// A phone as the portions hold it.
pub(super) fn digits(phone: Phone) -> i64 {
    // 15 digits at most.
    phone.digits().cast_signed()
}

impl Inner {
    /// Adds portions, by the beginning of the quarter hour, with numbers from `first` on.
    pub(super) async fn write_reached(
        &self,
        session: &mut ClientSession,
        reached: &BTreeMap<i64, Vec<i64>>,
        first: i64,
    ) -> Op<()> {
        if reached.is_empty() {
            return Ok(());
        }
        let portions = reached.iter().zip(first..).map(|((quarter, phones), n)| {
            let phones: Vec<Bson> = phones.iter().map(|phone| Bson::from(*phone)).collect();
            doc! { "_id": n, "quarter": DateTime::from_millis(*quarter), "phones": phones }
        });
        self.documents("reached").insert_many(portions).session(session).await?;
        Ok(())
    }

    /// Portions had a counter of their own in earlier versions: the log's goes on above it.
    pub(super) async fn join_counters(&self) -> Op<()> {
        let counters = self.documents("counters");
        let Some(former) = counters.find_one(doc! { "_id": "reached" }).await? else { return Ok(()) };
        let above = doc! { "$max": { "n": whole(former.get("n")) } };
        counters.update_one(doc! { "_id": LOG }, above).upsert(true).await?;
        counters.delete_one(doc! { "_id": "reached" }).await?;
        Ok(())
    }

    pub(super) async fn people_reached(&self, since: Millis) -> Op<Vec<(Millis, u64)>> {
        let from = super::sheet::bucket(since).0;
        let mut reached = self.catch_up().await?;
        let old = super::sheet::bucket(since.plus(-DAY)).0;
        if reached.quarters.first_key_value().is_some_and(|(first, _)| *first < old) {
            reached.forget_before(old);
            self.documents("reached").delete_many(doc! { "quarter": { "$lt": date(Millis(old)) } }).await?;
        }
        let counted = reached.quarters.range(from..).filter(|(_, people)| **people > 0);
        Ok(counted.map(|(quarter, people)| (Millis(*quarter), *people)).collect())
    }

    pub(super) async fn reached_among(&self, phones: &[Phone], since: Millis) -> Op<Vec<usize>> {
        let from = super::sheet::bucket(since).0;
        let reached = self.catch_up().await?;
        let is_reached = |phone: &Phone| reached.newest.get(&digits(*phone)).is_some_and(|newest| *newest >= from);
        Ok(phones.iter().enumerate().filter(|(_, phone)| is_reached(phone)).map(|(place, _)| place).collect())
    }

    /// Folds what was not seen yet.
    async fn catch_up(&self) -> Op<tokio::sync::MutexGuard<'_, Reached>> {
        let mut reached = self.reached.lock().await;
        loop {
            let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(PORTIONS).build();
            let filter = doc! { "_id": { "$gt": reached.seen } };
            let portions = self.find_with::<Document>(None, "reached", filter, options).await?;
            let full = portions.len() >= usize::try_from(PORTIONS).unwrap_or(usize::MAX);
            for portion in portions {
                let quarter = portion.get_datetime("quarter").map_or(0, |quarter| quarter.timestamp_millis());
                for phone in portion.get_array("phones").into_iter().flatten() {
                    reached.reach(whole(Some(phone)), quarter);
                }
                reached.seen = reached.seen.max(whole(portion.get("_id")));
            }
            if !full {
                return Ok(reached);
            }
        }
    }
}
