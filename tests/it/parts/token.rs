//! The access token dies in the middle: everything stands still, and one word of an operator, by file, API or command
//! line, lets everything go on in the same process. The new token stands nowhere but in its own file.

use super::site::{Site, people};
use crate::real::Workplace;
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use wacast::sandbox::{ACCESS_TOKEN, SandboxToken};

/// People of each of the two broadcasts.
const PEOPLE: u32 = 500;
const NEW: &str = "second-made-up-token";

/// Two broadcasts under way, and the token that both go out with is revoked; their ids.
async fn revoked_in_the_middle(place: Workplace) -> (Site, [String; 2]) {
    place.sandbox.change(|settings| settings.latency_ms = (20, 40)).unwrap();
    place.import("first", &people(PEOPLE));
    place.import("second", &people(PEOPLE).replace("+91987", "+91988"));
    let site = Site::start(place).await;
    let ids = ["first", "second"].map(|list| site.send("hello", list, &[]));
    site.until_true("messages go out", || site.place.sandbox.taken() >= 100).await;
    site.sandbox.issue_token(&SandboxToken::new(NEW));
    for id in &ids {
        let paused = site.until_status(id, "paused").await;
        assert_eq!(paused["reason"], "auth", "{paused}");
        let counts = &paused["counts"];
        assert_eq!(counts["failed"], 0, "nobody failed for it: {paused}");
    }
    let queued = |id: &String| site.status(id)["counts"]["queued"].as_u64().unwrap();
    assert!(ids.iter().map(queued).sum::<u64>() > 0, "in the middle");
    let told = site.json(&["status", "--json"])["problems"].to_string();
    assert!(told.contains("wacast token --stdin"), "{told}");
    let (code, _) = site.refused(&["token"]);
    assert_eq!(code, 1);
    (site, ids)
}

/// Both went on in the same process and reached everybody once.
async fn complete(mut site: Site, ids: [String; 2]) -> Site {
    for id in &ids {
        let ended = site.until_status(id, "completed").await;
        assert_eq!(ended["funnel"]["accepted"], PEOPLE, "{ended}");
    }
    let summary = site.sandbox.summary();
    assert_eq!((summary.accepted, summary.distinct_recipients), (2 * PEOPLE as usize, 2 * PEOPLE as usize));
    site.nobody_twice();
    site.drain();
    let mut kept = 0;
    for file in files(site.folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        if String::from_utf8_lossy(&bytes).contains(NEW) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            assert!(name.starts_with("access-token.") || name == "token", "the token stands in {}", file.display());
            if name != "token" {
                let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600);
                kept += 1;
            }
        }
    }
    assert!(kept <= 1);
    site
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_by_the_api_lets_everything_go_on() {
    let (site, ids) = revoked_in_the_middle(Workplace::on_sqlite(8).await).await;
    let (status, answer) = site.post("/token", &json!({"access_token": "one-that-nobody-issued"})).await;
    assert!(status == 422 && !answer.to_string().contains("one-that-nobody-issued"), "{status} {answer}");
    assert_eq!(site.status(&ids[0])["reason"], "auth", "nothing was changed");

    let answer = site.ask("/token", &json!({"access_token": NEW})).await;
    let mut resumed: Vec<&str> = answer["resumed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
    resumed.sort_unstable();
    wanted.sort_unstable();
    assert_eq!((resumed, &answer["token"]["valid"]), (wanted, &json!(true)), "{answer}");
    let site = complete(site, ids).await;

    // The next process begins with the kept one.
    let token = site.json(&["token", "--json"]);
    assert_eq!(token["valid"], true, "{token}");
    assert!(site.json_or_text(&["doctor"]).contains("ok    sender"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_by_the_command_line_lets_everything_go_on() {
    let (site, ids) = revoked_in_the_middle(Workplace::on_sqlite(8).await).await;
    let mut command = site.command(&["token", "--stdin", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{NEW}\n").as_bytes()).unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["resumed"].as_array().unwrap().len(), 2, "{answer}");
    complete(site, ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_in_its_file_lets_everything_go_on() {
    let place = Workplace::on_sqlite(8).await;
    place.unset("access_token");
    place.configure("whatsapp", "access_token_file = \"token\"");
    place.file("token", ACCESS_TOKEN);
    let (site, ids) = revoked_in_the_middle(place).await;
    site.file("token", format!("{NEW}\n"));
    complete(site, ids).await;
}
