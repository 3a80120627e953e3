//! The Numbers screen: lists and their people, one person, files with what could not be used of them, opt-outs, and
//! loading what is pasted.

mod count;
mod keys;

use crate::console_fixtures::*;
use wacast::console::actions::Place;
use wacast::console::message::{Answer, Event, FileEntry, FilePeek, Request};
use wacast::console::model::Model;
use wacast::console::numbers::{Asked, NumbersAnswer as To, NumbersFile, NumbersRequest as Of, Rejects, RowsFrom};
use wacast::console::pages::PAGE;
use wacast::console::update::update;
use wacast::domain::broadcast::{Cells, UploadId};
use wacast::domain::opt_out::{Change, Event as Word, Kind as Way, OptedOut, Who};
use wacast::domain::state::RecipientState;
use wacast::domain::time::{DAY, HOUR, MINUTE};
use wacast::service::error::{Kind, ServiceError};
use wacast::service::import::ImportDone;
use wacast::service::import::fix::{CauseView, Fix, RejectsPage, Remedy};
use wacast::service::import::opt_outs::OptOutsImported;
use wacast::service::people::{AttemptView, NumberView, NumbersPage, PersonView, RecipientView};
use wacast::store::{AttemptRow, AudiencePlace, KeptReject, RecipientRow, Reject, UploadReport};

const ASHA: &str = "+15550100111";

fn check(name: &str, state: impl Fn(u16, u16) -> Model) {
    for (columns, rows) in [(80, 24), (120, 40), (200, 50)] {
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), text(&state(columns, rows)));
    }
}

/// What is shown below the header, which names the business's own number.
fn body(model: &Model) -> String {
    text(model).lines().skip(1).collect::<Vec<_>>().join("\n")
}

fn tell(model: &mut Model, told: To) -> Vec<Request> {
    answer(model, Answer::Numbers(Box::new(told)))
}

fn of(request: Of) -> Request {
    Request::Numbers(request)
}

fn asked(text: &str) -> Asked {
    Asked::from(text)
}

fn trouble() -> ServiceError {
    ServiceError::new(Kind::Unavailable, "store_away", "the database does not answer: connection refused")
}

fn on_numbers(columns: u16, rows: u16) -> Model {
    let mut model = full(columns, rows);
    assert_eq!(press(&mut model, "3"), [Request::Uploads]);
    model
}

fn number_view(row: u32) -> NumberView {
    let names =
        ["Asha Rao", "श्रीमती लक्ष्मीबाई", "Bo 🎉", "", "A name that goes on and on until nobody reads it any more"];
    let phone = format!("+1555010{:04}", 100 + row % 100);
    NumberView {
        number: number(&phone, names[row as usize % names.len()], ["Pune", "मुंबई", "Salem"][row as usize % 3]),
        place: AudiencePlace { upload: 2, row },
        list: "diwali".to_owned(),
        source: "customers-nov.xlsx".to_owned(),
        tags: if row.is_multiple_of(4) { vec!["vip".to_owned()] } else { Vec::new() },
        at: NOW.plus(-3 * HOUR),
    }
}

fn people_page(rows: std::ops::Range<u32>, next: Option<AudiencePlace>) -> NumbersPage {
    NumbersPage { looked_at: rows.len() as u64, items: rows.map(number_view).collect(), next }
}

fn people_request(search: &str, after: Option<AudiencePlace>, limit: u32) -> Request {
    of(Of::People { list: "diwali".to_owned(), search: asked(search), after, limit })
}

/// The people of the first list.
fn with_people(columns: u16, rows: u16) -> Model {
    let mut model = on_numbers(columns, rows);
    assert_eq!(press(&mut model, "enter"), [people_request("", None, PAGE)]);
    let next = Some(AudiencePlace { upload: 2, row: PAGE });
    tell(&mut model, To::People("diwali".to_owned(), asked(""), None, Ok(people_page(1..PAGE + 1, next))));
    model
}

fn word(id: u64, kind: Way, stop: bool, ago: i64, text: &str) -> Word {
    let change = Change {
        who: Who::phone(ASHA.parse().unwrap()),
        kind,
        stop,
        at: NOW.plus(-ago),
        how: if kind == Way::Operator { "asha".to_owned() } else { "a message".to_owned() },
        wamid: String::new(),
        text: text.to_owned(),
    };
    Word { id, change }
}

