//! Templates, schedules, the audit trail.

use super::ledger::Ledger;
use wacast::domain::audit::{Act, BEGINNING, Entry};
use wacast::domain::ids::ScheduleId;
use wacast::domain::schedule::Schedule;
use wacast::domain::template::Template;
use wacast::domain::time::Millis;
use wacast::store::{Result, StoreError, SyncedTemplates};

impl Ledger {
    pub(super) fn put_templates(&mut self, templates: &[Template], now: Millis) {
        // Should one be listed twice, the later stands.
        let mut by_key = std::collections::BTreeMap::new();
        for template in templates {
            by_key.insert(template.key(), template.clone());
        }
        self.synced = SyncedTemplates { templates: by_key.into_values().collect(), synced_at: Some(now) };
    }

    pub(super) fn change_template(&mut self, before: &Template, after: &Template) -> bool {
        let place = self.synced.templates.iter_mut().find(|one| *one == before);
        place.map(|place| place.clone_from(after)).is_some()
    }

    pub(super) fn templates(&self) -> SyncedTemplates {
        self.synced.clone()
    }

    pub(super) fn add_schedule(&mut self, schedule: &Schedule) -> Result<()> {
        if self.schedules.contains_key(&schedule.id) {
            return Err(StoreError::Conflict(format!("there is a schedule {} already", schedule.id)));
        }
        self.schedules.insert(schedule.id.clone(), schedule.clone());
        Ok(())
    }

    pub(super) fn schedules(&self) -> Vec<Schedule> {
        let mut all: Vec<_> = self.schedules.values().cloned().collect();
        all.sort_by_key(|one| {
            (!one.enabled, one.next_fire_at.is_none(), one.next_fire_at, one.created_at, one.id.clone())
        });
        all
    }

    fn schedule(&mut self, id: &ScheduleId) -> Result<&mut Schedule> {
        self.schedules.get_mut(id).ok_or_else(|| StoreError::NotFound(format!("schedule {id}")))
    }

    pub(super) fn advance_schedule(&mut self, id: &ScheduleId, fired: Millis, next: Option<Millis>) -> Result<bool> {
        let schedule = self.schedule(id)?;
        if !schedule.enabled || schedule.next_fire_at != Some(fired) {
            return Ok(false);
        }
        (schedule.last_fired_at, schedule.next_fire_at) = (Some(fired), next);
        Ok(true)
    }

    pub(super) fn enable_schedule(&mut self, id: &ScheduleId, enabled: bool, next: Option<Millis>) -> Result<()> {
        let schedule = self.schedule(id)?;
        (schedule.enabled, schedule.next_fire_at) = (enabled, next);
        Ok(())
    }

    pub(super) fn append_act(&mut self, act: Act) -> Entry {
        let (id, hash) = self.trail.last().map_or((0, BEGINNING), |last| (last.id, last.hash.as_str()));
        let entry = Entry::after(id, hash, act);
        self.trail.push(entry.clone());
        entry
    }

    pub(super) fn audit_trail(&self, after: u64, limit: u32) -> Vec<Entry> {
        self.trail.iter().filter(|entry| entry.id > after).take(limit as usize).cloned().collect()
    }
}
