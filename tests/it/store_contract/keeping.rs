//! Schedules, templates, notes, and what a store still knows when it is opened again.

use super::Factory;
use super::stage::{NOW, SENDER, accepted, definition, holder, in_doubt, retry, running, template, upload};
use std::sync::Arc;
use wacast::domain::ids::ScheduleId;
use wacast::domain::schedule::Schedule;
use wacast::domain::template::Template;
use wacast::domain::time::{DAY, HOUR, Millis};
use wacast::store::{RawReceipt, StoreError, SyncedTemplates};

fn schedule(number: u64, next: Option<Millis>) -> Schedule {
    Schedule {
        id: ScheduleId::from_random(number),
        cron: "0 9 * * MON".to_owned(),
        zone: "Asia/Kolkata".to_owned(),
        definition: definition(Some("fans")),
        next_fire_at: next,
        last_fired_at: None,
        enabled: true,
        created_at: NOW,
    }
}

pub async fn schedules_are_listed_the_next_first(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let late = schedule(1, Some(NOW.plus(2 * DAY)));
    let never = schedule(2, None);
    let soon = schedule(3, Some(NOW.plus(DAY)));
    for one in [&late, &never, &soon] {
        store.add_schedule(one).await.unwrap();
    }
    assert_eq!(store.schedules().await.unwrap(), [soon.clone(), late, never]);
    assert!(store.add_schedule(&soon).await.is_err(), "its id exists");
    assert_eq!(store.schedules().await.unwrap().len(), 3);
}

pub async fn of_two_who_advance_a_schedule_one_does(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let one = schedule(1, Some(NOW));
    store.add_schedule(&one).await.unwrap();
    let next = Some(NOW.plus(DAY));
    let (a, b) = tokio::join!(store.advance_schedule(&one.id, NOW, next), store.advance_schedule(&one.id, NOW, next));
    assert!(a.unwrap() != b.unwrap());
    let found = store.schedules().await.unwrap().remove(0);
    assert_eq!((found.last_fired_at, found.next_fire_at), (Some(NOW), next));
    assert!(!store.advance_schedule(&one.id, NOW, Some(NOW.plus(9 * DAY))).await.unwrap(), "too late");
    assert!(store.advance_schedule(&one.id, NOW.plus(DAY), None).await.unwrap());
    let found = store.schedules().await.unwrap().remove(0);
    assert_eq!((found.last_fired_at, found.next_fire_at), (next, None));
}

pub async fn schedules_are_switched_off_and_on(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let one = schedule(1, Some(NOW));
    store.add_schedule(&one).await.unwrap();
    store.enable_schedule(&one.id, false, None).await.unwrap();
    assert!(!store.schedules().await.unwrap()[0].enabled);
    store.enable_schedule(&one.id, true, Some(NOW.plus(DAY))).await.unwrap();
    let found = store.schedules().await.unwrap().remove(0);
    assert_eq!((found.enabled, found.next_fire_at), (true, Some(NOW.plus(DAY))));
    let unknown = store.enable_schedule(&ScheduleId::from_random(9), true, None).await.unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound(_)), "{unknown}");
}

pub async fn a_sync_replaces_all_templates(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert_eq!(store.templates().await.unwrap(), SyncedTemplates::default());
    let mut hindi = template("b");
    "hi".clone_into(&mut hindi.language);
    store.put_templates(&[hindi.clone(), template("c"), template("b")], NOW).await.unwrap();
    let found = store.templates().await.unwrap();
    assert_eq!(found.templates, [template("b"), hindi, template("c")], "by name and language");
    assert_eq!(found.synced_at, Some(NOW));
    store.put_templates(&[template("a")], NOW.plus(1)).await.unwrap();
    let found = store.templates().await.unwrap();
    assert_eq!((found.templates, found.synced_at), (vec![template("a")], Some(NOW.plus(1))));
    store.put_templates(&[], NOW.plus(2)).await.unwrap();
    let found = store.templates().await.unwrap();
    assert_eq!((found.templates.len(), found.synced_at), (0, Some(NOW.plus(2))), "none, but synced");
}

