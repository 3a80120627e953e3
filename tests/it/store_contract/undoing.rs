//! A finished upload is undone: nobody of it is in any audience from then on, and all else stands.

use super::Factory;
use super::stage::{
    NOW, SENDER, definition, make, new_broadcast, new_upload, number, preparing, recipient, take, upload,
};
use wacast::domain::broadcast::{Cells, UploadId};
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::domain::time::HOUR;
use wacast::store::{AudiencePlace, KeptReject, NewUpload, Store, StoreError, UploadBegun, UploadReport};

async fn clear(store: &dyn Store) {
    while store.clear_uploads().await.unwrap() {}
}

pub async fn who_stands_elsewhere_stays_with_those_attributes(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let first = upload(&*store, "fans", [1, 2, 3]).await;
    let second = upload(&*store, "fans", [3, 4]).await;
    let other = upload(&*store, "beta", [4, 5]).await;
    let undone = store.undo_upload(second).await.unwrap();
    assert_eq!((undone.id, undone.list.as_str(), undone.report.received), (second, "fans", 2));

    for when in ["at once", "when its rows have gone"] {
        let lists = store.lists().await.unwrap();
        let seen: Vec<_> = lists.iter().map(|list| (list.name.as_str(), list.people, list.uploads)).collect();
        assert_eq!(seen, [("beta", 2, 1), ("fans", 3, 1)], "{when}");
        assert_eq!(store.audience_uploads(Some("fans")).await.unwrap(), [first], "{when}");
        let page = store.audience_page(&[first, other], None, 10).await.unwrap();
        let people: Vec<_> = page.into_iter().map(|(place, number)| (place.upload, number)).collect();
        let expected = [(first, 1), (first, 2), (first, 3), (other, 4), (other, 5)];
        assert_eq!(people, expected.map(|(upload, person)| (upload.0, number(person))), "{when}");
        let uploads: Vec<_> = store.uploads(None, 9).await.unwrap().iter().map(|one| one.id).collect();
        assert_eq!(uploads, [other, first], "{when}");
        assert!(matches!(store.upload(second).await, Err(StoreError::NotFound(_))), "{when}");
        assert!(matches!(store.undo_upload(second).await, Err(StoreError::NotFound(_))), "{when}");
        clear(&*store).await;
    }
    assert!(matches!(store.undo_upload(UploadId(99)).await, Err(StoreError::NotFound(_))));
}

pub async fn a_list_without_uploads_is_gone(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let only = upload(&*store, "fans", [1, 2]).await;
    store.undo_upload(only).await.unwrap();
    assert!(store.lists().await.unwrap().is_empty());
    assert!(matches!(store.audience_uploads(Some("fans")).await, Err(StoreError::NotFound(_))));
    let again = upload(&*store, "fans", [2]).await;
    assert!(again > only, "ids are not used again");
    let lists = store.lists().await.unwrap();
    assert_eq!((lists[0].people, lists[0].uploads), (1, 1));
    let store = stores.reopen(store).await;
    assert_eq!(store.lists().await.unwrap(), lists);
}

pub async fn nobody_of_it_is_known_any_more_and_its_key_is_free(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let keyed = || NewUpload { idempotency: Some(("key".to_owned(), "content".to_owned())), ..new_upload("fans") };
    let begin = async || match store.begin_upload(keyed(), NOW.plus(HOUR)).await.unwrap() {
        UploadBegun::New(id) => id,
        other => panic!("not new: {other:?}"),
    };
    let id = begin().await;
    store.add_rows(id, super::stage::rows([1, 2])).await.unwrap();
    store.finish_upload(id, UploadReport::default(), NOW).await.unwrap();
    upload(&*store, "fans", [2]).await;
    store.undo_upload(id).await.unwrap();

    let again = begin().await;
    let phones = [1, 2].map(super::stage::phone);
    assert_eq!(store.known_phones(again, &phones).await.unwrap(), (vec![1], vec![]), "only who stands elsewhere");
    store.add_rows(again, super::stage::rows([1, 2])).await.unwrap();
    store.finish_upload(again, UploadReport::default(), NOW).await.unwrap();
    assert_eq!(store.lists().await.unwrap()[0].people, 2);
}

pub async fn what_is_being_frozen_holds_its_uploads(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let broadcast = preparing(&*store, 0..3).await;
    let source = broadcast.definition.audience.uploads[0];
    let refused = store.undo_upload(source).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Conflict(why) if why.contains(broadcast.id.as_str())), "{refused}");

    // Stopped half-way it goes on from there some time.
    let lease = take(&*store, SENDER, "driver").await;
    let place = AudiencePlace { upload: source.0, row: 1 };
    store.add_recipients(&lease, &broadcast.id, 0, vec![recipient(0)], place).await.unwrap();
    store.pause(&broadcast.id, PauseReason::Operator, "", None).await.unwrap();
    assert!(matches!(store.undo_upload(source).await, Err(StoreError::Conflict(_))));

    store.resume(&broadcast.id, NOW).await.unwrap();
    let place = AudiencePlace { upload: source.0, row: 3 };
    store.add_recipients(&lease, &broadcast.id, 1, vec![recipient(1), recipient(2)], place).await.unwrap();
    store.begin_running(&lease, &broadcast.id, 3, NOW).await.unwrap();
    store.undo_upload(source).await.unwrap();
    clear(&*store).await;
    assert_eq!(store.recipients(&broadcast.id, None, None, 10).await.unwrap().len(), 3, "they are rows of their own");
    assert_eq!(store.counts(&broadcast.id).await.unwrap().total(), 3);
}

