//! What WhatsApp's platform does to whoever broadcasts, in the real binary: `wacast --no-tui` against a sandbox over
//! loopback HTTP, looked at as operators and their scripts look at it: by the command line, the HTTP API, the webhook.
//!
//! A module for each part of the platform; what the parts decide inside is tested where it is decided.

mod codes;
mod health;
mod opt_outs;
mod policy;
mod receipts;
mod site;
mod templates;
mod token;
mod variables;
mod versions;
mod webhook;
