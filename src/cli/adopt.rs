//! `adopt`: takes a copied or restored store into use.

use super::args::AdoptArgs;
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, people};
use super::{Start, with_ground};

pub(super) async fn run(start: Start, args: AdoptArgs) -> Outcome {
    with_ground(start, |service| async move {
        let Some(trouble) = service.store_trouble().await? else {
            terminal::line(&format!("{} is in use already: nothing to do", service.store_place()))?;
            return Ok(Exit::Completed);
        };
        terminal::note(&trouble);
        if !args.yes {
            if !terminal::can_ask() {
                let failure = Failure::usage("not_confirmed", "nothing was changed");
                return Err(failure.hint("say --yes if no other wacast uses the same numbers from another copy"));
            }
            let question = "Does no other wacast send from another copy of it? Type yes to take this one into use:";
            let answer = tokio::task::spawn_blocking(move || terminal::ask(question)).await;
            if answer.ok().transpose()?.flatten().as_deref() != Some("yes") {
                terminal::note("nothing was changed");
                return Ok(Exit::Error);
            }
        }
        let Some(adopted) = service.adopt().await? else { return Ok(Exit::Completed) };
        terminal::line(&format!("{} is in use here now", service.store_place()))?;
        let program = service.settings().program();
        for (id, count) in &adopted.in_doubt {
            let count = people(*count);
            terminal::line(&format!(
                "broadcast {id}: {count} may have been sent to after the backup was made: not sure now, decide with \
                 {program} in-doubt {id}"
            ))?;
        }
        for id in &adopted.paused {
            terminal::line(&format!("broadcast {id} is paused: {program} status {id} says why"))?;
        }
        for id in &adopted.unknown {
            terminal::line(&format!("broadcast {id} was sent after the backup was made and is not known here"))?;
        }
        Ok(Exit::Completed)
    })
    .await
}
