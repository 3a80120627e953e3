//! The console's task that acts, over the real use cases: who was here when, own numbers, a token, tests.

use crate::bed::{Bed, request};
use async_trait::async_trait;
use secrecy::SecretString;
use std::sync::Arc;
use tokio::sync::mpsc;
use wacast::console::Settings;
use wacast::console::desk::{self, Around};
use wacast::console::message::{Answer, Request};
use wacast::console::numbers::{NumbersAnswer, NumbersRequest, RowsFrom};
use wacast::console::paste;
use wacast::console::settings::{AllSettings, NewToken, SettingWritten};
use wacast::domain::time::{HOUR, Millis};
use wacast::logging::Recent;
use wacast::service::Service;
use wacast::service::since::Since;

pub struct Unwritable;

#[async_trait]
impl Settings for Unwritable {
    async fn all(&self) -> Result<AllSettings, String> {
        Ok(AllSettings::default())
    }

    async fn set(&self, section: &str, name: &str, _: &str) -> Result<SettingWritten, String> {
        Err(format!("{section}.{name} cannot be written"))
    }
}

/// Opens a console's desk, asks one thing after the other, and closes it.
async fn session(service: Service, read_only: bool, requests: Vec<Request>) -> Vec<Answer> {
    let (ask, asked) = mpsc::channel(8);
    let (tell, mut told) = mpsc::channel(8);
    let around = Around { read_only, settings: Arc::new(Unwritable), events: Recent::new(10) };
    let desk = tokio::spawn(desk::run(service, asked, tell, around));
    let mut answers = Vec::new();
    for request in requests {
        ask.send(request).await.unwrap();
        answers.push(told.recv().await.unwrap());
    }
    drop(ask);
    desk.await.unwrap();
    answers
}

fn asha(bed: &Bed) -> Service {
    bed.service.clone().asked_by("asha at the console on vps-1")
}

async fn since(bed: &Bed, read_only: bool) -> Option<Since> {
    let mut answers = session(asha(bed), read_only, vec![Request::Since(None)]).await;
    let Some(Answer::Since(told)) = answers.pop() else { panic!("{answers:?}") };
    told.unwrap()
}

#[tokio::test]
async fn what_happened_is_told_from_the_end_of_the_last_console_on() {
    let bed = Bed::new().await;
    assert_eq!(since(&bed, false).await, None, "the very first start");
    let first: Millis = bed.service.now();
    bed.clock.advance(HOUR);
    bed.people("diwali", 3).await;
    bed.clock.advance(HOUR);
    // One that only watches leaves no trace.
    for read_only in [true, false] {
        let told = since(&bed, read_only).await.unwrap();
        assert_eq!((told.since, told.imports.len()), (first, 1), "{read_only}");
    }
    let again = since(&bed, false).await.unwrap();
    assert_eq!(again.since, first.plus(2 * HOUR));
    assert!(again.is_quiet());
}

#[tokio::test]
async fn own_numbers_are_noted_and_a_test_goes_to_them() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let test = || Request::Test(Box::new((request("hello", "diwali"), None)));
    let own = Request::SetOwnNumbers(vec!["+91 98765 00001".to_owned()]);
    let answers = session(asha(&bed), false, vec![test(), own, Request::OwnNumbers, test()]).await;
    let [
        Answer::Tested(_, none),
        Answer::OwnNumbers(Ok(_), true),
        Answer::OwnNumbers(Ok(noted), false),
        Answer::Tested(_, sent),
    ] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
    assert_eq!(none.as_ref().as_ref().unwrap_err().code, "no_own_numbers");
    assert_eq!(noted.len(), 1);
    assert!(sent.as_ref().as_ref().unwrap().definition.audience.is_test());
}

#[tokio::test]
async fn a_wrong_token_and_a_setting_that_cannot_be_written_come_back_in_words() {
    let bed = Bed::new().await;
    let token = Request::TakeToken(NewToken(SecretString::from("EAAG-made-up")));
    let set = Request::SetSetting { section: "log".to_owned(), name: "level".to_owned(), value: "warn".to_owned() };
    let answers = session(asha(&bed), false, vec![token, set]).await;
    let [Answer::TokenTaken(token), Answer::SettingWritten(written)] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    let refused = token.as_ref().as_ref().unwrap_err();
    assert!(!refused.message.contains("EAAG"), "{}", refused.message);
    assert_eq!(written.as_ref().as_ref().unwrap_err(), "log.level cannot be written");
}

