//! The Numbers screen: lists and their people, one person, files with what could not be used of them, opt-outs, and
//! loading what is pasted.

use crate::console_fixtures::*;
use wacast::console::actions::{self, Place};
use wacast::console::load::What;
use wacast::console::message::{Answer, Event, Request};
use wacast::console::model::{Import, Model, Screen};
use wacast::console::numbers::{
    Asked, NumbersAnswer as To, NumbersFile, NumbersRequest as Of, Part, Rejects, RowsFrom,
};
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
    second.list = "ग्राहक-मुंबई 🎉".to_owned();
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
    upload.source = source.to_owned();
    upload.report = UploadReport { received: 140, imported: 110, duplicates: 2, rejected, ..UploadReport::default() };
    ImportDone { upload, replay: false, causes: Vec::new(), rejects_path: None, notes: Vec::new() }
}

fn pasted(columns: u16, rows: u16) -> Model {
    let mut model = on_numbers(columns, rows);
    press(&mut model, "o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    update(&mut model, Event::Paste("+15550100111\tAsha\tPune\r+15550100122\tBo\tSalem\r98\tC\t\r".to_owned()));
    let mut peek = peek();
    peek.taken_for = "csv, tab, UTF-8".to_owned();
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
        let done = OptOutsImported { received: 2, imported: 1, known: 0, rejected: 1, rejects: vec![reject] };
        tell(&mut model, To::OptOutsImported(Ok(done)));
        model
    });
}

#[test]
fn rows_are_pasted_in_place_of_a_file() {
    check("load_pasted", pasted);
    let mut model = pasted(80, 24);
    let from = from_of(&model);
    let RowsFrom::Pasted(rows) = &from else { panic!("{from:?}") };
    assert!(rows.0.starts_with("phone\tname\tcolumn 3\n+15550100111\tAsha"), "{}", rows.0);
    assert!(!format!("{from:?}").contains("555"), "what was pasted is never printed");
    let wanted = Request::Import {
        from: from.clone(),
        country: Some("IN".to_owned()),
        list: Some("pasted".to_owned()),
        tags: Vec::new(),
    };
    assert_eq!(press(&mut model, "enter"), [wanted]);
    // Back from the check is back to the files.
    let mut model = pasted(80, 24);
    press(&mut model, "esc");
    assert_eq!(from_of(&model), RowsFrom::File("/home/asha/in/".into()));
    // One line is a path.
    let requests = update(&mut model, Event::Paste("/home/asha/other/\n".to_owned()));
    assert_eq!(requests, [Request::Folder("/home/asha/other/".into())]);
    // What is too much is refused, and says what to do.
    assert_eq!(update(&mut model, Event::Paste("+15550100111\n".repeat(200_000))), []);
    assert!(text(&model).contains("more than 2 MB"), "{}", text(&model));
}

#[test]
fn keys_lead_through_the_parts_and_back() {
    for (keys, place) in [
        ("3", Place::Numbers),
        ("3 tab", Place::Files),
        ("3 right right", Place::OptOuts),
        ("3 left", Place::OptOuts),
        ("3 tab tab tab", Place::Numbers),
        ("3 backtab", Place::OptOuts),
        ("3 tab esc", Place::Numbers),
        ("3 left esc", Place::Numbers),
        ("3 enter", Place::ListPeople),
        ("3 enter esc", Place::Numbers),
        ("3 enter tab", Place::ListPeople),
        ("3 tab enter", Place::File),
        ("3 tab enter esc", Place::Files),
        ("3 tab enter 3", Place::Files),
        ("3 enter 1 3", Place::ListPeople),
        ("3 /", Place::Filter),
    ] {
        let mut model = full(80, 24);
        press(&mut model, keys);
        assert_eq!(model.place(), place, "{keys}");
    }
}

#[test]
fn the_marked_list_stays_the_marked_one() {
    let mut model = on_numbers(80, 24);
    press(&mut model, "down s s");
    assert_eq!(model.numbers.list(model.snapshot.as_deref()).unwrap().name, "diwali", "by people, the most first");
    press(&mut model, "down");
    let mut snapshot = full_snapshot();
    snapshot.lists[2].people = 1_000_000;
    let requests = show(&mut model, snapshot);
    assert!(requests.contains(&Request::Uploads));
    assert_eq!(model.numbers.list(model.snapshot.as_deref()).unwrap().name, "ग्राहक-मुंबई 🎉");
    assert_eq!(model.numbers.lists.cursor, 2);
}

