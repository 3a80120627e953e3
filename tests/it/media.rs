//! Files for headers that are kept on this machine: for as long as something goes out with them, and not for ever.

use crate::bed::{Bed, request};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;
use wacast::api::{self, ApiConfig};
use wacast::domain::binding::parse;
use wacast::service::view::BroadcastRequest;

fn put(path: &Path, days: u64) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, b"not really a picture").unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(24 * days)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_nothing_goes_out_with_are_removed_after_a_week() {
    let bed = Bed::new().await;
    bed.people("people", 2).await;
    let media = bed.folder.path().join("media");
    let of = |letter: &str| media.join(letter.repeat(32)).join("diwali.png");
    let (old, young, used, foreign) = (of("a"), of("b"), of("c"), media.join("elsewhere").join("diwali.png"));
    for (path, days) in [(&old, 8), (&young, 6), (&used, 90), (&foreign, 90)] {
        put(path, days);
    }
    let (broken, uploading) = (media.join(".tmp1"), media.join(".tmp2"));
    put(&broken, 2);
    put(&uploading, 0);
    let file = parse(&format!("header.link=@{}", used.display())).unwrap();
    let fixed = ["name=name", "button.0:=SAVE15"].map(|text| parse(text).unwrap());
    let with =
        BroadcastRequest { bindings: [file].into_iter().chain(fixed).collect(), ..request("new_arrivals", "people") };
    bed.service.add_schedule(&with, "0 18 * * *", "UTC").await.unwrap();

    let stop = CancellationToken::new();
    let config = ApiConfig { listen: "127.0.0.1:0".into(), media_folder: Some(media), ..ApiConfig::default() };
    let handle = api::serve(config, bed.service.clone(), stop.clone()).await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while old.exists() || broken.exists() {
        assert!(tokio::time::Instant::now() < deadline, "they are kept");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for kept in [young, used, foreign, uploading] {
        assert!(kept.exists(), "{}", kept.display());
    }
    stop.cancel();
    handle.ended().await;
}
