//! Uploads undone and put right, and one person over everything: by the use cases, over HTTP and by the real binary.

use crate::bed::{Bed, csv_request, request, settings};
use reqwest::{Client, Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use wacast::api::{self, ApiConfig};
use wacast::domain::broadcast::UploadId;
use wacast::service::import::fix::Fix;
use wacast::service::import::{ImportDone, ImportRequest, KEPT_ROWS, RejectsTo};
use wacast::service::people::from_cursor;
use wacast::service::{Kind, Parts, Service, Settings};

/// The use cases of a bed where no country is configured.
fn without_country(bed: &Bed) -> Service {
    Service::new(Parts {
        store: bed.store.clone(),
        api: Arc::new(crate::cloud_client::client(&bed.sandbox.base_url())),
        clock: bed.clock.clone(),
        settings: Settings { default_country: None, ..settings() },
        engine: None,
        custody: None,
        who: "asha".into(),
    })
}

async fn import(service: &Service, list: &str, csv: &str) -> ImportDone {
    service.import(csv_request(list, csv), |_| {}).await.unwrap()
}

async fn acts(service: &Service, what: &str) -> Vec<(String, String)> {
    let trail = service.audit_trail(0, 1_000).await.unwrap();
    let of_it = trail.into_iter().filter(|entry| entry.act.what == what);
    of_it.map(|entry| (entry.act.subject, entry.act.detail)).collect()
}

// ---- undoing ----

#[tokio::test]
async fn an_upload_is_taken_back_whole_and_on_the_record() {
    let bed = Bed::new().await;
    bed.import("fans", "phone,name,city\n+919876500001,Asha,Pune\n+919876500002,Ravi,Pune\n").await;
    let keyed = |csv: &str| ImportRequest {
        idempotency: Some(("key".to_owned(), "content".to_owned())),
        ..csv_request("fans", csv)
    };
    let wrong = "phone,name,city\n+919876500002,Ravi,Wrong\n+919876500003,Wrong,Wrong\n";
    let second = bed.service.import(keyed(wrong), |_| {}).await.unwrap().upload;
    assert_eq!(bed.service.audience(Some("fans")).await.unwrap().people, 3);

    let undone = bed.service.undo_upload(second.id).await.unwrap();
    assert_eq!(undone, second);
    let audience = bed.service.audience(Some("fans")).await.unwrap();
    assert_eq!(audience.people, 2);
    assert!(audience.samples.iter().all(|number| number.attributes["city"] == "Pune"), "{:?}", audience.samples);
    let said = acts(&bed.service, "undo_import").await;
    assert_eq!(said, [("fans".to_owned(), format!("upload {} (test.csv): 2 rows, 1 new", second.id.0))]);

    // The key is free, and who was only in it is new again.
    let again = bed.service.import(keyed(wrong), |_| {}).await.unwrap();
    assert!(!again.replay);
    assert_eq!((again.upload.report.imported, again.upload.report.duplicates), (1, 1));
    let error = bed.service.undo_upload(second.id).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::NotFound, "unknown_upload"));
}

#[tokio::test]
async fn how_many_would_leave_counts_whom_no_other_file_has() {
    let bed = Bed::new().await;
    bed.import("fans", "phone,name\n+919876500001,Asha\n+919876500002,Ravi\n").await;
    let second = import(&bed.service, "fans", "phone,name\n+919876500002,Ravi\n+919876500003,Bo\n").await.upload;
    bed.import("others", "phone,name\n+919876500003,Bo\n").await;
    assert_eq!(bed.service.would_leave(second.id).await.unwrap(), 1, "another list keeps nobody in this one");
    bed.service.undo_upload(second.id).await.unwrap();
    assert_eq!(bed.service.audience(Some("fans")).await.unwrap().people, 2);
    let error = bed.service.would_leave(second.id).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::NotFound, "unknown_upload"));
    let only = bed.service.uploads(Some("fans"), 1).await.unwrap().remove(0);
    assert_eq!(bed.service.would_leave(only.id).await.unwrap(), 2, "then the list is empty");
}

