//! The one thread that writes: it commits in groups.
//!
//! All commands that wait are run in one transaction, each inside a savepoint of its own, and answered after
//! the commit: a disk's wait is shared by everyone who waits for it, and a command that fails undoes only itself.
//! A group closes as soon as nobody else waits; no timer is involved.

use super::error::translate;
use crate::store::{Result, StoreError};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How many commands may wait; more wait in their callers.
const QUEUE: usize = 1_024;
/// How many commands share a commit at most.
const MOST_IN_GROUP: usize = 256;
/// No further command joins a group that is this old.
const LONGEST_GROUP: Duration = Duration::from_millis(50);

/// The handle to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    commands: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A command without its type.
trait Job: Send {
    /// Does the work; whether it went well.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers the caller: with what the work gave, or with `lost` when the transaction did not come about.
    fn answer(self: Box<Self>, lost: Option<&rusqlite::Error>);
}

struct Command<T, W> {
    work: Option<W>,
    result: Result<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, W: FnOnce(&Connection) -> Result<T> + Send> Job for Command<T, W> {
    fn run(&mut self, connection: &Connection) -> bool {
        if let Some(work) = self.work.take() {
            self.result = catch_unwind(AssertUnwindSafe(|| work(connection)))
                .unwrap_or_else(|_| Err(StoreError::Corrupt("a command of the store panicked".to_owned())));
        }
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, lost: Option<&rusqlite::Error>) {
        let answer = match lost {
            Some(error) if self.work.is_some() || self.result.is_ok() => Err(translate(error)),
            _ => self.result,
        };
        // Nobody listens any more when the caller's future was dropped; the work stands all the same.
        drop(self.reply.send(answer));
    }
}

impl Writer {
    /// Starts the thread on `connection`.
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let (commands, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("wacast-store".to_owned())
            .spawn(move || serve(&connection, queue))
            .map_err(|error| StoreError::Setup(format!("the store's thread does not start: {error}")))?;
        Ok(Self { commands: Mutex::new(Some(commands)), thread: Mutex::new(Some(thread)) })
    }

