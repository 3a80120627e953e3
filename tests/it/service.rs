//! The use cases, over a real store and the sandbox.

use crate::bed::{Bed, NOW, at, column, csv_request, request};
use crate::by_hand::{ByHand, accepted};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wacast::domain::binding::{Bindings, Source};
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::domain::time::{DAY, HOUR, MINUTE};
use wacast::sandbox::PHONE_NUMBER_ID;
use wacast::service::Kind;
use wacast::service::import::{ImportOptions, ImportRequest, ImportSource, RejectsTo};
use wacast::service::receipts::BACKLOG_LIMIT;
use wacast::service::view::{BroadcastRequest, Driver};
use wacast::store::{Holder, LeaseAnswer, NewUpload, RECEIPTS, RawReceipt, Repeat, UploadReport, UploadRow, Verdict};

// ---- importing ----

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

// ---- planning ----

#[tokio::test]
async fn a_plan_says_what_it_would_do_and_does_nothing() {
    let bed = Bed::new().await;
    bed.import("diwali", "phone,name,city\n+12015550111,Asha,Pune\n+12015550112,,Delhi\n+12015550113,\"a     b\",\n")
        .await;
    let asked = BroadcastRequest { bindings: column("1", "Name"), ..request("order_update", "diwali") };
    let walked = AtomicU64::new(0);
    let plan = bed
        .service
        .plan(&asked, |done, all| {
            walked.store(done, Ordering::Relaxed);
            assert_eq!(all, 3);
        })
        .await
        .unwrap();
    assert_eq!((plan.people, plan.goes_to()), (3, 1));
    assert_eq!(walked.load(Ordering::Relaxed), 3);
    assert_eq!(plan.left_out.len(), 2, "{:?}", plan.left_out);
    assert_eq!(plan.left_out_first.len(), 2);
    assert_eq!(plan.left_out_at.iter().map(|at| at.row).collect::<Vec<_>>(), [3, 4], "rows of the file");
    assert_eq!(plan.samples.len(), 3);
    assert_eq!(plan.takes_ms, Some(17));
    assert_eq!(plan.sender.unwrap().id, PHONE_NUMBER_ID);
    assert_eq!(plan.repeat_of, None);
    assert!(plan.warnings.iter().any(|warning| warning.contains("receipts")), "{:?}", plan.warnings);
    assert!(bed.service.broadcasts(false, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn everybody_is_walked_once_also_when_no_cell_can_leave_anybody_out() {
    let bed = Bed::new().await;
    bed.people("diwali", 10).await;
    let fixed = Bindings::from([("1".to_owned(), Source::Text { text: "friend".into() })]);
    for bindings in [fixed, column("1", "phone")] {
        let asked = BroadcastRequest { bindings, ..request("order_update", "diwali") };
        let mut walked = Vec::new();
        let plan = bed.service.plan(&asked, |looked_at, of| walked.push((looked_at, of))).await.unwrap();
        assert_eq!((walked, plan.goes_to()), (vec![(10, 10)], 10));
    }
}

#[tokio::test]
async fn a_plan_says_who_got_the_same_template_lately() {
    let bed = Bed::new().await;
    let rows = |people: std::ops::Range<u32>| {
        people.fold(String::from("phone,name\n"), |csv, person| format!("{csv}+9198765{person:05},P\n"))
    };
    for (list, people) in [("first", 0..5), ("second", 3..9), ("third", 2..12), ("others", 20..23)] {
        bed.import(list, &rows(people)).await;
    }
    let told = async |template: &str, list: &str| {
        let plan = bed.service.plan(&request(template, list), |_, _| {}).await.unwrap();
        plan.warnings.into_iter().find(|warning| warning.contains("this template"))
    };
    let start = async |list: &str, label: &str| {
        let asked = BroadcastRequest { label: label.into(), ..request("hello", list) };
        bed.service.start(asked).await.unwrap().broadcast.id
    };
    let now = at(NOW);
    let first = start("first", "morning").await;
    let run = ByHand::run(&bed.store, &first, now).await;
    run.send(4, now, accepted).await;
    assert_eq!(
        told("hello", "third").await.unwrap(),
        format!("3 of them are getting this template now (morning, broadcast {first})"),
        "who waits in it gets it as well"
    );
    let refused = |_: &_| Verdict::Failed { code: 131_026, response: "{}".into(), retry_at: None };
    run.send(1, now, refused).await;
    run.complete(now).await;
    bed.clock.advance(5 * MINUTE);
    assert_eq!(
        told("hello", "third").await.unwrap(),
        format!("2 of them got this template 5 min ago (morning, broadcast {first})"),
        "but not who failed"
    );
    let another = BroadcastRequest { bindings: column("1", "name"), ..request("order_update", "third") };
    let plan = bed.service.plan(&another, |_, _| {}).await.unwrap();
    assert!(
        !plan.warnings.iter().any(|warning| warning.contains("this template")),
        "another message: {:?}",
        plan.warnings
    );
    assert_eq!(told("hello", "others").await, None);
    assert_eq!(told("hello", "first").await, None, "of the same people it is said that it looks like a repeat");

    let second = start("second", "").await;
    let run = ByHand::run(&bed.store, &second, bed.service.now()).await;
    run.send(6, bed.service.now(), accepted).await;
    run.complete(bed.service.now()).await;
    assert_eq!(
        told("hello", "third").await.unwrap(),
        format!(
            "7 of them got this template from 2 other broadcasts: 6, just now (broadcast {second}); 1, 5 min ago \
             (morning, broadcast {first})"
        ),
        "each person once"
    );
    bed.clock.advance(DAY - MINUTE);
    assert!(told("hello", "third").await.unwrap().starts_with("6 of them got this template 23 h 59 min ago"));
    bed.clock.advance(HOUR);
    assert_eq!(told("hello", "third").await, None);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_plan_and_by_start() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let with = |template: &str, change: fn(&mut BroadcastRequest)| {
        let mut asked = request(template, "diwali");
        change(&mut asked);
        asked
    };
    let text = |text: &str| Bindings::from([("1".to_owned(), Source::Text { text: text.into() })]);
    for (asked, kind, code, says) in [
        (with("hello", |it| it.list = Some("holi".into())), Kind::NotFound, "unknown_list", "diwali"),
        (with("hallo", |_| {}), Kind::Wrong, "template_missing", "hello"),
        (with("order_update", |it| it.language_code = "de".into()), Kind::Wrong, "template_missing", "en_US, hi"),
        (with("summer_sale", |_| {}), Kind::Wrong, "template_not_approved", "paused"),
        (with("login_code", |_| {}), Kind::Wrong, "variables_unbound", "variable 1"),
        (with("order_update", |_| {}), Kind::Wrong, "variables_unbound", "1"),
        (
            BroadcastRequest { bindings: column("1", "town"), ..with("order_update", |_| {}) },
            Kind::Wrong,
            "columns_missing",
            "no column \"town\" for variable 1 (there are: name, phone, city)",
        ),
        (
            BroadcastRequest { bindings: column("2", "city"), ..with("hello", |_| {}) },
            Kind::Wrong,
            "variables_unknown",
            "2",
        ),
        (BroadcastRequest { bindings: text(" "), ..with("order_update", |_| {}) }, Kind::Wrong, "bad_text", "blank"),
        (with("hello", |it| it.messages_per_second = Some(61.0)), Kind::Wrong, "pace_too_high", "60"),
        (with("hello", |it| it.messages_per_second = Some(0.0)), Kind::Wrong, "bad_pace", "0.1"),
        (with("hello", |it| it.messages_per_second = Some(f64::NAN)), Kind::Wrong, "bad_pace", "0.1"),
        (with("hello", |it| it.start_at = Some(at(crate::bed::NOW))), Kind::Wrong, "in_the_past", "past"),
        (with("hello", |it| it.label = "x".repeat(201)), Kind::Wrong, "bad_label", "200"),
    ] {
        let planned = bed.service.plan(&asked, |_, _| {}).await.unwrap_err();
        let started = bed.service.start(asked).await.unwrap_err();
        assert_eq!((planned.kind, planned.code), (kind, code), "{planned}");
        assert_eq!((started.kind, started.code), (kind, code), "{started}");
        assert!(planned.message.contains(says), "{planned}");
    }
    assert!(bed.service.broadcasts(false, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_blocked_sender_is_refused_and_a_limited_one_is_warned_of() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let change = |can: &str| {
        bed.sandbox
            .change_sender(PHONE_NUMBER_ID, |sender| {
                sender.can_send_message = can.into();
                sender.health_note = "Too many complaints.".into();
            })
            .unwrap();
    };
    change("BLOCKED");
    let error = bed.service.start(request("hello", "diwali")).await.unwrap_err();
    assert_eq!(error.code, "sender_blocked");
    assert!(error.message.contains("Too many complaints"), "{error}");
    change("LIMITED");
    let plan = bed.service.plan(&request("hello", "diwali"), |_, _| {}).await.unwrap();
    assert!(plan.warnings.iter().any(|warning| warning.contains("limits")), "{:?}", plan.warnings);
}

#[tokio::test]
async fn without_whatsapp_what_is_known_is_used_and_said() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let cut_off = bed.cut_off();
    let error = cut_off.plan(&request("hello", "diwali"), |_, _| {}).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "api_away"));
    assert_eq!(cut_off.sender().await.unwrap_err().code, "api_away");

    bed.service.sync_templates().await.unwrap();
    bed.service.sender().await.unwrap();
    bed.clock.advance(2 * HOUR);
    let plan = cut_off.plan(&request("hello", "diwali"), |_, _| {}).await.unwrap();
    assert_eq!(plan.warnings.iter().filter(|warning| warning.contains("2 h ago")).count(), 2, "{:?}", plan.warnings);
    assert_eq!(plan.sender.unwrap().id, PHONE_NUMBER_ID);
    let known = cut_off.sender().await.unwrap();
    assert!(known.trouble.is_some());
    assert_eq!(known.asked_at, at(crate::bed::NOW));
}

#[tokio::test]
async fn the_budget_is_what_the_sender_may_and_has_not_used() {
    let bed = Bed::new().await;
    bed.people("diwali", 300).await;
    assert_eq!(bed.service.budget().await.unwrap(), None, "nothing is known before the sender was asked");
    bed.sandbox.change_sender(PHONE_NUMBER_ID, |sender| sender.messaging_limit = "TIER_250".into()).unwrap();
    let plan = bed.service.plan(&request("hello", "diwali"), |_, _| {}).await.unwrap();
    assert_eq!(plan.budget.unwrap().left(), 250);
    assert!(plan.warnings.iter().any(|warning| warning.contains("50 of this broadcast wait")), "{:?}", plan.warnings);
}

// ---- starting ----

#[tokio::test]
async fn a_start_fixes_template_variables_and_audience() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let asked = BroadcastRequest {
        bindings: column("1", "NAME"),
        label: " Diwali ".into(),
        ..request("order_update", "diwali")
    };
    let started = bed.service.start(BroadcastRequest { expect: Some(3), ..asked }).await.unwrap();
    assert!(!started.replay);
    let broadcast = started.broadcast;
    assert_eq!((broadcast.status, broadcast.total), (BroadcastStatus::Preparing, 3));
    let definition = &broadcast.definition;
    assert_eq!(definition.label, "Diwali");
    assert_eq!(definition.template.name, "order_update");
    assert_eq!(definition.bindings, column("1", "name"), "columns as the uploads write them");
    assert_eq!(definition.audience.uploads.len(), 1);
    // Whoever comes later is not in it.
    bed.import("diwali", "phone\n+12015550199\n").await;
    let view = bed.service.broadcast(&broadcast.id).await.unwrap();
    assert_eq!(view.broadcast.definition.audience.uploads.len(), 1);
    assert_eq!(view.to_json()["recipients"], 3);
}

#[tokio::test]
async fn an_audience_of_another_size_than_said_is_refused_with_both_figures() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let error =
        bed.service.start(BroadcastRequest { expect: Some(4), ..request("hello", "diwali") }).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Conflict, "count_differs"));
    assert_eq!((&error.details["expected"], &error.details["people"]), (&4.into(), &3.into()));
    assert!(bed.service.broadcasts(false, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_repeat_within_a_day_is_refused_unless_it_says_so() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let asked = request("hello", "diwali");
    let first = bed.service.start(asked.clone()).await.unwrap().broadcast;
    assert_eq!(bed.service.plan(&asked, |_, _| {}).await.unwrap().repeat_of, Some(first.id.clone()));
    let error = bed.service.start(asked.clone()).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Conflict, "looks_like_repeat"));
    assert_eq!(error.details["broadcast_id"], first.id.as_str());
    bed.service.start(BroadcastRequest { repeat: true, ..asked.clone() }).await.unwrap();

    bed.clock.advance(DAY + 1);
    assert_eq!(bed.service.plan(&asked, |_, _| {}).await.unwrap().repeat_of, None);
    let third = bed.service.start(asked.clone()).await.unwrap().broadcast;
    // One that was cancelled before anybody was sent to does not count.
    let cancelled = bed.service.cancel(&third.id).await.unwrap();
    assert_eq!((cancelled.broadcast.status, cancelled.will_not_get_it), (BroadcastStatus::Cancelled, 3));
    assert_eq!(bed.service.plan(&asked, |_, _| {}).await.unwrap().repeat_of, None);
    bed.service.start(asked).await.unwrap();
}