#[tokio::test]
async fn rejects_are_written_out_with_all_their_cells_until_they_are_put_right() {
    let bed = Bed::new().await;
    let service = without_country(&bed);
    let csv = "phone,name,city\n98765 00001,Asha,Pune\n98,Bo,=cmd\n+919876500003,Ravi,Pune\n";
    let upload = import(&service, "fans", csv).await.upload;
    let mut file = Vec::new();
    assert_eq!(service.export_rejects(upload.id, &mut file).await.unwrap(), 2);
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines[0], "row,phone,reason,name,city,other_cells");
    assert!(lines[1].starts_with("2,98765 00001,") && lines[1].ends_with(",Asha,Pune,"), "{}", lines[1]);
    assert!(lines[2].starts_with("3,98,") && lines[2].ends_with(",Bo,'=cmd,"), "{}", lines[2]);
    // What is put right is written no more.
    service.fix_rejects(upload.id, None, Fix::Country("IN".to_owned())).await.unwrap();
    let mut file = Vec::new();
    assert_eq!(service.export_rejects(upload.id, &mut file).await.unwrap(), 1);
    let error = service.export_rejects(UploadId(999), Vec::new()).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::NotFound, "unknown_upload"));
}

#[tokio::test]
async fn what_a_broadcast_is_being_made_from_stays() {
    let bed = Bed::new().await;
    bed.people("fans", 3).await;
    let upload = bed.service.uploads(Some("fans"), 1).await.unwrap().remove(0);
    let started = bed.service.start(request("hello", "fans")).await.unwrap().broadcast;
    let error = bed.service.undo_upload(upload.id).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Conflict, "upload_in_use"));
    assert!(error.message.contains(started.id.as_str()), "{error}");
    assert_eq!(bed.service.audience(Some("fans")).await.unwrap().people, 3);
    bed.service.cancel(&started.id).await.unwrap();
    bed.service.undo_upload(upload.id).await.unwrap();
    assert!(bed.service.lists().await.unwrap().is_empty());
}

// ---- rejects ----

const LEADS: &str = "\
Mobile,name,city
98765 00001,Asha,Pune
+919876500002,Ravi,Pune
9.8765E+09,Rounded,Pune
1 212 555 0100,Ann,New York
123456,Short,Pune
+919876500006,Formula,#N/A
98765 00002,Ravi again,Delhi
";

