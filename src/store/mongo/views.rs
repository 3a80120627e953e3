//! Views for people with mongosh: `log` and `recipients_state`. The program itself never reads them.

use super::failure::{Failure, Op};
use super::segment::SEGMENT;
use crate::domain::state::RecipientState;
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};

/// `NamespaceExists`.
const EXISTS: i32 = 48;

/// Makes the views, anew when their text has changed.
pub async fn make(db: &Database) -> Op<()> {
    make_one(db, "log", "attempts", log()).await?;
    make_one(db, "recipients_state", "recipients", recipients_state()).await
}

async fn make_one(db: &Database, name: &str, on: &str, pipeline: Vec<Document>) -> Op<()> {
    let wanted: Vec<Bson> = pipeline.iter().cloned().map(Bson::Document).collect();
    let command = doc! { "create": name, "viewOn": on, "pipeline": &wanted, "writeConcern": { "w": "majority" } };
    let Err(failure) = db.run_command(command.clone()).await.map_err(Failure::from) else { return Ok(()) };
    if failure.code() != Some(EXISTS) {
        return Err(failure);
    }
    let listed = db.run_command(doc! { "listCollections": 1, "filter": { "name": name } }).await?;
    let view = listed.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).ok();
    let view = view.and_then(|batch| batch.first()).and_then(Bson::as_document);
    let options = view.and_then(|view| view.get_document("options").ok());
    if options.and_then(|options| options.get_array("pipeline").ok()) == Some(&wanted) {
        return Ok(());
    }
    // `collMod` would need more rights than reading and writing. Another process may be as far as we are.
    db.run_command(doc! { "drop": name, "writeConcern": { "w": "majority" } }).await.ok();
    match db.run_command(command).await.map_err(Failure::from) {
        Err(failure) if failure.code() != Some(EXISTS) => Err(failure),
        _ => Ok(()),
    }
}

/// The log as it is defined: phone, status, timestamp, response; and where it comes from.
fn log() -> Vec<Document> {
    vec![doc! { "$project": {
        "_id": 0, "phone": 1, "status": 1, "timestamp": 1, "response": 1,
        "broadcast": "$_id.b", "seq": "$_id.s", "attempt": "$_id.a", "code": 1, "wamid": 1,
    } }]
}

/// Each recipient with the state, in words, and what is known of the newest attempt.
fn recipients_state() -> Vec<Document> {
    let segment = i64::from(SEGMENT);
    let words: Vec<Document> = RecipientState::ALL
        .into_iter()
        .map(|state| doc! { "case": { "$eq": ["$letter", state.letter().to_string()] }, "then": state.word() })
        .collect();
    let attempts = vec![
        doc! { "$match": { "$expr": { "$and": [
            { "$gte": ["$_id", { "b": "$$b", "s": "$$s" }] },
            { "$lt": ["$_id", { "b": "$$b", "s": { "$add": ["$$s", 1] } }] },
        ] } } },
        doc! { "$sort": { "_id": -1 } },
    ];
    // The attempt that is on the list of what waits; below any when nothing is.
    let waits_for = doc! { "$ifNull": ["$todo.attempt", 0] };
    let first = doc! { "$and": [
        { "$lte": ["$$w.v.from", "$_id.s"] }, { "$gt": ["$$w.v.to", "$_id.s"] }, { "$lte": [waits_for.clone(), 1] },
    ] };
    let again = doc! { "$anyElementTrue": { "$map": { "input": "$$w.v.again", "as": "r", "in": { "$and": [
        { "$eq": [{ "$arrayElemAt": ["$$r", 0] }, "$_id.s"] },
        { "$lte": [waits_for, { "$arrayElemAt": ["$$r", 1] }] },
    ] } } } };
    let windows = doc! { "$filter": {
        "input": { "$objectToArray": { "$ifNull": ["$lease.windows", {}] } },
        "as": "w",
        "cond": { "$and": [
            { "$eq": ["$$w.v.b", "$_id.b"] },
            { "$or": [first, again] },
            { "$gt": [{ "$toLong": "$$w.k" }, { "$ifNull": ["$todo.after", 0] }] },
        ] },
    } };
    let by_word = doc! { "$filter": {
        "input": { "$ifNull": [{ "$first": "$segment.decided" }, []] },
        "as": "d",
        "cond": { "$anyElementTrue": { "$map": { "input": "$$d.people", "as": "p", "in": {
            "$eq": [{ "$arrayElemAt": ["$$p", 0] }, { "$mod": ["$_id.s", segment] }],
        } } } },
    } };
    vec![
        doc! { "$set": { "segment": {
            "b": "$_id.b", "n": { "$toInt": { "$floor": { "$divide": ["$_id.s", segment] } } },
        } } },
        doc! { "$lookup": { "from": "segments", "localField": "segment", "foreignField": "_id", "as": "segment" } },
        doc! { "$lookup": { "from": "todo", "localField": "_id", "foreignField": "_id", "as": "todo" } },
        doc! { "$lookup": { "from": "broadcasts", "localField": "_id.b", "foreignField": "_id", "as": "broadcast" } },
        doc! { "$set": { "broadcast": { "$first": "$broadcast" }, "todo": { "$first": "$todo" } } },
        doc! { "$lookup": { "from": "leases", "localField": "broadcast.sender", "foreignField": "_id", "as": "lease" } },
        doc! { "$lookup": {
            "from": "attempts", "let": { "b": "$_id.b", "s": "$_id.s" }, "pipeline": attempts, "as": "attempts",
        } },
        doc! { "$set": {
            "lease": { "$first": "$lease" },
            "decided": { "$first": by_word },
            "letter": { "$substrCP": [{ "$first": "$segment.states" }, { "$mod": ["$_id.s", segment] }, 1] },
        } },
        doc! { "$set": { "letter": { "$cond": [
            { "$and": [{ "$eq": ["$letter", "q"] }, { "$gt": [{ "$size": windows }, 0] }] }, "g", "$letter",
        ] } } },
        doc! { "$project": {
            "_id": 0,
            "broadcast": "$_id.b",
            "label": "$broadcast.label",
            "seq": "$_id.s",
            "phone": 1,
            "name": 1,
            "values": 1,
            "state": { "$switch": { "branches": words, "default": "unknown" } },
            "skip": 1,
            "waits": { "$cond": [
                { "$eq": ["$todo.kind", "retry"] },
                { "due": "$todo.due", "attempt": "$todo.attempt", "why": "$todo.detail" },
                "$todo.detail",
            ] },
            "decided": "$decided.word",
            "attempts": 1,
        } },
    ]
}