#[test]
fn a_search_goes_on_until_the_page_is_full_and_stops_with_escape() {
    let mut model = with_people(80, 24);
    press(&mut model, "/");
    type_text(&mut model, "q Rao");
    assert_eq!(press(&mut model, "enter"), [people_request("q Rao", None, PAGE)]);
    let next = |row| Some(AudiencePlace { upload: 2, row });
    let told = |after, page| To::People("diwali".to_owned(), asked("q Rao"), after, Ok(page));
    let more = tell(&mut model, told(None, people_page(0..3, next(20_000))));
    assert_eq!(more, [people_request("q Rao", next(20_000), PAGE - 3)]);
    let more = tell(&mut model, told(next(20_000), people_page(3..5, next(40_000))));
    assert_eq!(more, [people_request("q Rao", next(40_000), PAGE - 5)]);
    assert!(text(&model).contains("1 to 5, still looking: 5 rows looked through"), "{}", text(&model));
    press(&mut model, "esc");
    assert_eq!(tell(&mut model, told(next(40_000), people_page(5..7, next(60_000)))), [], "nobody waits for it");
    // The next page begins where the store says.
    let mut model = with_people(80, 24);
    assert_eq!(press(&mut model, "G down"), [people_request("", next(PAGE), PAGE)]);
}

#[test]
fn a_person_is_opened_from_everywhere_and_escape_goes_back() {
    let mut model = with_person(80, 24);
    assert_eq!(model.place(), Place::Person);
    assert!(!text(&model).contains("555 010 0111") && !text(&model).contains(ASHA), "{}", text(&model));
    press(&mut model, "v");
    assert!(text(&model).contains(ASHA));
    press(&mut model, "esc");
    assert_eq!(model.place(), Place::ListPeople);

    let mut model = with_opt_outs(80, 24);
    assert_eq!(press(&mut model, "enter"), [of(Of::Person(asked(ASHA)))]);
    press(&mut model, "esc down down enter");
    assert!(text(&model).contains("Their phone number is not known"), "{}", text(&model));

    // From a recipient of a broadcast, and back to it.
    let mut model = full(80, 24);
    press(&mut model, "2");
    answer(&mut model, Answer::Broadcasts(Ok(vec![ended(4, "october-news")])));
    press(&mut model, "enter tab");
    answer(&mut model, Answer::Recipients(id(4), None, None, Ok(vec![recipient_view().row])));
    assert_eq!(press(&mut model, "enter"), [of(Of::Recipient(id(4), 2))]);
    assert_eq!(press(&mut model, "o"), [], "who it is, is not known yet");
    tell(&mut model, To::Recipient(id(4), 2, Ok(recipient_view())));
    assert_eq!(press(&mut model, "o"), [of(Of::Person(asked(ASHA)))]);
    assert_eq!(model.place(), Place::Person);
    press(&mut model, "esc");
    assert_eq!(model.place(), Place::Recipient);
    press(&mut model, "esc");
    assert_eq!((model.place(), model.screen), (Place::Recipients, Screen::Broadcasts));
}

#[test]
fn a_cause_is_put_right_after_one_question() {
    let fix = |fix| of(Of::Fix { upload: UploadId(2), cause: "no_country".to_owned(), fix });
    for (keys, wanted) in [
        ("r enter", vec![]),
        ("r esc", vec![]),
        ("r down enter", vec![fix(Fix::Country("IN".to_owned()))]),
        ("r down backspace enter", vec![]),
        ("r down backspace backspace u s enter", vec![fix(Fix::Country("US".to_owned()))]),
        ("r down down enter", vec![fix(Fix::Plus)]),
        ("down r", vec![]),
        (
            "down down r down enter",
            vec![of(Of::Fix { upload: UploadId(2), cause: "formula_error".to_owned(), fix: Fix::Blank })],
        ),
        ("down down down r", vec![]),
    ] {
        let mut model = with_file(80, 24);
        assert_eq!(press(&mut model, keys), wanted, "{keys}");
    }
    let mut model = with_file(80, 24);
    press(&mut model, "down r");
    assert!(text(&model).contains("that would be guessing"), "{}", text(&model));
    let mut model = with_file(80, 24);
    press(&mut model, "r down enter r");
    assert!(text(&model).contains("something is being done"), "{}", text(&model));
    let done = import_done("customers-nov.xlsx (fixed: country IN)", 28);
    assert_eq!(tell(&mut model, To::Fixed(UploadId(2), Ok(done))), [Request::Uploads, of(Of::Rejects(UploadId(2)))]);
    assert!(text(&model).contains("112 of 140 rows are put right"), "{}", text(&model));
}

