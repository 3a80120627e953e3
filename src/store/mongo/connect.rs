//! Opening: the connection's options, what the server must be, the schema's version, indexes and views.
//!
//! Nothing of the url but host names and the database's name is ever put into words.

use super::Inner;
use super::documents::{date, whole};
use super::failure::{Failure, Op};
use super::flights::Flights;
use super::views;
use crate::domain::ids::StoreId;
use crate::domain::time::Millis;
use crate::store::{StoreError, Whereabouts};
use futures_util::future::try_join_all;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, ReturnDocument, SelectionCriteria, WriteConcern};
use mongodb::options::{IndexOptions, ReadPreference};
use mongodb::{Client, IndexModel};
use std::time::Duration;

/// The layout that this program writes. A store with a newer one is refused.
const SCHEMA: i64 = 5;
/// The oldest server: transactions that make collections, and projections with expressions.
const OLDEST: (i64, i64) = (4, 4);
/// How long a server is looked for, and a connection waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// `NamespaceExists`.
const EXISTS: i32 = 48;

const COLLECTIONS: [&str; 21] = [
    "about",
    "attempts",
    "audit",
    "broadcasts",
    "counters",
    "leases",
    "lists",
    "notes",
    "numbers",
    "opt_out_events",
    "opt_outs",
    "reached",
    "receipts",
    "recipients",
    "rejects",
    "schedules",
    "segments",
    "templates",
    "todo",
    "uploads",
    "user_ids",
];

/// Earlier versions counted accepted messages there; `reached` has taken its place.
const FORMER: &str = "quarters";

/// Connects, checks and prepares. `url` may hold credentials.
pub async fn connect(url: &str, now: Millis) -> Result<Inner, StoreError> {
    let (options, database, place) = options(url).await?;
    let client = Client::with_options(options).map_err(|error| Failure::from(error).explain(&place))?;
    let inner = Inner {
        db: client.database(&database),
        client,
        place: place.clone(),
        id: StoreId::from_random(fastrand::u64(..)),
        writer: tokio::sync::Mutex::new(()),
        flights: Flights::default(),
        reached: tokio::sync::Mutex::default(),
        finds_by_wamid: tokio::sync::OnceCell::new(),
        sessions: super::sessions::Sessions::new(),
    };
    prepare(inner, now).await.map_err(|failure| failure.explain(&place))
}

async fn options(url: &str) -> Result<(ClientOptions, String, String), StoreError> {
    let mut options = ClientOptions::parse(url).await.map_err(|error| match error.kind.as_ref() {
        ErrorKind::InvalidArgument { message, .. } if !holds_secrets(url, message) => {
            StoreError::Setup(format!("[store] url is not a MongoDB connection string: {message}"))
        }
        ErrorKind::DnsResolve { .. } => {
            StoreError::Unavailable("the host names of [store] url cannot be resolved".to_owned())
        }
        _ => StoreError::Setup(
            "[store] url is not a MongoDB connection string (special characters in the user name or password \
             must be percent-encoded)"
                .to_owned(),
        ),
    })?;
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    let hosts = hosts.join(",");
    let Some(database) = options.default_database.clone().filter(|name| !name.is_empty()) else {
        return Err(StoreError::Setup(format!(
            "[store] url names no database: put one after the host, as in mongodb://{hosts}/wacast"
        )));
    };
    options.app_name = Some("wacast".to_owned());
    options.max_pool_size = Some(16);
    options.min_pool_size = Some(2);
    options.max_connecting = Some(4);
    options.server_selection_timeout = Some(PATIENCE);
    options.connect_timeout = Some(PATIENCE);
    // The promise rests on these, so the url cannot weaken them.
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.retry_writes = Some(true);
    options.retry_reads = Some(true);
    let place = format!("mongodb at {hosts}/{database}");
    Ok((options, database, place))
}

/// Whether words about a url hold a part of its user name or password.
fn holds_secrets(url: &str, words: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let Some((user_info, _)) = authority.rsplit_once('@') else { return false };
    user_info.split([':', '@', '/']).any(|part| !part.is_empty() && words.contains(part))
}

async fn prepare(mut inner: Inner, now: Millis) -> Op<Inner> {
    check_server(&inner).await?;
    let existing = inner.db.list_collection_names().await?;
    // All at once: each waits for the disk, and one wait does for all.
    let missing = COLLECTIONS.into_iter().filter(|name| !existing.iter().any(|known| known == name));
    try_join_all(missing.map(|name| make_collection(&inner, name))).await?;
    if existing.iter().any(|known| known == FORMER) {
        inner.documents(FORMER).drop().await?;
    }
    inner.id = about(&inner, now).await?;
    inner.join_counters().await?;
    indexes(&inner).await?;
    views::make(&inner.db).await?;
    Ok(inner)
}

async fn make_collection(inner: &Inner, name: &str) -> Op<()> {
    match inner.db.create_collection(name).await.map_err(Failure::from) {
        Err(failure) if failure.code() != Some(EXISTS) => Err(failure),
        _ => Ok(()),
    }
}

