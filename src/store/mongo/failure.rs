//! What can go wrong inside this engine, and how it is put to the outside.
//!
//! A [`Failure`] keeps what a retry needs to know (is it transient?); [`Failure::explain`] turns it
//! into the [`StoreError`] that callers see. It must never let a user name or a password through, so
//! the driver's own words are used only where they cannot hold any.

use crate::store::StoreError;
use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

/// What operations inside this engine return.
pub type Op<T> = std::result::Result<T, Failure>;

/// What went wrong, before it is put into words.
#[derive(Debug)]
pub enum Failure {
    /// Decided by this engine: to be handed on as it is.
    Store(StoreError),
    /// From the driver or the server.
    Driver(Error),
    /// A statement of a command failed although the command as a whole was "ok".
    Statement {
        /// The server's error code.
        code: i32,
        /// The server's words.
        message: String,
    },
    /// The transaction's picture of the ledger is out of date: once more from the start.
    Again,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// `DuplicateKey`: within a transaction somebody else's document appeared after the snapshot.
const DUPLICATE_KEY: i32 = 11_000;
/// `WriteConflict`.
const WRITE_CONFLICT: i32 = 112;

impl Failure {
    /// The server's error code, if it gave one.
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Statement { code, .. } => Some(*code),
            Self::Driver(error) => driver_code(error),
            Self::Store(_) | Self::Again => None,
        }
    }

    /// Whether a transaction that failed so may succeed when it is begun again.
    ///
    /// A duplicate key counts: every transaction here looks before it inserts, so it means that another
    /// one was faster, and the next look will see its document.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Again => true,
            Self::Store(_) => false,
            // Nobody was found for as long as is waited for that.
            Self::Driver(error) if matches!(error.kind.as_ref(), ErrorKind::ServerSelection { .. }) => false,
            Self::Driver(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => true,
            Self::Driver(_) | Self::Statement { .. } => {
                matches!(self.code(), Some(DUPLICATE_KEY | WRITE_CONFLICT))
            }
        }
    }

    /// Whether this is a duplicate key.
    pub fn is_duplicate(&self) -> bool {
        self.code() == Some(DUPLICATE_KEY)
    }

    /// For callers. `place` is where the store is, without secrets.
    pub fn explain(self, place: &str) -> StoreError {
        if let Some(code) = self.code()
            && let Some(error) = by_code(code, place)
        {
            return error;
        }
        match self {
            Self::Store(error) => error,
            Self::Again => {
                StoreError::Unavailable(format!("{place} is busy with other writers; what was asked for was not done"))
            }
            Self::Statement { code, message } => StoreError::Corrupt(format!("{message} (server code {code})")),
            Self::Driver(error) => explain_driver(&error, place),
        }
    }
}

fn driver_code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => many
            .write_errors
            .as_ref()
            .and_then(|errors| errors.first())
            .map(|first| first.code)
            .or_else(|| many.write_concern_error.as_ref().map(|concern| concern.code)),
        _ => None,
    }
}

/// What the server's codes mean for us (names as in the server's `error_codes.yml`).
fn by_code(code: i32, place: &str) -> Option<StoreError> {
    Some(match code {
        // AuthenticationFailed
        18 => wrong_credentials(place),
        // Unauthorized
        13 => StoreError::Setup(format!("the user in [store] url may not read and write at {place}")),
        // OutOfDiskSpace
        14_031 => StoreError::Full(format!("the disk of {place} is full")),
        // HostUnreachable, HostNotFound, NetworkTimeout, SocketException, InterruptedAtShutdown, InterruptedDueToReplStateChange,
        // NotWritablePrimary, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary, PrimarySteppedDown, ShutdownInProgress
        6 | 7 | 89 | 9001 | 11_600 | 11_602 | 10_107 | 13_435 | 13_436 | 189 | 91 => {
            StoreError::Unavailable(format!("{place} is stopping or electing a primary"))
        }
        // MaxTimeMSExpired, WriteConcernTimeout (WriteConcernFailed), ExceededTimeLimit
        50 | 64 | 262 => StoreError::Unavailable(format!("{place} took too long")),
        // LockTimeout, WriteConflict, NoSuchTransaction, TransactionTooOld, SnapshotUnavailable
        24 | 112 | 251 | 225 | 246 => {
            StoreError::Unavailable(format!("{place} is busy with other writers; what was asked for was not done"))
        }
        _ => return None,
    })
}

fn wrong_credentials(place: &str) -> StoreError {
    StoreError::Setup(format!("{place} does not accept the user name and password of [store] url"))
}

fn explain_driver(error: &Error, place: &str) -> StoreError {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => wrong_credentials(place),
        ErrorKind::ServerSelection { message, .. } if message.contains("AuthenticationFailed") => {
            wrong_credentials(place)
        }
        ErrorKind::ServerSelection { .. } => StoreError::Unavailable(format!("no primary of {place} can be reached")),
        ErrorKind::Io(cause) => StoreError::Unavailable(format!("the connection to {place} broke: {}", cause.kind())),
        ErrorKind::ConnectionPoolCleared { .. } => {
            StoreError::Unavailable(format!("the connections to {place} were lost"))
        }
        ErrorKind::DnsResolve { .. } => StoreError::Unavailable(format!("the name of {place} cannot be resolved")),
        ErrorKind::Shutdown => StoreError::Unavailable("the store was closed".to_owned()),
        ErrorKind::InvalidTlsConfig { .. } => {
            StoreError::Setup(format!("the TLS settings in [store] url do not do for {place}"))
        }
        ErrorKind::SessionsNotSupported => StoreError::Unavailable(format!("{place} offers no sessions at the moment")),
        ErrorKind::IncompatibleServer { message, .. } | ErrorKind::InvalidArgument { message, .. } => {
            StoreError::Setup(message.clone())
        }
        ErrorKind::Command(command) => StoreError::Corrupt(format!("{} ({})", command.message, command.code_name)),
        ErrorKind::Bson(cause) => StoreError::Corrupt(format!("a document of {place}: {cause}")),
        ErrorKind::InvalidResponse { message, .. } => StoreError::Corrupt(format!("an answer of {place}: {message}")),
        other => StoreError::Corrupt(other.to_string()),
    }
}
