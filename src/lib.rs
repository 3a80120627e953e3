//! wacast.
pub mod clock;
pub mod cloud_api;
pub mod domain;
pub mod engine;
pub mod intake;
pub mod service;
pub mod sandbox;
pub mod store;
