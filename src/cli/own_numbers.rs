//! `own-numbers`: whom test messages go to.

use super::args::OwnNumbersArgs;
use super::exit::{Exit, Outcome};
use super::terminal::{self, counted};
use super::{Start, with_ground};
use crate::domain::phone::Phone;
use serde_json::json;

pub(super) async fn run(start: Start, args: OwnNumbersArgs) -> Outcome {
    with_ground(start, |service| async move {
        let program = service.settings().program();
        let numbers = if args.none || !args.phones.is_empty() {
            service.set_own_numbers(&args.phones).await?
        } else {
            service.own_numbers().await?
        };
        let masked: Vec<String> = numbers.iter().copied().map(Phone::masked).collect();
        if args.json {
            terminal::json(&json!({ "numbers": masked }))?;
        } else if masked.is_empty() {
            terminal::line(&format!("no numbers of your own are noted: {program} own-numbers PHONE"))?;
        } else {
            let count = counted(masked.len() as u64, "number", "numbers");
            terminal::line(&format!("test messages go to {count}: {}", masked.join(", ")))?;
        }
        Ok(Exit::Completed)
    })
    .await
}
