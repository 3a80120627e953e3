//! The tests that look at wacast from outside: one binary, one module a theme.

mod bed;
mod cloud_client;
mod engine;
mod http_api;
mod intake;
mod messy;
mod sandbox;
mod scheduling;
mod service;
mod store_contract;
mod store_sqlite;
