//! The ledger in MongoDB: the contract, and what is particular to a server.

use super::mongod::{Kind, Mongod, shared};
use super::store_contract::{Factory, contract_suite};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::Client;
use mongodb::bson::{Document, doc};
use std::sync::Arc;
use std::time::Duration;
use wacast::domain::time::Millis;
use wacast::store::mongo::MongoStore;
use wacast::store::{RawReceipt, Store, StoreError};

/// Stores in databases of their own on the shared server.
struct OnMongo;

#[async_trait]
impl Factory for OnMongo {
    async fn fresh(&self) -> Arc<dyn Store> {
        Arc::new(MongoStore::open(&shared().await.fresh_url()).await.unwrap())
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store.close().await;
        // The place ends with the database's name.
        let place = store.place();
        let database = place.rsplit('/').next().unwrap();
        Arc::new(MongoStore::open(&shared().await.url(database)).await.unwrap())
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
    match MongoStore::open(url).await {
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
    let store = MongoStore::open(&url).await.unwrap();
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
    let (one, two) = tokio::join!(MongoStore::open(&url), MongoStore::open(&url));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.id(), two.id());
    assert!(one.free_bytes().await.is_some_and(|bytes| bytes > 0));
    assert!(one.place().starts_with("mongodb at 127.0.0.1:"), "{}", one.place());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_unavailable_and_then_goes_on_without_reopening() {
    let mongod = Mongod::start(Kind::ReplicaSet).await;
    let store = MongoStore::open(&mongod.url("wacast")).await.unwrap();
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
    let store = MongoStore::open(&mongod.url("wacast")).await.unwrap();
    mongod.freeze();
    // A caller that waits so long and no longer: its future is dropped half-way.
    let given_up = tokio::time::timeout(Duration::from_millis(100), store.put_note("given up", "done")).await;
    assert!(given_up.is_err(), "a frozen server answered");
    mongod.thaw();
    store.close().await;
    let store = MongoStore::open(&mongod.url("wacast")).await.unwrap();
    assert_eq!(store.note("given up").await.unwrap().as_deref(), Some("done"));
}

/// All documents of a view.
async fn view(url: &str, name: &str) -> Vec<Document> {
    let client = Client::with_uri_str(url).await.unwrap();
    let found = client.default_database().unwrap().collection::<Document>(name).find(doc! {}).await.unwrap();
    found.try_collect().await.unwrap()
}
