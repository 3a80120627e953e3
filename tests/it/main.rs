//! The tests that look at wacast from outside: one binary, one module a theme.
mod engine;

mod bed;
mod cloud_client;
mod http_api;
mod sandbox;
mod scheduling;
mod service;

mod store_contract;
mod store_sqlite;
