//! Making a broadcast: once a key, once an occurrence, and not again by accident.

use super::Factory;
use super::stage::{
    NOW, SENDER, accepted, definition, make, new_broadcast, running, running_under, take, template, upload,
};
use wacast::domain::broadcast::{Definition, FollowUp, Pick};
use wacast::domain::ids::{BroadcastId, ScheduleId};
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::domain::time::{DAY, HOUR, Millis};
use wacast::store::{BroadcastMade, NewBroadcast, Store, StoreError};

fn keyed(hash: &str) -> NewBroadcast {
    let idempotency = Some(("key".to_owned(), hash.to_owned()));
    NewBroadcast { idempotency, ..new_broadcast(definition(None), 1) }
}

fn guarded(definition: Definition) -> NewBroadcast {
    NewBroadcast { refuse_repeats_since: Some(NOW.plus(-DAY)), ..new_broadcast(definition, 1) }
}

fn occurring(schedule: &ScheduleId, planned: Millis) -> NewBroadcast {
    NewBroadcast { occurrence: Some((schedule.clone(), planned)), ..new_broadcast(definition(None), 1) }
}

async fn repeats(store: &dyn Store, definition: Definition) -> Option<BroadcastId> {
    match store.make_broadcast(guarded(definition), NOW).await.unwrap() {
        BroadcastMade::New(made) => {
            store.cancel(&made.id, NOW).await.unwrap();
            None
        }
        BroadcastMade::LooksLikeRepeat(id) => Some(id),
        other => panic!("{other:?}"),
    }
}

pub async fn a_made_broadcast_reads_back(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let mut new = new_broadcast(definition(Some("fans")), 12);
    new.status = BroadcastStatus::Scheduled;
    new.start_at = Some(NOW.plus(HOUR));
    new.definition.messages_per_second = Some(12.5);
    let made = make(&*store, new.clone()).await;
    assert_eq!((&made.id, &made.definition, made.total), (&new.id, &new.definition, 12));
    assert_eq!((made.status, made.start_at, made.created_at), (new.status, new.start_at, NOW));
    assert_eq!((made.reason, made.started_at, made.ended_at, made.resume_at), (None, None, None, None));
    assert_eq!(store.broadcast(&new.id).await.unwrap(), made);
    assert_eq!(store.counts(&new.id).await.unwrap().total(), 0);
    let missing = store.broadcast(&BroadcastId::from_random(1)).await.unwrap_err();
    assert!(matches!(missing, StoreError::NotFound(_)), "{missing}");
    let taken = store.make_broadcast(NewBroadcast { total: 1, ..new.clone() }, NOW).await.unwrap_err();
    assert!(matches!(taken, StoreError::Conflict(_)), "the id exists: {taken}");
    assert_eq!(store.broadcast(&new.id).await.unwrap().total, 12);
}

pub async fn a_key_makes_one_broadcast(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let made = make(&*store, keyed("content")).await;
    let later = NOW.plus(DAY);
    assert_eq!(store.make_broadcast(keyed("content"), later).await.unwrap(), BroadcastMade::Replay(made.clone()));
    assert_eq!(store.make_broadcast(keyed("other"), later).await.unwrap(), BroadcastMade::KeyReused);
    let again = NewBroadcast { refuse_repeats_since: Some(NOW.plus(-DAY)), ..keyed("content") };
    let answer = store.make_broadcast(again, later).await.unwrap();
    assert_eq!(answer, BroadcastMade::Replay(made), "asking again is not a repeat");
    assert_eq!(store.broadcasts(false, 10).await.unwrap().len(), 1);
}

pub async fn an_occurrence_makes_one_broadcast(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let (daily, weekly) = (ScheduleId::from_random(1), ScheduleId::from_random(2));
    let made = make(&*store, occurring(&daily, NOW)).await;
    assert_eq!(made.occurrence, Some((daily.clone(), NOW)));
    let again = store.make_broadcast(occurring(&daily, NOW), NOW.plus(1)).await.unwrap();
    assert_eq!(again, BroadcastMade::Replay(made));
    make(&*store, occurring(&daily, NOW.plus(DAY))).await;
    make(&*store, occurring(&weekly, NOW)).await;
}

pub async fn a_repeat_is_told(stores: &dyn Factory) {
    let store = stores.fresh().await;
    upload(&*store, "fans", [1]).await;
    let first = make(&*store, guarded(definition(Some("fans")))).await.id;
    assert_eq!(repeats(&*store, definition(Some("fans"))).await, Some(first.clone()));
    assert_eq!(repeats(&*store, definition(Some("guests"))).await, None, "another list");
    assert_eq!(repeats(&*store, definition(None)).await, None, "everybody is not that list");
    let mut other = definition(Some("fans"));
    other.template = template("goodbye");
    assert_eq!(repeats(&*store, other).await, None, "another template");
    let mut other = definition(Some("fans"));
    "hi".clone_into(&mut other.template.language);
    assert_eq!(repeats(&*store, other).await, None, "another language");

    let since_then = NewBroadcast { refuse_repeats_since: Some(NOW), ..guarded(definition(Some("fans"))) };
    let answer = store.make_broadcast(since_then, NOW).await.unwrap();
    assert_eq!(answer, BroadcastMade::LooksLikeRepeat(first), "made at that time counts");
    let after = NewBroadcast { refuse_repeats_since: Some(NOW.plus(1)), ..guarded(definition(Some("fans"))) };
    assert!(matches!(store.make_broadcast(after, NOW).await.unwrap(), BroadcastMade::New(_)), "made before does not");
    let unguarded = new_broadcast(definition(Some("fans")), 1);
    assert!(matches!(store.make_broadcast(unguarded, NOW).await.unwrap(), BroadcastMade::New(_)));
}

