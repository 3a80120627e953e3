//! Opt-outs: what is noted and what stands after it, and that nobody who is opted out gets an intent.

use super::Factory;
use super::stage::{NOW, Run, accepted, phone, retry, running};
use std::sync::Arc;
use wacast::domain::opt_out::{Change, Event, Kind, Kinds, Noted, Who, key};
use wacast::domain::phone::Phone;
use wacast::domain::state::RecipientState::Skipped;
use wacast::domain::time::{Millis, SECOND};
use wacast::store::{Store, StoreError};

fn change(who: Who, kind: Kind, stop: bool, second: i64) -> Change {
    Change {
        who,
        kind,
        stop,
        at: Millis(NOW.0 + second * SECOND),
        how: "a message".to_owned(),
        wamid: format!("wamid.{}.{stop}.{second}", kind.word()),
        text: "Stop!".to_owned(),
    }
}

fn by_phone(person: u32, kind: Kind, stop: bool, second: i64) -> Change {
    change(Who::phone(phone(person)), kind, stop, second)
}

fn by_user(user: &str, kind: Kind, stop: bool, second: i64) -> Change {
    change(Who { phone: None, user: Some(user.to_owned()) }, kind, stop, second)
}

async fn note(store: &dyn Store, change: Change) -> Noted {
    store.note_opt_outs(vec![change]).await.unwrap().remove(0)
}

async fn kinds(store: &dyn Store, phone: Phone) -> Vec<Kind> {
    store.opted_out(&[phone]).await.unwrap().remove(0).iter().collect()
}

async fn opt_out(run: &Run, people: impl IntoIterator<Item = u32>) {
    let changes: Vec<_> = people.into_iter().map(|person| by_phone(person, Kind::Typed, true, 1)).collect();
    for some in changes.chunks(1_000) {
        run.store.note_opt_outs(some.to_vec()).await.unwrap();
    }
}

pub async fn each_kind_stands_and_falls_by_its_own_word(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert_eq!(store.note_opt_outs(vec![]).await.unwrap(), []);
    let stops = Kind::ALL.map(|kind| by_phone(1, kind, true, 5)).to_vec();
    let noted = store.note_opt_outs(stops).await.unwrap();
    assert!(noted.iter().all(|noted| noted.has_changed()), "{noted:?}");
    assert_eq!(kinds(&*store, phone(1)).await, Kind::ALL);
    assert_eq!(kinds(&*store, phone(2)).await, []);
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        assert!(note(&*store, by_phone(1, kind, false, 6)).await.has_changed());
        assert_eq!(kinds(&*store, phone(1)).await, &Kind::ALL[place + 1..]);
    }
    assert!(!note(&*store, by_phone(1, Kind::Typed, true, 4)).await.has_changed(), "an older word that came late");
    assert_eq!(kinds(&*store, phone(1)).await, []);
    let events = store.opt_out_events(&key(phone(1))).await.unwrap();
    assert_eq!(events.len(), 13, "nothing is forgotten");
    assert!(events.is_sorted_by(|one, other| one.id < other.id));
    assert_eq!(events[0].change, by_phone(1, Kind::Typed, true, 5));
    let nobody = store.note_opt_outs(vec![change(Who::default(), Kind::Typed, true, 1)]).await;
    assert!(matches!(nobody, Err(StoreError::Conflict(_))), "{nobody:?}");
}

pub async fn a_repeat_is_noted_once(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let stop = by_phone(1, Kind::Typed, true, 1);
    let both = store.note_opt_outs(vec![stop.clone(), stop.clone()]).await.unwrap();
    assert!(both[0].has_changed() && both[1] == Noted::Repeat, "{both:?}");
    assert!(note(&*store, by_phone(1, Kind::Typed, false, 2)).await.has_changed());
    assert_eq!(note(&*store, stop).await, Noted::Repeat, "days later it opts nobody out again");
    assert_eq!(kinds(&*store, phone(1)).await, []);
    let long = Change { text: "stop ".repeat(500), ..by_phone(1, Kind::Typed, true, 3) };
    assert!(note(&*store, long).await.has_changed());
    let events: Vec<Event> = store.opt_out_events(&key(phone(1))).await.unwrap();
    assert_eq!((events.len(), events[2].change.text.chars().count()), (3, 200));
}

pub async fn forms_of_one_number_are_one_person(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let forms: [Phone; 6] =
        ["+5511987654321", "+551187654321", "+5215550100111", "+525550100111", "+5491155501001", "+541155501001"]
            .map(|text| text.parse().unwrap());
    for pair in forms.chunks(2) {
        note(&*store, change(Who::phone(pair[0]), Kind::Operator, true, 1)).await;
        assert_eq!(kinds(&*store, pair[1]).await, [Kind::Operator], "{pair:?}");
        note(&*store, change(Who::phone(pair[1]), Kind::Operator, false, 2)).await;
        assert_eq!(kinds(&*store, pair[0]).await, [], "{pair:?}");
    }
}

