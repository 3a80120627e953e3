//! What kind of world a seed makes: drawn once, at the beginning.

use fastrand::Rng;

/// A deliberately wrong part, for tests that see the rules fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The store grants an intent to somebody who has had one.
    GrantsTwice,
    /// Whoever an ended process left open goes back to the queue.
    RequeuesTheOpen,
    /// Messages leave without asking the gate.
    SkipsTheGate,
    /// Messages leave although the gate refuses.
    IgnoresRefusals,
    /// An outcome is said to be on record and is not.
    LosesOutcomes,
    /// A rate limit fails people.
    FailsTheWaiting,
    /// A receipt is said to be folded and is not.
    LosesReceipts,
    /// A pause is said to be on record and is not.
    ForgetsPauses,
    /// More people than allowed hold an intent.
    GrantsTooMany,
    /// Completed although somebody waits.
    CompletesEarly,
}

/// The kind of world.
#[derive(Debug, Clone)]
pub struct Plan {
    pub people: u32,
    pub people_of_second: Option<u32>,
    /// 0: off.
    pub pace: f64,
    pub own_pace: Option<f64>,
    pub max_in_flight: u32,
    pub processes: usize,
    /// A second sender with a process and a broadcast of its own.
    pub second_sender: bool,
    /// Leases end by the wall's clock (one host) and not by one that only runs forward.
    pub leases_by_wall: bool,
    pub wall_steps: bool,
    pub pace_changes: bool,
    /// `TIER_50`, while the faults last.
    pub messaging_limit: bool,
    pub chaos_ms: u64,
    /// In ten thousand operations of the store: not answered, slow, the process ends there, it panics there.
    pub store_away: u32,
    pub store_slow: u32,
    pub crash: u32,
    pub panic: u32,
    /// In a thousand requests: refused, unknown, not connected.
    pub refused: u32,
    pub unknown: u32,
    pub unconnected: u32,
    /// In a thousand accepted messages: without any receipt, undelivered.
    pub receipts_lost: u32,
    pub undelivered: u32,
    pub operators: bool,
    pub sabotage: Option<Sabotage>,
}

fn one<T: Copy>(dice: &mut Rng, of: &[T]) -> T {
    of[dice.usize(0..of.len())]
}

impl Plan {
    pub fn draw(dice: &mut Rng, sabotage: Option<Sabotage>) -> Self {
        let wall_steps = dice.u8(0..4) == 0;
        let plan = Self {
            people: dice.u32(5..60),
            people_of_second: dice.bool().then(|| dice.u32(1..20)),
            pace: one(dice, &[1.0, 2.0, 5.0, 10.0, 10.0, 30.0, 80.0, 0.0]),
            own_pace: (dice.u8(0..5) == 0).then(|| one(dice, &[1.0, 3.0, 7.0])),
            max_in_flight: one(dice, &[1, 2, 4, 8, 32]),
            processes: one(dice, &[1, 1, 1, 2, 2, 3]),
            second_sender: dice.u8(0..6) == 0,
            leases_by_wall: dice.bool(),
            wall_steps,
            pace_changes: dice.u8(0..4) == 0,
            messaging_limit: dice.u8(0..12) == 0,
            chaos_ms: dice.u64(4_000..25_000),
            store_away: one(dice, &[0, 0, 30, 100, 400]),
            store_slow: one(dice, &[0, 20, 100]),
            crash: one(dice, &[0, 0, 4, 15]),
            panic: one(dice, &[0, 0, 0, 0, 0, 3]),
            refused: one(dice, &[0, 20, 100, 300]),
            unknown: one(dice, &[0, 20, 100, 400]),
            unconnected: one(dice, &[0, 0, 20, 200]),
            receipts_lost: one(dice, &[0, 30, 300]),
            undelivered: one(dice, &[0, 50, 200]),
            operators: dice.u8(0..4) > 0,
            sabotage,
        };
        if sabotage == Some(Sabotage::IgnoresRefusals) {
            // Slow, so that many stand at the gate; and processes that stand still and are taken over.
            return Self { pace: 2.0, people: 60, processes: 3, crash: 1, chaos_ms: 60_000, ..plan };
        }
        plan
    }
}