#[tokio::test]
async fn a_key_gives_the_same_answer_however_things_have_gone_on() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let key = |content: &str| Some(("order-17".to_owned(), content.to_owned()));
    let asked = BroadcastRequest {
        idempotency: key("a"),
        start_at: Some(at("2026-11-08T11:00:00Z")),
        expect: Some(3),
        ..request("order_update", "diwali")
    };
    let asked = BroadcastRequest { bindings: column("1", "name"), ..asked };
    let first = bed.service.start(asked.clone()).await.unwrap();
    assert_eq!(first.broadcast.status, BroadcastStatus::Scheduled);
    // Its time has passed, its template is paused, its list has grown, it is under way: the answer is the same.
    bed.people("diwali", 5).await;
    bed.service.fire(&first.broadcast).await.unwrap();
    bed.sandbox.set_template_status("order_update", "en_US", "PAUSED").unwrap();
    bed.clock.advance(2 * HOUR);
    let again = bed.service.start(asked.clone()).await.unwrap();
    assert!(again.replay);
    assert_eq!(
        (again.broadcast.id, again.broadcast.status, again.broadcast.total),
        (first.broadcast.id, BroadcastStatus::Scheduled, 3)
    );
    let error = bed.service.start(BroadcastRequest { idempotency: key("b"), ..asked }).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Wrong, "key_reused"));
    assert_eq!(bed.service.broadcasts(false, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_start_many_times_at_once_makes_one_broadcast() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let starts = (0..16).map(|_| {
        let service = bed.another();
        let asked = BroadcastRequest { idempotency: Some(("k".into(), "c".into())), ..request("hello", "diwali") };
        tokio::spawn(async move { service.start(asked).await })
    });
    let mut ids = std::collections::HashSet::new();
    let mut new = 0;
    for start in starts.collect::<Vec<_>>() {
        let started = start.await.unwrap().unwrap();
        new += u32::from(!started.replay);
        ids.insert(started.broadcast.id);
    }
    assert_eq!((ids.len(), new), (1, 1));
}

// ---- looking and commanding ----

#[tokio::test]
async fn pause_resume_and_cancel_do_what_they_say() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let id = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast.id;
    let paused = bed.service.pause(&id).await.unwrap();
    assert_eq!((paused.status, paused.reason), (BroadcastStatus::Paused, Some(PauseReason::Operator)));
    assert_eq!(bed.service.resume(&id).await.unwrap().status, BroadcastStatus::Preparing);
    assert_eq!(bed.service.resume(&id).await.unwrap_err().kind, Kind::Conflict);
    assert_eq!(bed.service.would_not_get_it(&id).await.unwrap(), 3);
    assert_eq!(bed.service.cancel(&id).await.unwrap().will_not_get_it, 3);
    for error in [
        bed.service.pause(&id).await.unwrap_err(),
        bed.service.resume(&id).await.unwrap_err(),
        bed.service.cancel(&id).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::Conflict, "{error}");
    }
    let nobody = "00000000".parse().unwrap();
    for error in [
        bed.service.broadcast(&nobody).await.unwrap_err(),
        bed.service.cancel(&nobody).await.unwrap_err(),
        bed.service.log(Some(&nobody), 0, 10).await.unwrap_err(),
        bed.service.report(&nobody, false, std::io::sink()).await.unwrap_err(),
    ] {
        assert_eq!((error.kind, error.code), (Kind::NotFound, "unknown_broadcast"));
    }
}