fn attempt(attempt: u32, code: i64, ago: i64) -> AttemptView {
    let (title, advice) = match code {
        0 => (String::new(), String::new()),
        _ => ("not reachable on WhatsApp".to_owned(), "Treat the number as suspect.".to_owned()),
    };
    let response = r#"{"contacts":[{"input":"+15550100111","wa_id":"15550100111"}],"error":{"code":131026}}"#;
    AttemptView {
        row: AttemptRow {
            attempt,
            status: if code == 0 { "sent".to_owned() } else { "failed".to_owned() },
            timestamp: NOW.plus(-ago),
            code,
            response: response.to_owned(),
            wamid: "wamid.HBgLMTU1NTAxMDA".to_owned(),
            undelivered: false,
        },
        title,
        advice,
    }
}

pub fn recipient_view() -> RecipientView {
    RecipientView {
        broadcast: ended(4, "october-news").broadcast,
        row: RecipientRow {
            seq: 2,
            phone: ASHA.parse().unwrap(),
            name: "Asha Rao".to_owned(),
            state: RecipientState::Failed,
            attempt: 2,
            code: 131_026,
            detail: String::new(),
            wamid: "wamid.HBgLMTU1NTAxMDA".to_owned(),
            changed_at: Some(NOW.plus(-5 * MINUTE)),
            due: None,
            values: vec!["Asha".to_owned(), "Pune".to_owned()],
            prices: vec![],
        },
        title: "not reachable on WhatsApp".to_owned(),
        advice: "Treat the number as suspect.".to_owned(),
        attempts: vec![attempt(1, 131_026, DAY), attempt(2, 131_026, 5 * MINUTE)],
    }
}

fn person_view() -> PersonView {
    let delivered = RecipientView {
        broadcast: ended(5, "दिवाली की शुभकामनाएँ 🎉").broadcast,
        row: RecipientRow { state: RecipientState::Read, code: 0, ..recipient_view().row },
        title: String::new(),
        advice: String::new(),
        attempts: vec![attempt(1, 0, 2 * DAY)],
    };
    let mut second = number_view(14);
    "ग्राहक-मुंबई 🎉".clone_into(&mut second.list);
    second.tags = vec!["vip".to_owned(), "north".to_owned()];
    PersonView {
        phone: ASHA.parse().unwrap(),
        uploads: vec![number_view(0), second],
        broadcasts: vec![recipient_view(), delivered],
        more_broadcasts: false,
        opted_out: vec![word(3, Way::Typed, true, 3 * DAY, "STOP, it is +1 555 010 0111")],
        opt_out_history: vec![
            word(1, Way::Operator, true, 40 * DAY, "asked by telephone"),
            word(2, Way::Operator, false, 30 * DAY, ""),
            word(3, Way::Typed, true, 3 * DAY, "STOP, it is +1 555 010 0111"),
        ],
    }
}

fn with_person(columns: u16, rows: u16) -> Model {
    let mut model = with_people(columns, rows);
    press(&mut model, "down");
    let number = "+15550100102";
    assert_eq!(press(&mut model, "enter"), [of(Of::Person(asked(number)))]);
    tell(&mut model, To::Person(asked(number), Ok(person_view())));
    model
}

fn reject(row: u32, cause: &str, phone: &str, reason: &str) -> KeptReject {
    let cells = [("Mobile No.", phone), ("Full name", "श्रीमती लक्ष्मीबाई 🎉"), ("city", "मुंबई")];
    KeptReject {
        row,
        cause: cause.to_owned(),
        phone: phone.to_owned(),
        reason: reason.to_owned(),
        cells: Cells {
            cells: cells.map(|(name, cell)| (name.to_owned(), cell.to_owned())).to_vec(),
            phone: Some(0),
            name: Some(1),
        },
    }
}

