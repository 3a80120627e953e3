//! The ledger in an SQLite file: the contract, and what is true of this engine alone.

use crate::store_contract::trail::{act, append_from_many_hands, whole_trail};
use crate::store_contract::{Factory, contract_suite};
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use wacast::clock::Clock;
use wacast::domain::time::Millis;
use wacast::store::Store;
use wacast::store::sqlite::SqliteStore;

/// A clock that stands until it is moved.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    fn running(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

struct Files {
    folder: tempfile::TempDir,
    made: AtomicU32,
    clock: Arc<HandClock>,
}

impl Files {
    fn new() -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000_000)));
        Self { folder: tempfile::tempdir().unwrap(), made: AtomicU32::new(0), clock }
    }

    async fn open(&self, path: PathBuf) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open_with_clock(&path, self.clock.clone()).await.unwrap())
    }
}

#[async_trait]
impl Factory for Files {
    async fn fresh(&self) -> Arc<dyn Store> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        self.open(self.folder.path().join(format!("{number}.db"))).await
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let path = PathBuf::from(store.place());
        store.close().await;
        self.open(path).await
    }

    fn ttl_ms(&self) -> i64 {
        10_000
    }

    async fn let_leases_end(&self) {
        self.clock.0.fetch_add(self.ttl_ms() + 1, Ordering::SeqCst);
    }
}

contract_suite!(contract, Files::new());

/// What is true of the file, beyond the contract.
mod file {
    use super::*;
    use rusqlite::Connection;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use wacast::store::{Holder, LeaseAnswer, StoreError};

    const NOW: Millis = Millis(1_800_000_000_000);

    async fn refused(path: &Path) -> String {
        match SqliteStore::open(path, NOW).await {
            Err(StoreError::Setup(message)) => message,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{} was opened", path.display()),
        }
    }

    fn holder(process: &str) -> Holder {
        Holder {
            process: process.to_owned(),
            host: "host.example.com".to_owned(),
            pid: 1,
            boot_id: "boot".to_owned(),
            lock_file: String::new(),
            face: "console".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_store_is_refused_with_its_path_and_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/wacast.db");
        let text = folder.path().join("numbers.csv");
        std::fs::write(&text, "name,phone\nAsha,+15550100111\n".repeat(100)).unwrap();
        let read_only = folder.path().join("read-only.db");
        std::fs::write(&read_only, "").unwrap();
        std::fs::set_permissions(&read_only, std::fs::Permissions::from_mode(0o400)).unwrap();
        let foreign = folder.path().join("foreign.db");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE birds (name TEXT)").unwrap();
        let foreign_before = std::fs::read(&foreign).unwrap();
        let newer = folder.path().join("newer.db");
        SqliteStore::open(&newer, NOW).await.unwrap().close().await;
        Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();

        for (path, says) in [
            (missing.as_path(), "mkdir -p"),
            (folder.path(), "is a folder"),
            (&text, "is not an SQLite database"),
            (&read_only, "chmod u+w"),
            (&foreign, "another program"),
            (&newer, "update wacast"),
        ] {
            let message = refused(path).await;
            assert!(message.contains(says), "{message}");
            let named = if path == missing { missing.parent().unwrap() } else { path };
            assert!(message.contains(&named.display().to_string()), "{message}");
        }
        assert!(std::fs::read_to_string(&text).unwrap().starts_with("name,phone"), "and left as it was");
        let tables: i64 = Connection::open(&foreign)
            .unwrap()
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 1);
        assert_eq!(std::fs::read(&foreign).unwrap(), foreign_before, "not a byte of another program's file changes");
    }