#[tokio::test]
async fn a_cause_is_put_right_in_one_step_and_taken_back() {
    let bed = Bed::new().await;
    let service = without_country(&bed);
    let request = ImportRequest { tags: vec!["expo".to_owned()], ..csv_request("leads", LEADS) };
    let upload = service.import(request, |_| {}).await.unwrap().upload;
    assert_eq!((upload.report.imported, upload.report.rejected), (1, 6));

    let page = service.rejects(upload.id, None, None, 100).await.unwrap();
    let causes: Vec<_> = page.causes.iter().map(|one| (one.cause.as_str(), one.open, one.remedy.fixes)).collect();
    let none: &[&str] = &[];
    let expected =
        [("no_country", 4, &["country", "plus"][..]), ("formula_error", 1, &["blank"]), ("rounded_by_excel", 1, none)];
    assert_eq!(causes, expected);
    assert_eq!((page.rejected, page.kept, page.next), (6, 6, None));
    let first = &page.items[0];
    let cells: Vec<_> = first.cells.cells.iter().map(|(column, cell)| (column.as_str(), cell.as_str())).collect();
    assert_eq!((first.row, cells), (2, vec![("Mobile", "98765 00001"), ("name", "Asha"), ("city", "Pune")]));

    // Not every cause, and not by any means.
    for (cause, fix, code) in [
        (Some("rounded_by_excel"), Fix::Country("IN".into()), "not_fixable"),
        (Some("formula_error"), Fix::Plus, "not_fixable"),
        (None, Fix::Country("Atlantis".into()), "bad_country"),
        (Some("too_long"), Fix::Plus, "nothing_to_fix"),
    ] {
        let error = service.fix_rejects(upload.id, cause, fix).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Wrong, code), "{error}");
    }
    let before = service.uploads(None, 10).await.unwrap().len();
    let error = service.fix_rejects(upload.id, None, Fix::Country("SG".into())).await.unwrap_err();
    assert_eq!(error.code, "nothing_fixed", "{error}");
    assert_eq!(service.uploads(None, 10).await.unwrap().len(), before, "and leaves nothing");

    let fixed = service.fix_rejects(upload.id, None, Fix::Country("in".into())).await.unwrap().upload;
    let report = &fixed.report;
    assert_eq!((report.received, report.imported, report.duplicates, report.rejected), (4, 1, 1, 2));
    assert_eq!((fixed.list.as_str(), fixed.source.as_str()), ("leads", "test.csv (fixed: country IN)"));
    assert_eq!(service.upload(fixed.id).await.unwrap().tags, ["expo"]);
    let asha = service.person("98765 00001").await;
    assert!(asha.is_err(), "no country is configured");
    let asha = service.person("919876500001").await.unwrap().uploads.remove(0);
    assert_eq!((asha.number.name.as_str(), asha.number.attributes["city"].as_str()), ("Asha", "Pune"));
    assert_eq!(asha.number.attributes.len(), 1);

    // The same row never twice; what is left can be put right otherwise.
    let error = service.fix_rejects(upload.id, None, Fix::Country("IN".into())).await.unwrap_err();
    assert_eq!(error.code, "nothing_fixed", "{error}");
    let plus = service.fix_rejects(upload.id, None, Fix::Plus).await.unwrap().upload;
    assert_eq!((plus.report.received, plus.report.imported, plus.report.rejected), (2, 1, 1));
    let blank = service.fix_rejects(upload.id, None, Fix::Blank).await.unwrap().upload;
    assert_eq!((blank.report.received, blank.report.imported), (1, 1));
    assert_eq!(service.person("+919876500006").await.unwrap().uploads[0].number.attributes["city"], "");
    assert_eq!(acts(&service, "import").await.len(), 4);
    assert_eq!(service.audience(Some("leads")).await.unwrap().people, 4);

    service.undo_upload(fixed.id).await.unwrap();
    assert_eq!(service.audience(Some("leads")).await.unwrap().people, 3);
    let again = service.fix_rejects(upload.id, None, Fix::Country("IN".into())).await.unwrap().upload;
    assert_eq!((again.report.received, again.report.imported), (3, 1), "open again; one is the other fix's");
}

#[tokio::test]
async fn two_fixes_at_once_import_each_row_once() {
    let bed = Bed::new().await;
    let service = without_country(&bed);
    let mut csv = String::from("phone,name\n");
    for row in 0..3_000 {
        let _ = writeln!(csv, "98765{row:05},P");
    }
    let upload = import(&service, "leads", &csv).await.upload.id;
    let fix = || service.fix_rejects(upload, None, Fix::Country("IN".into()));
    let both = tokio::join!(fix(), fix());
    let done: Vec<_> = [both.0, both.1].into_iter().flatten().map(|done| done.upload.report).collect();
    assert!(!done.is_empty());
    assert_eq!(done.iter().map(|report| report.imported).sum::<u64>(), 3_000);
    assert_eq!(done.iter().map(|report| report.duplicates).sum::<u64>(), 0, "{done:?}");
}