fn rejects() -> Rejects {
    let cause = |word: &str, open, fixed| CauseView { cause: word.to_owned(), open, fixed, remedy: Remedy::of(word) };
    let page = RejectsPage {
        causes: vec![
            cause("no_country", 140, 12),
            cause("rounded_by_excel", 31, 0),
            cause("formula_error", 2, 0),
            cause("too_short", 0, 4),
        ],
        rejected: 25_000,
        kept: 189,
        items: Vec::new(),
        next: None,
    };
    let examples = vec![
        Some(reject(14, "no_country", "98765 43210", "has no country code: put + and the country code before it")),
        Some(reject(90, "rounded_by_excel", "9.19E+11", "a spreadsheet turned it into 9.19E+11")),
        Some(reject(91, "formula_error", "+15550100155", "the cell \"city\" holds #N/A, a spreadsheet's error")),
        None,
    ];
    Rejects { tags: vec!["vip".to_owned()], page, examples }
}

/// The newest file of the first list.
fn with_file(columns: u16, rows: u16) -> Model {
    let mut model = on_numbers(columns, rows);
    assert_eq!(press(&mut model, "tab enter"), [Request::Uploads, Request::Uploads, of(Of::Rejects(UploadId(2)))]);
    tell(&mut model, To::Rejects(UploadId(2), Ok(rejects())));
    model
}

fn with_reject_rows(columns: u16, rows: u16) -> Model {
    let mut model = with_file(columns, rows);
    let request = Of::RejectRows { upload: UploadId(2), cause: "no_country".to_owned(), after: None };
    assert_eq!(press(&mut model, "enter"), [of(request)]);
    let rows = (0..140).map(|place| reject(14 + place, "no_country", "98765 43210", "has no country code")).collect();
    tell(&mut model, To::RejectRows(UploadId(2), "no_country".to_owned(), None, Ok(rows)));
    model
}

fn opted_out() -> Vec<OptedOut> {
    let person = |phone: &str, standing| OptedOut { person: phone.to_owned(), standing };
    let user = Word {
        change: Change {
            who: Who { phone: None, user: Some("US.1349".to_owned()) },
            ..word(6, Way::Platform, true, DAY, "").change
        },
        id: 6,
    };
    vec![
        person(
            ASHA,
            vec![word(3, Way::Typed, true, 3 * DAY, "STOP"), word(5, Way::Operator, true, HOUR, "asked by telephone")],
        ),
        person("+15550100122", vec![word(4, Way::Button, true, 20 * DAY, "मुझे संदेश न भेजें 🙏")]),
        person("US.1349", vec![user]),
    ]
}

fn with_opt_outs(columns: u16, rows: u16) -> Model {
    let mut model = on_numbers(columns, rows);
    assert_eq!(press(&mut model, "left"), [of(Of::OptOuts { search: asked(""), after: None })]);
    tell(&mut model, To::OptOuts(asked(""), None, Ok((opted_out(), 3))));
    model
}

fn import_done(source: &str, rejected: u64) -> ImportDone {
    let mut upload = uploads().remove(0);
    upload.id = UploadId(3);
    source.clone_into(&mut upload.source);
    upload.report = UploadReport { received: 140, imported: 110, duplicates: 2, rejected, ..UploadReport::default() };
    ImportDone { upload, replay: false, causes: Vec::new(), rejects_path: None, notes: Vec::new() }
}

/// In a folder where other programs keep theirs, too, the number files come first.
#[test]
fn what_can_hardly_be_loaded_stands_after_what_can() {
    let mut model = on_numbers(80, 24);
    press(&mut model, "o");
    let mut found = entries();
    for (place, name) in [(0, "wacast.db-wal"), (1, "wacast.db"), (3, "config.toml"), (4, "NUMBERS.TSV")] {
        let entry = FileEntry { name: name.to_owned(), ..found[place].clone() };
        found.insert(place, FileEntry { is_folder: false, ..entry });
    }
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(found)));
    let Some(wacast::console::dialog::Dialog::Load(load)) = model.dialogs.last() else { panic!("no picker") };
    let names: Vec<String> = load.shown().into_iter().map(|entry| entry.name).collect();
    let wanted = [
        "customers-nov.xlsx",
        "NUMBERS.TSV",
        "customers-oct.csv",
        "old",
        "wacast.db-wal",
        "wacast.db",
        "config.toml",
        "..",
    ];
    assert_eq!(names, wanted);
}

