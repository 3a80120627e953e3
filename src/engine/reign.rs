//! One holding of the sender's lease, from taking it to losing it or draining.
//!
//! First what an earlier holder left open becomes in doubt, then four tasks work side by side: `claim` records
//! intents, `dispatch` sends them at the pace, `settle` makes outcomes durable, `oversee` looks after broadcasts.

use super::breaker::{Breaker, Tally};
use super::gate::Gate;
use super::hold::Hold;
use super::lease::Held;
use super::meter::Meter;
use super::pace::Pace;
use super::templates::category_of;
use super::verdict::Message;
use super::{EngineConfig, Shared, claim, dispatch, oversee, pass_panic_on, settle, trouble};
use crate::custody::{Keeper, Mark};
use crate::die;
use crate::domain::binding::has_shared_file;
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::BroadcastId;
use crate::domain::marketing::{MARKETING, MarketingEndpoint};
use crate::domain::message::MessageMaker;
use crate::domain::opt_out::Kinds;
use crate::domain::said;
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::time::{HOUR, Millis};
use crate::service::view::WhyNotFaster;
use crate::store::{Intent, Lease, Outcome, Store, StoreError};
use arc_swap::ArcSwap;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A new holder is silent for so long first: the one before may have written in the last second.
const SILENCE: Duration = Duration::from_millis(1_050);
/// Pause between two tries when the store does not answer.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// A broadcast that is being sent.
pub(super) struct Active {
    pub(super) id: BroadcastId,
    /// Replaced when its header's file is uploaded anew.
    pub(super) maker: ArcSwap<MessageMaker>,
    /// The template's category.
    pub(super) category: String,
    /// It goes out by the Marketing Messages API.
    pub(super) by_marketing_api: AtomicBool,
    /// The messaging limit is used up, and only whoever costs nothing of it may go.
    pub(super) free_only: AtomicBool,
    /// Whether it is marketing, and how many broadcasts it follows up.
    pub(super) message: Message,
    /// A pace of its own: at most so many a second.
    pub(super) own_pace: Option<f64>,
    /// The ways of opting out that hold it back.
    pub(super) held_back: Kinds,
    /// Off as soon as it is paused, cancelled or lost: nothing of it is written any more.
    pub(super) running: AtomicBool,
    /// WhatsApp took a message of it.
    pub(super) accepted_before: AtomicBool,
    /// Intents granted to us that have no durable outcome.
    pub(super) held: Mutex<HashSet<(u32, u32)>>,
    /// Some intents may have been recorded without our hearing of it.
    pub(super) unheard: AtomicBool,
    /// The permits of those intents, kept until the store has put them back.
    pub(super) unheard_permits: Mutex<Vec<OwnedSemaphorePermit>>,
    /// A window is being asked for.
    pub(super) opening: AtomicBool,
    pub(super) breaker: Mutex<Breaker>,
    /// Messages that WhatsApp took and holds until it has judged the template.
    pub(super) under_review: AtomicU64,
    /// When the last of those was taken.
    pub(super) reviewed_at: AtomicI64,
    pub(super) turn: Mutex<Turn>,
}

/// When the next window of a broadcast may be asked for.
pub(super) struct Turn {
    pub(super) not_before: Instant,
    /// Nobody was due the last time.
    pub(super) nobody_due: bool,
    /// When the last window was opened, for a pace of its own.
    pub(super) opened_at: Instant,
}

/// What is to be known of a broadcast before anything of it is sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Begun {
    /// WhatsApp took a message of it before.
    pub(super) accepted_before: bool,
    /// What its messages are.
    pub(super) message: Message,
    /// The category that it goes out as.
    pub(super) category: String,
    /// Who was through.
    pub(super) tally: Tally,
}

/// Chains of follow-ups are walked back so far.
const MOST_ROUNDS: u32 = 20;

