//! # wacast
//!
//! A terminal console with an embedded scheduler that sends approved WhatsApp template messages to lists of numbers
//! through Meta's Cloud API, at exactly the allowed pace, and can prove who got what. Nobody is messaged twice, nobody is
//! lost, and whoever's outcome is unknown is shown as such.
//!
//! ## Bird's-eye view
//!
//! ```text
//!  number files ──> intake ──┐                                        ┌──> console (screens)
//!  HTTP API ─────> api ──────┼──> service (use cases) ──> store ──────┼──> headless (log lines)
//!  command line ─> cli ──────┘         │                  ^  ^        └──> api (JSON, metrics)
//!                                      v                  │  │                 ^ snapshot
//!                     scheduler ──> sender engine ────────┘  └── receipts      │
//!                                   intent > pace > send > settle <── api /webhook
//!                                      │                                       │
//!                                      └───────────────> cloud_api ────────────┴──> Meta, or the sandbox
//! ```
//!
//! A message's way: the service freezes an audience into recipients; the engine, while it holds the sender's lease, records an
//! **intent** durably, waits for the **pace**, asks the gate at the socket, sends, and makes the **outcome** durable. Receipts
//! come in by the webhook, are stored as they came, and folded into states by whoever drives. The store's counts are the truth;
//! every face draws the same snapshot of them.
//!
//! ## Where to find what
//!
//! | looking for | module |
//! |---|---|
//! | the words: states, broadcasts, templates, errors' policy, schedules | [`domain`] |
//! | which state may follow which | [`domain::state`] |
//! | what a ledger promises; SQLite and MongoDB | [`store`] |
//! | the promise at work: lease, intents, pace, outcomes, recovery | [`engine`] |
//! | what can be asked for: import, plan, start, pause, report | [`service`] |
//! | reading number files | [`intake`] |
//! | talking to Meta | [`cloud_api`] |
//! | a Cloud API of our own, for rehearsals and tests | [`sandbox`] |
//! | what is due now | [`scheduler`] |
//! | screens and keys | [`console`] |
//! | HTTP calls and the webhook | [`api`] |
//! | commands, exit codes, `doctor` | [`cli`] |
//! | running without a screen; the demo | [`headless`], [`demo`] |
//! | which parts a process is made from, and how it ends | [`app`] |
//! | every key of the configuration | [`config::keys`] |
//!
//! ## Invariants
//!
//! Kept by `tests/it/architecture.rs`, which reads the sources:
//!
//! - `domain` reads no clock and does no I/O; times are handed in.
//! - Only `store` knows a database driver, only `cloud_api` knows reqwest, only `console` knows a terminal library, only
//!   `api` and `sandbox` know axum.
//! - `engine` knows no face: neither console, api nor cli.
//! - `service` knows no face either: what one of them can do, all can.
//!
//! Kept by the other tests: a request starts only after its intent is durable; a recipient that may have been reached is not
//! sent to again by the program; states add up to the audience at every moment; secrets are in no log, error or output.
//! Every queue, retry and wait has a stated bound, where it is.

pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod cloud_api;
pub mod config;
pub mod console;
pub mod custody;
pub mod demo;
mod die;
pub mod domain;
pub mod engine;
pub mod headless;
pub mod intake;
pub mod logging;
pub mod prove;
pub mod sandbox;
pub mod scheduler;
pub mod service;
pub mod store;