#[tokio::test]
async fn the_pace_is_not_set_where_nobody_drives() {
    let bed = Bed::new().await;
    assert_eq!(bed.service.set_pace(10.0).unwrap_err().code, "not_driving");
    assert_eq!(bed.service.set_pace(100.0).unwrap_err().code, "pace_too_high");
    assert_eq!(bed.service.set_pace(-1.0).unwrap_err().code, "bad_pace");
}

#[tokio::test]
async fn the_picture_shows_what_is_open_and_who_is_missing() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    bed.service.sync_templates().await.unwrap();
    let later = BroadcastRequest { start_at: Some(at("2026-11-08T11:00:00Z")), ..request("hello", "diwali") };
    let scheduled = bed.service.start(later).await.unwrap().broadcast;
    let asked = BroadcastRequest { repeat: true, ..request("hello", "diwali") };
    let now = bed.service.start(asked).await.unwrap().broadcast;
    let picture = bed.service.refresh().await;
    let open: Vec<_> = picture.open.iter().map(|view| view.broadcast.id.clone()).collect();
    assert_eq!(open, [now.id, scheduled.id.clone()], "under way first");
    assert_eq!(picture.driver, Driver::Nobody);
    assert_eq!(picture.lists[0].people, 3);
    assert_eq!((picture.templates.0, picture.templates.1), (10, 8));
    assert!(
        picture.problems.iter().any(|problem| problem.what.contains("no running wacast")),
        "{:?}",
        picture.problems
    );

    bed.service.hold(&scheduled, "it was due long ago").await.unwrap();
    let picture = bed.service.refresh().await;
    let problem = picture.problems.iter().find(|problem| problem.broadcast.as_ref() == Some(&scheduled.id)).unwrap();
    assert!(problem.what.contains("it was due long ago"), "{problem:?}");
}