#[test]
fn a_file_is_taken_back_after_it_was_said_how_many_leave() {
    let undo = || of(Of::Undo(UploadId(2)));
    for (keys, wanted) in [("enter", vec![]), ("esc", vec![]), ("right enter", vec![undo()])] {
        let mut model = on_numbers(80, 24);
        press(&mut model, "tab x");
        tell(&mut model, To::WouldLeave(UploadId(2), Ok(48_580)));
        assert!(text(&model).contains("48,580 people leave the list diwali"), "{}", text(&model));
        assert_eq!(press(&mut model, keys), wanted, "{keys}");
    }
    let mut model = with_file(80, 24);
    press(&mut model, "x");
    tell(&mut model, To::WouldLeave(UploadId(2), Ok(0)));
    assert!(text(&model).contains("Nobody leaves the list"), "{}", text(&model));
    press(&mut model, "right enter");
    assert!(text(&model).contains("Taking customers-nov.xlsx back"), "{}", text(&model));
    assert_eq!(tell(&mut model, To::Undone(Ok(uploads().remove(0)))), [Request::Uploads]);
    assert!(text(&model).contains("customers-nov.xlsx is taken back"), "{}", text(&model));
    assert_eq!(model.place(), Place::Files);
    // The question does not jump at somebody who went on meanwhile.
    let mut model = on_numbers(80, 24);
    press(&mut model, "tab x 1");
    tell(&mut model, To::WouldLeave(UploadId(2), Ok(5)));
    assert!(model.dialogs.is_empty());
}

#[test]
fn opt_outs_are_noted_undone_found_and_written_out() {
    let undo = |kind| of(Of::UndoOptOut { person: asked(ASHA), kind });
    for (keys, wanted) in [
        ("u enter", vec![]),
        ("u esc", vec![]),
        ("u down enter", vec![undo(Some(Way::Typed))]),
        ("u down down enter", vec![undo(Some(Way::Operator))]),
        ("u down down down enter", vec![undo(None)]),
        ("a enter", vec![]),
        ("a esc", vec![]),
    ] {
        let mut model = with_opt_outs(80, 24);
        assert_eq!(press(&mut model, keys), wanted, "{keys}");
    }
    let mut model = with_opt_outs(80, 24);
    press(&mut model, "a");
    type_text(&mut model, "+1 555 010 0177");
    press(&mut model, "tab");
    type_text(&mut model, "asked by mail");
    let noted = Of::OptOut { person: asked("+1 555 010 0177"), note: "asked by mail".to_owned() };
    assert_eq!(press(&mut model, "enter"), [of(noted)]);
    let stands = opted_out().remove(1);
    let again = tell(&mut model, To::OptOutChanged(asked("+1 555 010 0177"), Ok(stands)));
    assert_eq!(again, [of(Of::OptOuts { search: asked(""), after: None })]);
    assert!(text(&model).contains("is not written to: chose it by a button"), "{}", text(&model));
    press(&mut model, "/");
    type_text(&mut model, "0122");
    assert_eq!(press(&mut model, "enter"), [of(Of::OptOuts { search: asked("0122"), after: None })]);
    assert_eq!(press(&mut model, "/ esc"), [of(Of::OptOuts { search: asked(""), after: None })]);
    let path = "/home/asha/out/opt-outs-20261108-170500.csv".into();
    assert_eq!(press(&mut model, "e"), [of(Of::Export(NumbersFile::OptOuts, path))]);
    // On a person's own page they are noted and undone as well, and the page is read anew.
    let mut model = with_person(80, 24);
    assert_eq!(press(&mut model, "a"), [], "an opt-out stands already");
    assert_eq!(press(&mut model, "u down enter"), [undo(Some(Way::Typed))]);
    let free = OptedOut { person: ASHA.to_owned(), standing: Vec::new() };
    let again = tell(&mut model, To::OptOutChanged(asked(ASHA), Ok(free)));
    assert!(again.contains(&of(Of::Person(asked("+15550100102")))), "{again:?}");
    assert!(text(&model).contains("is written to again"), "{}", text(&model));
}

