//! wacast.
pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod cloud_api;
pub mod config;
pub mod console;
pub mod demo;
pub mod domain;
pub mod engine;
pub mod headless;
pub mod intake;
pub mod logging;
pub mod sandbox;
pub mod scheduler;
pub mod service;
pub mod store;
