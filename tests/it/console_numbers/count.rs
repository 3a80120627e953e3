//! All rows of a file are counted while its first rows are looked at: what is asked, what is shown, and that the figures
//! are those of the load.

use super::{check, from_of, on_numbers, with_opt_outs};
use crate::bed::Bed;
use crate::console_desk::Unwritable;
use crate::console_fixtures::*;
use std::fmt::Write;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wacast::console::desk::{self, Around};
use wacast::console::load::{CountOf, Counted, What};
use wacast::console::message::{Answer, Event, Request};
use wacast::console::model::Model;
use wacast::console::numbers::{NumbersAnswer, NumbersRequest, RowsFrom};
use wacast::console::update::update;
use wacast::logging::Recent;
use wacast::service::import::count::FileCount;

fn picked(columns: u16, rows: u16) -> Model {
    let mut model = on_numbers(columns, rows);
    press(&mut model, "o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    press(&mut model, "enter");
    model
}

/// Its first rows are there; what is asked then.
fn looked_at(mut model: Model) -> (Model, CountOf) {
    let from = from_of(&model);
    match answer(&mut model, Answer::Peek(from, Ok(peek()))).as_slice() {
        [Request::Count(of)] => (model, of.clone()),
        other => panic!("{other:?}"),
    }
}

fn figures() -> FileCount {
    FileCount {
        received: 1_000_000,
        usable: 957_500,
        rejected: 42_500,
        causes: [
            ("too_short", 20_000),
            ("no_country", 12_000),
            ("no_phone", 9_500),
            ("too_long", 700),
            ("bad_json", 300),
        ]
        .map(|(word, rows)| (word.to_owned(), rows))
        .to_vec(),
        repeated: Some(10_000),
    }
}

fn with(model: (Model, CountOf), counted: Counted) -> Model {
    let (mut model, of) = model;
    assert_eq!(answer(&mut model, Answer::Count(of, counted)), []);
    model
}

pub(super) fn under_way(columns: u16, rows: u16) -> Model {
    with(looked_at(picked(columns, rows)), Counted::SoFar(1_200_000))
}

pub(super) fn done(columns: u16, rows: u16) -> Model {
    with(looked_at(picked(columns, rows)), Counted::All(figures()))
}

pub(super) fn broken(columns: u16, rows: u16) -> Model {
    let problem = "a quote (\") opened in the row that begins on line 700001 is never closed: close it or remove it";
    with(looked_at(picked(columns, rows)), Counted::Broken { problem: problem.to_owned(), received: 699_999 })
}

#[test]
fn the_count_of_a_file() {
    check("count_begun", |columns, rows| looked_at(picked(columns, rows)).0);
    check("count_under_way", under_way);
    check("count_done", done);
    check("count_broken", broken);
    check("count_opt_outs", |columns, rows| {
        let count = FileCount { repeated: None, ..figures() };
        let mut model = with_opt_outs(columns, rows);
        press(&mut model, "i");
        update(&mut model, Event::Paste("phone\n+15550100111\n98\n".to_owned()));
        with(looked_at(model), Counted::All(count))
    });
}

#[test]
fn another_country_begins_the_count_anew_and_late_answers_are_ignored() {
    let (mut model, of) = looked_at(picked(80, 24));
    assert_eq!((of.country.as_deref(), of.what), (Some("IN"), What::Numbers));
    answer(&mut model, Answer::Count(of.clone(), Counted::SoFar(4_000)));
    assert!(text(&model).contains("Counting all rows … 4,000 so far"), "{}", text(&model));
    press(&mut model, "tab backspace backspace");
    let peek_again = Request::Peek { from: from_of(&model), country: Some("US".to_owned()) };
    // Reading the first rows again is what ends the count at the desk.
    assert_eq!(type_text(&mut model, "us"), [peek_again]);
    assert!(!text(&model).contains("Counting"), "{}", text(&model));
    answer(&mut model, Answer::Count(of.clone(), Counted::All(figures())));
    assert!(!text(&model).contains("in all"), "{}", text(&model));
    let (mut model, other) = looked_at(model);
    assert_eq!(other.country.as_deref(), Some("US"));
    answer(&mut model, Answer::Count(of, Counted::All(figures())));
    assert!(!text(&model).contains("in all"), "the count with the country of before: {}", text(&model));
    // The answer to the first look may be later than the second one: nothing is counted twice.
    let from = from_of(&model);
    assert_eq!(answer(&mut model, Answer::Peek(from, Ok(peek()))), []);
    let model = with((model, other), Counted::All(figures()));
    assert!(text(&model).contains("1,000,000 rows in all: 957,500 can be used, 42,500 rejected"), "{}", text(&model));
}

#[test]
fn esc_ends_the_count_and_enter_need_not_wait_for_it() {
    let (mut model, _) = looked_at(picked(80, 24));
    assert_eq!(press(&mut model, "esc"), [Request::StopCount]);
    assert_eq!(press(&mut done(80, 24), "esc"), [], "it is through: nothing is to be ended");
    let (mut model, of) = looked_at(picked(80, 24));
    assert!(matches!(press(&mut model, "enter").as_slice(), [Request::Import { .. }]));
    answer(&mut model, Answer::Count(of, Counted::SoFar(4_000)));
    assert!(!text(&model).contains("Counting"), "{}", text(&model));
}

#[test]
fn what_cannot_be_loaded_is_not_counted() {
    let mut model = picked(80, 24);
    let from = from_of(&model);
    let mut without_phones = peek();
    without_phones.phone_column = None;
    assert_eq!(answer(&mut model, Answer::Peek(from.clone(), Ok(without_phones))), []);
    assert_eq!(answer(&mut model, Answer::Peek(from, Err("it is empty".to_owned()))), []);
}

#[test]
fn the_whole_file_tells_whether_a_country_is_lacking() {
    // None of the first rows lacks one.
    let (mut model, of) = looked_at(without_country_named());
    let causes = vec![("no_country".to_owned(), 600_000)];
    let count = FileCount { received: 1_000_000, usable: 400_000, rejected: 600_000, causes, repeated: Some(0) };
    answer(&mut model, Answer::Count(of, Counted::All(count)));
    assert!(text(&model).contains("600,000 of 1,000,000 rows have no country code"), "{}", text(&model));
    assert_eq!(press(&mut model, "enter"), [], "it asks first");
    assert!(matches!(press(&mut model, "enter").as_slice(), [Request::Import { country: None, .. }]));
}

fn without_country_named() -> Model {
    let mut model = on_numbers(80, 24);
    model.facts.default_country = None;
    press(&mut model, "o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    press(&mut model, "enter");
    model
}

/// A desk over the real use cases.
struct Open {
    ask: mpsc::Sender<Request>,
    told: mpsc::Receiver<Answer>,
    desk: JoinHandle<()>,
}

impl Open {
    fn new(bed: &Bed) -> Self {
        let (ask, asked) = mpsc::channel(8);
        let (tell, told) = mpsc::channel(8);
        let around = Around { read_only: false, settings: Arc::new(Unwritable), events: Recent::new(10) };
        Self { ask, told, desk: tokio::spawn(desk::run(bed.service.clone(), asked, tell, around)) }
    }

    /// What comes of a request, after what it says on its way.
    async fn outcome(&mut self, request: Request) -> Answer {
        self.ask.send(request).await.unwrap();
        self.next().await
    }

    async fn next(&mut self) -> Answer {
        loop {
            match self.told.recv().await.unwrap() {
                Answer::Importing(_) | Answer::Count(_, Counted::SoFar(_)) => {}
                answer => return answer,
            }
        }
    }

    async fn close(mut self) {
        drop(self.ask);
        self.desk.await.unwrap();
        assert!(self.told.recv().await.is_none(), "nothing more is said");
    }
}

/// Rows that can be used, some of them twice, rows that cannot for several causes, and blank ones.
fn messy(rows: u32) -> String {
    let mut csv = String::from("Mobile No.,Full name,city\n");
    for row in 0..rows {
        let written = match row % 20 {
            3 => writeln!(csv, "12345,Too short,Pune"),
            5 => writeln!(csv, ",Nobody,Pune"),
            7 => writeln!(csv, "+91 98765 0{:04},Again,Pune", row - 1),
            9 => writeln!(csv),
            11 => writeln!(csv, "+91 98765 0{row:04},A cell too many,Pune,12"),
            13 => writeln!(csv, "98765 0{row:04},Without a country,Pune"),
            15 => writeln!(csv, "9.19E+11,Rounded,Pune"),
            _ => writeln!(csv, "+91 98765 0{row:04},Person {row},Pune"),
        };
        written.unwrap();
    }
    csv
}

#[tokio::test]
async fn the_preview_has_the_figures_of_the_load() {
    let bed = Bed::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messy.csv");
    std::fs::write(&path, messy(4_300)).unwrap();
    let from = RowsFrom::File(path);
    let mut desk = Open::new(&bed);
    for country in [None, Some("IN".to_owned())] {
        let of = CountOf { from: from.clone(), country: country.clone(), what: What::Numbers };
        let Answer::Count(told_of, Counted::All(all)) = desk.outcome(Request::Count(of.clone())).await else {
            panic!()
        };
        assert_eq!(told_of, of);
        let list = Some(format!("list {country:?}"));
        let import = Request::Import { from: from.clone(), country, list, tags: Vec::new() };
        let Answer::Imported(Ok(done)) = desk.outcome(import).await else { panic!() };
        let report = &done.upload.report;
        assert_eq!((all.received, all.rejected), (report.received, report.rejected));
        assert_eq!(all.usable, report.imported + report.duplicates);
        assert_eq!(all.repeated, Some(report.repeated));
        assert_eq!(all.causes, done.causes);
        assert!(all.causes.len() >= 4 && report.repeated > 200, "{all:?}");
    }
    desk.close().await;
}

#[tokio::test]
async fn opt_outs_are_counted_as_they_are_noted() {
    let bed = Bed::new().await;
    // One Brazilian in both forms, and one that is no number.
    let rows = "phone\n+5511987654321\n+551187654321\n+12015550111\n98\n";
    let from = RowsFrom::Pasted(wacast::console::paste::rows(rows).unwrap());
    let mut desk = Open::new(&bed);
    let of = CountOf { from: from.clone(), country: None, what: What::OptOuts };
    let Answer::Count(_, Counted::All(all)) = desk.outcome(Request::Count(of)).await else { panic!() };
    let load = Request::Numbers(NumbersRequest::ImportOptOuts { from, country: None });
    let Answer::Numbers(answer) = desk.outcome(load).await else { panic!() };
    let NumbersAnswer::OptOutsImported(Ok(done)) = *answer else { panic!() };
    assert_eq!((all.received, all.rejected), (done.received, done.rejected));
    assert_eq!((all.usable, all.repeated), (done.imported + done.known, Some(done.known)));
    assert_eq!((all.received, all.repeated), (4, Some(1)));
    desk.close().await;
}

#[tokio::test]
async fn a_file_that_breaks_off_says_where() {
    let bed = Bed::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quote.csv");
    let mut csv = String::from("phone,name\n");
    for row in 0..2_345 {
        writeln!(csv, "+9198765{row:05},Person").unwrap();
    }
    csv.push_str("+919876599999,\"never closed\n");
    std::fs::write(&path, csv).unwrap();
    let mut desk = Open::new(&bed);
    let of = CountOf { from: RowsFrom::File(path), country: None, what: What::Numbers };
    let Answer::Count(_, Counted::Broken { problem, received }) = desk.outcome(Request::Count(of)).await else {
        panic!()
    };
    assert_eq!(received, 2_345);
    let wanted = "a quote (\") opened in the row that begins on line 2347 is never closed: close it or remove it";
    assert_eq!(problem, wanted, "without the path, which the panel's title names");
    desk.close().await;
}

/// Whatever comes after it ends a count, which says nothing any more.
#[tokio::test]
async fn a_count_ends_with_another_file_and_with_the_load() {
    let bed = Bed::new().await;
    let short = RowsFrom::Pasted(wacast::console::paste::rows("phone\n+12015550111\n").unwrap());
    let long = RowsFrom::Pasted(wacast::console::paste::rows(&messy(3_000)).unwrap());
    let ended = CountOf { from: short, country: None, what: What::Numbers };
    let next = [
        Request::Peek { from: long.clone(), country: None },
        Request::Count(CountOf { from: long.clone(), country: None, what: What::Numbers }),
        Request::Import { from: long.clone(), country: None, list: None, tags: Vec::new() },
        Request::Numbers(NumbersRequest::ImportOptOuts { from: long, country: None }),
    ];
    for next in next {
        let mut desk = Open::new(&bed);
        // Both are there before the desk looks.
        desk.ask.try_send(Request::Count(ended.clone())).unwrap();
        desk.ask.try_send(next.clone()).unwrap();
        let answer = desk.next().await;
        assert!(!matches!(&answer, Answer::Count(of, _) if *of == ended), "{next:?}: {answer:?}");
        desk.close().await;
    }
}