#[tokio::test]
async fn rejects_of_json_are_kept_by_their_fields() {
    let bed = Bed::new().await;
    let service = without_country(&bed);
    let lines = "{\"phone\":\"98765 00001\",\"name\":\"Asha\",\"age\":7}\n{broken\n{\"city\":\"Pune\"}\n\
        {\"phone\":\"98765 00002\",\"tags\":[1]}\n";
    let path = bed.folder.path().join("rejects.csv");
    let request = ImportRequest { rejects: Some(RejectsTo::Path(path.clone())), ..csv_request("leads", lines) };
    let upload = service.import(request, |_| {}).await.unwrap().upload;
    let page = service.rejects(upload.id, None, None, 100).await.unwrap();
    let causes: Vec<_> = page.items.iter().map(|one| one.cause.as_str()).collect();
    assert_eq!(causes, ["no_country", "bad_json", "no_phone", "bad_json"]);
    assert_eq!(page.items[1].cells.cells, [("line".to_owned(), "{broken".to_owned())]);
    let fixed = service.fix_rejects(upload.id, None, Fix::Country("IN".into())).await.unwrap().upload;
    assert_eq!(fixed.report.imported, 1);
    let asha = service.person("+919876500001").await.unwrap().uploads.remove(0).number;
    assert_eq!((asha.name.as_str(), asha.attributes["age"].as_str()), ("Asha", "7"));

    let written = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines[0], "row,phone,reason,name,age,other_cells");
    assert!(lines[1].starts_with("1,98765 00001,") && lines[1].ends_with(",Asha,7,"), "{}", lines[1]);
    assert!(lines[4].ends_with(",,,\"{\"\"tags\"\":\"\"[1]\"\"}\""), "{}", lines[4]);
}

#[tokio::test]
async fn only_so_many_rejects_are_kept_and_the_report_says_so() {
    let bed = Bed::new().await;
    let rows = KEPT_ROWS + 500;
    let csv: String =
        std::iter::once("phone\n".to_owned()).chain((0..rows).map(|row| format!("bad {row}\n"))).collect();
    let done = import(&bed.service, "leads", &csv).await;
    assert!(done.notes.iter().any(|note| note.contains("the first 20000 of the 20500 rows")), "{:?}", done.notes);
    let page = bed.service.rejects(done.upload.id, None, None, 2).await.unwrap();
    assert_eq!((page.rejected, page.kept, page.next), (20_500, 20_000, Some(3)));
}

// ---- people ----

#[tokio::test]
async fn a_list_is_paged_and_searched() {
    let bed = Bed::new().await;
    bed.people("fans", 250).await;
    bed.import("fans", "phone,name,city\n+919876500007,Asha Rao,Delhi\n+919876599999,New,Delhi\n").await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = bed.service.numbers(Some("fans"), "", after, 100).await.unwrap();
        assert!(page.items.len() <= 100);
        seen.extend(page.items.into_iter().map(|one| one.number));
        let Some(next) = page.next else { break };
        after = Some(from_cursor(&wacast::service::people::cursor(next)).unwrap());
    }
    assert_eq!(seen.len(), 251);
    assert_eq!((seen[0].name.as_str(), seen[0].attributes["city"].as_str()), ("Asha Rao", "Delhi"));
    let phones: std::collections::BTreeSet<_> = seen.iter().map(|number| number.phone).collect();
    assert_eq!(phones.len(), 251, "each person once");

    let found = async |search: &str| {
        let page = bed.service.numbers(None, search, None, 100).await.unwrap();
        page.items.into_iter().map(|one| one.number.name).collect::<Vec<_>>()
    };
    assert_eq!(found("asha").await, ["Asha Rao"]);
    assert_eq!(found("98765 00007").await, ["Asha Rao"], "the newest row of the number");
    assert_eq!(found("person 24").await.len(), 11);
    assert!(found("nobody").await.is_empty());
    let error = bed.service.numbers(Some("gone"), "", None, 10).await.unwrap_err();
    assert_eq!(error.code, "unknown_list");
    let error = bed.service.person("98765 11111").await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::NotFound, "unknown_person"));
    assert_eq!(bed.service.person("nobody").await.unwrap_err().code, "bad_phone");
}

#[tokio::test]
async fn the_forms_of_one_number_are_one_person() {
    let bed = Bed::new().await;
    bed.import("brazil", "phone,name\n+5511987654321,Ana\n").await;
    bed.service.opt_out("+5511987654321", "by phone").await.unwrap();
    // Without the ninth digit, as WhatsApp has it.
    for form in ["5511987654321", "+55 11 98765-4321", "+551187654321"] {
        let person = bed.service.person(form).await.unwrap();
        assert_eq!(person.uploads.iter().map(|one| one.list.as_str()).collect::<Vec<_>>(), ["brazil"], "{form}");
        assert_eq!((person.opted_out.len(), person.opt_out_history.len()), (1, 1), "{form}");
    }
}