#[tokio::test]
async fn what_recurs_is_stored_and_the_newest_list_gives_the_sample() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let add = Request::AddSchedule {
        request: request("hello", "diwali"),
        cron: "0 18 * * 5".to_owned(),
        zone: "Asia/Kolkata".to_owned(),
    };
    let answers = session(asha(&bed), false, vec![add]).await;
    assert!(matches!(answers.as_slice(), [Answer::Scheduled(made)] if made.is_ok()), "{answers:?}");
    assert_eq!(bed.service.schedules().await.unwrap().len(), 1);
    let (ask, asked) = mpsc::channel(8);
    let (tell, mut told) = mpsc::channel(8);
    let around = Around { read_only: false, settings: Arc::new(Unwritable), events: Recent::new(10) };
    let desk = tokio::spawn(desk::run(asha(&bed), asked, tell, around));
    ask.send(Request::Templates).await.unwrap();
    // Templates and the sample come in any order.
    let sample = loop {
        if let Answer::Sample(list, audience) = told.recv().await.unwrap() {
            break (list, audience.people);
        }
    };
    assert_eq!(sample, ("diwali".to_owned(), 3));
    drop(ask);
    desk.await.unwrap();
}

#[tokio::test]
async fn pasted_rows_are_told_by_the_lines_that_they_were_pasted_in() {
    let bed = Bed::new().await;
    let pasted = "+12015550111\tAsha\n\n12345\tBo\n+12015550111\tAsha again\n+12015550112\tMeera\n";
    let from = RowsFrom::Pasted(paste::rows(pasted).unwrap());
    let requests = vec![
        Request::Peek { from: from.clone(), country: None },
        Request::Import { from, country: None, list: None, tags: Vec::new() },
    ];
    let mut answers = session(asha(&bed), false, requests.clone()).await.into_iter();
    let Some(Answer::Peek(_, Ok(peek))) = answers.next() else { panic!("the first rows") };
    assert_eq!(peek.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3, 4, 5]);
    assert_eq!((peek.looked_at, peek.unusable, peek.without_country), (4, 1, 0));
    // How far it is comes before what came of it.
    let (ask, asked) = mpsc::channel(8);
    let (tell, mut told) = mpsc::channel(8);
    let around = Around { read_only: false, settings: Arc::new(Unwritable), events: Recent::new(10) };
    let desk = tokio::spawn(desk::run(asha(&bed), asked, tell, around));
    ask.send(requests[1].clone()).await.unwrap();
    let done = loop {
        match told.recv().await.unwrap() {
            Answer::Imported(done) => break done.unwrap(),
            Answer::Importing(_) => {}
            other => panic!("{other:?}"),
        }
    };
    drop(ask);
    desk.await.unwrap();
    let report = &done.upload.report;
    assert_eq!(
        report.rejects.iter().map(|one| (one.row, one.reason.as_str())).collect::<Vec<_>>(),
        [(3, "too short for a number of IN (+91): digits are missing")]
    );
}

#[tokio::test]
async fn opt_outs_of_a_file_tell_how_far_they_are() {
    let bed = Bed::new().await;
    let rows = (0..2_500).map(|row| format!("+1201555{row:04}\n")).collect::<Vec<_>>().concat();
    let from = RowsFrom::Pasted(paste::rows(&format!("phone\n{rows}")).unwrap());
    let (ask, asked) = mpsc::channel(8);
    let (tell, mut told) = mpsc::channel(8);
    let around = Around { read_only: false, settings: Arc::new(Unwritable), events: Recent::new(10) };
    let desk = tokio::spawn(desk::run(asha(&bed), asked, tell, around));
    ask.send(Request::Numbers(NumbersRequest::ImportOptOuts { from, country: None })).await.unwrap();
    let mut seen = Vec::new();
    let done = loop {
        match told.recv().await.unwrap() {
            Answer::Importing(progress) => seen.push(progress),
            Answer::Numbers(answer) => match *answer {
                NumbersAnswer::OptOutsImported(done) => break done.unwrap(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    drop(ask);
    desk.await.unwrap();
    assert_eq!(seen.iter().map(|one| one.received).collect::<Vec<_>>(), [1_000, 2_000, 2_500]);
    assert!(seen.iter().all(|one| one.received == one.imported + one.duplicates + one.rejected), "{seen:?}");
    assert_eq!((done.received, done.source.as_str()), (2_500, "pasted rows"));
}
