//! Templates, schedules and notes: small things, each with a collection of its own.

use super::Inner;
use super::documents::{date, from_json, millis, to_json};
use super::failure::{Failure, Op};
use crate::domain::ids::ScheduleId;
use crate::domain::schedule::Schedule;
use crate::domain::template::{Template, TemplateKey};
use crate::domain::time::Millis;
use crate::store::{StoreError, SyncedTemplates};
use mongodb::ClientSession;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A document of `schedules`. The definition is kept as JSON text, as in `broadcasts`.
#[derive(Debug, Serialize, Deserialize)]
struct ScheduleDoc {
    #[serde(rename = "_id")]
    id: ScheduleId,
    cron: String,
    zone: String,
    definition: String,
    next_fire_at: Option<DateTime>,
    last_fired_at: Option<DateTime>,
    enabled: bool,
    created_at: DateTime,
}

impl Inner {
    pub(super) async fn put_templates(&self, templates: &[Template], now: Millis) -> Op<()> {
        let by_key: BTreeMap<TemplateKey, &Template> =
            templates.iter().map(|template| (template.key(), template)).collect();
        let mut documents = Vec::with_capacity(by_key.len());
        for (key, template) in by_key {
            documents.push(doc! {
                "_id": { "name": key.name, "language": key.language },
                "status": &template.status,
                "template": to_json(template)?,
            });
        }
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.put_templates_once(&mut transaction.session, &documents, now).await;
            if transaction.finish(done).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn put_templates_once(&self, session: &mut ClientSession, documents: &[Document], now: Millis) -> Op<()> {
        let synced = doc! { "$set": { "synced_at": date(now) } };
        self.documents("about")
            .update_one(doc! { "_id": "templates" }, synced)
            .upsert(true)
            .session(&mut *session)
            .await?;
        let templates = self.documents("templates");
        templates.delete_many(doc! {}).session(&mut *session).await?;
        if !documents.is_empty() {
            templates.insert_many(documents).session(session).await?;
        }
        Ok(())
    }

    pub(super) async fn change_template(&self, before: &Template, after: &Template) -> Op<bool> {
        let id = doc! { "name": &before.name, "language": &before.language };
        let stored = self.find_in::<Document>(None, "templates", doc! { "_id": &id }).await?;
        let stored = stored.first().map(|stored| stored.get_str("template").unwrap_or_default());
        let Some(text) = stored else { return Ok(false) };
        if from_json::<Template>(text)? != *before {
            return Ok(false);
        }
        let put = doc! { "$set": { "status": &after.status, "template": to_json(after)? } };
        let done = self.documents("templates").update_one(doc! { "_id": id, "template": text }, put).await?;
        Ok(done.matched_count > 0)
    }

    pub(super) async fn templates(&self) -> Op<SyncedTemplates> {
        let about = self.find_in::<Document>(None, "about", doc! { "_id": "templates" }).await?;
        let synced_at = about.first().and_then(|about| about.get_datetime("synced_at").ok()).map(|at| millis(*at));
        let options = FindOptions::builder().sort(doc! { "_id": 1 }).build();
        let mut templates = Vec::new();
        for found in self.find_with::<Document>(None, "templates", doc! {}, options).await? {
            templates.push(from_json(found.get_str("template").unwrap_or_default())?);
        }
        Ok(SyncedTemplates { templates, synced_at })
    }

    pub(super) async fn add_schedule(&self, schedule: &Schedule) -> Op<()> {
        let document = ScheduleDoc {
            id: schedule.id.clone(),
            cron: schedule.cron.clone(),
            zone: schedule.zone.clone(),
            definition: to_json(&schedule.definition)?,
            next_fire_at: schedule.next_fire_at.map(date),
            last_fired_at: schedule.last_fired_at.map(date),
            enabled: schedule.enabled,
            created_at: date(schedule.created_at),
        };
        let added = self.collection::<ScheduleDoc>("schedules").insert_one(&document).await.map_err(Failure::from);
        match added {
            Err(failure) if failure.is_duplicate() => {
                Err(StoreError::Conflict(format!("schedule {} exists", schedule.id)).into())
            }
            Err(failure) => Err(failure),
            Ok(_) => Ok(()),
        }
    }

    pub(super) async fn schedules(&self) -> Op<Vec<Schedule>> {
        let mut schedules = Vec::new();
        for found in self.find_in::<ScheduleDoc>(None, "schedules", doc! {}).await? {
            schedules.push(Schedule {
                id: found.id,
                cron: found.cron,
                zone: found.zone,
                definition: from_json(&found.definition)?,
                next_fire_at: found.next_fire_at.map(millis),
                last_fired_at: found.last_fired_at.map(millis),
                enabled: found.enabled,
                created_at: millis(found.created_at),
            });
        }
        schedules.sort_by_key(|schedule| {
            (schedule.next_fire_at.is_none(), schedule.next_fire_at, schedule.created_at, schedule.id.clone())
        });
        Ok(schedules)
    }

    pub(super) async fn advance_schedule(&self, id: &ScheduleId, fired: Millis, next: Option<Millis>) -> Op<bool> {
        let filter = doc! { "_id": id.as_str(), "next_fire_at": date(fired) };
        let update = doc! { "$set": { "next_fire_at": next.map(date), "last_fired_at": date(fired) } };
        if self.documents("schedules").update_one(filter, update).await?.matched_count == 1 {
            return Ok(true);
        }
        self.schedule_must_exist(id).await?;
        Ok(false)
    }

    pub(super) async fn enable_schedule(&self, id: &ScheduleId, enabled: bool, next: Option<Millis>) -> Op<()> {
        let update = doc! { "$set": { "enabled": enabled, "next_fire_at": next.map(date) } };
        let answer = self.documents("schedules").update_one(doc! { "_id": id.as_str() }, update).await?;
        if answer.matched_count == 0 { self.schedule_must_exist(id).await } else { Ok(()) }
    }

    async fn schedule_must_exist(&self, id: &ScheduleId) -> Op<()> {
        match self.documents("schedules").find_one(doc! { "_id": id.as_str() }).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::NotFound(format!("schedule {id}")).into()),
        }
    }

    pub(super) async fn put_note(&self, key: &str, value: &str) -> Op<()> {
        let update = doc! { "$set": { "value": value } };
        self.documents("notes").update_one(doc! { "_id": key }, update).upsert(true).await?;
        Ok(())
    }

    pub(super) async fn note(&self, key: &str) -> Op<Option<String>> {
        let found = self.documents("notes").find_one(doc! { "_id": key }).await?;
        Ok(found.and_then(|found| found.get_str("value").ok().map(str::to_owned)))
    }

    pub(super) async fn notes(&self, prefix: &str) -> Op<BTreeMap<String, String>> {
        // Strings compare by their bytes, and no text has a character above this one.
        let filter = doc! { "_id": { "$gte": prefix, "$lt": format!("{prefix}{}", char::MAX) } };
        let found = self.find_in::<Document>(None, "notes", filter).await?;
        let text = |document: &Document, field: &str| document.get_str(field).ok().map(str::to_owned);
        Ok(found.iter().filter_map(|note| Some((text(note, "_id")?, text(note, "value")?))).collect())
    }
}