#[tokio::test(start_paused = true)]
async fn the_picture_follows_changes_by_itself() {
    let bed = Bed::new().await;
    let mut pictures = bed.service.snapshot();
    bed.people("diwali", 3).await;
    pictures.wait_for(|picture| picture.lists.iter().any(|list| list.people == 3)).await.unwrap();
    // Another process's change is seen without a bell.
    bed.another().start(request("hello", "diwali")).await.unwrap();
    pictures.wait_for(|picture| picture.open.len() == 1).await.unwrap();
}

#[tokio::test]
async fn a_report_has_a_line_for_everybody() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let id = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast.id;
    let mut csv = Vec::new();
    assert_eq!(bed.service.report(&id, false, &mut csv).await.unwrap(), 0, "nobody is frozen yet");
    assert!(String::from_utf8(csv).unwrap().starts_with("phone,name,state,attempts,code,title,"));
}

// ---- receipts ----

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
async fn a_schedule_is_checked_when_it_is_made() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    for (template, cron, zone, code) in [
        ("hello", "0 18 * *", "Asia/Kolkata", "bad_cron"),
        ("hello", "0 18 * * *", "Kolkata", "bad_zone"),
        ("hello", "0 0 31 2 *", "Asia/Kolkata", "never_fires"),
        ("summer_sale", "0 18 * * *", "Asia/Kolkata", "template_not_approved"),
    ] {
        let error = bed.service.add_schedule(&request(template, "diwali"), cron, zone).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Wrong, code), "{error}");
    }
    let schedule = bed.service.add_schedule(&request("hello", "diwali"), "0 18 * * *", "Asia/Kolkata").await.unwrap();
    assert_eq!(schedule.next_fire_at, Some(at("2026-11-08T12:30:00Z")));
    bed.service.enable_schedule(&schedule.id, false).await.unwrap();
    bed.clock.advance(DAY + 30 * MINUTE);
    let on = bed.service.enable_schedule(&schedule.id, true).await.unwrap();
    assert_eq!(on.next_fire_at, Some(at("2026-11-09T12:30:00Z")), "what passed while it was off is not made up for");
    assert_eq!(bed.service.schedules().await.unwrap(), [on]);
    let unknown = bed.service.enable_schedule(&"00000000".parse().unwrap(), true).await.unwrap_err();
    assert_eq!((unknown.kind, unknown.code), (Kind::NotFound, "unknown_schedule"));
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

