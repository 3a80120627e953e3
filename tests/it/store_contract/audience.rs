//! The audience: each person once, at the newest upload that has them, in a walk that can be taken up again.

use super::Factory;
use super::stage::{NOW, begin_upload, number, phone, upload};
use wacast::domain::broadcast::{Number, UploadId};
use wacast::store::{AudiencePlace, Store, StoreError, UploadReport, UploadRow};

async fn walk(store: &dyn Store, uploads: &[UploadId], page: u32) -> Vec<(AudiencePlace, Number)> {
    let mut found: Vec<(AudiencePlace, Number)> = vec![];
    loop {
        let after = found.last().map(|(place, _)| *place);
        let next = store.audience_page(uploads, after, page).await.unwrap();
        assert!(next.len() <= page as usize);
        if next.is_empty() {
            return found;
        }
        found.extend(next);
    }
}

fn people(found: &[(AudiencePlace, Number)]) -> Vec<u64> {
    found.iter().map(|(_, number)| number.phone.digits() - phone(0).digits()).collect()
}

pub async fn everybody_once_at_the_newest_row(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let first = upload(&*store, "fans", [3, 1, 2]).await;
    let second = begin_upload(&*store, "guests").await;
    let mut renamed = number(1);
    "Asha".clone_into(&mut renamed.name);
    renamed.attributes.insert("city".to_owned(), "Pune".to_owned());
    let added = vec![UploadRow { row: 2, number: number(5) }, UploadRow { row: 7, number: renamed.clone() }];
    store.add_rows(second, added).await.unwrap();
    store.finish_upload(second, UploadReport::default(), NOW).await.unwrap();

    let uploads = store.audience_uploads(None).await.unwrap();
    assert_eq!(uploads, [first, second]);
    assert_eq!(store.audience_size(&uploads).await.unwrap(), 4);
    let found = walk(&*store, &uploads, 5_000).await;
    assert_eq!(people(&found), [3, 2, 5, 1], "by upload and row, person 1 at the newer row");
    assert_eq!(found[3], (AudiencePlace { upload: second.0, row: 7 }, renamed), "the newest attributes win");
    assert_eq!(found[1], (AudiencePlace { upload: first.0, row: 3 }, number(2)));
}

pub async fn one_list_alone(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let fans = upload(&*store, "fans", [1, 2]).await;
    upload(&*store, "guests", [2, 3]).await;
    let more = upload(&*store, "fans", [4, 1]).await;
    let uploads = store.audience_uploads(Some("fans")).await.unwrap();
    assert_eq!(uploads, [fans, more]);
    assert_eq!(store.audience_size(&uploads).await.unwrap(), 3);
    assert_eq!(people(&walk(&*store, &uploads, 10).await), [2, 4, 1], "another list's newer row does not matter");
}

pub async fn pages_of_any_size_make_the_same_walk(stores: &dyn Factory) {
    let store = stores.fresh().await;
    upload(&*store, "fans", 0..40).await;
    upload(&*store, "fans", (10..20).rev()).await;
    upload(&*store, "guests", [5, 50, 6, 51]).await;
    let uploads = store.audience_uploads(None).await.unwrap();
    let whole = walk(&*store, &uploads, 5_000).await;
    assert_eq!(whole.len() as u64, store.audience_size(&uploads).await.unwrap());
    assert_eq!(whole.len(), 42);
    assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0), "places rise");
    for page in [1, 2, 7, 41, 42, 43] {
        assert_eq!(walk(&*store, &uploads, page).await, whole, "pages of {page}");
    }
}

pub async fn a_fixed_audience_does_not_see_later_uploads(stores: &dyn Factory) {
    let store = stores.fresh().await;
    upload(&*store, "fans", [1, 2]).await;
    let fixed = store.audience_uploads(Some("fans")).await.unwrap();
    let before = walk(&*store, &fixed, 10).await;
    upload(&*store, "fans", [2, 3]).await;
    assert_eq!(walk(&*store, &fixed, 10).await, before);
    assert_eq!(store.audience_size(&fixed).await.unwrap(), 2);
}

pub async fn an_unknown_list_is_not_found(stores: &dyn Factory) {
    let store = stores.fresh().await;
    upload(&*store, "fans", [1]).await;
    let error = store.audience_uploads(Some("fan")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound(_)), "{error}");
    assert_eq!(store.audience_size(&[]).await.unwrap(), 0);
    assert!(store.audience_page(&[], None, 10).await.unwrap().is_empty());
}
