//! The task that acts: takes requests, calls the use cases, sends answers back. The only file of the console that
//! touches the service.
//!
//! Reads and long work run side by side, so that nothing waits behind them; an operator's commands run one after the
//! other, in the order of the keys.

mod numbers;

use super::files;
use super::message::{Answer, Request};
use super::numbers::RowsFrom;
use super::pages::PAGE;
use super::set_up::SetUp;
use super::settings::{NewToken, Settings};
use crate::domain::ids::BroadcastId;
use crate::domain::time::Millis;
use crate::logging::{KEPT, Recent};
use crate::service::import::{ImportOptions, ImportRequest};
use crate::service::since::Since;
use crate::service::{Service, ServiceError};
use std::fs::File;
use std::future::Future;
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, mpsc};
use tokio::task::{AbortHandle, JoinSet};

/// How many uploads and log rows the screens list.
const UPLOADS: u32 = 500;
const LOG_ROWS: u32 = 500;
/// How many broadcasts the screen lists; older ones are found by the command line.
const BROADCASTS: u32 = 1_000;
/// How many commands may wait; more than a person can press while one runs.
const COMMANDS: usize = 32;
/// How often it is noted that somebody is here.
const SEEN_EVERY: Duration = Duration::from_mins(1);

/// Acts on requests until the console is gone. Commands that were given by then are still carried out; what was only for the
/// screen, and a file that is being loaded, are given up.
///
/// `read_only`: whatever changes something is refused here, whichever key it came by.
pub async fn run(
    service: Service,
    mut requests: mpsc::Receiver<Request>,
    answers: mpsc::Sender<Answer>,
    around: Around,
) {
    let (commands, waiting) = mpsc::channel(COMMANDS);
    let Around { read_only, settings, events } = around;
    let presence = Presence::new(service.clone());
    let mut desk = Desk {
        service: service.clone(),
        settings: Arc::clone(&settings),
        events,
        presence: presence.clone(),
        answers: answers.clone(),
        work: JoinSet::new(),
        import: None,
        count: None,
        plan: None,
    };
    if !read_only {
        desk.work.spawn(presence.clone().be_seen());
    }
    let command_loop = tokio::spawn(command_loop(service, settings, waiting, answers));
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) if read_only && request.changes() => {
                    // Not the request itself: numbers and names may be in it.
                    tracing::warn!("a change was refused: this console was started with --read-only");
                    drop(request);
                }
                Some(request) => desk.take(request, &commands).await,
                None => break,
            },
            // A panic in one of them was told by the panic hook already; the rest goes on.
            Some(_ended) = desk.work.join_next() => {}
        }
    }
    drop(commands);
    if !read_only {
        presence.seen().await;
    }
    // A panic in it was told by the panic hook already.
    let _ended = command_loop.await;
}

/// The operator's commands, one after the other.
async fn command_loop(
    service: Service,
    settings: Arc<dyn Settings>,
    mut commands: mpsc::Receiver<Request>,
    answers: mpsc::Sender<Answer>,
) {
    while let Some(command) = commands.recv().await {
        let answer = match command {
            Request::Start(request) => Answer::Started(Box::new(service.start(request).await)),
            Request::Pause(id) => Answer::Paused(Box::new(service.pause(&id).await)),
            Request::Resume(id) => Answer::Resumed(Box::new(service.resume(&id).await)),
            Request::Cancel(id) => Answer::Cancelled(Box::new(service.cancel(&id).await)),
            Request::SetPace(pace) => Answer::PaceSet(pace, service.set_pace(pace)),
            Request::Decide { id, word, only, people } => {
                Answer::Decided(Box::new(service.decide(&id, word, only, Some(people)).await))
            }
            Request::FollowUp(request) => Answer::FollowedUp(Box::new(service.follow_up(request).await)),
            Request::EnableSchedule(id, on) => {
                Answer::ScheduleSwitched(Box::new(service.enable_schedule(&id, on).await))
            }
            Request::SetSetting { section, name, value } => {
                Answer::SettingWritten(Box::new(settings.set(&section, &name, &value).await))
            }
            Request::SetOwnNumbers(numbers) => Answer::OwnNumbers(service.set_own_numbers(&numbers).await, true),
            Request::TakeToken(NewToken(token)) => Answer::TokenTaken(Box::new(service.take_token(token).await)),
            Request::Test(test) => {
                let sent = service.test_send(&test.0, test.1.as_ref(), &[]).await;
                Answer::Tested(test, Box::new(sent))
            }
            Request::AddSchedule { request, cron, zone } => {
                Answer::Scheduled(Box::new(service.add_schedule(&request, &cron, &zone).await))
            }
            Request::Numbers(request) => match numbers::command(&service, request).await {
                Some(answer) => answer,
                None => continue,
            },
            _ => continue,
        };
        // The console is gone: the commands behind this one count all the same.
        let _nobody = answers.send(answer).await;
    }
}