async fn check_server(inner: &Inner) -> Op<()> {
    let place = &inner.place;
    let hello = inner.db.run_command(doc! { "hello": 1 }).await?;
    let is_set = hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|word| word == "isdbgrid");
    if !is_set {
        return Err(StoreError::Setup(format!(
            "{place} is a standalone server, and transactions need a replica set; one node is enough: start mongod \
             with --replSet rs0 (or replication.replSetName: rs0 in mongod.conf), run rs.initiate() once in mongosh, \
             and add ?replicaSet=rs0 to [store] url"
        ))
        .into());
    }
    let info = inner.db.run_command(doc! { "buildInfo": 1 }).await?;
    let version = info.get_str("version").unwrap_or("unknown");
    let parts = info.get_array("versionArray").map(Vec::as_slice).unwrap_or_default();
    if (whole(parts.first()), whole(parts.get(1))) < OLDEST {
        return Err(StoreError::Setup(format!(
            "{place} is MongoDB {version}; {}.{} or newer is needed",
            OLDEST.0, OLDEST.1
        ))
        .into());
    }
    Ok(())
}

/// The store's id, made once, and the check of the schema's version.
async fn about(inner: &Inner, now: Millis) -> Op<StoreId> {
    let fresh = doc! {
        "$setOnInsert": { "store": StoreId::from_random(fastrand::u64(..)).as_str(), "made_at": date(now) },
        // All that a newer layout has is optional in the documents, so an older store is brought up by its number. The third
        // has the opt-outs: a program that does not know them must not send. The fourth numbers rows and portions together. The fifth
        // has prices in the segments, which a program that does not know them would drop.
        "$max": { "schema": SCHEMA },
    };
    let about = inner
        .documents("about")
        .find_one_and_update(doc! { "_id": "store" }, fresh)
        .upsert(true)
        .return_document(ReturnDocument::After)
        .await?
        .unwrap_or_default();
    let place = &inner.place;
    let schema = whole(about.get("schema"));
    if schema > SCHEMA {
        return Err(StoreError::Setup(format!(
            "{place} was written by a newer wacast (layout {schema}, this one knows {SCHEMA}): update wacast here"
        ))
        .into());
    }
    let id = about.get_str("store").ok().and_then(|id| id.parse().ok());
    id.ok_or_else(|| StoreError::Corrupt(format!("{place} has no id of its own")).into())
}

async fn indexes(inner: &Inner) -> Op<()> {
    let plain = |keys: Document| IndexModel::builder().keys(keys).build();
    let unique =
        |keys: Document| IndexModel::builder().keys(keys).options(IndexOptions::builder().unique(true).build()).build();
    let unique_if = |keys: Document, there: &str| {
        let options =
            IndexOptions::builder().unique(true).partial_filter_expression(doc! { there: { "$exists": true } }).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    let fixed = IndexModel::builder()
        .keys(doc! { "fixed_by": 1 })
        .options(IndexOptions::builder().partial_filter_expression(doc! { "fixed_by": { "$gt": 0 } }).build())
        .build();
    let key = "idempotency.key";
    let wanted = [
        ("attempts", vec![unique(doc! { "n": 1 }), plain(doc! { "_id.b": 1, "n": 1 })]),
        ("todo", vec![plain(doc! { "_id.b": 1, "kind": 1, "due": 1 })]),
        (
            "broadcasts",
            vec![
                plain(doc! { "no": -1 }),
                unique_if(doc! { key: 1 }, key),
                unique_if(doc! { "occurrence.schedule": 1, "occurrence.at": 1 }, "occurrence.schedule"),
            ],
        ),
        ("uploads", vec![plain(doc! { "list": 1, "state": 1 }), unique_if(doc! { key: 1 }, key)]),
        ("opt_out_events", vec![plain(doc! { "person": 1 })]),
        ("numbers", vec![plain(doc! { "phone": 1, "_id.u": 1 })]),
        // A person is found in all broadcasts by it; written at the freeze only.
        ("recipients", vec![plain(doc! { "phone": 1 })]),
        ("rejects", vec![fixed]),
    ];
    let make = async |(collection, models): (&str, Vec<IndexModel>)| {
        inner.documents(collection).create_indexes(models).await.map_err(Failure::from)
    };
    try_join_all(wanted.into_iter().map(make)).await?;
    Ok(())
}

/// Where the ledger is. What the user may not ask, or the server does not have, is left empty.
pub async fn whereabouts(inner: &Inner) -> Op<Whereabouts> {
    let command = doc! { "replSetGetConfig": 1 };
    let answer = inner.client.database("admin").run_command(command).await.map_err(Failure::from);
    let machine = match answer {
        Ok(answer) => replica_set_id(&answer).unwrap_or_default(),
        Err(failure) => match failure.explain(&inner.place) {
            StoreError::Unavailable(words) => return Err(StoreError::Unavailable(words).into()),
            _ => String::new(),
        },
    };
    Ok(Whereabouts { machine, place: inner.db.name().to_owned(), object: String::new() })
}

fn replica_set_id(answer: &Document) -> Option<String> {
    let settings = answer.get_document("config").ok()?.get_document("settings").ok()?;
    settings.get_object_id("replicaSetId").ok().map(ObjectId::to_hex)
}

/// Free bytes on the server's disk, when the user may know.
pub async fn free_bytes(inner: &Inner) -> Option<u64> {
    let stats = inner.db.run_command(doc! { "dbStats": 1 }).await.ok()?;
    let bytes = |field: &str| stats.get(field).map(|value: &Bson| whole(Some(value)));
    u64::try_from(bytes("fsTotalSize")?.checked_sub(bytes("fsUsedSize")?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_part_of_the_credentials_are_noticed() {
        let url = "mongodb://asha:pa:ss@word@db.example.com/wacast";
        assert!(holds_secrets(url, "the password ss is odd"));
        assert!(holds_secrets(url, "asha?"));
        assert!(!holds_secrets(url, "an option is unknown"));
        assert!(!holds_secrets("mongodb://db.example.com/wacast", "wacast"));
    }
}
