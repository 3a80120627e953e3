//! The ledger in MongoDB: the contract, and what is particular to a server.

use super::mongod::{Kind, Mongod, shared};
use super::store_contract::stage::{NOW, Run, SENDER, accepted, failed, in_doubt, phone, retry, running, undelivered};
use super::store_contract::trail::append_from_many_hands;
use super::store_contract::{Factory, contract_suite};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::Client;
use mongodb::bson::{DateTime, Document, doc};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use wacast::domain::pricing::Pricing;
use wacast::domain::state::RecipientState;
use wacast::domain::time::Millis;
use wacast::store::mongo::MongoStore;
use wacast::store::{DoubtDecision, RawReceipt, Store, StoreError, Verdict};

async fn open(url: &str) -> Result<MongoStore, StoreError> {
    MongoStore::open(url, Millis(1_800_000_000_000)).await
}

/// Stores in databases of their own on the shared server.
struct OnMongo;

#[async_trait]
impl Factory for OnMongo {
    async fn fresh(&self) -> Arc<dyn Store> {
        Arc::new(open(&shared().await.fresh_url()).await.unwrap())
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store.close().await;
        // The place ends with the database's name.
        let place = store.place();
        let database = place.rsplit('/').next().unwrap();
        Arc::new(open(&shared().await.url(database)).await.unwrap())
    }

    fn ttl_ms(&self) -> i64 {
        300
    }

    async fn let_leases_end(&self) {
        // Leases end by the server's clock, and nobody can move that one.
        tokio::time::sleep(Duration::from_millis(320)).await;
    }
}

contract_suite!(mongo, OnMongo);

async fn refusal(url: &str) -> StoreError {
    match open(url).await {
        Err(error) => error,
        Ok(store) => panic!("opened {}", store.place()),
    }
}

#[tokio::test]
async fn a_standalone_server_is_refused_with_the_way_out() {
    let mongod = Mongod::start(Kind::Standalone).await;
    let error = refusal(&mongod.url("wacast")).await;
    assert!(matches!(error, StoreError::Setup(_)), "{error:?}");
    let words = error.to_string();
    assert!(words.contains("--replSet rs0") && words.contains("rs.initiate()"), "{words}");
}

#[tokio::test]
async fn a_url_without_a_database_is_refused() {
    let mongod = shared().await;
    let error = refusal(&format!("mongodb://asha:s3cr3t@127.0.0.1:{}/?replicaSet=rs0", mongod.port())).await;
    assert!(matches!(error, StoreError::Setup(_)), "{error:?}");
    let words = error.to_string();
    assert!(words.contains("names no database") && !words.contains("s3cr3t") && !words.contains("asha"), "{words}");
}

#[tokio::test]
async fn wrong_credentials_are_named_but_not_shown() {
    let mongod = shared().await;
    let url = format!("mongodb://asha:s3cr3t@127.0.0.1:{}/wacast?replicaSet=rs0&authSource=admin", mongod.port());
    let error = refusal(&url).await;
    assert!(matches!(error, StoreError::Setup(_)), "{error:?}");
    let words = format!("{error} {error:?}");
    assert!(words.contains("user name and password"), "{words}");
    assert!(!words.contains("s3cr3t") && !words.contains("asha"), "{words}");
}

