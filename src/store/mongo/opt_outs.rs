//! Opt-outs: `opt_out_events` is everything that was said, `opt_outs` who is opted out after it, by person, `user_ids` which
//! user id is whose. The rules are those of [`Record`].
//!
//! Whoever is opted out anew is counted up in every lease document in the same transaction: a window that read the
//! opt-outs before is not recorded ([`super::windows`]).

use super::Inner;
use super::documents::{date, millis, to_bson};
use super::failure::Op;
use super::reading::PAGE;
use crate::domain::opt_out::{Change, Event, Kind, Kinds, Noted, OptedOut, Record, Who, key};
use crate::domain::phone::Phone;
use crate::store::StoreError;
use mongodb::ClientSession;
use mongodb::bson::{DateTime, doc};
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A document of `opt_out_events`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct EventDoc {
    #[serde(rename = "_id")]
    id: i64,
    person: String,
    kind: Kind,
    stop: bool,
    at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<Phone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    how: String,
    wamid: String,
    text: String,
}

impl EventDoc {
    fn into_event(self) -> Event {
        let Self { id, kind, stop, at, phone, user, how, wamid, text, .. } = self;
        let who = Who { phone, user };
        Event { id: id.unsigned_abs(), change: Change { who, kind, stop, at: millis(at), how, wamid, text } }
    }
}

/// A document of `opt_outs`: there is one as long as somebody is opted out.
#[derive(Debug, Serialize, Deserialize)]
struct OptedOutDoc {
    #[serde(rename = "_id")]
    person: String,
    kinds: Vec<Kind>,
}

/// A document of `user_ids`.
#[derive(Debug, Serialize, Deserialize)]
struct UserDoc {
    #[serde(rename = "_id")]
    user: String,
    phone: Phone,
}

