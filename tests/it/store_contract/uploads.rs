//! Uploads become visible whole, and a used key answers as it did before.

use super::Factory;
use super::stage::{NOW, begin_upload, new_upload, number, phone, rows, upload};
use wacast::domain::broadcast::UploadId;
use wacast::domain::time::HOUR;
use wacast::store::{NewUpload, Reject, Repeat, Store, UploadBegun, UploadReport};

fn with_key(key: &str, hash: &str) -> NewUpload {
    NewUpload { idempotency: Some((key.to_owned(), hash.to_owned())), ..new_upload("fans") }
}

async fn begin_with_key(store: &dyn Store, key: &str, hash: &str) -> UploadId {
    match store.begin_upload(with_key(key, hash), NOW).await.unwrap() {
        UploadBegun::New(id) => id,
        other => panic!("not new: {other:?}"),
    }
}

pub async fn nobody_sees_an_upload_before_its_end(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let id = begin_upload(&*store, "fans").await;
    store.add_rows(id, rows([1, 2])).await.unwrap();
    assert!(store.lists().await.unwrap().iter().all(|list| list.people == 0 && list.uploads == 0));
    assert!(store.uploads(None, 10).await.unwrap().is_empty());
    assert!(store.audience_uploads(None).await.unwrap().is_empty());

    let report = UploadReport {
        repeated: 1,
        repeats: vec![Repeat { row: 9, of: Some(2) }, Repeat { row: 10, of: None }],
        received: 4,
        imported: 2,
        duplicates: 1,
        rejected: 1,
        rejects: vec![Reject { row: 4, phone: "12".to_owned(), reason: "too short".to_owned() }],
        columns: vec!["name".to_owned(), "city".to_owned()],
    };
    let summary = store.finish_upload(id, report.clone(), NOW.plus(5)).await.unwrap();
    assert_eq!((summary.id, summary.list.as_str(), summary.source.as_str()), (id, "fans", "people.csv"));
    assert_eq!((summary.at, &summary.report), (NOW.plus(5), &report));
    assert_eq!(store.uploads(Some("fans"), 10).await.unwrap(), [summary]);
    assert_eq!(store.audience_uploads(None).await.unwrap(), [id]);
    assert_eq!(store.audience_size(&[id]).await.unwrap(), 2);
    let lists = store.lists().await.unwrap();
    assert_eq!(lists.len(), 1);
    assert_eq!((lists[0].name.as_str(), lists[0].people, lists[0].uploads), ("fans", 2, 1));
    assert_eq!(lists[0].last_upload_at, NOW.plus(5));
}

pub async fn known_phones_are_told_by_list_and_by_upload(stores: &dyn Factory) {
    let store = stores.fresh().await;
    upload(&*store, "fans", [1, 2]).await;
    upload(&*store, "others", [3]).await;
    let unfinished = begin_upload(&*store, "fans").await;
    store.add_rows(unfinished, rows([4])).await.unwrap();
    let id = begin_upload(&*store, "fans").await;
    store.add_rows(id, rows([5, 6])).await.unwrap();

    let asked = [9, 2, 3, 6, 4, 1, 5].map(phone);
    let (in_list, in_upload) = store.known_phones(id, &asked).await.unwrap();
    assert_eq!(in_list, [1, 5], "of this list and visible");
    assert_eq!(in_upload, [3, 6], "of this upload");
    assert_eq!(store.known_phones(id, &[]).await.unwrap(), (vec![], vec![]));
}

pub async fn a_list_counts_each_person_once(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let first = upload(&*store, "fans", [1, 2, 3]).await;
    let second = upload(&*store, "fans", [3, 4]).await;
    let other = upload(&*store, "beta", [1]).await;
    assert!(first < second && second < other, "upload ids rise");
    let lists = store.lists().await.unwrap();
    let seen: Vec<_> = lists.iter().map(|list| (list.name.as_str(), list.people, list.uploads)).collect();
    assert_eq!(seen, [("beta", 1, 1), ("fans", 4, 2)], "by name");
    let newest_first: Vec<_> = store.uploads(None, 2).await.unwrap().iter().map(|upload| upload.id).collect();
    assert_eq!(newest_first, [other, second]);
    let of_one: Vec<_> = store.uploads(Some("fans"), 9).await.unwrap().iter().map(|upload| upload.id).collect();
    assert_eq!(of_one, [second, first]);
}

