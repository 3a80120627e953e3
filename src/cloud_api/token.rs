//! The access token: where it comes from, how it is changed while the program runs, and where a new one is kept.
//!
//! A token that was handed over while the program ran, or that was exchanged, is kept in a file of the state folder, for
//! this user alone. Beside it stands a fingerprint of the configured token of then: as long as the configured one is the
//! same, the kept one is the newer of the two and is used; a configured one that was changed since goes over it. A token
//! never gets into an error, a log or an answer.

use super::client::SetupError;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// More than any token has.
const LONGEST: usize = 4_096;

/// An access token, ready to be sent.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    secret: SecretString,
}

impl Token {
    pub(super) fn new(secret: &SecretString) -> Result<Self, SetupError> {
        let text = secret.expose_secret().trim();
        if text.is_empty() || text.len() > LONGEST || text.contains(char::is_whitespace) {
            return Err(SetupError::AccessToken);
        }
        let mut header = HeaderValue::try_from(format!("Bearer {text}")).map_err(|_| SetupError::AccessToken)?;
        header.set_sensitive(true);
        let secret = text.to_owned().into();
        Ok(Self { header, secret })
    }

    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// The files that tokens lie in. None of them has to exist.
#[derive(Debug, Clone, Default)]
pub struct TokenFiles {
    /// Where the configured token lies, when it lies in a file of its own; it may be changed there at any time.
    pub configured: Option<PathBuf>,
    /// Where a newer one is kept; `None`: nowhere.
    pub kept: Option<PathBuf>,
}

/// What the kept file holds.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The fingerprint of the configured token that this one goes over.
    over: String,
    token: String,
}

impl TokenFiles {
    /// The token to use now. `configured`: as the configuration had it at the start.
    pub(super) fn newest(&self, configured: &SecretString) -> SecretString {
        let configured = self.configured(configured);
        let kept = self.kept.as_deref().and_then(|path| read(path).ok());
        let kept = kept.and_then(|text| serde_json::from_str::<Kept>(text.expose_secret()).ok());
        match kept {
            Some(kept) if kept.over == fingerprint(&configured) && Token::new(&kept.token.clone().into()).is_ok() => {
                kept.token.into()
            }
            _ => configured,
        }
    }

    /// Keeps a token that goes over the configured one. Nothing is half written, and nobody else can read it.
    pub(super) fn keep(&self, configured: &SecretString, token: &SecretString) -> io::Result<()> {
        let Some(path) = &self.kept else { return Ok(()) };
        let over = fingerprint(&self.configured(configured));
        let kept = Kept { over, token: token.expose_secret().trim().to_owned() };
        let text = SecretString::from(serde_json::to_string(&kept)?);
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let written = write(&beside, &text).and_then(|()| std::fs::rename(&beside, path));
        if written.is_err() {
            // The first error is the one to tell.
            let _ = std::fs::remove_file(&beside);
        }
        written
    }

    fn configured(&self, at_the_start: &SecretString) -> SecretString {
        let now = self.configured.as_deref().and_then(|path| read(path).ok());
        let now = now.map(|text| SecretString::from(text.expose_secret().trim()));
        now.filter(|token| Token::new(token).is_ok()).unwrap_or_else(|| at_the_start.clone())
    }
}

fn read(path: &Path) -> io::Result<SecretString> {
    let mut text = String::new();
    File::open(path)?.take(2 * LONGEST as u64).read_to_string(&mut text)?;
    Ok(text.into())
}

fn write(path: &Path, text: &SecretString) -> io::Result<()> {
    // A file that a crash left there may have been made with other rights.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()
}

/// Tells tokens apart without being one.
fn fingerprint(token: &SecretString) -> String {
    hex::encode(Sha256::digest(token.expose_secret().trim().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[test]
    fn a_kept_token_is_used_until_the_configured_one_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let configured = folder.path().join("configured");
        let files = TokenFiles { configured: Some(configured.clone()), kept: Some(path.clone()) };
        let newest = |files: &TokenFiles| files.newest(&secret("first")).expose_secret().to_owned();
        assert_eq!(newest(&files), "first");
        files.keep(&secret("first"), &secret("second\n")).unwrap();
        assert_eq!(newest(&files), "second");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&configured, "third\n").unwrap();
        assert_eq!(newest(&files), "third");
        files.keep(&secret("first"), &secret("fourth")).unwrap();
        assert_eq!(newest(&files), "fourth");
        std::fs::write(&path, "nonsense").unwrap();
        assert_eq!(newest(&files), "third");
        std::fs::write(&configured, "two words").unwrap();
        assert_eq!(newest(&files), "first", "what is no token is passed over");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside");
    }
}