pub async fn notes_are_found_by_key_and_prefix(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert_eq!(store.note("limit").await.unwrap(), None);
    for (key, value) in [("limit/1", "250"), ("limit/2", "1000"), ("a_b", "1"), ("axb", "2"), ("a%", "3"), ("a.b", "4")]
    {
        store.put_note(key, value).await.unwrap();
    }
    store.put_note("limit/1", "2000").await.unwrap();
    assert_eq!(store.note("limit/1").await.unwrap().as_deref(), Some("2000"));
    assert_eq!(store.note("limit").await.unwrap(), None, "a key is not a prefix");
    let keys = async |prefix: &str| store.notes(prefix).await.unwrap().into_keys().collect::<Vec<_>>();
    assert_eq!(keys("limit/").await, ["limit/1", "limit/2"]);
    assert_eq!(keys("a_").await, ["a_b"], "no wildcards");
    assert_eq!(keys("a%").await, ["a%"]);
    assert_eq!(keys("a.").await, ["a.b"]);
    assert_eq!(keys("A").await, [""; 0], "case counts");
    assert_eq!(keys("").await.len(), 6);
    assert_eq!(store.notes("limit/").await.unwrap()["limit/2"], "1000");
}

pub async fn a_store_opened_again_knows_everything(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let (id, place) = (store.id().clone(), store.place());
    let run = running(&store, 5).await;
    let intents = run.open(4).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], retry(131_016, NOW.plus(HOUR))).await;
    run.settle(&intents[2], in_doubt()).await;
    upload(&*store, "fans", [90, 91]).await;
    store.put_note("key", "value").await.unwrap();
    store.add_schedule(&schedule(1, Some(NOW))).await.unwrap();
    store.put_templates(&[template("launch")], NOW).await.unwrap();
    store.append_receipts(vec![RawReceipt { received_at: NOW, body: b"{}".to_vec() }]).await.unwrap();
    store.renew_lease(&run.lease, 60_000, "busy").await.unwrap();
    let before = (store.broadcast(&run.id).await.unwrap(), run.rows().await, run.log().await);
    let (lists, reached) = (store.lists().await.unwrap(), store.people_reached(NOW).await.unwrap());
    let (lease, receipts, broadcast) = (run.lease, run.receipts, run.id);
    drop(run.store);

    let store = stores.reopen(store).await;
    assert_eq!((store.id(), store.place()), (&id, place));
    let run = super::stage::Run { store: Arc::clone(&store), lease, receipts, id: broadcast };
    run.check().await;
    assert_eq!((store.broadcast(&run.id).await.unwrap(), run.rows().await, run.log().await), before);
    assert_eq!(store.lists().await.unwrap(), lists);
    assert_eq!(store.next_due(&run.id).await.unwrap(), Some(NOW.plus(HOUR)));
    assert_eq!(store.people_reached(NOW).await.unwrap(), reached);
    assert_eq!(store.note("key").await.unwrap().as_deref(), Some("value"));
    assert_eq!(store.schedules().await.unwrap(), [schedule(1, Some(NOW))]);
    assert_eq!(store.templates().await.unwrap().templates, [template("launch")]);
    assert_eq!(store.receipts(5).await.unwrap().len(), 1);
    let view = store.lease(SENDER).await.unwrap().unwrap();
    assert_eq!((view.holder, view.fence, view.status.as_str()), (holder("driver"), run.lease.fence, "busy"));
    run.settle(&intents[3], accepted(&intents[3])).await;
    assert_eq!(run.letters().await, "aqiaq");
}

pub async fn two_stores_have_two_ids(stores: &dyn Factory) {
    let (one, two) = (stores.fresh().await, stores.fresh().await);
    assert_ne!(one.id(), two.id());
    one.put_note("key", "one").await.unwrap();
    assert_eq!(two.note("key").await.unwrap(), None);
}

pub async fn a_store_says_where_it_is(stores: &dyn Factory) {
    let (one, two) = (stores.fresh().await, stores.fresh().await);
    let here = one.whereabouts().await.unwrap();
    assert!(!here.place.is_empty());
    assert_eq!(one.whereabouts().await.unwrap(), here);
    let there = two.whereabouts().await.unwrap();
    assert_eq!(there.machine, here.machine);
    assert_ne!(there, here);
    assert_eq!(stores.reopen(one).await.whereabouts().await.unwrap(), here);
}

pub async fn one_template_is_changed_unless_it_stands_otherwise(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let (one, other) = (template("one"), template("other"));
    store.put_templates(&[one.clone(), other.clone()], NOW).await.unwrap();
    let paused = Template { status: "PAUSED".into(), ..one.clone() };
    assert!(store.change_template(&one, &paused).await.unwrap());
    let known = store.templates().await.unwrap();
    assert_eq!((known.templates, known.synced_at), (vec![paused.clone(), other.clone()], Some(NOW)));
    // A sync came between: what it brought stays.
    assert!(!store.change_template(&one, &other).await.unwrap());
    assert!(!store.change_template(&template("none"), &template("none")).await.unwrap());
    assert_eq!(store.templates().await.unwrap().templates, [paused, other]);
}