pub async fn a_used_key_answers_as_before(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let id = begin_with_key(&*store, "key", "content").await;
    assert_eq!(store.begin_upload(with_key("key", "content"), NOW).await.unwrap(), UploadBegun::InProgress);
    store.add_rows(id, rows([1])).await.unwrap();
    let report = UploadReport { received: 1, imported: 1, ..UploadReport::default() };
    let summary = store.finish_upload(id, report, NOW).await.unwrap();

    let later = NOW.plus(HOUR);
    let again = store.begin_upload(with_key("key", "content"), later).await.unwrap();
    assert_eq!(again, UploadBegun::Replay(summary));
    assert_eq!(store.begin_upload(with_key("key", "other"), later).await.unwrap(), UploadBegun::KeyReused);
    assert!(matches!(store.begin_upload(with_key("key2", "content"), later).await.unwrap(), UploadBegun::New(_)));
}

pub async fn two_with_one_key_at_once_are_one_upload(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let (one, two) = tokio::join!(
        store.begin_upload(with_key("key", "content"), NOW),
        store.begin_upload(with_key("key", "content"), NOW)
    );
    let answers = [one.unwrap(), two.unwrap()];
    let new = answers.iter().filter(|answer| matches!(answer, UploadBegun::New(_))).count();
    let waiting = answers.iter().filter(|answer| **answer == UploadBegun::InProgress).count();
    assert_eq!((new, waiting), (1, 1), "{answers:?}");
}

pub async fn an_abandoned_upload_leaves_nothing(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let id = begin_with_key(&*store, "key", "content").await;
    store.add_rows(id, rows([1, 2])).await.unwrap();
    store.abandon_upload(id).await.unwrap();
    assert!(store.audience_uploads(None).await.unwrap().is_empty());
    assert!(store.finish_upload(id, UploadReport::default(), NOW).await.is_err(), "it is gone");

    let again = begin_with_key(&*store, "key", "content").await;
    assert_eq!(
        store.known_phones(again, &[phone(1)]).await.unwrap(),
        (vec![], vec![]),
        "the key is free, the rows went"
    );
}

pub async fn a_sweep_takes_old_unfinished_uploads_only(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let finished = upload(&*store, "fans", [1]).await;
    let old = begin_with_key(&*store, "key", "content").await;
    store.add_rows(old, rows([2])).await.unwrap();
    let UploadBegun::New(young) = store.begin_upload(new_upload("fans"), NOW.plus(HOUR)).await.unwrap() else {
        panic!("not new")
    };
    assert_eq!(store.sweep_uploads(NOW).await.unwrap(), 0, "begun at that time is not before it");
    assert_eq!(store.sweep_uploads(NOW.plus(1)).await.unwrap(), 1);
    assert_eq!(store.sweep_uploads(NOW.plus(1)).await.unwrap(), 0, "none twice");

    store.add_rows(young, rows([3])).await.unwrap();
    store.finish_upload(young, UploadReport::default(), NOW.plus(HOUR)).await.unwrap();
    assert_eq!(store.audience_uploads(Some("fans")).await.unwrap(), [finished, young]);
    assert_eq!(store.audience_size(&[finished, young]).await.unwrap(), 2);
    begin_with_key(&*store, "key", "content").await;
}

pub async fn nothing_is_added_to_a_finished_upload(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let id = upload(&*store, "fans", [1]).await;
    assert!(store.add_rows(id, rows([2])).await.is_err());
    assert!(store.abandon_upload(id).await.is_err() || store.audience_size(&[id]).await.unwrap() == 1);
    assert_eq!(store.audience_size(&[id]).await.unwrap(), 1);
    let (_, found) = store.audience_page(&[id], None, 10).await.unwrap().remove(0);
    assert_eq!(found, number(1));
}
