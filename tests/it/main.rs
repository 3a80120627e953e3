//! The tests that look at wacast from outside: one binary, one module a theme.
mod config;
mod engine;

mod cloud_client;
mod sandbox;

mod store_contract;

mod intake;
mod messy;
