//! Receipts: what the server says of the messages it took, lost, late, doubled and out of order.

use super::world::World;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use wacast::clock::Clock;
use wacast::domain::attempt_id::AttemptId;
use wacast::domain::pricing::Pricing;
use wacast::store::{RawReceipt, Store};

/// Codes of failed receipts.
const FAILURES: [i64; 8] = [131_026, 131_049, 131_000, 130_472, 131_056, 130_429, 132_015, 131_048];

/// One receipt on its way.
#[derive(Debug, Clone, Copy)]
enum Word {
    Sent,
    Delivered,
    Read,
    Failed(i64),
}

/// The server took a message: its receipts are on their way from now on.
pub fn took(world: &Arc<World>, sender: &str, id: &AttemptId) {
    let mut dice = world.dice();
    let without = !world.is_calm() && dice.u32(0..1_000) < world.plan.receipts_lost;
    {
        let mut truth = world.truth();
        if let Some(broken) = truth.check_budget() {
            world.break_rule(broken.rule, || broken.detail);
        }
        let attempt = truth.attempt(&id.broadcast, id.seq, id.attempt);
        attempt.taken = true;
        attempt.without_receipts = without;
    }
    if without {
        return;
    }
    let undelivered = !world.is_calm() && dice.u32(0..1_000) < world.plan.undelivered;
    let mut words = vec![];
    if dice.u8(0..10) > 0 {
        words.push(Word::Sent);
    }
    if undelivered {
        words.push(Word::Failed(FAILURES[dice.usize(0..FAILURES.len())]));
    } else {
        words.push(Word::Delivered);
        if dice.bool() {
            words.push(Word::Read);
        }
    }
    let mut after = 0;
    let mut posts = vec![];
    for word in words {
        after += if dice.u8(0..15) == 0 { dice.u64(1_000..20_000) } else { dice.u64(5..900) };
        posts.push((after, word));
        if dice.u8(0..8) == 0 {
            posts.push((after + dice.u64(0..3_000), word));
        }
    }
    // Out of order, now and then.
    if posts.len() > 1 && dice.u8(0..6) == 0 {
        let (first, last) = (posts[0].0, posts[posts.len() - 1].0);
        posts[0].0 = last;
        let end = posts.len() - 1;
        posts[end].0 = first;
    }
    drop(dice);
    for (after_ms, word) in posts {
        world.truth().posts += 1;
        tokio::spawn(post(world.clone(), sender.to_owned(), id.clone(), after_ms, word));
    }
}

/// What a receipt says of the price: mostly what the one before said, and now and then nothing, as Meta does.
fn price(id: &AttemptId, says: Word) -> Option<Pricing> {
    let mut dice = fastrand::Rng::with_seed(u64::from(id.seq) << 8 | u64::from(id.attempt));
    let kind = ["regular", "free_customer_service"][dice.usize(0..2)];
    let (told, changes) = (dice.u8(0..8), dice.u8(0..8) == 0);
    let billable = (kind == "regular") ^ (changes && !matches!(says, Word::Sent));
    let tells = match says {
        Word::Sent => told > 0,
        Word::Delivered => told > 1,
        Word::Read => told == 1,
        Word::Failed(_) => false,
    };
    if tells { Pricing::of("utility", kind, Some(billable)) } else { None }
}

/// Brings one receipt to the webhook, as often as it takes.
async fn post(world: Arc<World>, sender: String, id: AttemptId, after_ms: u64, says: Word) {
    sleep(Duration::from_millis(after_ms)).await;
    loop {
        let refused = world.strikes(world.plan.store_away, 1_000) || world.store_is_away();
        // Nobody listens, or nobody answers: Meta comes again. What was stored all the same comes twice.
        let stored_all_the_same = refused && world.dice().u8(0..4) == 0;
        let listens = world.truth().listening > 0;
        if listens && (!refused || stored_all_the_same) {
            store(&world, &sender, &id, says).await;
        }
        if listens && !refused {
            break;
        }
        let pause = world.dice().u64(500..5_000);
        sleep(Duration::from_millis(pause)).await;
    }
    world.truth().posts -= 1;
}

async fn store(world: &Arc<World>, sender: &str, id: &AttemptId, says: Word) {
    let (status, errors) = match says {
        Word::Sent => ("sent", String::new()),
        Word::Delivered => ("delivered", String::new()),
        Word::Read => ("read", String::new()),
        Word::Failed(code) => ("failed", format!(r#","errors":[{{"code":{code},"title":"simulated"}}]"#)),
    };
    let pricing = price(id, says);
    let priced = pricing.map_or_else(String::new, |pricing| {
        let (kind, billable) = (pricing.kind.word(), pricing.billable);
        format!(r#","pricing":{{"category":"utility","type":"{kind}","billable":{billable}}}"#)
    });
    let at = world.clock.now();
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"{sender}"}},"statuses":[{{"id":"wamid.{}.{}","status":"{status}","timestamp":"{}","biz_opaque_callback_data":"{id}"{errors}{priced}}}]}}}}]}}]}}"#,
        id.seq,
        id.attempt,
        at.0 / 1_000
    );
    if let Word::Failed(code) = says {
        world.truth().attempt(&id.broadcast, id.seq, id.attempt).failed = Some(code);
    }
    let place = match says {
        Word::Sent => Some(0),
        Word::Delivered => Some(1),
        Word::Read => Some(2),
        Word::Failed(_) => None,
    };
    if let Some(place) = place {
        world.truth().attempt(&id.broadcast, id.seq, id.attempt).told[place] = Some(pricing);
    }
    let number = world.number(&id.broadcast);
    world.note(0, "receipt", u64::from(id.seq) << 8 | u64::from(id.attempt), || {
        format!("b{number} #{} attempt {}: {says:?}", id.seq, id.attempt)
    });
    let receipt = RawReceipt { received_at: at, body: body.into_bytes() };
    world.store.append_receipts(vec![receipt]).await.expect("memory takes everything");
}
