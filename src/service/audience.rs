//! Who would get a broadcast: how many, which columns they have, who would be left out.

use super::{Result, Service};
use crate::domain::broadcast::Number;

/// People of a list, or of all lists, as they stand now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AudienceView {
    /// People, each counted once.
    pub people: u64,
    /// The columns that variables can be bound to: the uploads' attribute columns, newest upload first, after `name` and
    /// `phone`, which everybody has.
    pub columns: Vec<String>,
    /// The first people, to show and to fill a preview with.
    pub samples: Vec<Number>,
}

impl Service {
    /// Who is in a list (`None`: in any). `unknown_list` (404) names the lists that exist; an audience of nobody is
    /// not an error here.
    pub async fn audience(&self, _list: Option<&str>) -> Result<AudienceView> {
        todo!()
    }
}
