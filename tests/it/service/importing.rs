//! Numbers come in.

use crate::bed::{Bed, at, csv_request, request};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use wacast::domain::time::HOUR;
use wacast::service::Kind;
use wacast::service::import::{ImportOptions, ImportRequest, ImportSource, RejectsTo};
use wacast::store::{NewUpload, Repeat};

#[tokio::test]
async fn every_row_is_imported_a_duplicate_or_rejected() {
    let bed = Bed::new().await;
    let done = bed
        .import("diwali", "phone,name,city\n+12015550111,Asha,Pune\n9876543210,Ravi,Delhi\n+1 (201) 555-0111,Asha again,\nnone,X,\n,Y,\n")
        .await;
    let report = &done.upload.report;
    assert_eq!((report.received, report.imported, report.duplicates, report.rejected), (5, 2, 1, 2));
    assert_eq!(report.columns, ["city"]);
    assert_eq!(report.rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [5, 6]);
    assert_eq!(done.causes.iter().map(|(_, count)| count).sum::<u64>(), 2);
    assert!(!done.replay);
    assert_eq!((report.repeated, report.in_list_before()), (1, 0), "it stood in the file before, in no list");
    assert_eq!(report.repeats, [Repeat { row: 4, of: Some(2) }]);

    // Known to the list is a duplicate by the count, but the newer attributes count.
    let again = bed.import("diwali", "phone,name,city\n+12015550111,Asha,Mumbai\n+12015550112,Meera,Pune\n").await;
    let report = &again.upload.report;
    assert_eq!((report.received, report.imported, report.duplicates, report.rejected), (2, 1, 1, 0));
    assert_eq!((report.repeated, report.in_list_before()), (0, 1));
    let audience = bed.service.audience(Some("diwali")).await.unwrap();
    assert_eq!(audience.people, 3);
    assert_eq!(audience.columns, ["name", "phone", "city"]);
    let asha = audience.samples.iter().find(|number| number.name == "Asha").unwrap();
    assert_eq!(asha.attributes["city"], "Mumbai");
}

#[tokio::test]
async fn an_upload_of_nobody_says_so() {
    let bed = Bed::new().await;
    let done = bed.import("empty", "phone,name\nnone,A\nnothing,B\n").await;
    assert_eq!((done.upload.report.received, done.upload.report.rejected), (2, 2));
    assert!(done.notes.iter().any(|note| note.contains("none of its 2 rows")), "{:?}", done.notes);
    let error = bed.service.plan(&request("hello", "empty"), |_, _| {}).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Wrong, "nobody_to_send_to"));
}

#[tokio::test]
async fn a_large_file_comes_in_batches_and_its_duplicates_are_found_across_them() {
    let bed = Bed::new().await;
    let rows = 30_000;
    let mut csv = String::from("phone,name\n");
    for row in 0..rows {
        // Every third one repeats one of long before.
        let phone = if row % 3 == 2 { row / 3 } else { row };
        let _ = writeln!(csv, "+9198765{phone:05},P");
    }
    let mut steps = 0;
    let mut last = 0;
    let done = bed
        .service
        .import(csv_request("big", &csv), |progress| {
            steps += 1;
            assert_eq!(progress.received, progress.imported + progress.duplicates + progress.rejected);
            assert!(progress.received > last);
            last = progress.received;
        })
        .await
        .unwrap();
    let report = &done.upload.report;
    assert!(steps >= 30, "{steps} steps");
    assert_eq!(report.received, rows);
    assert_eq!(report.received, report.imported + report.duplicates + report.rejected);
    // Of the 10,000 repeats k every third one (2, 5, 8 …) is new after all, because row k repeated another.
    assert_eq!((report.imported, report.duplicates, report.rejected), (23_333, 6_667, 0));
    assert_eq!(report.repeated, 6_667);
    assert!(report.repeats.len() <= 20 && report.repeats.iter().all(|one| one.of.is_some_and(|of| of < one.row)));
    assert!(report.rejects.len() <= 100);
    assert_eq!(bed.service.audience(Some("big")).await.unwrap().people, report.imported);
}

#[tokio::test]
async fn an_import_that_its_caller_drops_leaves_nothing() {
    let bed = Bed::new().await;
    let csv: String =
        std::iter::once("phone\n".to_owned()).chain((0..20_000).map(|row| format!("+9198765{row:05}\n"))).collect();
    let key = Some(("key".to_owned(), "content".to_owned()));
    let seen = Arc::new(tokio::sync::Notify::new());
    let told = seen.clone();
    let request = ImportRequest { idempotency: key.clone(), ..csv_request("dropped", &csv) };
    tokio::select! {
        biased;
        () = seen.notified() => {}
        _ = bed.service.import(request, move |_| told.notify_one()) => panic!("it ended before it could be dropped"),
    }
    // Giving up runs beside; the key is free again when it is done.
    let free_again = async {
        loop {
            let request = ImportRequest { idempotency: key.clone(), ..csv_request("dropped", "phone\n+12015550111\n") };
            match bed.service.import(request, |_| {}).await {
                Ok(done) => break done,
                Err(error) => assert_eq!(error.code, "in_progress"),
            }
            tokio::task::yield_now().await;
        }
    };
    let again = tokio::time::timeout(Duration::from_mins(1), free_again).await.expect("it is given up");
    assert_eq!(again.upload.report.imported, 1);
    assert_eq!(bed.service.uploads(None, 10).await.unwrap().len(), 1);
    assert_eq!(bed.service.audience(Some("dropped")).await.unwrap().people, 1);
}