pub async fn a_user_id_stands_until_its_phone_is_known(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert!(note(&*store, by_user("IN.1", Kind::Typed, true, 5)).await.has_changed());
    note(&*store, by_user("IN.2", Kind::Typed, true, 5)).await;
    note(&*store, by_phone(1, Kind::Typed, false, 6)).await;
    note(&*store, by_phone(1, Kind::Platform, true, 1)).await;
    let listed = store.opt_outs("IN.", None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.person.as_str()).collect::<Vec<_>>(), ["IN.1", "IN.2"]);
    assert_eq!((listed[0].phone(), listed[0].user()), (None, Some("IN.1")));

    let learned = vec![("IN.1".to_owned(), phone(1)), ("IN.2".to_owned(), phone(2)), ("IN.3".to_owned(), phone(3))];
    assert_eq!(store.learn_users(learned.clone()).await.unwrap(), 2);
    assert_eq!(store.learn_users(learned).await.unwrap(), 0, "known already");
    assert_eq!(kinds(&*store, phone(1)).await, [Kind::Platform], "the typed START was later");
    assert_eq!(kinds(&*store, phone(2)).await, [Kind::Typed]);
    assert_eq!(store.opt_outs("IN.", None, 10).await.unwrap(), []);
    assert_eq!(store.opted_out_people().await.unwrap(), 2);
    assert_eq!(store.opt_out_events(&key(phone(1))).await.unwrap().len(), 3);

    // From now on the user id alone is enough, also when a change named both.
    note(&*store, by_user("IN.3", Kind::Button, true, 7)).await;
    assert_eq!(kinds(&*store, phone(3)).await, [Kind::Button]);
    let both = Who { phone: Some(phone(4)), user: Some("IN.4".to_owned()) };
    note(&*store, change(both, Kind::Typed, true, 1)).await;
    assert!(note(&*store, by_user("IN.4", Kind::Typed, false, 2)).await.has_changed());
    assert_eq!(kinds(&*store, phone(4)).await, []);
}

pub async fn people_are_listed_searched_and_counted(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert_eq!((store.opted_out_people().await.unwrap(), store.opt_outs("", None, 9).await.unwrap()), (0, vec![]));
    let changes = (0..30).map(|person| by_phone(person, Kind::Import, true, 1)).collect();
    store.note_opt_outs(changes).await.unwrap();
    note(&*store, by_phone(7, Kind::Typed, true, 1)).await;
    note(&*store, by_phone(8, Kind::Import, false, 2)).await;
    assert_eq!(store.opted_out_people().await.unwrap(), 29);
    let mut people = Vec::new();
    loop {
        let after = people.last().map(|one: &wacast::domain::opt_out::OptedOut| one.person.clone());
        let page = store.opt_outs("", after.as_deref(), 10).await.unwrap();
        if page.is_empty() {
            break;
        }
        people.extend(page);
    }
    assert_eq!(people.len(), 29);
    assert!(people.is_sorted_by(|one, other| one.person < other.person));
    let found = store.opt_outs("9999900007", None, 10).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kinds(), [Kind::Typed, Kind::Import].into_iter().collect());
    assert_eq!(found[0].phone(), Some(phone(7)));
    assert_eq!(found[0].standing[0].change.text, "Stop!");
    assert_eq!(store.opt_outs("9999900008", None, 10).await.unwrap(), [], "back again");
    assert_eq!(store.opt_outs("$.*", None, 10).await.unwrap(), []);
    assert_eq!(store.opt_outs("", None, 0).await.unwrap(), []);
}

pub async fn whoever_opts_out_while_it_runs_gets_no_intent(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 8).await;
    let first = run.open(2).await;
    opt_out(&run, [1, 2, 3, 6]).await;
    let next: Vec<u32> = run.open(2).await.iter().map(|intent| intent.seq).collect();
    assert_eq!(next, [4, 5], "the window is for others instead");
    assert_eq!(&run.letters().await[..6], "ggkkgg", "who has an intent keeps it");
    assert_eq!(run.row(2).await.detail, "opted out (typed)");
    assert_eq!(run.row(2).await.attempt, 0);
    let last = run.open(9).await;
    assert_eq!(last.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [7]);
    assert_eq!(store.skips(&run.id).await.unwrap(), [("opted out (typed)".to_owned(), 3)]);
    let listed = store.recipients(&run.id, Some(Skipped), None, 9).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.seq).collect::<Vec<_>>(), [2, 3, 6]);
    for intent in first.iter().chain(&last) {
        run.settle(intent, accepted(intent)).await;
    }
    assert_eq!(run.letters().await, "aakkggka");
    assert_eq!(store.windows_opened(super::stage::SENDER).await.unwrap(), 3);
}