impl Inner {
    pub(super) async fn note_opt_outs(&self, changes: &[Change]) -> Op<Vec<Noted>> {
        if changes.len() > PAGE as usize {
            let asked = changes.len();
            return Err(StoreError::Conflict(format!("{asked} opt-outs in one call, {PAGE} are the most")).into());
        }
        if changes.iter().any(|change| change.who.key().is_none()) {
            return Err(StoreError::Conflict("an opt-out that names nobody".to_owned()).into());
        }
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let pairs: Vec<(String, Phone)> = changes.iter().filter_map(|change| change.who.pair()).collect();
        self.learn_users(&pairs).await?;
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.note_once(&mut transaction.session, changes).await;
            if let Some(noted) = transaction.finish(done).await? {
                return Ok(noted);
            }
        }
    }

    async fn note_once(&self, session: &mut ClientSession, changes: &[Change]) -> Op<Vec<Noted>> {
        let users: Vec<&str> = changes
            .iter()
            .filter(|change| change.who.phone.is_none())
            .filter_map(|change| change.who.user.as_deref())
            .collect();
        let phones = self.phones_of(Some(&mut *session), &users).await?;
        let person_of = |who: &Who| {
            let known = who.user.as_ref().filter(|_| who.phone.is_none()).and_then(|user| phones.get(user));
            known.map(|phone| key(*phone)).or_else(|| who.key()).unwrap_or_default()
        };
        let people: BTreeSet<String> = changes.iter().map(|change| person_of(&change.who)).collect();
        let mut records = self.records(session, &people).await?;
        let before: BTreeMap<String, Kinds> =
            records.iter().map(|(person, record)| (person.clone(), record.kinds())).collect();

        // Reserved for all of them; repeats leave gaps.
        let last = self.count_up(session, "opt_outs", changes.len()).await?;
        let first = last - i64::try_from(changes.len()).unwrap_or(0) + 1;
        let mut documents = Vec::with_capacity(changes.len());
        let mut noted = Vec::with_capacity(changes.len());
        for (change, id) in changes.iter().zip(first..) {
            let change = change.clone().bounded();
            let person = person_of(&change.who);
            let what = records.entry(person.clone()).or_default().note(change.clone(), id.unsigned_abs());
            noted.push(what);
            if what != Noted::Repeat {
                let Change { who: Who { phone, user }, kind, stop, at, how, wamid, text } = change;
                documents.push(EventDoc { id, person, kind, stop, at: date(at), phone, user, how, wamid, text });
            }
        }
        if !documents.is_empty() {
            self.collection::<EventDoc>("opt_out_events").insert_many(&documents).session(&mut *session).await?;
        }
        records.retain(|person, record| before.get(person).copied().unwrap_or_default() != record.kinds());
        self.write_standing(session, &records).await?;
        Ok(noted)
    }

    async fn records(&self, session: &mut ClientSession, people: &BTreeSet<String>) -> Op<BTreeMap<String, Record>> {
        let filter = doc! { "person": { "$in": people.iter().collect::<Vec<_>>() } };
        let mut events: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for found in self.find_in::<EventDoc>(Some(session), "opt_out_events", filter).await? {
            events.entry(found.person.clone()).or_default().push(found.into_event());
        }
        Ok(events.into_iter().map(|(person, events)| (person, Record::new(events))).collect())
    }

    /// Writes who is opted out after these people's events, and lets no window be recorded that was chosen before.
    async fn write_standing(&self, session: &mut ClientSession, records: &BTreeMap<String, Record>) -> Op<()> {
        let mut kept = Vec::new();
        let mut gone = Vec::new();
        for (person, record) in records {
            let kinds: Vec<Kind> = record.kinds().iter().collect();
            if kinds.is_empty() {
                gone.push(doc! { "q": { "_id": person }, "limit": 1 });
            } else {
                let kinds = to_bson(&kinds)?;
                kept.push(doc! { "q": { "_id": person }, "u": { "$set": { "kinds": kinds } }, "upsert": true });
            }
        }
        if !kept.is_empty() {
            let counted = doc! { "$inc": { "opt_outs": 1_i64 } };
            self.documents("leases").update_many(doc! {}, counted).session(&mut *session).await?;
        }
        self.update_many_ways(session, "opt_outs", kept).await?;
        self.delete_many_ways(session, "opt_outs", gone).await?;
        Ok(())
    }

    /// The phones of those user ids of which they are known.
    async fn phones_of(&self, session: Option<&mut ClientSession>, users: &[&str]) -> Op<HashMap<String, Phone>> {
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.find_in::<UserDoc>(session, "user_ids", doc! { "_id": { "$in": users } }).await?;
        Ok(found.into_iter().map(|known| (known.user, known.phone)).collect())
    }

    pub(super) async fn learn_users(&self, known: &[(String, Phone)]) -> Op<u64> {
        if known.len() > PAGE as usize {
            let asked = known.len();
            return Err(StoreError::Conflict(format!("{asked} user ids in one call, {PAGE} are the most")).into());
        }
        let mut learned: BTreeMap<String, Phone> = known.iter().cloned().collect();
        let users: Vec<&str> = learned.keys().map(String::as_str).collect();
        let before = self.phones_of(None, &users).await?;
        learned.retain(|user, _| !before.contains_key(user));
        if learned.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.learn_once(&mut transaction.session, &learned).await;
            if let Some(moved) = transaction.finish(done).await? {
                return Ok(moved);
            }
        }
    }

    async fn learn_once(&self, session: &mut ClientSession, learned: &BTreeMap<String, Phone>) -> Op<u64> {
        let statements = learned
            .iter()
            .map(|(user, phone)| {
                Ok(doc! { "q": { "_id": user }, "u": { "$setOnInsert": { "phone": to_bson(phone)? } }, "upsert": true })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.update_many_ways(session, "user_ids", statements).await?;
        let users: BTreeSet<String> = learned.keys().cloned().collect();
        let waiting = self.records(session, &users).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let people: BTreeSet<String> =
            waiting.keys().filter_map(|user| learned.get(user)).map(|one| key(*one)).collect();
        let mut records = self.records(session, &people).await?;
        let moved = waiting.len() as u64;
        let mut statements = Vec::with_capacity(waiting.len());
        for (user, record) in waiting {
            let Some(phone) = learned.get(&user) else { continue };
            let person = key(*phone);
            statements.push(doc! { "q": { "person": &user }, "u": { "$set": { "person": &person } }, "multi": true });
            records.entry(person).or_default().join(record);
            records.insert(user, Record::default());
        }
        self.update_many_ways(session, "opt_out_events", statements).await?;
        self.write_standing(session, &records).await?;
        Ok(moved)
    }

    pub(super) async fn opt_outs(&self, search: &str, after: &str, limit: u32) -> Op<Vec<OptedOut>> {
        // A limit of 0 would be none.
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut filter = doc! { "_id": { "$gt": after } };
        if !search.is_empty() {
            filter.insert("$expr", doc! { "$gte": [{ "$indexOfBytes": ["$_id", { "$literal": search }] }, 0] });
        }
        let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(i64::from(limit.min(PAGE))).build();
        let found = self.find_with::<OptedOutDoc>(None, "opt_outs", filter, options).await?;
        let people: Vec<&str> = found.iter().map(|one| one.person.as_str()).collect();
        let mut events: HashMap<String, Vec<Event>> = HashMap::new();
        let filter = doc! { "person": { "$in": people } };
        for event in self.find_in::<EventDoc>(None, "opt_out_events", filter).await? {
            events.entry(event.person.clone()).or_default().push(event.into_event());
        }
        let opted_out = found.into_iter().map(|OptedOutDoc { person, .. }| {
            let standing = Record::new(events.remove(&person).unwrap_or_default()).standing();
            OptedOut { person, standing }
        });
        Ok(opted_out.collect())
    }

    pub(super) async fn opted_out_people(&self) -> Op<u64> {
        Ok(self.documents("opt_outs").count_documents(doc! {}).await?)
    }

    pub(super) async fn opt_out_events(&self, person: &str) -> Op<Vec<Event>> {
        let options = FindOptions::builder().sort(doc! { "_id": 1 }).build();
        let found = self.find_with::<EventDoc>(None, "opt_out_events", doc! { "person": person }, options).await?;
        Ok(found.into_iter().map(EventDoc::into_event).collect())
    }

    pub(super) async fn opted_out(&self, phones: &[Phone]) -> Op<Vec<Kinds>> {
        let people: Vec<String> = phones.iter().copied().map(key).collect();
        let filter = doc! { "_id": { "$in": &people } };
        let found = self.find_in::<OptedOutDoc>(None, "opt_outs", filter).await?;
        let kinds: HashMap<String, Kinds> =
            found.into_iter().map(|one| (one.person, one.kinds.into_iter().collect())).collect();
        Ok(people.iter().map(|person| kinds.get(person).copied().unwrap_or_default()).collect())
    }
}