    /// Runs `work` in a transaction and answers after its commit.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (reply, answer) = oneshot::channel();
        let command = Command { work: Some(work), result: Err(closed()), reply };
        commands.ok_or_else(closed)?.send(Box::new(command)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Ends the thread after everything begun.
    pub(super) async fn close(&self) {
        drop(self.commands.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        let ended = tokio::task::spawn_blocking(move || thread.join().is_ok()).await;
        if !matches!(ended, Ok(true)) {
            tracing::error!("the store's thread had panicked");
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

fn serve(connection: &Connection, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = Vec::new();
        let outcome = group_commit(connection, first, &mut queue, &mut group);
        if outcome.is_err() && !connection.is_autocommit() {
            // When this fails too, the next BEGIN says so.
            drop(connection.execute_batch("ROLLBACK"));
        }
        let lost = outcome.as_ref().err();
        for job in group {
            job.answer(lost);
        }
    }
}

/// Runs `first` and whoever waits in one transaction. All of them end up in `group`.
fn group_commit(
    connection: &Connection,
    first: Box<dyn Job>,
    queue: &mut mpsc::Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
) -> rusqlite::Result<()> {
    let begun = Instant::now();
    if let Err(error) = statement(connection, "BEGIN IMMEDIATE") {
        // Whoever waited as long gets the same answer, instead of each waiting for the lock in turn.
        group.push(first);
        group.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(QUEUE));
        return Err(error);
    }
    let opened = Instant::now();
    tracing::trace!(waited_us = opened.duration_since(begun).as_micros(), "the store's transaction is open");
    let mut next = Some(first);
    let mut is_empty = true;
    while let Some(mut job) = next.take() {
        let outcome =
            if is_empty { at_first(connection, job.as_mut()) } else { in_savepoint(connection, job.as_mut()) };
        group.push(job);
        is_empty &= !outcome?;
        if group.len() < MOST_IN_GROUP && opened.elapsed() < LONGEST_GROUP {
            next = queue.try_recv().ok();
        }
    }
    statement(connection, "COMMIT")
}

/// Runs the first command of a transaction: what would undo it alone undoes the transaction, which then begins again.
/// So the most frequent group, one command, is spared a savepoint, which keeps a copy of every page that is changed.
/// Returns whether it went well; an error means that the whole transaction is lost, not only this command.
fn at_first(connection: &Connection, job: &mut dyn Job) -> rusqlite::Result<bool> {
    if job.run(connection) {
        return Ok(true);
    }
    still_open(connection)?;
    statement(connection, "ROLLBACK")?;
    statement(connection, "BEGIN IMMEDIATE")?;
    Ok(false)
}

/// The same for a command that others came before.
fn in_savepoint(connection: &Connection, job: &mut dyn Job) -> rusqlite::Result<bool> {
    statement(connection, "SAVEPOINT command")?;
    let went_well = job.run(connection);
    if !went_well {
        still_open(connection)?;
        statement(connection, "ROLLBACK TO command")?;
    }
    statement(connection, "RELEASE command")?;
    Ok(went_well)
}

/// After a full disk SQLite may roll back everything by itself.
fn still_open(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() {
        let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        return Err(rusqlite::Error::SqliteFailure(full, Some("the transaction was rolled back".to_owned())));
    }
    Ok(())
}

fn statement(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE words (word TEXT)").unwrap();
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        connection.query_row(&format!("PRAGMA max_page_count = {}", pages + 20), [], |_| Ok(())).unwrap();
        Writer::start(connection).unwrap()
    }

    fn insert(connection: &Connection, word: &str) -> Result<()> {
        connection.execute("INSERT INTO words VALUES (?1)", [word])?;
        Ok(())
    }

    async fn words(writer: &Writer) -> i64 {
        writer
            .run(|connection| Ok(super::super::column::one(connection, "SELECT count(*) FROM words", [])?))
            .await
            .unwrap()
    }

    /// Runs `middle` in one group with a command before it and one after it, and returns their answers.
    async fn in_company<W>(writer: &Writer, middle: W) -> [Result<()>; 3]
    where
        W: FnOnce(&Connection) -> Result<()> + Send + 'static,
    {
        let (go, wait) = std::sync::mpsc::channel();
        // The first one keeps the group open until the others wait.
        let before = writer.run(move |connection| {
            insert(connection, "before")?;
            wait.recv().map_err(|_| closed())
        });
        let after = async {
            go.send(()).unwrap();
            writer.run(|connection| insert(connection, "after")).await
        };
        let (before, middle, after) = tokio::join!(before, writer.run(middle), after);
        [before, middle, after]
    }

    #[tokio::test]
    async fn a_failing_command_undoes_only_itself() {
        let writer = table();
        let [before, middle, after] = in_company(&writer, |connection| {
            insert(connection, "undone")?;
            Err(StoreError::Conflict("no".to_owned()))
        })
        .await;
        assert!(before.is_ok() && after.is_ok());
        assert!(matches!(middle, Err(StoreError::Conflict(_))), "{middle:?}");
        assert_eq!(words(&writer).await, 2);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_to_whoever_it_meets() {
        let writer = table();
        let [before, middle, after] =
            in_company(&writer, |connection| insert(connection, &"x".repeat(1_000_000))).await;
        assert!(matches!(middle, Err(StoreError::Full(_))), "{middle:?}");
        let kept = i64::from(before.is_ok()) + i64::from(after.is_ok());
        assert_eq!(words(&writer).await, kept, "each is answered as it is");
        writer.run(|connection| insert(connection, "later")).await.unwrap();
    }

    #[tokio::test]
    async fn a_rolled_back_transaction_is_told_to_everybody_in_it() {
        let writer = table();
        let [before, middle, after] = in_company(&writer, |connection| {
            connection.execute_batch("ROLLBACK")?;
            Err(StoreError::Full("no space".to_owned()))
        })
        .await;
        assert!(matches!(before, Err(StoreError::Full(_))), "{before:?}");
        assert!(matches!(middle, Err(StoreError::Full(_))), "{middle:?}");
        let kept = i64::from(after.is_ok());
        assert_eq!(words(&writer).await, kept, "only what was answered well is there");
    }

    #[tokio::test]
    async fn a_panic_harms_nobody_else() {
        let writer = table();
        let [before, middle, after] = in_company(&writer, |_| panic!("a bug, on purpose")).await;
        assert!(before.is_ok() && after.is_ok());
        assert!(matches!(middle, Err(StoreError::Corrupt(_))), "{middle:?}");
        assert_eq!(words(&writer).await, 2);
    }
}
