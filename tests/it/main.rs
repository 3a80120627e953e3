//! The tests that look at wacast from outside: one binary, one module a theme.

mod bed;
mod cloud_client;
mod http_api;
mod sandbox;
mod scheduling;
mod service;

mod engine;
mod intake;
mod messy;
mod mongo_store;
mod mongod;
mod sandbox;
mod mongo_store;
mod mongod;
mod store_contract;
mod store_sqlite;
