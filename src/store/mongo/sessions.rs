//! Ends what a dead process left open on the server.
//!
//! When a process dies in the middle of a transaction, the server keeps that transaction, and every document that it
//! wrote to stays locked for it, for a minute by default. So each process notes the sessions of its transactions before it
//! uses them, and whoever takes over its sender has the server end them first. Ending the sessions of a process that
//! lives after all does no harm: its transactions begin again.

use super::Inner;
use super::failure::Op;
use crate::store::StoreError;
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The collection with one document for each process that has used transactions.
const SESSIONS: &str = "sessions";

/// The sessions of this process that the server has been told of.
#[derive(Debug)]
pub(super) struct Sessions {
    /// Names this opening of the store.
    pub(super) instance: String,
    noted: Mutex<HashSet<Vec<u8>>>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self { instance: format!("{:016x}", fastrand::u64(..)), noted: Mutex::default() }
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, HashSet<Vec<u8>>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Notes a session before its first transaction. The driver uses few sessions, again and again.
    pub(super) async fn note_session(&self, session: &ClientSession) -> Op<()> {
        let Some(Bson::Binary(id)) = session.id().get("id") else {
            return Err(StoreError::Corrupt("a session has no id".to_owned()).into());
        };
        if self.sessions.noted().contains(&id.bytes) {
            return Ok(());
        }
        let note = doc! { "$addToSet": { "ids": id.clone() }, "$currentDate": { "at": true } };
        self.documents(SESSIONS).update_one(doc! { "_id": &self.sessions.instance }, note).upsert(true).await?;
        self.sessions.noted().insert(id.bytes.clone());
        Ok(())
    }

    /// Has the server end every session that a process noted, with the transactions in them.
    pub(super) async fn end_sessions_of(&self, instance: &str) -> Op<()> {
        if instance.is_empty() || instance == self.sessions.instance {
            return Ok(());
        }
        let filter = doc! { "_id": instance };
        let Some(noted) = self.documents(SESSIONS).find_one(filter.clone()).await? else { return Ok(()) };
        let ids = noted.get_array("ids").cloned().unwrap_or_default();
        let sessions: Vec<Document> = ids.into_iter().map(|id: Bson| doc! { "id": id }).collect();
        tracing::debug!(instance, sessions = sessions.len(), "ending the sessions of the process before");
        self.db.run_command(doc! { "killSessions": sessions }).await?;
        self.documents(SESSIONS).delete_one(filter).await?;
        Ok(())
    }

    /// Forgets this process's sessions, at a clean end.
    pub(super) async fn forget_sessions(&self) -> Op<()> {
        self.documents(SESSIONS).delete_one(doc! { "_id": &self.sessions.instance }).await?;
        Ok(())
    }
}
