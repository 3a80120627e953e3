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
use crate::domain::ids::BroadcastId;
use crate::service::Service;
use crate::service::import::{ImportOptions, ImportRequest};
use std::fs::File;
use std::future::Future;
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// How many uploads and log rows the screens list.
const UPLOADS: u32 = 500;
const LOG_ROWS: u32 = 500;
/// How many broadcasts the screen lists; older ones are found by the command line.
const BROADCASTS: u32 = 1_000;
/// How many commands may wait; more than a person can press while one runs.
const COMMANDS: usize = 32;

/// Acts on requests until the console is gone. Commands that were given by then are still carried out; what was only for the
/// screen, and a file that is being loaded, are given up.
///
/// `read_only`: whatever changes something is refused here, whichever key it came by.
pub async fn run(
    service: Service,
    mut requests: mpsc::Receiver<Request>,
    answers: mpsc::Sender<Answer>,
    read_only: bool,
) {
    let (commands, waiting) = mpsc::channel(COMMANDS);
    let mut desk =
        Desk { service: service.clone(), answers: answers.clone(), work: JoinSet::new(), import: None, plan: None };
    let command_loop = tokio::spawn(command_loop(service, waiting, answers));
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) if read_only && request.changes() => {
                    tracing::warn!(?request, "refused: this console was started with --read-only");
                }
                Some(request) => desk.take(request, &commands).await,
                None => break,
            },
            // A panic in one of them was told by the panic hook already; the rest goes on.
            Some(_ended) = desk.work.join_next() => {}
        }
    }
    drop(commands);
    // A panic in it was told by the panic hook already.
    let _ended = command_loop.await;
}

/// The operator's commands, one after the other.
async fn command_loop(service: Service, mut commands: mpsc::Receiver<Request>, answers: mpsc::Sender<Answer>) {
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
    answers: mpsc::Sender<Answer>,
    work: JoinSet<()>,
    import: Option<AbortHandle>,
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
                    let people = service.picked(&request.of, request.pick, &request.only).await;
                    Answer::Picked(request, people)
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
            Request::Peek { from, country } => {
                self.answer(async move { Answer::Peek(from.clone(), files::peek(from, country).await) });
            }
            Request::Audience(list) => {
                self.answer(async move {
                    let audience = service.audience(list.as_deref()).await;
                    Answer::Audience(list, audience)
                });
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
            | Request::EnableSchedule(..) => {
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

    fn import(&mut self, from: RowsFrom, country: Option<String>, list: Option<String>, tags: Vec<String>) {
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
