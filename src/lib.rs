//! wacast.
pub mod api;
pub mod clock;
pub mod cloud_api;
pub mod console;
pub mod domain;
pub mod engine;
pub mod intake;
pub mod sandbox;
pub mod scheduler;
pub mod service;
pub mod store;