fn pasted(columns: u16, rows: u16) -> Model {
    let mut model = on_numbers(columns, rows);
    press(&mut model, "o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    update(&mut model, Event::Paste("+15550100111\tAsha\tPune\r+15550100122\tBo\tSalem\r98\tC\t\r".to_owned()));
    let mut peek = peek();
    "csv, tab, UTF-8".clone_into(&mut peek.taken_for);
    peek.phone_column = Some("phone".to_owned());
    let from = from_of(&model);
    answer(&mut model, Answer::Peek(from, Ok(peek)));
    model
}

fn from_of(model: &Model) -> RowsFrom {
    match model.dialogs.last() {
        Some(wacast::console::dialog::Dialog::Load(load)) => load.from(),
        other => panic!("{other:?}"),
    }
}

/// Every state of the screen, for the sweep over sizes.
pub fn states() -> Vec<Model> {
    let pressed = |mut model: Model, keys: &str| {
        press(&mut model, keys);
        model
    };
    vec![
        pressed(on_numbers(80, 24), "tab"),
        with_people(80, 24),
        with_person(80, 24),
        with_file(80, 24),
        with_reject_rows(80, 24),
        pressed(with_reject_rows(80, 24), "enter"),
        pressed(with_file(80, 24), "r down"),
        with_opt_outs(80, 24),
        pressed(with_opt_outs(80, 24), "u"),
        pressed(with_opt_outs(80, 24), "a"),
        pasted(80, 24),
        without_a_country(80, 24),
        count::under_way(80, 24),
        count::done(80, 24),
        count::broken(80, 24),
        pressed(without_a_country(80, 24), "enter i n d"),
        pressed(with_reject_rows(80, 24), "v"),
        pressed(full(80, 24), "3 enter"),
        pressed(full(80, 24), "3 left"),
    ]
}

#[test]
fn lists_and_files() {
    check("files", |columns, rows| {
        let mut model = on_numbers(columns, rows);
        press(&mut model, "tab");
        model
    });
    check("lists_filtered", |columns, rows| {
        let mut model = on_numbers(columns, rows);
        press(&mut model, "/");
        type_text(&mut model, "st");
        model
    });
    check("files_waiting", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, full_snapshot());
        press(&mut model, "3 tab");
        model
    });
    check("files_trouble", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, full_snapshot());
        press(&mut model, "3 tab");
        answer(&mut model, Answer::Uploads(Err(trouble())));
        model
    });
}

#[test]
fn the_people_of_a_list() {
    check("people", with_people);
    check("people_waiting", |columns, rows| {
        let mut model = on_numbers(columns, rows);
        press(&mut model, "enter");
        model
    });
    check("people_looking", |columns, rows| {
        let mut model = with_people(columns, rows);
        press(&mut model, "/");
        type_text(&mut model, "लक्ष्मी");
        press(&mut model, "enter");
        let next = Some(AudiencePlace { upload: 2, row: 20_000 });
        let page = NumbersPage { looked_at: 20_000, ..people_page(0..0, next) };
        tell(&mut model, To::People("diwali".to_owned(), asked("लक्ष्मी"), None, Ok(page)));
        model
    });
    check("people_none", |columns, rows| {
        let mut model = with_people(columns, rows);
        press(&mut model, "/");
        type_text(&mut model, "+1 555 010 0199");
        press(&mut model, "enter");
        tell(&mut model, To::People("diwali".to_owned(), asked("+1 555 010 0199"), None, Ok(people_page(0..0, None))));
        assert!(!text(&model).contains("010 0199"), "{}", text(&model));
        model
    });
    check("people_trouble", |columns, rows| {
        let mut model = on_numbers(columns, rows);
        press(&mut model, "enter");
        tell(&mut model, To::People("diwali".to_owned(), asked(""), None, Err(trouble())));
        model
    });
}