pub async fn a_follow_up_is_a_repeat_of_itself_alone(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let follow_up = |of: u64, pick| {
        let mut definition = definition(None);
        definition.audience.follow_up = Some(FollowUp::new(BroadcastId::from_random(of), pick));
        definition
    };
    let to_all = make(&*store, guarded(definition(None))).await.id;
    assert_eq!(repeats(&*store, follow_up(1, Pick::Failed)).await, None, "it is not to all numbers");
    let first = make(&*store, guarded(follow_up(1, Pick::Failed))).await.id;
    assert_eq!(repeats(&*store, definition(None)).await, Some(to_all), "nor is all numbers a follow-up");
    assert_eq!(repeats(&*store, follow_up(1, Pick::Failed)).await, Some(first));
    assert_eq!(repeats(&*store, follow_up(1, Pick::InDoubt)).await, None, "other people of the same broadcast");
    assert_eq!(repeats(&*store, follow_up(2, Pick::Failed)).await, None, "of another broadcast");

    let later = NewBroadcast {
        status: BroadcastStatus::Scheduled,
        start_at: Some(NOW.plus(HOUR)),
        ..new_broadcast(follow_up(3, Pick::Retry), 1)
    };
    let id = make(&*store, later).await.id;
    store.pause(&id, PauseReason::Operator, "", None).await.unwrap();
    let resumed = store.resume(&id, NOW).await.unwrap();
    assert_eq!(resumed.status, BroadcastStatus::Preparing, "whom it goes to is fixed from the start");
}

pub async fn one_cancelled_before_anybody_was_sent_to_is_no_repeat(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let definition = store.broadcast(&run.id).await.unwrap().definition;
    assert_eq!(repeats(&*store, definition.clone()).await, Some(run.id.clone()));
    store.cancel(&run.id, NOW).await.unwrap();
    assert_eq!(repeats(&*store, definition).await, None, "nobody was sent to");

    let run = running_under(&store, &run.lease, 5..7).await;
    let definition = store.broadcast(&run.id).await.unwrap().definition;
    let intent = run.open_one().await;
    run.settle(&intent, accepted(&intent)).await;
    store.cancel(&run.id, NOW).await.unwrap();
    assert_eq!(repeats(&*store, definition).await, Some(run.id), "somebody was");
}

pub async fn of_two_made_at_once_one_is_new(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let schedule = ScheduleId::from_random(3);
    let pairs = [
        [keyed("content"), keyed("content")],
        [occurring(&schedule, NOW), occurring(&schedule, NOW)],
        [guarded(definition(Some("fans"))), guarded(definition(Some("fans")))],
    ];
    for [one, two] in pairs {
        let (one, two) = tokio::join!(store.make_broadcast(one, NOW), store.make_broadcast(two, NOW));
        let answers = [one.unwrap(), two.unwrap()];
        let new: Vec<_> = answers
            .iter()
            .filter_map(|answer| match answer {
                BroadcastMade::New(made) => Some(&made.id),
                _ => None,
            })
            .collect();
        assert_eq!(new.len(), 1, "{answers:?}");
        let told = answers.iter().any(|answer| match answer {
            BroadcastMade::Replay(made) => made.id == *new[0],
            BroadcastMade::LooksLikeRepeat(id) => id == new[0],
            _ => false,
        });
        assert!(told, "the other is told which: {answers:?}");
    }
    assert_eq!(store.broadcasts(false, 10).await.unwrap().len(), 3);
}

pub async fn a_scheduled_one_starts_once(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let fans = upload(&*store, "fans", [1, 2]).await;
    let mut new = new_broadcast(definition(Some("fans")), 0);
    new.status = BroadcastStatus::Scheduled;
    new.start_at = Some(NOW);
    let id = make(&*store, new).await.id;
    let mut fixed = definition(Some("fans"));
    fixed.audience.uploads = vec![fans];
    "YELLOW".clone_into(&mut fixed.template.quality);
    let (one, two) =
        tokio::join!(store.start_broadcast(&id, fixed.clone(), 2), store.start_broadcast(&id, fixed.clone(), 2));
    let (started, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    let started = started.unwrap();
    assert_eq!((started.status, started.total), (BroadcastStatus::Preparing, 2));
    assert_eq!(started.definition, fixed);
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(store.broadcast(&id).await.unwrap(), started);
    let unknown = store.start_broadcast(&BroadcastId::from_random(9), fixed, 2).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))), "{unknown:?}");
}

pub async fn broadcasts_are_listed_newest_first(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let mut made = vec![];
    for age in 0..4 {
        let new = new_broadcast(definition(None), 0);
        made.push(new.id.clone());
        store.make_broadcast(new, NOW.plus(age)).await.unwrap();
    }
    made.reverse();
    let ids = |found: Vec<wacast::domain::broadcast::Broadcast>| -> Vec<_> {
        found.into_iter().map(|broadcast| broadcast.id).collect()
    };
    assert_eq!(ids(store.broadcasts(false, 10).await.unwrap()), made);
    assert_eq!(ids(store.broadcasts(false, 2).await.unwrap()), made[..2]);
    store.cancel(&made[0], NOW).await.unwrap();
    let lease = take(&*store, SENDER, "driver").await;
    store.begin_running(&lease, &made[2], 0, NOW).await.unwrap();
    assert!(store.complete(&lease, &made[2], NOW).await.unwrap(), "nobody is open in an empty one");
    assert_eq!(ids(store.broadcasts(true, 10).await.unwrap()), [made[1].clone(), made[3].clone()]);
}
