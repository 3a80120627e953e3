//! What keys do on the Numbers screen, and what is asked for.

use super::*;
use wacast::console::actions;
use wacast::console::load::What;
use wacast::console::model::{Import, Screen};
use wacast::console::numbers::Part;
use wacast::service::import::ImportProgress;
use wacast::store::UploadSummary;

#[test]
fn rows_are_pasted_in_place_of_a_file() {
    let mut model = pasted(80, 24);
    let from = from_of(&model);
    let RowsFrom::Pasted(rows) = &from else { panic!("{from:?}") };
    assert!(rows.text.starts_with("phone\tname\tcolumn 3\n+15550100111\tAsha"), "{}", rows.text);
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
    assert!(!body(&model).contains("555 010 0111") && !body(&model).contains(ASHA), "{}", text(&model));
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
    tell(&mut model, To::Recipient(id(4), 2, Box::new(Ok(recipient_view()))));
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
    // Back to the files it is the marked one, whichever list was marked before.
    let mut model = on_numbers(80, 24);
    press(&mut model, "down down");
    press(&mut model, "o");
    update(&mut model, Event::Paste("phone\n+15550100111\n".to_owned()));
    let from = from_of(&model);
    answer(&mut model, Answer::Peek(from, Ok(peek())));
    press(&mut model, "enter");
    let upload =
        UploadSummary { report: UploadReport { rejected: 1, ..UploadReport::default() }, ..uploads().remove(1) };
    answer(&mut model, Answer::Imported(Ok(ImportDone { upload, ..import_done("", 1) })));
    press(&mut model, "r esc");
    assert_eq!(model.numbers.file(model.snapshot.as_deref()).unwrap().source, "first-try.csv");
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
        let shown = body(&model);
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

#[test]
fn a_file_just_loaded_is_the_marked_one() {
    let mut model = on_numbers(80, 24);
    answer(&mut model, Answer::Uploads(Ok(uploads())));
    press(&mut model, "down down tab");
    let mut newer = uploads().remove(1);
    (newer.id, newer.source) = (UploadId(9), "/home/asha/in/first-try.csv".to_owned());
    answer(&mut model, Answer::Imported(Ok(ImportDone { upload: newer.clone(), ..import_done("", 0) })));
    let mut all = uploads();
    all.insert(1, newer);
    answer(&mut model, Answer::Uploads(Ok(all)));
    assert_eq!(model.numbers.list(model.snapshot.as_deref()).unwrap().name, "diwali");
    assert_eq!(model.numbers.file(model.snapshot.as_deref()).unwrap().id, UploadId(9));
    // A list that is new is marked as soon as it is listed, whatever was looked for before.
    let mut model = on_numbers(80, 24);
    press(&mut model, "/");
    type_text(&mut model, "diw");
    press(&mut model, "enter tab");
    let mut upload = uploads().remove(1);
    (upload.id, upload.list) = (UploadId(9), "new".to_owned());
    answer(&mut model, Answer::Imported(Ok(ImportDone { upload: upload.clone(), ..import_done("", 0) })));
    answer(&mut model, Answer::Uploads(Ok(vec![upload])));
    let mut snapshot = full_snapshot();
    let mut list = snapshot.lists[0].clone();
    list.name = "new".to_owned();
    snapshot.lists.push(list);
    show(&mut model, snapshot);
    assert_eq!(model.numbers.file(model.snapshot.as_deref()).unwrap().id, UploadId(9));
    // Who goes elsewhere is not called back.
    press(&mut model, "backtab up");
    show(&mut model, full_snapshot());
    assert_ne!(model.numbers.list(model.snapshot.as_deref()).unwrap().name, "new");
}

#[test]
fn most_rows_without_a_country_stop_the_load_once() {
    let import = |model: &Model, country: Option<&str>| Request::Import {
        from: from_of(model),
        country: country.map(str::to_owned),
        list: Some("pasted".to_owned()),
        tags: Vec::new(),
    };
    let mut model = without_a_country(80, 24);
    assert!(text(&model).contains("38 of 40 rows have no country code: which country are they from?"));
    assert_eq!(press(&mut model, "enter"), [], "it asks first");
    assert!(text(&model).contains("loads only the other 2"), "{}", text(&model));
    let peek = |model: &Model| Request::Peek { from: from_of(model), country: Some("IN".to_owned()) };
    assert_eq!(type_text(&mut model, "indi"), [peek(&model)], "the first rows are read again, once it is clear");
    assert_eq!(type_text(&mut model, "a"), []);
    assert!(text(&model).contains("India (IN, +91)"), "{}", text(&model));
    assert_eq!(press(&mut model, "enter"), [import(&model, Some("IN"))]);
    // Without an answer Enter loads what can be used.
    let mut model = without_a_country(80, 24);
    press(&mut model, "enter");
    assert_eq!(press(&mut model, "enter"), [import(&model, None)]);
    // What is no country is not taken, and that is said.
    let mut model = without_a_country(80, 24);
    press(&mut model, "enter");
    type_text(&mut model, "ind");
    assert_eq!(press(&mut model, "enter"), []);
    assert!(text(&model).contains("several countries begin like that"), "{}", text(&model));
    // A code with +, or another spelling, is the same country.
    for typed in ["+91", "91", "in", "INDIA"] {
        let mut model = without_a_country(80, 24);
        press(&mut model, "enter");
        type_text(&mut model, typed);
        assert_eq!(press(&mut model, "enter"), [import(&model, Some("IN"))], "{typed}");
    }
}

#[test]
fn a_row_that_cannot_be_used_is_whole_for_ten_seconds_only() {
    let mut model = with_reject_rows(80, 24);
    assert!(!text(&model).contains("98765 43210"));
    press(&mut model, "v");
    assert!(text(&model).contains("98765 43210"), "{}", text(&model));
    press(&mut model, "down");
    assert_eq!(text(&model).matches("98765 43210").count(), 1, "only that row: {}", text(&model));
    update(&mut model, Event::Clock(NOW.plus(11_000)));
    assert!(!text(&model).contains("98765 43210"));
    let requests = press(&mut model, "y");
    let [Request::Copy(line)] = &requests[..] else { panic!("{requests:?}") };
    assert!(line.starts_with("row 15\tno_country") && !line.contains("98765 43210"), "{line}");
}

#[test]
fn what_is_too_short_for_a_number_is_masked_among_the_rejects() {
    let mut model = with_file(80, 24);
    press(&mut model, "enter");
    let rows = vec![reject(14, "no_country", "98765", "too short: 5 digits, so some are missing")];
    tell(&mut model, To::RejectRows(UploadId(2), "no_country".to_owned(), None, Ok(rows)));
    assert!(!text(&model).contains("98765") && text(&model).contains("9•••5"), "{}", text(&model));
    press(&mut model, "enter");
    assert!(!text(&model).contains("98765") && text(&model).contains("9•••5"), "{}", text(&model));
}

#[test]
fn a_key_that_does_nothing_says_so() {
    for (state, keys, words) in [
        (on_numbers as fn(u16, u16) -> Model, "x", "x (take back) is for Files"),
        (on_numbers, "i", "i (import) is for Opt-outs"),
        (on_numbers, "tab / Z Z Z enter enter", "Enter (what became) not now: no file is marked."),
        (on_numbers, "Z", "Z means nothing here: ? shows the keys"),
        (with_file, "z", "z means nothing here"),
        (with_file, "down r", "r (put right) not now: that would be guessing; what to do stands below."),
    ] {
        let mut model = state(80, 24);
        assert!(press(&mut model, keys).iter().all(|request| !request.changes()), "{keys}");
        assert!(text(&model).contains(words), "{keys}: {}", text(&model));
    }
}

#[test]
fn opt_outs_from_a_file_show_how_far_they_are() {
    let mut model = with_opt_outs(80, 24);
    press(&mut model, "i");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    press(&mut model, "enter");
    let from = from_of(&model);
    answer(&mut model, Answer::Peek(from, Ok(peek())));
    press(&mut model, "enter");
    let progress = ImportProgress { received: 20_000, imported: 19_000, duplicates: 990, rejected: 10 };
    answer(&mut model, Answer::Importing(progress));
    update(&mut model, Event::Clock(NOW.plus(2_000)));
    let shown = text(&model);
    assert!(shown.contains("20,000 rows: 19,000 noted, 990 noted before, 10 rejected"), "{shown}");
    assert!(shown.contains("10,000 rows a second") && shown.contains("x stop loading"), "{shown}");
}

#[test]
fn a_whole_number_finds_somebody_from_the_files_too() {
    let mut model = on_numbers(80, 24);
    press(&mut model, "tab /");
    type_text(&mut model, "+1 555 010 0111");
    assert_eq!(press(&mut model, "enter"), [of(Of::Person(asked("+1 555 010 0111")))]);
    press(&mut model, "esc");
    assert!(!body(&model).contains("555 010 0111"), "{}", text(&model));
}
