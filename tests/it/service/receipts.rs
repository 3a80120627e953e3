//! Receipts come in.

use crate::bed::{Bed, at};
use wacast::service::Kind;
use wacast::service::receipts::BACKLOG_LIMIT;
use wacast::store::{Holder, LeaseAnswer, RECEIPTS, RawReceipt};

#[tokio::test]
async fn receipts_are_stored_together_and_each_caller_is_told() {
    let bed = Bed::new().await;
    let calls = (0..300).map(|number| {
        let service = bed.service.clone();
        tokio::spawn(async move { service.take_receipt(format!("{{\"n\":{number}}}").into_bytes()).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(bed.store.receipts(1_000).await.unwrap().len(), 300);
    let picture = bed.service.refresh().await;
    assert_eq!(picture.receipts.backlog, 300);
    assert_eq!(picture.receipts.last_at, Some(at(crate::bed::NOW)));
}

#[tokio::test]
async fn over_the_backlog_receipts_are_put_off_until_folding_has_caught_up() {
    let bed = Bed::new().await;
    let full = usize::try_from(BACKLOG_LIMIT).unwrap();
    let bodies = vec![RawReceipt { received_at: at(crate::bed::NOW), body: b"{}".to_vec() }; full / 10];
    for _ in 0..10 {
        bed.store.append_receipts(bodies.clone()).await.unwrap();
    }
    let error = bed.service.take_receipt(b"{}".to_vec()).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "receipts_backlog"));
    assert_eq!(bed.store.receipts_backlog().await.unwrap(), BACKLOG_LIMIT);

    let holder = Holder {
        process: "p".into(),
        host: "h".into(),
        pid: 1,
        boot_id: "b".into(),
        lock_file: "l".into(),
        face: "test".into(),
    };
    let lease = bed.store.take_lease(RECEIPTS, &holder, 60_000, None).await.unwrap();
    let LeaseAnswer::Granted(lease) = lease else { panic!("{lease:?}") };
    let half = bed.store.receipts(1).await.unwrap()[0].id + BACKLOG_LIMIT / 2;
    bed.store.fold_receipts(&lease, vec![], half).await.unwrap();
    bed.service.take_receipt(b"{}".to_vec()).await.unwrap();
}
