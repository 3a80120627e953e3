//! `token`: how the access token stands, and taking a new one from stdin. It is never an argument, since every user of a
//! machine can read those.

use super::args::TokenArgs;
use super::exit::{Exit, Failure, Outcome};
use super::terminal;
use super::{Start, with_ground};
use crate::service::token::{to_json, words};
use secrecy::SecretString;
use serde_json::json;
use std::io::Read;

/// More than any token has.
const LONGEST: u64 = 4_096;

pub(super) async fn run(start: Start, args: TokenArgs) -> Outcome {
    start.config.require_sender()?;
    let new = if args.stdin { Some(from_stdin().await?) } else { None };
    with_ground(start, |service| async move {
        let Some(new) = new else {
            let standing = service.look_at_token().await?;
            if args.json {
                terminal::json(&to_json(&standing, service.now()))?;
            } else {
                terminal::line(&format!("access token: {}", words(&standing, service.now())))?;
            }
            return Ok(if standing.trouble.is_empty() { Exit::Completed } else { Exit::Error });
        };
        let done = service.take_token(new).await?;
        if args.json {
            let token = to_json(&done.standing, service.now());
            terminal::json(&json!({ "token": token, "resumed": done.resumed, "not_noticed_by": done.not_noticed_by }))?;
            return Ok(Exit::Completed);
        }
        let used = if done.not_noticed_by.is_none() { "it is used from now on" } else { "it is kept on this machine" };
        terminal::line(&format!("access token: {}; {used}", words(&done.standing, service.now())))?;
        if let Some(host) = &done.not_noticed_by {
            terminal::line(&format!(
                "the process that sends, on {host}, has not noticed it and stays paused: hand it over there, too"
            ))?;
        }
        for id in &done.resumed {
            terminal::line(&format!("{id} goes on"))?;
        }
        Ok(Exit::Completed)
    })
    .await
}

async fn from_stdin() -> Result<SecretString, Failure> {
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text).map(|_| SecretString::from(text))
    });
    let text = read.await.map_err(|error| Failure::error("internal", error.to_string()))?;
    text.map_err(|_| Failure::usage("bad_token", "stdin is not text".to_owned()))
}
