//! What came of the demo, counted twice: by the ledger of this program and by that of the sandbox.

use crate::app::App;
use crate::cli::exit::Failure;
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::sandbox;
use crate::service::view::BroadcastView;
use std::time::Duration;

/// Whether every receipt that the sandbox made has reached our ledger.
pub(super) async fn receipts_are_in(app: &App, view: &BroadcastView) -> bool {
    let under_way = app.ground().sandbox.as_ref().map_or(0, crate::sandbox::SandboxHandle::receipts_waiting);
    let unfolded = app.ground().store.receipts_backlog().await.unwrap_or(0);
    // Some people never get it: their phones are off, and `sent` is the last that is heard.
    under_way == 0 && unfolded == 0 && view.counts.get(RecipientState::Accepted) == 0
}

/// The figures.
pub(super) struct Summary {
    view: BroadcastView,
    sandbox: sandbox::Summary,
    took: Duration,
}

impl Summary {
    pub(super) async fn take(app: &App, id: &BroadcastId, took: Duration) -> Result<Self, Failure> {
        let view = app.service().broadcast(id).await?;
        let sandbox = app.ground().sandbox.as_ref().map(sandbox::SandboxHandle::summary);
        let sandbox = sandbox.ok_or_else(|| Failure::error("internal", "the demo runs without its sandbox"))?;
        Ok(Self { view, sandbox, took })
    }

    fn twice(&self) -> usize {
        let sandbox = &self.sandbox;
        sandbox.attempts_twice.len() + sandbox.recipients_twice.len() + sandbox.people_twice.len()
    }

    fn get(&self, state: RecipientState) -> u64 {
        self.view.counts.get(state)
    }

    /// For printing.
    pub(super) fn lines(&self) -> Vec<String> {
        let funnel = &self.view.funnel;
        let seconds = self.took.as_secs();
        let mut lines = vec![
            format!("{} after {seconds} s", self.view.broadcast.status.word()),
            format!("people     {:>5}", self.view.counts.total()),
            format!("accepted   {:>5}", funnel.accepted),
            format!("delivered  {:>5}", funnel.delivered),
            format!("read       {:>5}", funnel.read),
            format!("failed     {:>5}", self.get(RecipientState::Failed)),
        ];
        lines.extend(
            self.view
                .failures
                .iter()
                .map(|cause| format!("           {:>5}  {} ({})", cause.count, cause.title, cause.code)),
        );
        lines.push(format!("not sure   {:>5}", self.get(RecipientState::InDoubt)));
        lines.push(format!(
            "twice      {:>5}  by the sandbox's own ledger of {} messages",
            self.twice(),
            self.sandbox.accepted
        ));
        lines
    }

    /// What does not add up; nothing, if all is well.
    pub(super) fn faults(&self) -> Vec<String> {
        let counts = &self.view.counts;
        let total = u64::from(self.view.broadcast.total);
        let mut faults = Vec::new();
        let mut fault = |there: bool, words: String| {
            if there {
                faults.push(words);
            }
        };
        let status = self.view.broadcast.status;
        fault(status != BroadcastStatus::Completed, format!("the broadcast is {}, not completed", status.word()));
        fault(counts.total() != total, format!("{} people of {total} are accounted for", counts.total()));
        fault(self.twice() > 0, format!("{} were sent to twice", self.twice()));
        // Whom the sandbox took is accepted or further, failed by a receipt, or not sure.
        let known = self.view.funnel.accepted + self.get(RecipientState::Failed) + self.get(RecipientState::InDoubt);
        let taken = self.sandbox.accepted as u64;
        fault(taken > known, format!("the sandbox took {taken} messages, our ledger knows of {known}"));
        fault(
            self.view.funnel.accepted > taken,
            format!("{} accepted, but the sandbox took {taken}", self.view.funnel.accepted),
        );
        faults
    }
}