// ---- HTTP ----

struct Site {
    url: String,
    http: Client,
    stop: CancellationToken,
}

impl Site {
    async fn new(service: Service) -> Self {
        let config = ApiConfig {
            listen: "127.0.0.1:0".into(),
            api_keys: vec![SecretString::from("a key of a test")],
            ..ApiConfig::default()
        };
        let stop = CancellationToken::new();
        let handle = api::serve(config, service, stop.clone()).await.unwrap();
        wacast::cloud_api::install_crypto_provider();
        Self { url: format!("http://{}", handle.local_addr), http: Client::builder().no_proxy().build().unwrap(), stop }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth("a key of a test");
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }
}

#[tokio::test]
async fn over_http_uploads_are_listed_fixed_and_undone() {
    let bed = Bed::new().await;
    let service = without_country(&bed);
    let site = Site::new(service.clone()).await;
    let upload = import(&service, "leads", LEADS).await.upload.id;
    import(&service, "other", "phone\n+919876500001\n").await;

    let (status, listed) = site.ask(Method::GET, "/uploads?list=leads", None).await;
    assert_eq!((status, listed["items"].as_array().unwrap().len()), (StatusCode::OK, 1), "{listed}");
    assert_eq!(listed["items"][0]["upload_id"], upload.0);
    let path = format!("/uploads/{}", upload.0);
    let (status, page) = site.ask(Method::GET, &format!("{path}/rejects?cause=no_country&limit=2"), None).await;
    assert_eq!((status, &page["next"], &page["kept"]), (StatusCode::OK, &json!(5), &json!(6)), "{page}");
    assert_eq!(page["items"][0]["cells"][1], json!({ "column": "name", "cell": "Asha" }));
    assert_eq!(page["causes"][0]["fixes"], json!(["country", "plus"]));

    let fix = |body: Value| site.ask(Method::POST, "/uploads/1/fix", Some(body));
    assert_eq!(upload, UploadId(1));
    for body in [json!({}), json!({ "plus": true, "country": "IN" }), json!({ "contry": "IN" })] {
        assert_eq!(fix(body).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let (status, fixed) = fix(json!({ "country": "IN" })).await;
    assert_eq!((status, &fixed["received"], &fixed["imported"]), (StatusCode::OK, &json!(4), &json!(1)), "{fixed}");

    let (status, undone) = site.ask(Method::DELETE, &path, None).await;
    assert_eq!((status, &undone["upload_id"]), (StatusCode::OK, &json!(1)));
    for path in [path.as_str(), "/uploads/99", "/uploads/x"] {
        let (status, body) = site.ask(Method::DELETE, path, None).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("unknown_upload")), "{path}");
    }

    let (status, person) = site.ask(Method::GET, "/people/%2B919876500001", None).await;
    assert_eq!((status, person["uploads"].as_array().unwrap().len()), (StatusCode::OK, 2), "{person}");
    let (status, page) = site.ask(Method::GET, "/numbers?list=leads&search=ash", None).await;
    assert_eq!((status, &page["items"][0]["phone"]), (StatusCode::OK, &json!("+919876500001")), "{page}");
    assert_eq!(site.ask(Method::GET, "/numbers?after=x", None).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.ask(Method::GET, "/people/+919876511111", None).await.0, StatusCode::NOT_FOUND);
    site.stop.cancel();
}

// ---- the binary ----