#[tokio::test]
async fn imports_are_refused_in_words() {
    let bed = Bed::new().await;
    let long = "x".repeat(81);
    for (list, code) in [("", "bad_list_name"), ("a\u{7}b", "bad_list_name"), (long.as_str(), "bad_list_name")] {
        let error = bed.service.import(csv_request(list, "phone\n+12015550111\n"), |_| {}).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Wrong, code), "{list}");
    }
    let with = |change: fn(&mut ImportRequest)| {
        let mut request = csv_request("list", "phone\n+12015550111\n");
        change(&mut request);
        request
    };
    for (request, kind, code) in [
        (
            with(|it| it.options = ImportOptions { country: Some("India".into()), ..ImportOptions::default() }),
            Kind::Wrong,
            "bad_country",
        ),
        (with(|it| it.source = ImportSource::Path("/no/such/file.csv".into())), Kind::NotFound, "no_such_file"),
        (
            with(|it| it.source = ImportSource::Bytes { name: "x".into(), bytes: b"name,city\nA,B\n".to_vec() }),
            Kind::Wrong,
            "bad_file",
        ),
        (with(|it| it.source = ImportSource::Bytes { name: "x".into(), bytes: vec![] }), Kind::Wrong, "bad_file"),
        (with(|it| it.tags = vec![String::new()]), Kind::Wrong, "bad_tag"),
        (
            with(|it| it.rejects = Some(RejectsTo::Path("/no/such/folder/rejects.csv".into()))),
            Kind::Wrong,
            "rejects_file",
        ),
    ] {
        let error = bed.service.import(request, |_| {}).await.unwrap_err();
        assert_eq!((error.kind, error.code), (kind, code), "{error}");
    }
    assert!(bed.service.uploads(None, 10).await.unwrap().is_empty());
    assert!(bed.service.lists().await.unwrap().iter().all(|list| list.people == 0));
}

#[tokio::test]
async fn all_rejects_go_to_their_file_and_the_report_keeps_a_hundred() {
    let bed = Bed::new().await;
    let path = bed.folder.path().join("rejects.csv");
    let csv: String = std::iter::once("phone\n".to_owned()).chain((0..250).map(|row| format!("bad {row}\n"))).collect();
    let request = ImportRequest { rejects: Some(RejectsTo::Path(path.clone())), ..csv_request("list", &csv) };
    let done = bed.service.import(request, |_| {}).await.unwrap();
    assert_eq!(done.upload.report.rejected, 250);
    assert_eq!(done.upload.report.rejects.len(), 100);
    assert_eq!(std::fs::read_to_string(done.rejects_path.unwrap()).unwrap().lines().count(), 251);
}

#[tokio::test]
async fn an_upload_that_a_crash_left_behind_is_given_up_after_an_hour() {
    let bed = Bed::new().await;
    let key = Some(("k".to_owned(), "c".to_owned()));
    let begun = NewUpload { list: "x".into(), source: "api".into(), tags: vec![], idempotency: key.clone() };
    bed.store.begin_upload(begun, at(crate::bed::NOW)).await.unwrap();
    let request = || ImportRequest { idempotency: key.clone(), ..csv_request("x", "phone\n+12015550111\n") };
    assert_eq!(bed.service.sweep_uploads().await.unwrap(), 0);
    assert_eq!(bed.service.import(request(), |_| {}).await.unwrap_err().code, "in_progress");
    bed.clock.advance(HOUR + 1);
    assert_eq!(bed.service.sweep_uploads().await.unwrap(), 1);
    assert_eq!(bed.service.import(request(), |_| {}).await.unwrap().upload.report.imported, 1);
}

/// `cargo test --test it a_million_rows -- --ignored --nocapture` prints what it took.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes in a debug build"]
async fn a_million_rows_need_no_more_memory_than_a_hundred_thousand() {
    let peak_kib = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let bed = Bed::new().await;
    let mut peaks = Vec::new();
    for (list, rows) in [("small", 100_000_u32), ("large", 1_000_000)] {
        let path = bed.folder.path().join(list);
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        writeln!(file, "phone,name,city").unwrap();
        for row in 0..rows {
            writeln!(file, "+9198{:08},Person {row},Pune", 10_000_000 + row).unwrap();
        }
        drop(file);
        let request = ImportRequest { source: ImportSource::Path(path), ..csv_request(list, "") };
        let begun = std::time::Instant::now();
        let done = bed.service.import(request, |_| {}).await.unwrap();
        let report = done.upload.report;
        assert_eq!((report.received, report.imported + report.rejected), (rows.into(), rows.into()));
        println!(
            "{rows} rows ({} imported) in {:?}, peak {} MiB",
            report.imported,
            begun.elapsed(),
            peak_kib() / 1_024
        );
        peaks.push(peak_kib());
    }
    assert!(peaks[1] < peaks[0] + 64 * 1_024, "{peaks:?} KiB");
}
