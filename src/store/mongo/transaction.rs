//! Transactions with a bounded number of tries, and commands of many statements.
//!
//! A transaction's steps are written as one function that is run again from its start when the server
//! asks for it, so it must have no effect but through the session. Used by every writing part of this
//! engine.

use super::Inner;
use super::failure::{Failure, Op};
use crate::die;
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::UNKNOWN_TRANSACTION_COMMIT_RESULT;
use mongodb::options::{ReadConcern, WriteConcern};
use std::time::Duration;

/// How often one transaction is begun before it is given up as `Unavailable`. Within a process there is
/// one writer, so a conflict needs a second process; the waits below add up to about two seconds.
const TRIES: u32 = 12;
/// How often a commit is asked for again when its outcome is unknown. The server knows a committed
/// transaction by its number, so asking again is harmless.
const COMMIT_TRIES: u32 = 5;
/// Statements in one command. The whole command must stay under 16 MiB; a segment is about 4 KiB, and 45 when everybody
/// in it was tried again and stands there by an operator's word.
const STATEMENTS: usize = 250;

/// A transaction that may be begun several times.
pub struct Transaction {
    /// What its operations are given.
    pub session: ClientSession,
    begun: u32,
}

impl Inner {
    /// A session for a transaction; nothing is begun yet.
    pub(super) async fn transaction(&self) -> Op<Transaction> {
        let session = self.client.start_session().await?;
        self.note_session(&session).await?;
        Ok(Transaction { session, begun: 0 })
    }

    /// Runs an `update` command with many statements and looks at what each came to. Returns how many
    /// documents matched.
    pub(super) async fn update_many_ways(
        &self,
        session: &mut ClientSession,
        collection: &str,
        statements: Vec<Document>,
    ) -> Op<i64> {
        self.command_in_pieces(session, "update", collection, "updates", statements).await
    }

    /// Runs a `delete` command with many statements. Returns how many documents went.
    pub(super) async fn delete_many_ways(
        &self,
        session: &mut ClientSession,
        collection: &str,
        statements: Vec<Document>,
    ) -> Op<i64> {
        self.command_in_pieces(session, "delete", collection, "deletes", statements).await
    }

    async fn command_in_pieces(
        &self,
        session: &mut ClientSession,
        command: &str,
        collection: &str,
        field: &str,
        statements: Vec<Document>,
    ) -> Op<i64> {
        let mut matched = 0;
        let mut statements = statements.into_iter().peekable();
        while statements.peek().is_some() {
            let piece: Vec<Bson> = statements.by_ref().take(STATEMENTS).map(Bson::Document).collect();
            let reply = self.db.run_command(doc! { command: collection, field: piece }).session(&mut *session).await?;
            matched += check(&reply)?;
        }
        Ok(matched)
    }
}

/// `run_command` answers `Ok` when statements failed: look.
fn check(reply: &Document) -> Op<i64> {
    let failed = reply.get_array("writeErrors").ok().and_then(|errors| errors.first()).and_then(Bson::as_document);
    let concern = reply.get_document("writeConcernError").ok();
    if let Some(error) = failed.or(concern) {
        return Err(Failure::Statement {
            code: error.get_i32("code").unwrap_or(0),
            message: error.get_str("errmsg").unwrap_or("a write failed").to_owned(),
        });
    }
    Ok(super::documents::whole(reply.get("n")))
}

impl Transaction {
    /// Begins, or begins again.
    pub async fn start(&mut self) -> Op<()> {
        self.begun += 1;
        // Snapshot reads with a majority commit: what was read is then majority-committed too.
        self.session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(WriteConcern::majority())
            .await?;
        Ok(())
    }

    /// Commits when the steps went well. `None`: begin again.
    pub async fn finish<T>(&mut self, steps: Op<T>) -> Op<Option<T>> {
        let failure = match steps {
            Ok(value) => match self.commit().await {
                Ok(()) => return Ok(Some(value)),
                Err(failure) => failure,
            },
            Err(failure) => {
                // The server may have ended it already; then there is nothing to abort.
                let _ = self.session.abort_transaction().await;
                failure
            }
        };
        if self.begun >= TRIES || !failure.is_transient() {
            return Err(failure);
        }
        // 0 to 1, 2, 4 … 512 ms: two processes that collide again and again must drift apart.
        let longest_ms = 1_u64 << (self.begun - 1).min(9);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=longest_ms))).await;
        Ok(None)
    }

    async fn commit(&mut self) -> Op<()> {
        die::point("before_commit");
        let mut tries = 0;
        loop {
            tries += 1;
            match self.session.commit_transaction().await {
                Ok(()) => return Ok(()),
                Err(error) if tries < COMMIT_TRIES && error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