struct Desk {
    service: Service,
    settings: Arc<dyn Settings>,
    events: Recent,
    presence: Presence,
    answers: mpsc::Sender<Answer>,
    work: JoinSet<()>,
    import: Option<AbortHandle>,
    count: Option<AbortHandle>,
    plan: Option<AbortHandle>,
}

impl Desk {
    async fn take(&mut self, request: Request, commands: &mpsc::Sender<Request>) {
        let service = self.service.clone();
        match request {
            Request::Uploads => {
                self.answer(async move { Answer::Uploads(service.uploads(None, UPLOADS).await) });
            }
            Request::Templates => {
                self.sample();
                self.answer(async move { Answer::Templates(service.templates().await, false) });
            }
            Request::SyncTemplates => {
                self.answer(async move { Answer::Templates(service.sync_templates().await, true) });
            }
            Request::Log => {
                self.answer(async move { Answer::Log(service.log_tail(LOG_ROWS).await) });
            }
            Request::Broadcasts => {
                self.answer(async move { Answer::Broadcasts(service.broadcasts(false, BROADCASTS).await) });
            }
            Request::Broadcast(id) => {
                self.answer(async move {
                    let view = service.broadcast(&id).await;
                    Answer::Broadcast(id, Box::new(view))
                });
            }
            Request::Recipients { id, state, after } => {
                self.answer(async move {
                    let rows = service.recipients(&id, state, after, PAGE).await;
                    Answer::Recipients(id, state, after, rows)
                });
            }
            Request::Picked(request) => {
                self.answer(async move {
                    let picked = service.picked(&request.audience()).await;
                    Answer::Picked(request, Box::new(picked))
                });
            }
            Request::Export { id, masked, path } => {
                self.answer(async move {
                    let written = export(&service, &id, masked, &path).await;
                    Answer::Exported(path, masked, written)
                });
            }
            Request::Folder(folder) => {
                self.answer(async move { Answer::Folder(folder.clone(), files::folder(folder).await) });
            }
            Request::Peek { from, country } => self.peek(from, country),
            Request::Count(of) => self.count(of),
            Request::StopCount => self.stop_count(),
            Request::Audience(list) => {
                self.answer(async move {
                    let audience = service.audience(list.as_deref()).await;
                    Answer::Audience(list, audience)
                });
            }
            Request::Settings => {
                let settings = Arc::clone(&self.settings);
                self.answer(async move { Answer::Settings(settings.all().await) });
            }
            Request::OwnNumbers => {
                self.answer(async move { Answer::OwnNumbers(service.own_numbers().await, false) });
            }
            Request::Since(since) => {
                let presence = self.presence.clone();
                self.answer(async move { Answer::Since(Box::new(presence.told(since).await)) });
            }
            Request::Events(after) => {
                let events = self.events.after(after, KEPT);
                // Nothing to say is said once, so that the screen knows that it was read.
                if after == 0 || !events.is_empty() {
                    self.answer(async move { Answer::Events(events) });
                }
            }
            Request::Import { from, country, list, tags } => self.import(from, country, list, tags),
            Request::Numbers(request) => self.numbers(request, commands).await,
            Request::StopImport => {
                if let Some(import) = self.import.take() {
                    import.abort();
                    self.answer(async { Answer::ImportStopped });
                }
            }
            Request::Plan(serial, request) => self.plan(serial, request),
            Request::StopPlan => self.stop_plan(),
            Request::Check(..) | Request::Write(_) | Request::Leave(_) | Request::Copy(_) => {}
            Request::Start(_)
            | Request::Pause(_)
            | Request::Resume(_)
            | Request::Cancel(_)
            | Request::SetPace(_)
            | Request::Decide { .. }
            | Request::FollowUp(_)
            | Request::EnableSchedule(..)
            | Request::SetSetting { .. }
            | Request::SetOwnNumbers(_)
            | Request::TakeToken(_)
            | Request::Test(_)
            | Request::AddSchedule { .. } => {
                // The loop is there as long as the desk is.
                let _there = commands.send(request).await;
            }
        }
    }

    /// Does something beside everything else and sends its answer.
    fn answer(&mut self, work: impl Future<Output = Answer> + Send + 'static) -> AbortHandle {
        let answers = self.answers.clone();
        self.work.spawn(async move {
            // The console is gone: nobody wants the answer any more.
            let _nobody = answers.send(work.await).await;
        })
    }

