//! Drives one broadcast by hand, step by step at a test's own times, where an engine would run on by itself.

use std::sync::Arc;
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::Kinds;
use wacast::domain::pricing::Mark;
use wacast::domain::time::{DAY, Millis};
use wacast::store::{
    Evidence, Holder, Intent, Lease, LeaseAnswer, NewRecipient, Outcome, RECEIPTS, ReceiptMove, Store, Verdict,
};

/// A running broadcast and the lease that drives it.
pub struct ByHand {
    store: Arc<dyn Store>,
    lease: Lease,
    pub id: BroadcastId,
}

async fn take(store: &dyn Store, subject: &str) -> Lease {
    let holder = Holder {
        process: "by hand".into(),
        host: "host.example.com".into(),
        pid: 1,
        boot_id: "a-boot".into(),
        lock_file: "/run/wacast/test.lock".into(),
        face: "test".into(),
    };
    match store.take_lease(subject, &holder, 30 * DAY, None).await.unwrap() {
        LeaseAnswer::Granted(lease) => lease,
        LeaseAnswer::Held(view) => panic!("held: {view:?}"),
    }
}

impl ByHand {
    /// Freezes a broadcast that is being prepared, and lets it run.
    pub async fn run(store: &Arc<dyn Store>, id: &BroadcastId, now: Millis) -> Self {
        let broadcast = store.broadcast(id).await.unwrap();
        let lease = take(&**store, &broadcast.definition.sender).await;
        let uploads = &broadcast.definition.audience.uploads;
        let (mut total, mut after) = (0, None);
        loop {
            let page = store.audience_page(uploads, after, 5_000).await.unwrap();
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            let people = page.iter().map(|(_, number)| NewRecipient {
                phone: number.phone,
                name: number.name.clone(),
                values: Vec::new(),
                skipped: None,
            });
            store.add_recipients(&lease, id, total, people.collect(), *last).await.unwrap();
            total += u32::try_from(page.len()).unwrap();
        }
        store.begin_running(&lease, id, total, now).await.unwrap();
        Self { store: store.clone(), lease, id: id.clone() }
    }

    /// Writes to the next `people`, with this result.
    pub async fn send(&self, people: u32, now: Millis, result: impl Fn(&Intent) -> Verdict) {
        let intents = self.store.open_window(&self.lease, &self.id, people, Kinds::default(), now).await.unwrap();
        assert_eq!(intents.len(), people as usize);
        let outcomes = intents.iter().map(|intent| Outcome {
            broadcast: self.id.clone(),
            seq: intent.seq,
            attempt: intent.attempt,
            phone: intent.phone,
            at: now,
            verdict: result(intent),
        });
        self.store.settle(&self.lease, outcomes.collect()).await.unwrap();
    }

    /// A receipt for somebody's first attempt.
    pub async fn receipt(&self, seq: u32, at: Millis, evidence: Evidence) {
        let lease = take(&*self.store, RECEIPTS).await;
        let wamid = format!("wamid.{seq}.1");
        let mark = Mark::default();
        let said = ReceiptMove { broadcast: self.id.clone(), seq, attempt: 1, wamid, at, evidence, mark };
        assert_eq!(self.store.fold_receipts(&lease, vec![said], 0).await.unwrap().moved, 1);
        self.store.release_lease(&lease).await.unwrap();
    }

    /// Everybody is through.
    pub async fn complete(&self, now: Millis) {
        assert!(self.store.complete(&self.lease, &self.id, now).await.unwrap());
    }
}

/// WhatsApp took it.
pub fn accepted(intent: &Intent) -> Verdict {
    Verdict::Accepted { wamid: format!("wamid.{}.{}", intent.seq, intent.attempt), response: "{}".into() }
}
