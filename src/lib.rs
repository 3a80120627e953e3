//! wacast.
pub mod clock;
pub mod cloud_api;
pub mod domain;
pub mod sandbox;
pub mod store;
