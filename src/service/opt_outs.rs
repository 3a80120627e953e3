//! Who asked not to be written to: shown, noted by an operator, undone on the record, written out.
//!
//! What people say themselves comes by webhooks (the engine notes it). Nothing is ever deleted here: undoing is one more
//! word on record.

use super::plan::wrong;
use super::{Kind as ErrorKind, Result, Service, ServiceError};
use crate::domain::opt_out::{Change, Event, Kind, Noted, OptedOut, Record, Who, inbound};
use crate::domain::phone::parse_phone_of_list;
use crate::domain::time::Millis;
use serde_json::{Value, json};
use std::io::Write;

/// The columns of an exported list; an import reads its phones.
pub const COLUMNS: [&str; 7] = ["phone", "kind", "since", "how", "text", "wamid", "user_id"];
/// The longest note of an operator's, in characters.
const LONGEST_NOTE: usize = 200;
/// People in one page.
const PAGE: u32 = 1_000;

impl Service {
    /// The people who are opted out now, by key after `after`, `limit` (1 to 5,000) at most. `search`: a phone in any form,
    /// a part of one, or a part of a user id; empty: all.
    pub async fn opt_outs(&self, search: &str, after: Option<&str>, limit: u32) -> Result<Vec<OptedOut>> {
        let search = search.trim();
        let search = match self.who(search) {
            Ok(who) => who.key().unwrap_or_default(),
            Err(_) => search.chars().filter(|letter| !matches!(letter, ' ' | '-' | '(' | ')')).collect(),
        };
        let limit = limit.clamp(1, super::broadcasts::LONGEST_PAGE);
        Ok(self.inner.store.opt_outs(&search, after, limit).await?)
    }

    /// How many people are opted out now.
    pub async fn opted_out_people(&self) -> Result<u64> {
        Ok(self.inner.store.opted_out_people().await?)
    }

    /// Everything that was said and noted about one person (a phone in any form, or a user id), the oldest first.
    /// `bad_phone` (422).
    pub async fn opt_out_history(&self, person: &str) -> Result<Vec<Event>> {
        let key = self.who(person)?.key().unwrap_or_default();
        Ok(self.inner.store.opt_out_events(&key).await?)
    }

    /// Notes that somebody (a phone, or a user id) is not to be written to, on an operator's word. Returns the person as
    /// they stand. `bad_phone`, `bad_note` (422).
    pub async fn opt_out(&self, person: &str, note: &str) -> Result<OptedOut> {
        let who = self.who(person)?;
        let note = checked_note(note)?;
        let mut record = self.record(&who).await?;
        if !record.kinds().contains(Kind::Operator) {
            self.say(vec![self.word(who.clone(), Kind::Operator, true, note, &record)]).await?;
            record = self.record(&who).await?;
        }
        Ok(OptedOut { person: who.key().unwrap_or_default(), standing: record.standing() })
    }

    /// Undoes somebody's opt-out on the record: of one kind, or of all that stand. Returns how the person stands after it.
    /// `bad_phone`, `bad_note` (422), `not_opted_out` (404).
    pub async fn undo_opt_out(&self, person: &str, kind: Option<Kind>, note: &str) -> Result<OptedOut> {
        let who = self.who(person)?;
        let note = checked_note(note)?;
        let record = self.record(&who).await?;
        let kinds: Vec<Kind> = record.kinds().iter().filter(|one| kind.is_none_or(|kind| kind == *one)).collect();
        if kinds.is_empty() {
            let how = kind.map(|kind| format!(" in this way ({})", kind.word())).unwrap_or_default();
            let message = format!("{person} is not opted out{how}: nothing was undone");
            return Err(ServiceError::new(ErrorKind::NotFound, "not_opted_out", message));
        }
        let undo = |kind| self.word(who.clone(), kind, false, note, &record);
        self.say(kinds.into_iter().map(undo).collect()).await?;
        let standing = self.record(&who).await?.standing();
        Ok(OptedOut { person: who.key().unwrap_or_default(), standing })
    }

