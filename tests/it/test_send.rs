//! Test sends to the operator's own numbers: by the service, and by the real binary on both stores.

use crate::bed::{Bed, column, request};
use crate::real::Workplace;
use wacast::domain::binding::Source;
use wacast::domain::phone::Phone;
use wacast::service::view::BroadcastRequest;

const OWN: &str = "+919876599999";

fn named(list: &str) -> BroadcastRequest {
    BroadcastRequest { bindings: column("1", "name"), label: "diwali".into(), ..request("order_update", list) }
}

#[tokio::test]
async fn own_numbers_are_few_checked_and_kept() {
    let bed = Bed::new().await;
    assert_eq!(bed.service.own_numbers().await.unwrap(), Vec::<Phone>::new());
    let asked = ["98765 99999".to_owned(), OWN.to_owned(), "+1 201 555 0111".to_owned()];
    let kept = bed.service.set_own_numbers(&asked).await.unwrap();
    assert_eq!(kept.iter().map(ToString::to_string).collect::<Vec<_>>(), [OWN, "+12015550111"]);
    assert_eq!(bed.another().own_numbers().await.unwrap(), kept);
    for (asked, code) in [(vec!["nobody".to_owned()], "bad_phone"), (vec![OWN.to_owned(); 6], "too_many_numbers")] {
        assert_eq!(bed.service.set_own_numbers(&asked).await.unwrap_err().code, code);
    }
    assert_eq!(bed.service.own_numbers().await.unwrap(), kept, "a refusal changes nothing");
    assert!(bed.service.lists().await.unwrap().is_empty());
    let trail = bed.service.audit_trail(0, 10).await.unwrap();
    assert!(trail[0].act.what == "own_numbers" && !trail[0].act.detail.contains("99999"), "{trail:?}");
}

#[tokio::test]
async fn a_test_has_the_words_of_one_person_and_is_no_repeat_of_the_real_one() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let asked = named("diwali");
    assert_eq!(bed.service.test_send(&asked, None, &[]).await.unwrap_err().code, "no_own_numbers");
    let own = [OWN.to_owned()];
    let test = bed.service.test_send(&asked, None, &own).await.unwrap();
    let definition = &test.definition;
    assert_eq!((definition.label.as_str(), test.total), ("test: diwali", 1));
    let words = |text: &str| Source::Text { text: text.into() };
    assert_eq!(definition.bindings["1"], words("Person 0"));
    // Another person, as often as wanted; and the real one goes out all the same, to the list alone.
    let third = bed.service.audience(Some("diwali")).await.unwrap().samples.remove(2);
    let again = bed.service.test_send(&asked, Some(&third), &own).await.unwrap();
    assert_eq!(again.definition.bindings["1"], words("Person 2"));
    let all = BroadcastRequest { list: None, ..asked };
    let plan = bed.service.plan(&all, |_, _| {}).await.unwrap();
    assert_eq!((plan.people, &plan.repeat_of), (3, &None));
    let real = bed.service.start(all).await.unwrap().broadcast;
    assert_eq!(real.total, 3);
    let view = bed.service.broadcast(&test.id).await.unwrap().to_json();
    assert_eq!((view["test"].as_bool(), view["list"].is_null()), (Some(true), true));
}

/// By the real binary: the test arrives at the own number alone, and the real one at the list alone.
async fn arrives(store_url: &str) {
    let place = Workplace::new(store_url, 4).await;
    let file = place.folder.path().join("people.csv");
    std::fs::write(&file, "phone,name,city\n+919876500001,Asha,Pune\n+919876500002,Ravi,Delhi\n").unwrap();
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
    let noted = place.json_or_text(&["own-numbers", OWN]);
    assert!(noted.contains("1 number: +919") && !noted.contains("9876599999"), "{noted}");
    let send = ["send", "--template", "hello", "--language", "en_US", "--all", "--label", "x"];
    let done = place.json(&[&send[..], &["--test", "--json"]].concat());
    assert_eq!((done["status"].as_str(), done["label"].as_str()), (Some("completed"), Some("test: x")));
    assert_eq!(place.taken().into_iter().collect::<Vec<_>>(), [OWN]);
    place.json(&[&send[..], &["--test-to", "+919876588888", "--json"]].concat());
    assert_eq!(place.taken().len(), 2);
    let real = place.json(&[&send[..], &["--expect", "2", "--wait", "--json"]].concat());
    assert_eq!(real["counts"]["total"], 2);
    assert_eq!(place.taken().len(), 4);
    assert!(place.sandbox.summary().people_twice.is_empty());
    // An own number that asked not to be written to gets no test either.
    place.json(&["optouts", "add", OWN, "--json"]);
    let left_out = place.json(&[&send[..], &["--test", "--json"]].concat());
    assert_eq!(left_out["counts"]["skipped"], 1);
    assert_eq!(place.taken().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_arrives_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    arrives(&format!("sqlite://{}", folder.path().join("wacast.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_arrives_on_mongodb() {
    arrives(&crate::mongod::shared().await.url("test_send")).await;
}