fn ends(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_wacast"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("TMPDIR", folder).arg("--sandbox").args(arguments);
    let output = command.timeout(std::time::Duration::from_mins(1)).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

fn as_json(folder: &Path, arguments: &[&str]) -> Value {
    let (stdout, _) = ends(folder, &[arguments, &["--json"]].concat(), 0);
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

#[test]
fn from_the_command_line_an_upload_is_fixed_sent_to_looked_at_and_undone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = "[http]\nlisten = \"127.0.0.1:0\"\n[sender]\nmessages_per_second = 0\n[whatsapp]\nbase_url = \"http://127.0.0.1:9\"\n";
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let people = "phone,name,who\n98765 00001,Asha,friend\n+919876500002,Ravi,friend\n123456,Short,friend\n";
    std::fs::write(folder.join("leads.csv"), people).unwrap();
    let done = as_json(folder, &["import", "leads.csv", "--list", "leads", "--rejects", "rejects.csv"]);
    assert_eq!((&done["imported"], &done["upload_id"]), (&json!(1), &json!(1)), "{done}");
    let rejects = std::fs::read_to_string(folder.join("rejects.csv")).unwrap();
    assert!(rejects.starts_with("row,phone,reason,name,who,other_cells\r\n2,98765 00001,"), "{rejects}");
    ends(folder, &["import", "leads.csv", "--list", "trash", "--rejects", "rejects.csv"], 0);

    let (words, _) = ends(folder, &["lists"], 0);
    assert!(words.contains("leads  1 person from 1 upload") && words.contains("upload 1 "), "{words}");
    let (words, _) = ends(folder, &["lists", "--rejects", "1"], 0);
    assert!(words.contains("wacast --sandbox import --fix 1 --country CC"), "{words}");
    ends(folder, &["import", "--fix", "1"], 2);
    ends(folder, &["import", "leads.csv", "--fix", "1", "--country", "IN"], 2);
    let fixed = as_json(folder, &["import", "--fix", "1", "--country", "IN"]);
    assert_eq!((&fixed["imported"], &fixed["rejected"]), (&json!(1), &json!(1)), "{fixed}");

    let send = ["send", "--template", "order_update", "--language", "en_US", "--list", "leads", "--var", "1=who"];
    let ended = as_json(folder, &[&send[..], &["--yes", "--wait"]].concat());
    assert_eq!(ended["counts"]["total"], 2, "{ended}");
    let person = as_json(folder, &["person", "+91 98765 00001"]);
    let got = &person["broadcasts"][0];
    assert_eq!((&got["broadcast_id"], &got["attempts"][0]["status"]), (&ended["id"], &json!("sent")), "{person}");
    assert_eq!(person["uploads"][0]["source"], "leads.csv (fixed: country IN)");
    let (words, _) = ends(folder, &["person", "919876500001"], 0);
    assert!(words.starts_with("+919876500001  Asha\n") && words.contains("order_update (en_US)"), "{words}");
    let (_, stderr) = ends(folder, &["person", "+919876511111"], 1);
    assert!(stderr.contains("stands in no list"), "{stderr}");

    let (_, stderr) = ends(folder, &["import", "--undo", "1"], 2);
    assert!(stderr.contains("hint: add --yes"), "{stderr}");
    let planned = [&send[..], &["--yes", "--repeat", "--at", "tomorrow 18:00"]].concat();
    let planned = as_json(folder, &planned);
    let (words, _) = ends(folder, &["import", "--undo", "1", "--yes"], 0);
    let id = planned["broadcast_id"].as_str().unwrap();
    assert_eq!(
        words,
        format!(
            "upload 1 (leads.csv) is undone; list leads has 1 person now\n\
             broadcast {id} is planned for it: it goes to who is left then\n"
        )
    );
    let lists = as_json(folder, &["lists", "leads"]);
    assert_eq!((&lists[0]["people"], lists[0]["uploads"].as_array().unwrap().len()), (&json!(1), 1), "{lists}");
    ends(folder, &["import", "--undo", "1", "--yes"], 1);
    let (trail, _) = ends(folder, &["audit"], 0);
    assert!(trail.contains("undo_import") && trail.contains("upload 1 (leads.csv)"), "{trail}");
    let ravi = as_json(folder, &["person", "+919876500002"]);
    assert_eq!(ravi["broadcasts"].as_array().unwrap().len(), 1, "what was sent stays: {ravi}");
}