    /// The newest list's first people, for previews. Without lists, or without a store, there are none.
    fn sample(&mut self) {
        let (service, answers) = (self.service.clone(), self.answers.clone());
        self.work.spawn(async move {
            let Ok(newest) = service.uploads(None, 1).await else { return };
            let Some(list) = newest.into_iter().next().map(|upload| upload.list) else { return };
            if let Ok(audience) = service.audience(Some(&list)).await {
                // The console is gone: nobody wants the answer any more.
                let _nobody = answers.send(Answer::Sample(list, audience)).await;
            }
        });
    }

    fn peek(&mut self, from: RowsFrom, country: Option<String>) {
        // What is counted is another file, or the same with another country.
        self.stop_count();
        self.answer(async move { Answer::Peek(from.clone(), files::peek(from, country).await) });
    }

    fn import(&mut self, from: RowsFrom, country: Option<String>, list: Option<String>, tags: Vec<String>) {
        self.stop_count();
        let (service, progress) = (self.service.clone(), self.answers.clone());
        let request = ImportRequest {
            source: numbers::source(from),
            options: ImportOptions { country, ..ImportOptions::default() },
            list,
            tags,
            idempotency: None,
            rejects: None,
        };
        self.import = Some(self.answer(async move {
            let done = service.import(request, |now| drop(progress.try_send(Answer::Importing(now)))).await;
            Answer::Imported(done)
        }));
    }

    fn plan(&mut self, serial: u64, request: crate::service::view::BroadcastRequest) {
        self.stop_plan();
        let (service, progress) = (self.service.clone(), self.answers.clone());
        self.plan = Some(self.answer(async move {
            let plan = service
                .plan(&request, |looked_at, of| drop(progress.try_send(Answer::Planning(serial, looked_at, of))))
                .await;
            Answer::Planned(serial, Box::new(plan))
        }));
    }

    fn stop_plan(&mut self) {
        if let Some(plan) = self.plan.take() {
            plan.abort();
        }
    }
}

/// What a console has beside the service.
pub struct Around {
    /// Whatever changes something is refused.
    pub read_only: bool,
    /// Reads and changes the configuration.
    pub settings: Arc<dyn Settings>,
    /// What the program itself has to say.
    pub events: Recent,
}

/// That this operator is here, and when they were last here before that.
#[derive(Clone)]
struct Presence {
    service: Service,
    /// `None` inside: never before.
    before: Arc<OnceCell<Option<Millis>>>,
}

impl Presence {
    fn new(service: Service) -> Self {
        Self { service, before: Arc::default() }
    }

    /// When they were last here. Read once, before it is noted that they are here now.
    async fn before(&self) -> Result<Option<Millis>, ServiceError> {
        self.before.get_or_try_init(|| self.service.last_seen()).await.copied()
    }

    /// Notes that they are here. What cannot be noted now is noted the next time.
    async fn seen(&self) {
        if self.before().await.is_ok()
            && let Err(error) = self.service.seen_now().await
        {
            tracing::debug!("could not note that the console is open: {error}");
        }
    }

    /// Notes it again and again: a console that dies was open until about then.
    async fn be_seen(self) {
        let mut every = tokio::time::interval(SEEN_EVERY);
        loop {
            every.tick().await;
            self.seen().await;
        }
    }

    /// What happened since then; `None`: since they were last here.
    async fn told(&self, since: Option<Millis>) -> Result<Option<Since>, ServiceError> {
        let Some(since) = (match since {
            Some(since) => Some(since),
            None => self.before().await?,
        }) else {
            return Ok(None);
        };
        self.service.since(since).await.map(Some)
    }
}

/// Writes everybody of a broadcast to a new file.
async fn export(service: &Service, id: &BroadcastId, masked: bool, path: &Path) -> Result<u64, String> {
    service.report(id, masked, BufWriter::new(new_file(path)?)).await.map_err(|error| error.message)
}

/// A new file, which only its owner can read.
fn new_file(path: &Path) -> Result<File, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    File::options().write(true).create_new(true).mode(0o600).open(path).map_err(cannot)
}

/// The same for the set-up, which has no service yet.
pub async fn run_set_up(set_up: Arc<dyn SetUp>, mut requests: mpsc::Receiver<Request>, answers: mpsc::Sender<Answer>) {
    while let Some(request) = requests.recv().await {
        let answer = match request {
            Request::Check(step, connection) => Answer::Checked(step, set_up.check(step, &connection).await),
            Request::Write(connection) => Answer::Written(set_up.write(&connection).await),
            _ => continue,
        };
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}
