//! What WhatsApp does not let an account or a sender do holds for everything that would be sent now, however it was begun;
//! and an operator can say that it is over.

use crate::bed::{Bed, NOW, at, request};
use crate::by_hand::{ByHand, accepted};
use crate::real::Workplace;
use wacast::domain::account::{RESTRICTION_NOTE, Restriction};
use wacast::domain::broadcast::Pick;
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::domain::time::{DAY, HOUR, MINUTE, Millis};
use wacast::sandbox::PHONE_NUMBER_ID;
use wacast::service::follow_up::FollowUpRequest;
use wacast::service::view::BroadcastRequest;
use wacast::store::Verdict;

const BAN: &str = "WhatsApp has disabled the account";

async fn restrict(bed: &Bed, until: Option<Millis>) {
    let restriction = Restriction { detail: BAN.into(), until, category: None };
    bed.store.put_note(RESTRICTION_NOTE, &serde_json::to_string(&restriction).unwrap()).await.unwrap();
}

fn health(bed: &Bed, word: &str) {
    bed.sandbox.change_sender(PHONE_NUMBER_ID, |profile| profile.can_send_message = word.into()).unwrap();
}

fn planned(bed: &Bed, hours: i64) -> BroadcastRequest {
    BroadcastRequest {
        start_at: Some(bed.service.now().plus(hours * HOUR)),
        repeat: true,
        ..request("hello", "people")
    }
}

#[tokio::test]
async fn what_was_planned_does_not_start_while_nothing_may_be_sent() {
    let bed = Bed::new().await;
    bed.people("people", 3).await;
    let first = bed.service.start(planned(&bed, 1)).await.unwrap().broadcast;
    let second = bed.service.start(planned(&bed, 2)).await.unwrap().broadcast;
    let until = at(NOW).plus(DAY);
    restrict(&bed, Some(until)).await;
    bed.clock.advance(HOUR);
    let fired = bed.service.fire(&first).await.unwrap();
    assert_eq!((fired.status, fired.reason), (BroadcastStatus::Paused, Some(PauseReason::Account)), "{}", fired.detail);
    assert_eq!((fired.detail.as_str(), fired.resume_at), (BAN, Some(until)));
    let refused = bed.service.resume(&first.id).await;
    assert!(refused.is_ok(), "an operator's word goes over it: {refused:?}");
    bed.store.put_note(RESTRICTION_NOTE, "").await.unwrap();

    health(&bed, "BLOCKED");
    bed.clock.advance(HOUR);
    let fired = bed.service.fire(&second).await.unwrap();
    assert_eq!((fired.status, fired.reason), (BroadcastStatus::Paused, Some(PauseReason::Sender)), "{}", fired.detail);
    assert_eq!(bed.service.resume(&second.id).await.unwrap_err().code, "sender_blocked");
    health(&bed, "AVAILABLE");
    assert_eq!(bed.service.resume(&second.id).await.unwrap().status, BroadcastStatus::Scheduled);
    assert_eq!(bed.service.fire(&second).await.unwrap().status, BroadcastStatus::Preparing);
}

#[tokio::test]
async fn a_follow_up_does_not_start_while_nothing_may_be_sent() {
    let bed = Bed::new().await;
    bed.people("people", 2).await;
    let id = bed.service.start(request("hello", "people")).await.unwrap().broadcast.id;
    let run = ByHand::run(&bed.store, &id, at(NOW)).await;
    run.send(1, at(NOW), accepted).await;
    let failed = |_: &_| Verdict::Failed { code: 131_026, response: "{}".into(), retry_at: None };
    run.send(1, at(NOW), failed).await;
    run.complete(at(NOW)).await;
    let again = FollowUpRequest::new(id, Pick::Failed);
    health(&bed, "BLOCKED");
    assert_eq!(bed.service.follow_up(again.clone()).await.unwrap_err().code, "sender_blocked");
    health(&bed, "AVAILABLE");
    restrict(&bed, None).await;
    assert_eq!(bed.service.follow_up(again.clone()).await.unwrap_err().code, "sender_blocked");
    let later = FollowUpRequest { start_at: Some(at(NOW).plus(HOUR)), ..again };
    assert_eq!(
        bed.service.follow_up(later).await.unwrap().status,
        BroadcastStatus::Scheduled,
        "it may be over by then"
    );
}

