//! Acts on their way to the audit trail.

use super::Custody;
use crate::domain::audit::Act;
use crate::store::Store;

/// Puts an act on the trail, and its hash beside the store. What was done is not undone when that fails: it is told of.
pub async fn note(store: &dyn Store, custody: Option<&Custody>, act: Act) {
    let what = act.what.clone();
    let entry = match store.append_act(act).await {
        Ok(entry) => entry,
        Err(error) => return tracing::warn!(%error, what, "could not be put on the audit trail"),
    };
    if let Some(custody) = custody
        && let Err(error) = custody.keep_trail_head(entry.id, &entry.hash)
    {
        tracing::warn!(%error, "the audit trail's newest entry cannot be noted beside the store");
    }
}