    #[tokio::test]
    async fn the_url_says_which_engine() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("wacast.db").display());
        let store = wacast::store::open(&url, NOW).await.unwrap();
        assert!(store.place().ends_with("wacast.db"), "{}", store.place());
        assert!(store.free_bytes().await.unwrap() > 0);
        for url in ["wacast.db", "sqlite://", "postgres://user:secret@db.example.com/x"] {
            let error = wacast::store::open(url, NOW).await.err().unwrap();
            assert!(matches!(error, StoreError::Setup(_)), "{error}");
            let message = error.to_string();
            assert!(message.contains("sqlite://") && message.contains("mongodb://"), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[tokio::test]
    async fn only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        let store = SqliteStore::open(&path, NOW).await.unwrap();
        store.put_note("key", "value").await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
        }
    }

    #[tokio::test]
    async fn several_who_open_a_new_file_at_once_agree_on_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        let opened: Vec<_> = (0..8).map(|_| SqliteStore::open(&path, NOW)).collect();
        let stores = futures_util::future::join_all(opened).await;
        let ids: Vec<_> = stores.into_iter().map(|store| store.unwrap().id().clone()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_stores_on_one_file_see_each_other_and_share_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        let one = Arc::new(SqliteStore::open(&path, NOW).await.unwrap());
        let two = Arc::new(SqliteStore::open(&path, NOW).await.unwrap());
        let (first, second) = (holder("one"), holder("two"));
        let answers = tokio::join!(
            one.take_lease("100000000000001", &first, 60_000, None),
            two.take_lease("100000000000001", &second, 60_000, None)
        );
        let granted = [answers.0.unwrap(), answers.1.unwrap()];
        assert_eq!(granted.iter().filter(|answer| matches!(answer, LeaseAnswer::Granted(_))).count(), 1);

        let write = |store: Arc<SqliteStore>, name: &'static str| async move {
            for number in 0..100 {
                store.put_note(&format!("{name}/{number}"), "x").await.unwrap();
            }
        };
        let tasks = [tokio::spawn(write(one.clone(), "one")), tokio::spawn(write(two.clone(), "two"))];
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(one.notes("").await.unwrap().len(), 200);
        assert_eq!(two.notes("").await.unwrap().len(), 200);
    }

    #[tokio::test]
    async fn a_lock_that_stays_is_unavailable_and_nothing_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        let store = SqliteStore::open(&path, NOW).await.unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = store.put_note("key", "value").await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert_eq!(store.note("key").await.unwrap(), None, "reading goes on");
        other.execute_batch("ROLLBACK").unwrap();
        store.put_note("key", "value").await.unwrap();
        assert_eq!(store.note("key").await.unwrap().as_deref(), Some("value"));
    }

    #[tokio::test]
    async fn a_command_that_fails_undoes_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("wacast.db"), NOW).await.unwrap();
        let nobody = "00000000".parse().unwrap();
        // All three wait at once, so they share a group.
        let (before, failed, after) =
            tokio::join!(store.put_note("a", "1"), store.resume(&nobody, NOW), store.put_note("b", "2"));
        before.unwrap();
        assert!(matches!(failed, Err(StoreError::NotFound(_))), "{failed:?}");
        after.unwrap();
        assert_eq!(store.notes("").await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_closed_store_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("wacast.db"), NOW).await.unwrap();
        store.put_note("key", "value").await.unwrap();
        store.close().await;
        store.close().await;
        assert!(matches!(store.put_note("key", "other").await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.note("key").await, Err(StoreError::Unavailable(_))));
        assert!(!folder.path().join("wacast.db-wal").exists(), "the file alone is the whole store");
    }

    #[tokio::test]
    async fn the_shell_reads_the_log_in_the_words_of_the_documents() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        SqliteStore::open(&path, NOW).await.unwrap().close().await;
        let shell = Connection::open(&path).unwrap();
        let statement = shell.prepare("SELECT * FROM log").unwrap();
        let columns: Vec<_> = statement.column_names().collect();
        assert_eq!(columns, ["phone", "status", "timestamp", "response", "broadcast", "attempt"]);
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn two_processes_append_to_one_trail() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        let (one, two) = (SqliteStore::open(&path, NOW).await.unwrap(), SqliteStore::open(&path, NOW).await.unwrap());
        append_from_many_hands(&[Arc::new(one), Arc::new(two)]).await;
    }

    #[tokio::test]
    async fn the_trail_refuses_to_be_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        let store = SqliteStore::open(&path, NOW).await.unwrap();
        for what in ["start", "pause", "resume"] {
            store.append_act(act(what)).await.unwrap();
        }
        let shell = Connection::open(&path).unwrap();
        for (statement, says) in [
            ("UPDATE audit SET who = 'nobody' WHERE id = 2", "never changed"),
            ("DELETE FROM audit WHERE id = 3", "nothing is removed"),
            ("DELETE FROM audit", "nothing is removed"),
            ("INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE id = 2", "at its end only"),
            ("INSERT INTO audit SELECT 9, at, who, what, subject, detail, hash FROM audit WHERE id = 2", "at its end"),
        ] {
            let refused = shell.execute_batch(statement).unwrap_err().to_string();
            assert!(refused.contains(says), "{statement}: {refused}");
        }
        assert_eq!(whole_trail(&store).await.len(), 3);
    }

    #[tokio::test]
    async fn a_file_that_takes_its_place_is_another_object() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wacast.db");
        let store = SqliteStore::open(&path, NOW).await.unwrap();
        let here = store.whereabouts().await.unwrap();
        assert_eq!(here.place, path.canonicalize().unwrap().display().to_string());
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        assert_eq!(here.machine, machine.trim());

        let copy = folder.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        let there = SqliteStore::open(&copy, NOW).await.unwrap().whereabouts().await.unwrap();
        assert_ne!((&there.place, &there.object), (&here.place, &here.object));
        std::fs::rename(&copy, &path).unwrap();
        let replaced = store.whereabouts().await.unwrap();
        assert_eq!((&replaced.place, &replaced.object), (&here.place, &there.object), "while it was open");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(store.whereabouts().await.unwrap().object, "", "gone");
    }
}
