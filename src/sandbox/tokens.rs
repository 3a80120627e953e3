//! The sandbox's access tokens: which work, until when, and exchanging one for a longer one.

use super::state::Shared;
use arc_swap::ArcSwap;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// What Meta's exchange gives: 60 days.
const EXCHANGED_S: i64 = 60 * 86_400;
/// Tokens that are remembered.
const MOST: usize = 100;

/// One token, as `POST /_sandbox/token` takes it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxToken {
    /// The token. Not a secret: it opens nothing else.
    pub access_token: String,
    /// Seconds since the epoch; 0: never ends.
    #[serde(default)]
    pub expires_at: i64,
    /// What it may do.
    #[serde(default = "all_scopes")]
    pub scopes: Vec<String>,
    /// The accounts that it is for; empty: all.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Whether the tokens before it go on working; else they are revoked.
    #[serde(default)]
    pub keep_others: bool,
}

fn all_scopes() -> Vec<String> {
    vec!["whatsapp_business_management".to_owned(), "whatsapp_business_messaging".to_owned()]
}

impl SandboxToken {
    /// One that may do everything and never ends; those before it are revoked.
    pub fn new(access_token: &str) -> Self {
        Self {
            access_token: access_token.to_owned(),
            expires_at: 0,
            scopes: all_scopes(),
            targets: Vec::new(),
            keep_others: false,
        }
    }
}

/// All that work, if they have not expired.
pub(super) struct Tokens(ArcSwap<Vec<SandboxToken>>);

impl Tokens {
    pub(super) fn new(first: &SecretString) -> Self {
        Self(ArcSwap::from_pointee(vec![SandboxToken::new(first.expose_secret())]))
    }

    pub(super) fn issue(&self, new: &SandboxToken) {
        self.0.rcu(|tokens| {
            let mut tokens: Vec<_> = if new.keep_others { tokens.as_ref().clone() } else { Vec::new() };
            tokens.retain(|token| token.access_token != new.access_token);
            if tokens.len() >= MOST {
                tokens.remove(0);
            }
            tokens.push(new.clone());
            Arc::new(tokens)
        });
    }

    /// Whether a call's header names one that works now.
    pub(super) fn admits(&self, authorization: Option<&str>, now_s: i64) -> bool {
        let Some(shown) = authorization.and_then(|text| text.strip_prefix("Bearer ")) else { return false };
        self.0.load().iter().any(|token| token.access_token == shown && token.works(now_s))
    }

    fn find(&self, access_token: &str, now_s: i64) -> Option<SandboxToken> {
        self.0.load().iter().find(|token| token.access_token == access_token && token.works(now_s)).cloned()
    }
}

impl SandboxToken {
    fn works(&self, now_s: i64) -> bool {
        self.expires_at == 0 || self.expires_at > now_s
    }
}

impl Shared {
    fn now_s(&self) -> i64 {
        i64::try_from(self.now_us() / 1_000_000).unwrap_or(i64::MAX)
    }

    /// Whether a call carries an access token, and the token works.
    pub(super) fn is_authorised(&self, authorization: Option<&str>) -> bool {
        self.settings.load().token_valid && self.tokens.admits(authorization, self.now_s())
    }

    /// What `debug_token` says of a token.
    pub(super) fn debug(&self, input_token: &str) -> Value {
        let found = self.tokens.find(input_token, self.now_s()).filter(|_| self.settings.load().token_valid);
        let Some(token) = found else {
            return json!({"app_id": "sandbox", "type": "SYSTEM_USER", "is_valid": false, "expires_at": 0, "scopes": [],
                "error": {"code": 190, "message": "The access token is not valid in the sandbox"}});
        };
        let granular = |scope: &String| {
            let mut granular = json!({"scope": scope});
            if !token.targets.is_empty() {
                granular["target_ids"] = json!(token.targets);
            }
            granular
        };
        let granular: Vec<Value> = token.scopes.iter().map(granular).collect();
        json!({"app_id": "sandbox", "type": "SYSTEM_USER", "is_valid": true, "expires_at": token.expires_at,
            "data_access_expires_at": 0, "scopes": token.scopes, "granular_scopes": granular})
    }

    /// A token for 60 days in exchange for one that works, which goes on working. `None`: it does not.
    pub(super) fn exchange(&self, old: &str) -> Option<Value> {
        let now_s = self.now_s();
        let old = self.tokens.find(old, now_s).filter(|_| self.settings.load().token_valid)?;
        let access_token = format!("sandbox-token-{:016x}", fastrand::u64(..));
        let expires_at = now_s + EXCHANGED_S;
        self.tokens.issue(&SandboxToken { access_token: access_token.clone(), expires_at, keep_others: true, ..old });
        Some(json!({"access_token": access_token, "token_type": "bearer", "expires_in": EXCHANGED_S}))
    }
}
