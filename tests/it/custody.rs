//! A store that is not what it was: copied, restored from a backup, exchanged, or its audit trail changed. The real binary
//! does not send from it until an operator has taken it into use, and then nobody gets it twice.

use crate::real::Workplace;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PEOPLE: usize = 600;

struct Bench {
    place: Workplace,
    /// The SQLite file, if it is one.
    database: PathBuf,
    _folder: tempfile::TempDir,
    id: String,
}

impl Bench {
    /// A broadcast that nobody sends yet, in small steps.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("wacast.db");
        Self::on(&format!("sqlite://{}", database.display()), folder).await
    }

    async fn on(url: &str, folder: tempfile::TempDir) -> Self {
        let database = folder.path().join("wacast.db");
        let place = Workplace::new(url, 8).await;
        place.sandbox.change(|settings| settings.latency_ms = (20, 40)).unwrap();
        let mut csv = String::from("phone,name\n");
        for person in 0..PEOPLE {
            let _ = writeln!(csv, "+9198765{person:05},Person {person}");
        }
        let file = place.folder.path().join("people.csv");
        std::fs::write(&file, csv).unwrap();
        place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
        let made =
            place.json(&["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"]);
        let id = made["broadcast_id"].as_str().unwrap().to_owned();
        Self { place, database, _folder: folder, id }
    }

    fn taken(&self) -> usize {
        self.place.sandbox.taken()
    }

    fn status(&self) -> serde_json::Value {
        self.place.json(&["status", &self.id, "--json"])
    }

    /// Sends until the sandbox has taken so many, then ends well.
    fn send_until(&self, taken: usize) {
        let running = self.place.headless();
        wait_for(|| self.taken() >= taken, "messages go out");
        running.drain();
    }

    /// A command that must fail; what it says on stderr.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.place.command(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} must be refused");
        String::from_utf8(output.stderr).unwrap()
    }

    fn nobody_twice(&self) {
        let summary = self.place.sandbox.summary();
        assert!(summary.people_twice.is_empty(), "twice: {:?}", summary.people_twice);
    }
}

/// The database without what belongs to a running process: it must be closed.
fn put(from: &Path, to: &Path) {
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", to.display()));
    }
    // In place, as an operator would.
    std::fs::copy(from, to).unwrap();
}

fn wait_for(done: impl Fn() -> bool, what: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "did not come about: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_is_not_sent_from_until_it_is_taken_into_use() {
    let bench = Bench::new().await;
    bench.send_until(100);
    let backup = bench.place.folder.path().join("backup.db");
    put(&bench.database, &backup);
    bench.send_until(bench.taken() + 150);
    let before = bench.place.taken();

    put(&backup, &bench.database);
    let words = bench.refused(&["send", "--template", "hello", "--language", "en_US", "--all", "--repeat", "--yes"]);
    assert!(words.contains("restored backup") && words.contains("wacast adopt"), "{words}");
    let running = bench.place.headless();
    let log = bench.place.folder.path().join("log");
    wait_for(|| std::fs::read_to_string(&log).unwrap().contains("restored backup"), "it says so");
    assert_eq!(bench.place.taken(), before, "nothing goes out");

    // The running one goes on by itself when it is allowed to.
    let said = bench.place.json_or_text(&["adopt", "--yes"]);
    assert!(said.contains("not sure now"), "{said}");
    wait_for(|| bench.status()["status"] == "completed", "the rest goes out");
    bench.nobody_twice();
    let counts = &bench.status()["counts"];
    let in_doubt = counts["in_doubt"].as_u64().unwrap();
    assert!(in_doubt > 0, "whoever was sent to after the backup is not sure: {counts}");
    let sent_after_backup = before.len() as u64 - 100;
    assert!(in_doubt <= sent_after_backup + 10_000, "{counts}");
    assert_eq!(counts["total"].as_u64().unwrap(), PEOPLE as u64);
    running.drain();
    assert!(bench.place.json_or_text(&["adopt", "--yes"]).contains("nothing to do"), "and that was all");
}