#[test]
fn opt_outs_are_imported_and_stopping_says_what_stays() {
    let mut model = with_opt_outs(80, 24);
    press(&mut model, "i");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    press(&mut model, "enter");
    let from = RowsFrom::File("/home/asha/in/customers-nov.xlsx".into());
    answer(&mut model, Answer::Peek(from.clone(), Ok(peek())));
    let wanted = Of::ImportOptOuts { from, country: Some("IN".to_owned()) };
    assert_eq!(press(&mut model, "tab enter"), [of(wanted)]);
    assert!(matches!(&model.import, Some(Import::Running { what: What::OptOuts, .. })));
    assert_eq!(press(&mut model, "x"), [Request::StopImport]);
    answer(&mut model, Answer::ImportStopped);
    assert!(text(&model).contains("Who was noted by then stays noted"), "{}", text(&model));
}

#[test]
fn rejects_of_a_file_just_loaded_are_one_key_away() {
    let mut model = pasted(80, 24);
    press(&mut model, "enter");
    answer(&mut model, Answer::Imported(Ok(import_done("pasted rows", 28))));
    assert_eq!(press(&mut model, "r"), [Request::Uploads, of(Of::Rejects(UploadId(3)))]);
    assert_eq!((model.screen, model.numbers.part, model.place()), (Screen::Numbers, Part::Files, Place::File));
    let mut model = pasted(80, 24);
    press(&mut model, "enter");
    answer(&mut model, Answer::Imported(Ok(import_done("pasted rows", 0))));
    assert_eq!(press(&mut model, "r"), []);
}

#[test]
fn who_only_watches_changes_nothing() {
    for (state, keys) in [
        (with_file as fn(u16, u16) -> Model, "r"),
        (with_file, "x"),
        (with_opt_outs, "a"),
        (with_opt_outs, "u"),
        (with_opt_outs, "i"),
        (with_person, "u"),
    ] {
        let mut model = state(80, 24);
        let depth = model.dialogs.len();
        model.facts.read_only = true;
        assert_eq!(press(&mut model, keys), [], "{keys}");
        assert_eq!(model.dialogs.len(), depth, "{keys}");
    }
    for (request, changes) in [
        (Of::Fix { upload: UploadId(1), cause: "no_country".to_owned(), fix: Fix::Plus }, true),
        (Of::Undo(UploadId(1)), true),
        (Of::OptOut { person: asked(ASHA), note: String::new() }, true),
        (Of::UndoOptOut { person: asked(ASHA), kind: None }, true),
        (Of::WouldLeave(UploadId(1)), false),
        (Of::Export(NumbersFile::OptOuts, "x".into()), false),
        (Of::Person(asked(ASHA)), false),
    ] {
        assert!(!format!("{request:?}").contains("555"), "nobody's number is printed: {request:?}");
        assert_eq!(of(request).changes(), changes);
    }
}

#[test]
fn no_number_is_shown_whole() {
    for state in [with_people, with_person, with_file, with_reject_rows, with_opt_outs, pasted] {
        let model = state(200, 50);
        let shown = text(&model);
        for whole in ["15550100", "555 010 0", "98765 43210"] {
            assert!(!shown.contains(whole), "{shown}");
        }
    }
}

#[test]
fn the_palette_knows_the_screen_s_commands() {
    for (place, words) in [
        (Place::Files, "take back"),
        (Place::File, "put right"),
        (Place::OptOuts, "import"),
        (Place::ListPeople, "person"),
    ] {
        assert!(actions::heard_in(place).any(|entry| entry.palette && entry.word == words), "{words}");
    }
}