#[test]
fn one_person() {
    check("person", with_person);
    check("person_end", |columns, rows| {
        let mut model = with_person(columns, rows);
        press(&mut model, "G");
        model
    });
    check("person_unknown", |columns, rows| {
        let mut model = on_numbers(columns, rows);
        press(&mut model, "/");
        type_text(&mut model, ASHA);
        assert_eq!(press(&mut model, "enter"), [of(Of::Person(asked(ASHA)))]);
        let message = format!("{ASHA} stands in no list, and was a recipient of no broadcast");
        let error = ServiceError::new(Kind::NotFound, "unknown_person", message);
        tell(&mut model, To::Person(asked(ASHA), Err(error)));
        model
    });
}

#[test]
fn what_became_of_a_file() {
    check("file", with_file);
    check("file_other_cause", |columns, rows| {
        let mut model = with_file(columns, rows);
        press(&mut model, "down");
        model
    });
    check("file_rows", with_reject_rows);
    check("file_fix", |columns, rows| {
        let mut model = with_file(columns, rows);
        press(&mut model, "r down");
        model
    });
    check("file_fixed", |columns, rows| {
        let mut model = with_file(columns, rows);
        press(&mut model, "r down enter");
        assert!(text(&model).contains("Putting 140 rows right"), "{}", text(&model));
        tell(&mut model, To::Fixed(UploadId(2), Ok(import_done("customers-nov.xlsx (fixed: country IN)", 28))));
        model
    });
    check("file_undo", |columns, rows| {
        let mut model = with_file(columns, rows);
        assert_eq!(press(&mut model, "x"), [of(Of::WouldLeave(UploadId(2)))]);
        tell(&mut model, To::WouldLeave(UploadId(2), Ok(48_580)));
        model
    });
    check("file_exported", |columns, rows| {
        let mut model = with_file(columns, rows);
        let path = "/home/asha/out/customers-nov-xlsx-rejects-20261108-170500.csv";
        tell(&mut model, To::Exported(NumbersFile::Rejects(UploadId(2)), path.into(), Ok(173)));
        model
    });
}

/// What was pasted where no country is configured, and most rows have none.
fn without_a_country(columns: u16, rows: u16) -> Model {
    let mut model = on_numbers(columns, rows);
    model.facts.default_country = None;
    press(&mut model, "o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    let pasted = format!("phone\tname\r{}", "98765 43210\tAsha\r".repeat(40));
    update(&mut model, Event::Paste(pasted));
    let reason = "no country code: name the country above".to_owned();
    let mut peek = FilePeek { looked_at: 40, unusable: 38, without_country: 38, ..peek() };
    peek.rows[1].phone = Err(reason);
    let from = from_of(&model);
    answer(&mut model, Answer::Peek(from, Ok(peek)));
    model
}

#[test]
fn pasted_rows() {
    check("load_no_country", without_a_country);
    check("load_asked_for_country", |columns, rows| {
        let mut model = without_a_country(columns, rows);
        press(&mut model, "enter");
        type_text(&mut model, "ind");
        model
    });
    check("load_pasted", pasted);
}

#[test]
fn opt_outs() {
    check("opt_outs", with_opt_outs);
    check("opt_outs_none", |columns, rows| {
        let mut model = on_numbers(columns, rows);
        press(&mut model, "left");
        tell(&mut model, To::OptOuts(asked(""), None, Ok((Vec::new(), 0))));
        model
    });
    check("opt_outs_undo", |columns, rows| {
        let mut model = with_opt_outs(columns, rows);
        press(&mut model, "u down");
        model
    });
    check("opt_outs_add", |columns, rows| {
        let mut model = with_opt_outs(columns, rows);
        press(&mut model, "a");
        model
    });
    check("opt_outs_imported", |columns, rows| {
        let mut model = with_opt_outs(columns, rows);
        press(&mut model, "i");
        update(&mut model, Event::Paste("phone\n+15550100111\n98\n".to_owned()));
        let from = from_of(&model);
        answer(&mut model, Answer::Peek(from, Ok(peek())));
        press(&mut model, "enter");
        let reject = Reject { row: 3, phone: "98".to_owned(), reason: "too short to be a phone number".to_owned() };
        let source = "/home/asha/in/stops.csv".to_owned();
        let done = OptOutsImported { source, received: 2, imported: 1, known: 0, rejected: 1, rejects: vec![reject] };
        tell(&mut model, To::OptOutsImported(Ok(done)));
        model
    });
}