/// All collections of one database into another, whose own are gone after it.
async fn put_mongo(client: &mongodb::Client, from: &str, to: &str) {
    client.database(to).drop().await.unwrap();
    let from = client.database(from);
    let filter = mongodb::bson::doc! { "type": "collection" };
    let mut collections = from.list_collections().filter(filter).await.unwrap();
    while collections.advance().await.unwrap() {
        let name = collections.deserialize_current().unwrap().name;
        if name.starts_with("system.") {
            continue;
        }
        let out = mongodb::bson::doc! { "$out": { "db": to, "coll": &name } };
        from.collection::<mongodb::bson::Document>(&name).aggregate([out]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_is_not_sent_from_on_mongodb_either() {
    let server = crate::mongod::shared().await;
    let url = server.url("restored");
    let bench = Bench::on(&url, tempfile::tempdir().unwrap()).await;
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let backup = format!("{name}_backup");
    bench.send_until(100);
    put_mongo(&client, &name, &backup).await;
    bench.send_until(bench.taken() + 150);
    let before = bench.taken();

    put_mongo(&client, &backup, &name).await;
    let running = bench.place.headless();
    let log = bench.place.folder.path().join("log");
    wait_for(|| std::fs::read_to_string(&log).unwrap().contains("restored backup"), "it says so");
    assert_eq!(bench.taken(), before, "nothing goes out");
    bench.place.json_or_text(&["adopt", "--yes"]);
    wait_for(|| bench.status()["status"] == "completed", "the rest goes out");
    bench.nobody_twice();
    assert!(bench.status()["counts"]["in_doubt"].as_u64().unwrap() > 0);
    running.drain();
    client.database(&backup).drop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_elsewhere_is_only_looked_at() {
    let bench = Bench::new().await;
    bench.send_until(50);
    let copy = bench.database.with_file_name("copy.db");
    put(&bench.database, &copy);
    let config = bench.place.folder.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("wacast.db", "copy.db")).unwrap();

    let before = bench.taken();
    let words = bench.refused(&["resume", &bench.id]);
    assert!(words.contains("looks like a copy") && words.contains("wacast.db"), "{words}");
    let running = bench.place.headless();
    let log = bench.place.folder.path().join("log");
    wait_for(|| std::fs::read_to_string(&log).unwrap().contains("looks like a copy"), "it says so");
    assert_eq!(bench.status()["counts"]["total"].as_u64().unwrap(), PEOPLE as u64, "it can be looked at");
    assert_eq!(bench.taken(), before, "nothing goes out");

    bench.place.json_or_text(&["adopt", "--yes"]);
    wait_for(|| bench.status()["status"] == "completed", "the rest goes out");
    assert_eq!(bench.taken(), PEOPLE, "everybody has it");
    bench.nobody_twice();
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_store_is_the_same_one() {
    let bench = Bench::new().await;
    bench.send_until(50);
    std::fs::rename(&bench.database, bench.database.with_file_name("renamed.db")).unwrap();
    let config = bench.place.folder.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("wacast.db", "renamed.db")).unwrap();
    let running = bench.place.headless();
    wait_for(|| bench.status()["status"] == "completed", "it goes on");
    running.drain();
    assert_eq!(bench.taken(), PEOPLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_exchanged_under_the_running_program_stops_it() {
    let bench = Bench::new().await;
    let running = bench.place.headless();
    wait_for(|| bench.taken() >= 50, "messages go out");
    let other = bench.database.with_file_name("other.db");
    std::fs::copy(&bench.database, &other).unwrap();
    std::fs::rename(&other, &bench.database).unwrap();
    let log = bench.place.folder.path().join("log");
    wait_for(|| std::fs::read_to_string(&log).unwrap().contains("was exchanged while wacast runs"), "it notices");
    let stopped_at = bench.taken();
    assert!(stopped_at < PEOPLE, "it stopped before everybody was sent to");
    drop(running);
    bench.nobody_twice();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_tells_who_did_what_and_whether_it_was_changed() {
    let bench = Bench::new().await;
    bench.place.json_or_text(&["pause", &bench.id]);
    bench.place.json_or_text(&["resume", &bench.id]);
    bench.send_until(PEOPLE);
    wait_for(|| !bench.status()["audit"].is_null() || bench.status()["status"] != "completed", "it is swept");
    let said = bench.place.json_or_text(&["audit"]);
    for act in ["import people", "start", "pause", "resume"] {
        assert!(said.contains(&format!(": {act}")), "{act}: {said}");
    }
    assert!(said.contains("the command line on"), "{said}");

    // Even whoever owns the file leaves a mark.
    let database = rusqlite::Connection::open(&bench.database).unwrap();
    let refused = database.execute("UPDATE audit SET who = 'somebody else' WHERE id = 2", []);
    assert!(refused.is_err(), "the file itself refuses it");
    let triggers: Vec<String> = {
        let mut found = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for trigger in triggers {
        database.execute(&format!("DROP TRIGGER {trigger}"), []).unwrap();
    }
    let last: i64 = database.query_row("SELECT max(id) FROM audit", [], |row| row.get(0)).unwrap();
    database.execute("DELETE FROM audit WHERE id = ?1", [last]).unwrap();
    let words = bench.refused(&["audit"]);
    assert!(words.contains("is missing"), "{words}");
    assert_eq!(database.execute("UPDATE audit SET who = 'somebody else' WHERE id = 2", []).unwrap(), 1);
    let words = bench.refused(&["audit"]);
    assert!(words.contains("number 2 does not"), "{words}");
}