/// `cargo test --test it a_million_people -- --ignored --nocapture` prints how long it took.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes in a debug build"]
async fn a_million_people_are_asked_for_lately_while_the_plan_is_made() {
    const PEOPLE: u32 = 1_000_000;
    let bed = Bed::new().await;
    // The second list has half of the first, in another order.
    for (list, from, turned) in [("first", 0, false), ("second", PEOPLE / 2, true)] {
        let upload = crate::store_contract::stage::begin_upload(&*bed.store, list).await;
        for begin in (0..PEOPLE).step_by(5_000) {
            let person = |row: u32| {
                from + if turned { u32::try_from(u64::from(row) * 7_919 % u64::from(PEOPLE)).unwrap() } else { row }
            };
            let rows = (begin..begin + 5_000)
                .map(|row| UploadRow { row: row + 1, number: crate::store_contract::stage::number(person(row)) });
            bed.store.add_rows(upload, rows.collect()).await.unwrap();
        }
        let report = UploadReport { received: PEOPLE.into(), imported: PEOPLE.into(), ..UploadReport::default() };
        bed.store.finish_upload(upload, report, at(NOW)).await.unwrap();
    }
    let took = async |words: &str| {
        let begun = std::time::Instant::now();
        let plan = bed.service.plan(&request("hello", "second"), |_, _| {}).await.unwrap();
        println!("{words}: {:?}", begun.elapsed());
        plan.warnings.into_iter().find(|warning| warning.contains("this template"))
    };
    assert_eq!(took("nobody got it lately").await, None);
    let first = bed.service.start(request("hello", "first")).await.unwrap().broadcast.id;
    ByHand::run(&bed.store, &first, at(NOW)).await;
    let told = took("half of them do").await.unwrap();
    assert!(told.starts_with("500,000 of them are getting this template now"), "{told}");
}