    /// Writes everybody who is opted out now as CSV, a line for each way, and returns how many people that is.
    /// `optouts_file` (422: cannot be written).
    pub async fn export_opt_outs(&self, writer: impl Write + Send) -> Result<u64> {
        let cannot_write = |error: csv::Error| wrong("optouts_file", format!("the list cannot be written: {error}"));
        let mut csv = csv::Writer::from_writer(writer);
        csv.write_record(COLUMNS).map_err(cannot_write)?;
        let mut people = 0;
        let mut after: Option<String> = None;
        loop {
            let page = self.inner.store.opt_outs("", after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.person.clone());
            for person in &page {
                for event in &person.standing {
                    csv.write_record(line(person, event)).map_err(cannot_write)?;
                }
            }
            people += page.len() as u64;
        }
        csv.flush().map_err(|error| cannot_write(error.into()))?;
        Ok(people)
    }

    async fn record(&self, who: &Who) -> Result<Record> {
        let key = who.key().unwrap_or_default();
        Ok(Record::new(self.inner.store.opt_out_events(&key).await?))
    }

    fn word(&self, who: Who, kind: Kind, stop: bool, note: &str, record: &Record) -> Change {
        // WhatsApp's clock may be ahead of ours: what undoes something counts as after it.
        let newest = record.standing().into_iter().map(|event| event.change.at).max();
        let at = newest.map_or(self.now(), |newest| newest.max(self.now()));
        Change { who, kind, stop, at, how: self.who.to_string(), wamid: String::new(), text: note.to_owned() }
    }

    async fn say(&self, changes: Vec<Change>) -> Result<()> {
        let noted = self.inner.store.note_opt_outs(changes.clone()).await?;
        for (change, noted) in changes.iter().zip(noted) {
            if let Noted::Changed(event) = noted {
                let what = if change.stop { "opt_out" } else { "opt_in" };
                let note = if change.text.is_empty() { String::new() } else { format!(": {}", change.text) };
                let detail = format!("no. {event}: {}{note}", change.kind.word());
                self.note_act(what, &change.who.masked(), detail).await;
            }
        }
        self.ring();
        Ok(())
    }

    /// Reads whom a text names: a user id, or a phone as people write it.
    fn who(&self, text: &str) -> Result<Who> {
        let by_user = inbound::who(None, Some(text.trim()));
        if by_user.user.is_some() {
            return Ok(by_user);
        }
        let country = self.country(None)?;
        let parsed = parse_phone_of_list(text, country.as_ref()).map_err(|problem| {
            let shown: String = text.chars().filter(|letter| !letter.is_control()).take(40).collect();
            wrong("bad_phone", format!("{shown}: {problem}"))
        })?;
        Ok(Who::phone(parsed.phone))
    }
}

impl OptedOut {
    /// As the HTTP API and scripts see it.
    pub fn to_json(&self) -> Value {
        json!({
            "person": self.person,
            "phone": self.phone(),
            "user_id": self.user(),
            "standing": self.standing.iter().map(event_json).collect::<Vec<_>>(),
        })
    }
}

/// One word on record as the HTTP API and scripts see it.
pub fn event_json(event: &Event) -> Value {
    let change = &event.change;
    json!({
        "event": event.id,
        "kind": change.kind,
        "opted_out": change.stop,
        "at": change.at.rfc3339(),
        "how": change.how,
        "wamid": change.wamid,
        "text": change.text,
        "phone": change.who.phone,
        "user_id": change.who.user,
    })
}

fn line(person: &OptedOut, event: &Event) -> [String; COLUMNS.len()] {
    let change = &event.change;
    [
        change.who.phone.or(person.phone()).map(|phone| phone.to_string()).unwrap_or_default(),
        change.kind.word().to_owned(),
        Millis::rfc3339(change.at),
        super::report::harmless(&change.how),
        super::report::harmless(&change.text),
        change.wamid.clone(),
        change.who.user.clone().unwrap_or_default(),
    ]
}

fn checked_note(note: &str) -> Result<&str> {
    let note = note.trim();
    if note.chars().count() > LONGEST_NOTE || note.chars().any(char::is_control) {
        return Err(wrong("bad_note", format!("a note has {LONGEST_NOTE} printable characters at most")));
    }
    Ok(note)
}
