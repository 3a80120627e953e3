//! The tests that look at wacast from outside: one binary, one module a theme.
mod config;
mod engine;
mod console_fixtures;
mod console_keys;
mod console_screens;

mod cloud_client;
mod engine;
mod intake;
mod messy;
mod sandbox;
mod store_contract;
mod store_sqlite;