pub async fn whoever_waits_for_a_retry_is_left_out_too(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    for intent in run.open(3).await {
        run.settle(&intent, retry(131_016, NOW)).await;
    }
    opt_out(&run, [0, 2]).await;
    let again = run.open(3).await;
    assert_eq!(again.iter().map(|intent| (intent.seq, intent.attempt)).collect::<Vec<_>>(), [(1, 2)]);
    assert_eq!(run.letters().await, "kgk");
    let row = run.row(0).await;
    assert_eq!((row.attempt, row.detail.as_str(), row.due), (1, "opted out (typed)", None));
    run.settle(&again[0], accepted(&again[0])).await;
    assert!(store.complete(&run.lease, &run.id, NOW).await.unwrap());
}

pub async fn only_the_kinds_that_hold_back_count(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 6).await;
    let changes = (0..6).zip(Kind::ALL).map(|(person, kind)| by_phone(person, kind, true, 1)).collect();
    store.note_opt_outs(changes).await.unwrap();
    let held_back: Kinds = [Kind::Button, Kind::Import].into_iter().collect();
    let intents = store.open_window(&run.lease, &run.id, 3, held_back, NOW).await.unwrap();
    assert_eq!(intents.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [0, 2, 3]);
    let intents = store.open_window(&run.lease, &run.id, 1, Kinds::NONE, NOW).await.unwrap();
    assert_eq!(intents.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [4]);
    run.check().await;
    let mut skips = store.skips(&run.id).await.unwrap();
    skips.sort();
    assert_eq!(skips[0], ("opted out (button)".to_owned(), 1));
}

pub async fn whoever_is_back_gets_an_intent(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    opt_out(&run, [0, 1]).await;
    store.note_opt_outs(vec![by_phone(1, Kind::Typed, false, 2)]).await.unwrap();
    let intents = run.open(9).await;
    assert_eq!(intents.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(run.letters().await, "kgg");
}

pub async fn a_long_row_of_opted_out_people_is_passed(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2_500).await;
    opt_out(&run, (0..2_450).filter(|person| person % 100 != 99)).await;
    let mut granted = Vec::new();
    for _ in 0..60 {
        let window = store.open_window(&run.lease, &run.id, 3, Kinds::ALL, NOW).await.unwrap();
        granted.extend(window.into_iter().map(|intent| intent.seq));
    }
    let wanted: Vec<u32> = (0..2_500).filter(|person| *person >= 2_450 || person % 100 == 99).collect();
    assert_eq!(granted, wanted);
    assert_eq!(store.skips(&run.id).await.unwrap(), [("opted out (typed)".to_owned(), 2_426)]);
    run.check().await;
}

pub async fn who_opts_out_at_the_same_time_is_before_or_after(stores: &dyn Factory) {
    const PEOPLE: u32 = 60;
    let store = stores.fresh().await;
    let run = running(&store, PEOPLE).await;
    // One at least is early enough, however the others race.
    opt_out(&run, [PEOPLE - 1]).await;
    let saying = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for person in (0..PEOPLE).rev() {
                store.note_opt_outs(vec![by_phone(person, Kind::Typed, true, 1)]).await.unwrap();
            }
        }
    });
    let mut granted = Vec::new();
    loop {
        // While others opt out all the time a window may come back empty; it is asked for again then.
        let quiet = saying.is_finished();
        // Whoever was opted out before the window was asked for is not in it.
        let before = store.opted_out(&(0..PEOPLE).map(phone).collect::<Vec<_>>()).await.unwrap();
        let window = store.open_window(&run.lease, &run.id, 2, Kinds::ALL, NOW).await.unwrap();
        for intent in &window {
            assert!(before[intent.seq as usize].is_empty(), "{} was opted out", intent.seq);
        }
        if window.is_empty() && quiet {
            break;
        }
        granted.extend(window);
    }
    saying.await.unwrap();
    run.check().await;
    let letters = run.letters().await;
    let left_out = letters.chars().filter(|letter| *letter == 'k').count();
    assert_eq!(granted.len() + left_out, PEOPLE as usize, "{letters}");
    assert!(left_out > 0, "some were left out: {letters}");
}

pub async fn opt_outs_survive_reopening(stores: &dyn Factory) {
    let store = stores.fresh().await;
    note(&*store, by_phone(1, Kind::Typed, true, 5)).await;
    note(&*store, by_user("IN.9", Kind::Platform, true, 5)).await;
    store.learn_users(vec![("IN.8".to_owned(), phone(8))]).await.unwrap();
    let before = store.opt_outs("", None, 10).await.unwrap();
    let store = stores.reopen(store).await;
    assert_eq!(store.opt_outs("", None, 10).await.unwrap(), before);
    assert!(note(&*store, by_phone(1, Kind::Typed, false, 6)).await.event() > before[0].standing[0].id.into());
    note(&*store, by_user("IN.8", Kind::Typed, true, 5)).await;
    assert_eq!(kinds(&*store, phone(8)).await, [Kind::Typed]);
}
