//! The tests that look at wacast from outside: one binary, one module a theme.

mod architecture;
mod bed;
mod cli;
mod cloud_client;
mod config;
mod console_fixtures;
mod console_keys;
mod console_pty;
mod console_screens;
mod demo;
mod engine;
mod fire;
mod http_api;
mod intake;
mod kill;
mod messy;
mod mongo_store;
mod mongod;
mod real;
mod sandbox;
mod scheduling;
mod service;
mod simulation;
mod store_contract;
mod store_sqlite;