/// What the messages of a broadcast are.
pub(super) async fn message_of(store: &dyn Store, broadcast: &Broadcast) -> Result<Message, StoreError> {
    let marketing = category_of(store, broadcast).await?.eq_ignore_ascii_case(MARKETING);
    let mut round = 0;
    let mut earlier = broadcast.definition.audience.follow_up.as_ref().map(|follow_up| follow_up.of.clone());
    while let Some(id) = earlier.take_if(|_| round < MOST_ROUNDS) {
        round += 1;
        earlier = match store.broadcast(&id).await {
            Ok(before) => before.definition.audience.follow_up.map(|follow_up| follow_up.of),
            Err(StoreError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
    }
    let shared_file = has_shared_file(&broadcast.definition.bindings);
    Ok(Message { marketing, to_the_us: false, round, shared_file })
}

impl Active {
    pub(super) fn new(broadcast: &Broadcast, maker: MessageMaker, begun: Begun, config: &EngineConfig) -> Self {
        let now = Instant::now();
        let category = begun.category;
        let by_marketing_api = config.marketing_endpoint == MarketingEndpoint::Always && category == MARKETING;
        Self {
            id: broadcast.id.clone(),
            maker: ArcSwap::from_pointee(maker),
            held_back: config.opt_out.holding_back(&category),
            category,
            by_marketing_api: AtomicBool::new(by_marketing_api),
            free_only: AtomicBool::new(false),
            message: begun.message,
            own_pace: broadcast.definition.messages_per_second.filter(|pace| *pace > 0.0),
            running: AtomicBool::new(true),
            accepted_before: AtomicBool::new(begun.accepted_before),
            held: Mutex::default(),
            unheard: AtomicBool::new(false),
            unheard_permits: Mutex::default(),
            opening: AtomicBool::new(false),
            breaker: Mutex::new(Breaker::new(begun.tally)),
            under_review: AtomicU64::new(0),
            reviewed_at: AtomicI64::new(0),
            turn: Mutex::new(Turn { not_before: now, nobody_due: false, opened_at: now }),
        }
    }

    /// WhatsApp has taken a message and holds it.
    pub(super) fn note_review(&self, now: Millis) {
        if self.held_back_now(now) == 0 {
            self.under_review.store(0, Ordering::Relaxed);
        }
        self.reviewed_at.store(now.0, Ordering::Relaxed);
        self.under_review.fetch_add(1, Ordering::Relaxed);
    }

    /// How many messages WhatsApp holds, as far as is known: it decides within an hour, and of a message that it lets go or
    /// fails no answer tells.
    pub(super) fn held_back_now(&self, now: Millis) -> u64 {
        let lately = now.since(Millis(self.reviewed_at.load(Ordering::Relaxed))) < HOUR;
        if lately { self.under_review.load(Ordering::Relaxed) } else { 0 }
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    pub(super) fn held(&self) -> std::sync::MutexGuard<'_, HashSet<(u32, u32)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unheard_permits(&self) -> std::sync::MutexGuard<'_, Vec<OwnedSemaphorePermit>> {
        self.unheard_permits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn turn(&self) -> std::sync::MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An intent on its way to the wire.
pub(super) struct Item {
    pub(super) active: Arc<Active>,
    pub(super) intent: Intent,
    /// Released when the outcome is durable.
    pub(super) permit: OwnedSemaphorePermit,
    /// Does not fit into the messaging limit: goes back, to be looked at again then.
    pub(super) waits_until: Option<Millis>,
}

/// An outcome on its way to the store.
pub(super) struct Pending {
    pub(super) active: Arc<Active>,
    pub(super) outcome: Outcome,
    pub(super) permit: OwnedSemaphorePermit,
}

/// A pause that an answer asked for.
pub(super) struct PauseAsked {
    /// One broadcast, or all.
    pub(super) broadcast: Option<BroadcastId>,
    pub(super) reason: PauseReason,
    pub(super) detail: String,
    pub(super) lasts: Lasts,
}

/// How long a pause is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasts {
    /// Not known; what the template is to blame for may be looked at again.
    Open,
    /// It goes on by itself then.
    Until(Millis),
    /// Waiting changes nothing.
    ForGood,
}

/// What the tasks of a reign share.
pub(super) struct Reign {
    pub(super) shared: Arc<Shared>,
    pub(super) lease: Lease,
    pub(super) gate: Arc<Gate>,
    pub(super) pace: Arc<Pace>,
    pub(super) meter: Arc<Meter>,
    pub(super) hold: Hold,
    pub(super) in_flight: Arc<Semaphore>,
    pub(super) unsettled: Arc<Semaphore>,
    /// Intents granted and not yet on the wire.
    pub(super) stock: AtomicUsize,
    /// Rung when the stock shrinks.
    pub(super) stock_bell: Notify,
    pub(super) actives: ArcSwap<Vec<Arc<Active>>>,
    /// How many more people may be written to within the messaging limit; `i64::MAX`: no limit.
    pub(super) budget_left: AtomicI64,
    /// People in 24 hours as last answered, `u64::MAX`: without limit; `None`: not answered yet.
    pub(super) limit: Mutex<Option<u64>>,
    /// Outcomes wait for a store that does not take them.
    pub(super) settling_fails: AtomicBool,
    /// Nothing new: drained, or the lease is gone.
    pub(super) stop: CancellationToken,
    pub(super) pauses: mpsc::UnboundedSender<PauseAsked>,
    /// Keeps the high-water mark outside the store ahead of what is sent.
    keeper: Option<tokio::sync::Mutex<Keeper>>,
}

impl Reign {
    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.shared.parts.store
    }

    pub(super) fn now(&self) -> Millis {
        self.shared.parts.clock.now()
    }

    /// Requests that have no answer yet.
    pub(super) fn in_flight_now(&self) -> u32 {
        let most = self.shared.parts.config.max_in_flight;
        most.saturating_sub(u32::try_from(self.in_flight.available_permits()).unwrap_or(u32::MAX))
    }

    /// People with an intent and no durable outcome.
    pub(super) fn unsettled_now(&self) -> u32 {
        let most = self.shared.parts.config.max_unsettled();
        most.saturating_sub(u32::try_from(self.unsettled.available_permits()).unwrap_or(u32::MAX))
    }

    /// Notes outside the store that people of a broadcast up to this seq are about to be sent to.
    pub(super) async fn note_granted(&self, broadcast: &BroadcastId, newest: u32) {
        let Some(keeper) = &self.keeper else { return };
        let mut keeper = keeper.lock().await;
        if let Some(mark) = keeper.granted(broadcast, newest, self.now()) {
            keep(&mut keeper, mark).await;
        }
    }

    /// Deals with an error of the store; a lost lease ends the reign.
    pub(super) async fn store_failed(&self, error: &StoreError) {
        if matches!(error, StoreError::LeaseLost) {
            self.end();
            return;
        }
        trouble(&self.shared, error);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(STORE_PAUSE) => {}
        }
    }

    /// Stops taking and writing anything new.
    pub(super) fn end(&self) {
        self.gate.closed.store(true, Ordering::Release);
        self.stop.cancel();
    }
}

/// Writes the mark where it does not hold up other tasks.
async fn keep(keeper: &mut Keeper, mark: Mark) {
    let (custody, sender) = keeper.custody();
    let written = tokio::task::spawn_blocking(move || custody.keep(&sender, &mark)).await;
    keeper.written(written.unwrap_or_else(|error| Err(std::io::Error::other(error))));
}

/// Reigns until the lease is lost or the engine drains, then gives the lease back. Returns it when that failed.
pub(super) async fn reign(shared: &Arc<Shared>, held: Held) -> Option<Lease> {
    if let Some((first_word, keeper)) = begin(shared, &held).await {
        shared.driving.send_replace(true);
        work(shared, &held, first_word, keeper).await;
        note_driving(shared).await;
    }
    die::point("at_release");
    held.release().await
}

/// Settles what an earlier holder left; `None` when the lease went or the engine drains meanwhile.
async fn begin(shared: &Shared, held: &Held) -> Option<(Instant, Option<Keeper>)> {
    shared.status.send_modify(|status| status.why = WhyNotFaster::Starting);
    let may_write_at = Instant::now() + SILENCE;
    while !held.lost.is_cancelled() && !shared.drain.is_cancelled() {
        match take_over(shared, &held.lease).await {
            Ok(keeper) => {
                shared.status.send_modify(|status| status.trouble.clear());
                return Some((may_write_at, keeper));
            }
            Err(StoreError::LeaseLost) => {
                warn_of_loss();
                return None;
            }
            Err(error) => {
                trouble(shared, &error);
                tokio::time::sleep(STORE_PAUSE).await;
            }
        }
    }
    None
}

fn warn_of_loss() {
    tracing::warn!("the lease is gone: nothing more is sent from here");
}

fn driven_key(sender: &str) -> String {
    format!("engine.driven_at.{sender}")
}

/// The note that holds when a broadcast was last let go on.
fn resumed_key(id: &BroadcastId) -> String {
    format!("engine.resumed_at.{id}")
}

/// What the notes begin with that hold to which account a sender belongs.
pub(super) const ACCOUNT_NOTES: &str = "engine.account.";

/// When a broadcast was last let go on; long ago when it never was.
pub(crate) async fn resumed_at(store: &dyn Store, id: &BroadcastId) -> Result<Millis, StoreError> {
    Ok(millis(store.note(&resumed_key(id)).await?))
}

/// Lets a paused broadcast go on, and remembers when: so that a process that starts later does not hold it for nobody having
/// been there, and that what is told late of the time before does not pause it again.
pub(crate) async fn resume(store: &dyn Store, id: &BroadcastId, now: Millis) -> Result<Broadcast, StoreError> {
    store.put_note(&resumed_key(id), &now.0.to_string()).await?;
    store.resume(id, now).await
}

fn millis(note: Option<String>) -> Millis {
    note.and_then(|text| text.parse().ok()).map_or(Millis(0), Millis)
}

/// Remembers that the sender is being driven now, so that the next one knows how long nobody did.
pub(super) async fn note_driving(shared: &Shared) {
    let parts = &shared.parts;
    let now = parts.clock.now().0.to_string();
    let config = &parts.config;
    let noted = async {
        if !config.account.is_empty() {
            parts.store.put_note(&format!("{ACCOUNT_NOTES}{}", config.sender), &config.account).await?;
        }
        parts.store.put_note(&driven_key(&config.sender), &now).await
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "could not note when the sender was last driven");
    }
}

async fn take_over(shared: &Shared, lease: &Lease) -> Result<Option<Keeper>, StoreError> {
    let parts = &shared.parts;
    let now = parts.clock.now();
    for (broadcast, people) in parts.store.recover(lease, now).await? {
        tracing::warn!(%broadcast, people, "an earlier process ended without recording what became of them: not sure");
        let detail = format!(
            "{} in doubt: an earlier process ended without recording what became of them",
            said::people(people)
        );
        shared.note_act("recover", &broadcast, detail).await;
    }
    die::point("after_recovery");
    let driven_at = parts.store.note(&driven_key(&parts.config.sender)).await?;
    let driven_at = millis(driven_at);
    for broadcast in parts.store.broadcasts(true, OPEN_BROADCASTS).await? {
        let was_going = matches!(broadcast.status, BroadcastStatus::Running | BroadcastStatus::Preparing);
        let resumed_at = resumed_at(&*parts.store, &broadcast.id).await?;
        let attended_at = driven_at.max(resumed_at).max(broadcast.created_at);
        let away_ms = now.since(attended_at.max(broadcast.start_at.unwrap_or_default()));
        if was_going && broadcast.definition.sender == parts.config.sender && away_ms > parts.config.grace_ms {
            let minutes = away_ms / crate::domain::time::MINUTE;
            let detail = format!(
                "nobody was there to send for {minutes} minutes, so it did not go on by itself; resume it to send the rest"
            );
            parts.store.pause(&broadcast.id, PauseReason::Absence, &detail, None).await?;
            tracing::warn!(broadcast = %broadcast.id, minutes, "held: nobody was there to send");
            shared.note_act("pause", &broadcast.id, format!("{}: {detail}", PauseReason::Absence.word())).await;
        }
    }
    note_driving(shared).await;
    let Some(custody) = &parts.custody else { return Ok(None) };
    custody.settle_in(&*parts.store).await?;
    let windows = parts.store.windows_opened(&lease.subject).await?;
    Ok(Some(Keeper::new(custody.clone(), &parts.config.sender, windows, mark_block(&parts.config))))
}

/// People that the high-water mark is moved ahead by: two seconds of pace.
fn mark_block(config: &EngineConfig) -> u32 {
    const MOST: u32 = 10_000;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is bounded")]
    let people = (config.messages_per_second * 2.0) as u32;
    if config.messages_per_second > 0.0 { people.min(MOST) } else { MOST }
}

/// Broadcasts that may be open at one time.
pub(super) const OPEN_BROADCASTS: u32 = 1_000;

async fn work(shared: &Arc<Shared>, held: &Held, may_write_at: Instant, keeper: Option<Keeper>) {
    let config = &shared.parts.config;
    let pace = Arc::new(Pace::new(*shared.pace.borrow()));
    let meter = Arc::new(Meter::default());
    let gate = Arc::new(Gate {
        clock: shared.parts.clock.clone(),
        deadline: held.deadline.clone(),
        closed: AtomicBool::new(false),
        pace: pace.clone(),
        configured: shared.pace.clone(),
        meter: meter.clone(),
    });
    let (pauses, pauses_asked) = mpsc::unbounded_channel();
    let reign = Arc::new(Reign {
        shared: shared.clone(),
        lease: held.lease.clone(),
        gate,
        pace,
        meter,
        hold: Hold::default(),
        in_flight: Arc::new(Semaphore::new(config.max_in_flight as usize)),
        unsettled: Arc::new(Semaphore::new(config.max_unsettled() as usize)),
        stock: AtomicUsize::new(0),
        stock_bell: Notify::new(),
        actives: ArcSwap::default(),
        // Nothing before the limit was asked for.
        budget_left: AtomicI64::new(0),
        limit: Mutex::default(),
        settling_fails: AtomicBool::new(false),
        stop: CancellationToken::new(),
        pauses,
        keeper: keeper.map(tokio::sync::Mutex::new),
    });
    let (items, items_taken) = mpsc::unbounded_channel();
    let (outcomes, outcomes_taken) = mpsc::unbounded_channel();
    let mut settling = tokio::spawn(settle::run(reign.clone(), outcomes_taken));
    let mut dispatching = tokio::spawn(dispatch::run(reign.clone(), items_taken, outcomes, may_write_at));
    let mut claiming = tokio::spawn(claim::run(reign.clone(), items));
    let mut overseeing = tokio::spawn(oversee::run(reign.clone(), pauses_asked));

    let ended = tokio::select! {
        biased;
        // Whoever hears of it first: the renewal, or a command that the store refused.
        () = async { tokio::select! { () = held.lost.cancelled() => {}, () = reign.stop.cancelled() => {} } } => {
            warn_of_loss();
            Ok(())
        }
        () = shared.drain.cancelled() => {
            tracing::info!("draining");
            Ok(())
        }
        ended = &mut settling => ended,
        ended = &mut dispatching => ended,
        ended = &mut claiming => ended,
        ended = &mut overseeing => ended,
    };
    reign.end();
    pass_panic_on(ended);
    shared.status.send_modify(|status| status.why = WhyNotFaster::Draining);
    let rest = async {
        for task in [overseeing, claiming, dispatching, settling] {
            if !task.is_finished() {
                pass_panic_on(task.await);
            }
        }
    };
    // What is known is recorded however long that takes, unless the program is to end.
    let too_long = async {
        shared.drain.cancelled().await;
        tokio::time::sleep(config.drain_timeout).await;
    };
    tokio::select! {
        biased;
        () = rest => {}
        () = too_long => tracing::warn!(
            unsettled = reign.unsettled_now(),
            "the drain took too long; who has no recorded outcome becomes \"not sure\" at the next start"
        ),
    }
    if let Some(keeper) = &reign.keeper {
        let mut keeper = keeper.lock().await;
        let mark = keeper.renewed(reign.now());
        keep(&mut keeper, mark).await;
    }
}