pub async fn no_audience_is_fixed_on_what_was_undone(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let gone = upload(&*store, "fans", [1, 2]).await;
    let stands = upload(&*store, "fans", [3]).await;
    store.undo_upload(gone).await.unwrap();
    let mut fixed = definition(Some("fans"));
    fixed.audience.uploads = vec![gone, stands];
    assert!(matches!(store.make_broadcast(new_broadcast(fixed.clone(), 3), NOW).await, Err(StoreError::Conflict(_))));
    let mut scheduled = new_broadcast(definition(Some("fans")), 3);
    (scheduled.status, scheduled.start_at) = (BroadcastStatus::Scheduled, Some(NOW));
    let scheduled = make(&*store, scheduled).await;
    assert!(matches!(store.start_broadcast(&scheduled.id, fixed.clone(), 3).await, Err(StoreError::Conflict(_))));
    fixed.audience.uploads = vec![stands];
    assert_eq!(store.start_broadcast(&scheduled.id, fixed, 1).await.unwrap().status, BroadcastStatus::Preparing);
}

pub async fn of_an_undo_and_a_start_at_once_one_is_refused(stores: &dyn Factory) {
    let store = stores.fresh().await;
    for round in 0..8 {
        let source = upload(&*store, &format!("list {round}"), [1, 2]).await;
        let mut fixed = definition(Some("list"));
        fixed.audience.uploads = vec![source];
        let (undone, made) =
            tokio::join!(store.undo_upload(source), store.make_broadcast(new_broadcast(fixed, 2), NOW));
        assert!(undone.is_ok() != made.is_ok(), "{round}: {undone:?} {made:?}");
    }
}

pub async fn a_large_upload_goes_in_portions(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let id = super::stage::begin_upload(&*store, "fans").await;
    for part in 0..3_u32 {
        let rows = (part * 5_000..(part + 1) * 5_000)
            .map(|person| wacast::store::UploadRow { row: person + 1, number: number(person) });
        store.add_rows(id, rows.collect()).await.unwrap();
    }
    store.finish_upload(id, UploadReport::default(), NOW).await.unwrap();
    upload(&*store, "fans", [7, 20_000]).await;
    store.undo_upload(id).await.unwrap();
    assert_eq!(store.lists().await.unwrap()[0].people, 2);
    clear(&*store).await;
    assert!(!store.clear_uploads().await.unwrap());
    assert_eq!(store.lists().await.unwrap()[0].people, 2);
}

fn reject(row: u32, cause: &str) -> KeptReject {
    let cells = vec![("phone".to_owned(), format!("98765 0000{row}")), ("city.$of".to_owned(), "Pune".to_owned())];
    KeptReject {
        row,
        cause: cause.to_owned(),
        phone: format!("98765 0000{row}"),
        reason: "no country code".to_owned(),
        cells: Cells { cells, phone: Some(0), name: None },
    }
}

pub async fn rejects_are_kept_whole_and_fixed_once(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let id = super::stage::begin_upload(&*store, "fans").await;
    let kept = vec![reject(2, "no_country"), reject(3, "too_short"), reject(4, "no_country"), reject(9, "no_country")];
    store.add_rejects(id, kept.clone()).await.unwrap();
    assert!(matches!(store.rejects(id, None, None, 10).await, Err(StoreError::NotFound(_))), "not before its end");
    store.finish_upload(id, UploadReport::default(), NOW).await.unwrap();
    assert!(store.add_rejects(id, vec![reject(11, "too_short")]).await.is_err(), "nor after it");

    assert_eq!(store.rejects(id, None, None, 10).await.unwrap(), kept);
    assert_eq!(store.rejects(id, None, Some(2), 2).await.unwrap(), kept[1..3]);
    assert_eq!(store.rejects(id, Some("too_short"), None, 10).await.unwrap(), kept[1..2]);
    let causes = async |store: &dyn Store| -> Vec<(String, u64, u64)> {
        let causes = store.reject_causes(id).await.unwrap();
        causes.into_iter().map(|one| (one.cause, one.open, one.fixed)).collect()
    };
    let said = |cause: &str, open, fixed| (cause.to_owned(), open, fixed);
    assert_eq!(causes(&*store).await, [said("no_country", 3, 0), said("too_short", 1, 0)]);

    let fix = super::stage::begin_upload(&*store, "fans").await;
    let late = super::stage::begin_upload(&*store, "fans").await;
    assert_eq!(store.claim_rejects(id, &[2, 4], fix).await.unwrap(), [2, 4]);
    assert_eq!(store.claim_rejects(id, &[2, 4, 9, 10], late).await.unwrap(), [9], "those that are not another's");
    assert_eq!(store.claim_rejects(id, &[2, 4], fix).await.unwrap(), [2, 4], "asked again they are still ours");
    store.abandon_upload(late).await.unwrap();
    store.add_rows(fix, super::stage::rows([1, 2])).await.unwrap();
    store.finish_upload(fix, UploadReport::default(), NOW).await.unwrap();
    let store = stores.reopen(store).await;
    assert_eq!(causes(&*store).await, [said("no_country", 1, 2), said("too_short", 1, 0)]);
    assert_eq!(store.rejects(id, None, None, 10).await.unwrap(), [kept[1].clone(), kept[3].clone()]);

    store.undo_upload(fix).await.unwrap();
    assert_eq!(causes(&*store).await, [said("no_country", 3, 0), said("too_short", 1, 0)], "open again");
    store.undo_upload(id).await.unwrap();
    clear(&*store).await;
    assert!(matches!(store.reject_causes(id).await, Err(StoreError::NotFound(_))));
}
