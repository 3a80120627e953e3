//! The tests that look at wacast from outside: one binary, one module a theme.

mod architecture;
mod cloud_client;
mod config;
mod console_fixtures;
mod console_keys;
mod console_screens;
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
