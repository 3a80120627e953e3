//! `sandbox`: the built-in Cloud API alone, until it is told to end.

use super::exit::{Exit, Failure, Outcome};
use super::terminal;
use crate::app::signals::Signals;
use crate::logging::{self, Target};
use crate::sandbox::{self, Sandbox, SandboxConfig};
use std::net::SocketAddr;

pub(super) async fn run(listen: &str) -> Outcome {
    let listen = read(listen)?;
    let _guard = logging::start("info", std::env::var("WACAST_LOG").ok().as_deref(), &Target::Stderr)?;
    let mut signals = Signals::listen()?;
    let sandbox = Sandbox::start(SandboxConfig { listen, ..SandboxConfig::default() })
        .await
        .map_err(|error| Failure::error("sandbox", error.to_string()))?;
    terminal::line(&format!(
        "the sandbox listens; nothing that is sent to it reaches anybody. Use it with:\n\n\
         [whatsapp]\n\
         base_url = \"{}\"\n\
         phone_number_id = \"{}\"\n\
         business_account_id = \"{}\"\n\
         access_token = \"{}\"\n\
         app_id = \"{}\"\n\
         app_secret = \"{}\"\n\n\
         Steer it by POST /_sandbox/settings, look at what it took by GET /_sandbox/ledger. Ctrl-C ends it.",
        sandbox.base_url(),
        sandbox::PHONE_NUMBER_ID,
        sandbox::BUSINESS_ACCOUNT_ID,
        sandbox::ACCESS_TOKEN,
        sandbox::APP_ID,
        sandbox::APP_SECRET,
    ))?;
    signals.next().await;
    sandbox.shutdown().await;
    Ok(Exit::Completed)
}

/// Whoever reaches the sandbox can steer it, so it stays on this machine.
fn read(listen: &str) -> Result<SocketAddr, Failure> {
    let named = listen.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = named.as_deref().unwrap_or(listen).parse().map_err(|_| {
        Failure::usage("bad_address", format!("\"{listen}\" is not ADDRESS:PORT, such as 127.0.0.1:8090"))
    })?;
    if !address.ip().is_loopback() {
        return Err(Failure::usage("bad_address", "the sandbox has no keys: it listens on loopback only"));
    }
    Ok(address)
}
