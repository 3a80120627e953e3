//! Whether the store is what it was: a copy or a restored backup is only looked at until an operator takes it into use.

use super::{Kind, Result, Service, ServiceError};
use crate::custody::{self, Adopted, Standing};
use crate::domain::said;
use crate::engine::lease::Identity;

impl Service {
    /// What stands against sending from this store, in words; `None`: nothing.
    pub async fn store_trouble(&self) -> Result<Option<String>> {
        Ok(self.standing().await?.trouble(self.inner.settings.program()))
    }

    async fn standing(&self) -> Result<Standing> {
        match &self.inner.custody {
            Some(custody) => Ok(custody.standing(&*self.inner.store, &self.inner.settings.sender).await?),
            None => Ok(Standing::Ours),
        }
    }

    /// Before anything is changed. `store_unconfirmed` (409).
    pub(crate) async fn may_change(&self) -> Result<()> {
        match self.store_trouble().await? {
            None => Ok(()),
            Some(trouble) => Err(ServiceError::new(Kind::Conflict, "store_unconfirmed", trouble)),
        }
    }

    /// Takes a copied or restored store into use where it is. `None`: there was nothing to do. `wrong_state` (409) while
    /// another process drives it.
    pub async fn adopt(&self) -> Result<Option<Adopted>> {
        let standing = self.standing().await?;
        let Some(custody) = self.inner.custody.as_ref().filter(|_| standing != Standing::Ours) else { return Ok(None) };
        let identity = Identity::new(custody.folder(), "adopt");
        let sender = &self.inner.settings.sender;
        let adopted = custody::adopt(custody, &*self.inner.store, sender, &identity, self.now()).await?;
        let people: u64 = adopted.in_doubt.iter().map(|(_, people)| people).sum();
        let detail = format!(
            "{} became in doubt, {} paused, {} not known here",
            said::people(people),
            said::counted(adopted.paused.len() as u64, "broadcast"),
            adopted.unknown.len()
        );
        self.note_act("adopt", &self.store_place(), detail).await;
        self.ring();
        Ok(Some(adopted))
    }
}