#[tokio::test]
async fn a_url_that_cannot_be_read_shows_no_credentials() {
    for url in ["mongodb://asha:s3c/r3t@db.example.com/wacast", "mongodb://asha:s3c@r3t@:0/wacast", "mongodb://"] {
        let error = refusal(url).await;
        assert!(matches!(error, StoreError::Setup(_)), "{url}: {error:?}");
        let words = format!("{error} {error:?}");
        assert!(!words.contains("s3c") && !words.contains("r3t") && !words.contains("asha"), "{words}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_unavailable() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = refusal(&format!("mongodb://asha:s3cr3t@127.0.0.1:{nobody}/wacast?replicaSet=rs0")).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let words = format!("{error} {error:?}");
    assert!(words.contains(&format!("127.0.0.1:{nobody}/wacast")), "{words}");
    assert!(!words.contains("s3cr3t") && !words.contains("asha"), "{words}");
}

#[tokio::test]
async fn a_newer_layout_is_refused() {
    let url = shared().await.fresh_url();
    let store = open(&url).await.unwrap();
    let client = Client::with_uri_str(&url).await.unwrap();
    let about = client.default_database().unwrap().collection::<Document>("about");
    about.update_one(doc! { "_id": "store" }, doc! { "$inc": { "schema": 1 } }).await.unwrap();
    let error = refusal(&url).await;
    assert!(matches!(&error, StoreError::Setup(words) if words.contains("newer wacast")), "{error:?}");
    store.close().await;
}

#[tokio::test]
async fn opening_twice_is_one_store() {
    let url = shared().await.fresh_url();
    let (one, two) = tokio::join!(open(&url), open(&url));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.id(), two.id());
    assert!(one.free_bytes().await.is_some_and(|bytes| bytes > 0));
    assert!(one.place().starts_with("mongodb at 127.0.0.1:"), "{}", one.place());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_unavailable_and_then_goes_on_without_reopening() {
    let mongod = Mongod::start(Kind::ReplicaSet).await;
    let store = open(&mongod.url("wacast")).await.unwrap();
    store.put_note("before", "kept").await.unwrap();
    mongod.kill();
    let error = store.put_note("during", "lost").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let receipt = RawReceipt { received_at: Millis(1), body: b"{}".to_vec() };
    let error = store.append_receipts(vec![receipt.clone()]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    mongod.restart().await;
    assert_eq!(store.note("before").await.unwrap().as_deref(), Some("kept"));
    store.append_receipts(vec![receipt]).await.unwrap();
    assert_eq!(store.receipts(10).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_gave_up_is_done_all_the_same() {
    let mongod = Mongod::start(Kind::ReplicaSet).await;
    let store = open(&mongod.url("wacast")).await.unwrap();
    mongod.freeze();
    // The first poll begins the write; then the caller goes.
    let begun = pin!(store.put_note("given up", "done")).poll(&mut Context::from_waker(Waker::noop()));
    assert!(begun.is_pending());
    mongod.thaw();
    store.close().await;
    let store = open(&mongod.url("wacast")).await.unwrap();
    assert_eq!(store.note("given up").await.unwrap().as_deref(), Some("done"));
}

/// All documents of a collection or view.
async fn all(url: &str, name: &str, filter: Document) -> Vec<Document> {
    let client = Client::with_uri_str(url).await.unwrap();
    let found = client.default_database().unwrap().collection::<Document>(name).find(filter).await.unwrap();
    found.try_collect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anyone_with_a_shell_can_read_states_and_log() {
    let url = shared().await.fresh_url();
    let store: Arc<dyn Store> = Arc::new(open(&url).await.unwrap());
    let run = running(&store, 10).await;
    let intents = run.open(8).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], failed(131_026)).await;
    run.settle(&intents[2], retry(131_016, NOW.plus(60_000))).await;
    run.settle(&intents[3], in_doubt()).await;
    run.settle(&intents[4], retry(131_016, NOW)).await;
    run.settle(&intents[5], Verdict::Unsent { due: None }).await;
    run.settle(&intents[6], accepted(&intents[6])).await;
    run.fold(6, 1, undelivered(131_049, Some(NOW.plus(60_000)))).await;
    let again = run.open(1).await;
    assert_eq!(again[0].seq, 5);
    let again = run.open(1).await;
    assert_eq!((again[0].seq, again[0].attempt), (4, 2));
    assert_eq!(run.letters().await, "afqiggqgqq");

    let mut states = all(&url, "recipients_state", doc! { "broadcast": run.id.as_str() }).await;
    states.sort_by_key(|state| state.get_i32("seq").unwrap());
    let words: Vec<&str> = states.iter().map(|state| state.get_str("state").unwrap()).collect();
    let told: Vec<&str> = run.rows().await.iter().map(|row| row.state.word()).collect();
    assert_eq!(words, told);
    assert_eq!(states[3].get_str("waits").unwrap(), "the connection was reset");
    assert_eq!(states[2].get_document("waits").unwrap().get_i32("attempt").unwrap(), 2);
    let one = all(&url, "recipients_state", doc! { "phone": phone(1).to_string() }).await;
    assert_eq!(one[0].get_array("attempts").unwrap().len(), 1, "by phone as well");

    let log = all(&url, "log", doc! { "phone": phone(0).to_string() }).await;
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].get_str("status").unwrap(), log[0].get_str("response").unwrap()), ("sent", "{\"ok\":1}"));
    assert_eq!(log[0].get_datetime("timestamp").unwrap().timestamp_millis(), NOW.0);
    assert_eq!(log[0].get_str("broadcast").unwrap(), run.id.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settled_window_leaves_the_lease_document() {
    let url = shared().await.fresh_url();
    let store: Arc<dyn Store> = Arc::new(open(&url).await.unwrap());
    let run = running(&store, 30).await;
    let windows = async || {
        let lease = all(&url, "leases", doc! { "_id": SENDER }).await.remove(0);
        lease.get_document("windows").map_or(0, Document::len)
    };
    for opened in 1..=3 {
        for intent in run.open(5).await {
            run.settle(&intent, accepted(&intent)).await;
        }
        assert_eq!(windows().await, 1, "after {opened} windows");
    }
    store.renew_lease(&run.lease, 60_000, "").await.unwrap();
    assert_eq!(windows().await, 0);
    run.open(5).await;
    run.open(5).await;
    assert_eq!(windows().await, 2);
    assert_eq!(store.requeue_unheld(&run.lease, &run.id, &[]).await.unwrap(), 10);
    assert_eq!(windows().await, 0, "what went back is not open any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_at_once_and_lose_nothing() {
    let url = shared().await.fresh_url();
    let store: Arc<dyn Store> = Arc::new(open(&url).await.unwrap());
    let run = running(&store, 240).await;
    let intents = run.open(240).await;
    let mut processes = tokio::task::JoinSet::new();
    for process in 0..2 {
        let store = open(&url).await.unwrap();
        let mine = intents.iter().filter(|intent| intent.seq % 2 == process);
        let outcomes: Vec<_> = mine.map(|intent| run.outcome(intent, accepted(intent))).collect();
        let lease = run.lease.clone();
        processes.spawn(async move {
            for batch in outcomes.chunks(10) {
                store.settle(&lease, batch.to_vec()).await.unwrap();
                let body = RawReceipt { received_at: NOW, body: vec![] };
                store.append_receipts(vec![body; 3]).await.unwrap();
            }
        });
    }
    processes.join_all().await;
    run.check().await;
    assert_eq!(run.letters().await, "a".repeat(240));
    let ids: Vec<u64> = store.log(None, 0, 5_000).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(ids, (1..=240).collect::<Vec<_>>(), "no number twice and none left out");
    let ids: Vec<u64> = store.receipts(100).await.unwrap().iter().map(|receipt| receipt.id).collect();
    assert_eq!(ids, (1..=72).collect::<Vec<_>>());
    assert_eq!(store.people_reached_since(NOW).await.unwrap(), 240);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_append_to_one_trail() {
    let url = shared().await.fresh_url();
    let (one, two) = (open(&url).await.unwrap(), open(&url).await.unwrap());
    append_from_many_hands(&[Arc::new(one), Arc::new(two)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anyone_with_a_shell_can_read_what_was_decided() {
    let url = shared().await.fresh_url();
    let store: Arc<dyn Store> = Arc::new(open(&url).await.unwrap());
    let run = running(&store, 5).await;
    for intent in run.open(4).await {
        run.settle(&intent, in_doubt()).await;
    }
    let decisions = [DoubtDecision::CountAsSent, DoubtDecision::GiveUp, DoubtDecision::SendAgain];
    for (seq, decision) in (0..).zip(decisions) {
        store.decide_doubts(&run.id, Some(&[seq]), decision, "asha asked them", NOW).await.unwrap();
    }
    store.doubt_queued(&run.lease, &run.id, Some(4), NOW).await.unwrap();
    let again = store.decide_doubts(&run.id, Some(&[2]), DoubtDecision::SendAgain, "once more", NOW).await;
    assert_eq!(again.unwrap(), 1);
    assert_eq!(run.open(1).await[0].attempt, 3, "the second may have been sent after the backup");
    let mut states = all(&url, "recipients_state", doc! { "broadcast": run.id.as_str() }).await;
    states.sort_by_key(|state| state.get_i32("seq").unwrap());
    let words: Vec<&str> = states.iter().map(|state| state.get_str("state").unwrap()).collect();
    assert_eq!(words, ["accepted", "failed", "sending", "in_doubt", "in_doubt"]);
    let decided: Vec<Option<&str>> = states.iter().map(|state| state.get_str("decided").ok()).collect();
    assert_eq!(decided, [Some("asha asked them"), Some("asha asked them"), None, None, None]);
    let todo = all(&url, "todo", doc! {}).await;
    assert_eq!(todo.len(), 2, "nothing waits for those who were settled, and a letter is enough for the last");
}

#[tokio::test]
async fn it_names_the_replica_set() {
    let url = shared().await.fresh_url();
    let here = open(&url).await.unwrap().whereabouts().await.unwrap();
    assert_eq!((here.machine.len(), here.object.as_str()), (24, ""), "{here:?}");
    assert!(here.machine.bytes().all(|byte| byte.is_ascii_hexdigit()), "{here:?}");
    assert!(url.contains(&format!("/{}?", here.place)), "{here:?}");
    let elsewhere = Mongod::start(Kind::ReplicaSet).await;
    let there = open(&elsewhere.url(&here.place)).await.unwrap().whereabouts().await.unwrap();
    assert_eq!(there.place, here.place);
    assert_ne!(there.machine, here.machine);
}

#[tokio::test]
async fn an_older_layout_is_brought_up() {
    let url = shared().await.fresh_url();
    let store = open(&url).await.unwrap();
    let client = Client::with_uri_str(&url).await.unwrap();
    let database = client.default_database().unwrap();
    let collection = |name: &str| database.collection::<Document>(name);
    collection("about").update_one(doc! { "_id": "store" }, doc! { "$set": { "schema": 1_i64 } }).await.unwrap();
    // Accepted messages were counted, and portions of those reached had a counter of their own.
    collection("quarters").insert_one(doc! { "accepted": 1 }).await.unwrap();
    collection("counters").insert_one(doc! { "_id": "reached", "n": 5_i64 }).await.unwrap();
    let reached = doc! { "_id": 5_i64, "quarter": DateTime::from_millis(NOW.0), "phones": [919_000_000_000_i64] };
    collection("reached").insert_one(reached).await.unwrap();

    // And a segment knew nothing of prices.
    let old = running(&(Arc::new(open(&url).await.unwrap()) as Arc<dyn Store>), 1).await;
    let intent = old.open_one().await;
    old.settle(&intent, accepted(&intent)).await;
    let forget = doc! { "$unset": { "marks": 1, "later_marks": 1, "prices": 1 } };
    collection("segments").update_many(doc! {}, forget).await.unwrap();
    collection("about").update_one(doc! { "_id": "store" }, doc! { "$set": { "schema": 4_i64 } }).await.unwrap();

    let again: Arc<dyn Store> = Arc::new(open(&url).await.unwrap());
    assert_eq!(again.id(), store.id());
    let old = Run { store: again.clone(), ..old };
    assert_eq!(again.prices(&old.id).await.unwrap(), []);
    let pricing = Pricing::of("utility", "regular", None);
    old.fold_all(vec![old.priced(0, 1, RecipientState::Delivered, pricing)]).await;
    assert_eq!(again.prices(&old.id).await.unwrap()[0].messages, 1);
    again.release_lease(&old.lease).await.unwrap();
    again.release_lease(&old.receipts).await.unwrap();
    let about = all(&url, "about", doc! { "_id": "store" }).await.remove(0);
    assert!(about.get_i64("schema").unwrap() > 1, "so that an older wacast leaves it alone");
    assert!(!database.list_collection_names().await.unwrap().contains(&"quarters".to_owned()));
    assert_eq!(again.people_reached_since(NOW).await.unwrap(), 2);
    let run = running(&again, 2).await;
    run.open_one().await;
    let intent = run.open_one().await;
    run.settle(&intent, accepted(&intent)).await;
    assert_eq!(again.people_reached_since(NOW).await.unwrap(), 3, "new portions come after the old ones");
}
