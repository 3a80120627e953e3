//! A Cloud API for a configuration without one: everything that does not need WhatsApp works, and what does
//! says which keys are missing.

use crate::cloud_api::{CallError, CloudApi, SendResult, SenderInfo, TokenInfo, WriteGate};
use crate::domain::template::Template;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// Answers nothing but what is missing.
pub(super) struct Offline {
    words: String,
}

impl Offline {
    pub(super) fn new(missing: &[&str]) -> Self {
        Self { words: format!("the configuration lacks {}", missing.join(", ")) }
    }

    fn error(&self) -> CallError {
        CallError::Unreachable(self.words.clone())
    }
}

#[async_trait]
impl CloudApi for Offline {
    async fn send(&self, _sender: &str, _body: Bytes, _gate: Arc<dyn WriteGate>) -> SendResult {
        SendResult::Unsent { refused_by_gate: false, detail: self.words.clone() }
    }

    async fn templates(&self) -> Result<Vec<Template>, CallError> {
        Err(self.error())
    }

    async fn sender(&self, _sender: &str) -> Result<SenderInfo, CallError> {
        Err(self.error())
    }

    async fn token(&self) -> Result<Option<TokenInfo>, CallError> {
        Err(self.error())
    }
}
