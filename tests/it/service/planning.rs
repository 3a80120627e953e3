//! What a broadcast or a schedule would do.

use crate::bed::{Bed, NOW, at, column, request};
use crate::by_hand::{ByHand, accepted};
use std::sync::atomic::{AtomicU64, Ordering};
use wacast::domain::binding::{Bindings, Source};
use wacast::domain::time::{DAY, HOUR, MINUTE};
use wacast::sandbox::PHONE_NUMBER_ID;
use wacast::service::Kind;
use wacast::service::view::BroadcastRequest;
use wacast::store::{UploadReport, UploadRow, Verdict};

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
    let shown: Vec<&str> = plan.samples.iter().map(|number| number.name.as_str()).collect();
    assert_eq!(shown, ["Asha"], "what is shown before it starts is what somebody gets");
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