#[tokio::test]
async fn going_on_after_something_else_leaves_a_restriction_as_it_is() {
    let bed = Bed::new().await;
    bed.people("people", 2).await;
    let id = bed.service.start(request("hello", "people")).await.unwrap().broadcast.id;
    bed.store.pause(&id, PauseReason::Account, "the payment method", None).await.unwrap();
    restrict(&bed, Some(at(NOW).plus(DAY))).await;
    assert_eq!(bed.service.resume(&id).await.unwrap_err().code, "sender_blocked");
    assert!(bed.service.refresh().await.account.restriction.is_some());
    bed.clock.advance(DAY + MINUTE);
    bed.service.resume(&id).await.unwrap();
}

#[tokio::test]
async fn a_schedule_is_made_whatever_stands_today() {
    let bed = Bed::new().await;
    bed.people("people", 2).await;
    restrict(&bed, Some(at(NOW).plus(DAY))).await;
    bed.service.add_schedule(&request("hello", "people"), "0 18 * * *", "UTC").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_says_that_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let place = Workplace::new(&format!("sqlite://{}", folder.path().join("wacast.db").display()), 4).await;
    let file = place.folder.path().join("people.csv");
    std::fs::write(&file, "phone,name\n+919876500001,Asha\n").unwrap();
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
    let send = ["send", "--template", "hello", "--language", "en_US", "--all", "--yes", "--json"];
    let running = place.headless();
    let standing = || place.json(&["status", "--json"]);
    let ban = serde_json::json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}});
    let root = place.sandbox.settings().webhook_url.unwrap().replace("/webhook", "");
    let address = root.replace("http://", "");
    wait_for(|| std::net::TcpStream::connect(&address).is_ok());
    // Once: a second one on its way would be news after it was lifted.
    place.sandbox.tell("account_update", &ban).unwrap();
    wait_for(|| standing()["restriction"].is_object());
    let told = standing();
    assert_eq!(
        (&told["restriction"]["detail"], &told["restriction"]["until"]),
        (&BAN.into(), &serde_json::Value::Null)
    );
    assert_eq!(told["health"]["can_send_message"], "AVAILABLE", "{told}");
    assert!(told["problems"].to_string().contains("wacast lift"), "{}", told["problems"]);
    assert!(!place.command(&send).output().unwrap().status.success());

    wacast::cloud_api::install_crypto_provider();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = http.get(format!("{root}/sender")).bearer_auth("test-key").send().await.unwrap();
    let shown: serde_json::Value = serde_json::from_str(&get.text().await.unwrap()).unwrap();
    for key in ["sender", "health", "budget", "restriction", "alerts", "token", "problems"] {
        assert_eq!(shown.get(key).is_some(), told.get(key).is_some(), "{key}: {shown}");
    }
    assert_eq!(shown["restriction"], told["restriction"]);
    let lift = async || http.post(format!("{root}/sender/lift")).bearer_auth("test-key").send().await.unwrap().status();
    assert_eq!(lift().await, 200);
    assert_eq!(lift().await, 409, "there is none any more");
    assert!(standing()["restriction"].is_null());
    let id = place.json(&send)["broadcast_id"].as_str().unwrap().to_owned();
    wait_for(|| place.json(&["status", &id, "--json"])["status"] == "completed");
    assert!(!place.command(&["lift"]).output().unwrap().status.success());
    running.drain();
}

fn wait_for(mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "did not come about");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
