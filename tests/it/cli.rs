//! The real binary from outside: what it prints, how it ends, and what it never shows.

use assert_cmd::Command;
use std::fmt::Write;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const SECRET: &str = "EAAGsecretsecretsecret";

/// A folder with this configuration, which everything of a test lies in.
fn place(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    folder
}

/// The binary in a folder, with an environment of its own.
fn wacast(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wacast"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("TMPDIR", folder).args(arguments);
    command.timeout(std::time::Duration::from_mins(1));
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    wacast(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs it, and expects this exit code; stdout and stderr.
fn ends(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let output = run(folder, arguments);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn help_lists_every_command_and_the_exit_codes() {
    let folder = place("");
    let (help, _) = ends(folder.path(), &["--help"], 0);
    for word in [
        "demo",
        "sandbox",
        "import",
        "send",
        "status",
        "pause",
        "resume",
        "cancel",
        "report",
        "templates",
        "doctor",
        "completions",
        "--config",
        "--no-tui",
        "--sandbox",
        "130 interrupted",
    ] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    ends(folder.path(), &["--version"], 0);
    let (completions, _) = ends(folder.path(), &["completions", "bash"], 0);
    assert!(completions.contains("_wacast"));
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = place("");
    for arguments in [
        vec!["fly"],
        vec!["send", "--template", "hello"],
        vec!["send", "--template", "hello", "--language", "en_US"],
        vec!["send", "--template", "hello", "--language", "en_US", "--list", "a", "--all"],
        vec!["send", "--template", "hello", "--language", "en_US", "--all", "--yes", "--expect", "3"],
        vec!["status", "not an id"],
        vec!["--config", "gone.toml", "status"],
        vec!["sandbox", "--listen", "0.0.0.0:8090"],
        vec!["--sandbox", "send", "--template", "hello", "--language", "en_US", "--all", "--var", "1", "--yes"],
        vec!["--sandbox", "send", "--template", "hello", "--language", "en_US", "--all", "--at", "tomorrow", "--yes"],
    ] {
        let (_, stderr) = ends(folder.path(), &arguments, 2);
        assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let folder = place("[whatsapp]\nacces_token = \"x\"\n");
    let (_, stderr) = ends(folder.path(), &["status"], 2);
    assert!(stderr.contains("unknown key acces_token in section [whatsapp]"), "{stderr}");
    assert!(stderr.contains("config.toml, line 2") && stderr.contains("did you mean access_token?"), "{stderr}");
}

#[test]
fn without_a_configuration_no_tui_names_the_missing_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (_, stderr) = ends(folder.path(), &["--no-tui"], 2);
    for key in ["whatsapp.phone_number_id", "whatsapp.business_account_id", "whatsapp.access_token", "hint: "] {
        assert!(stderr.contains(key), "{key}: {stderr}");
    }
    let (_, stderr) = ends(folder.path(), &[], 2);
    assert!(stderr.contains("not a terminal") && stderr.contains("--no-tui"), "{stderr}");
}

#[test]
fn commands_without_a_configuration_lead_to_the_set_up() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["status"][..], &["lists"], &["status", "--json"]] {
        let (stdout, stderr) = ends(folder.path(), arguments, 0);
        for words in ["no configuration file at", "config.toml", "open `wacast`", "`wacast demo`", "`wacast --sandbox`"]
        {
            assert!(stderr.contains(words), "{words}: {stderr}");
        }
        assert!(!stdout.contains("hint: ") && stderr.lines().count() <= 2, "{stderr}");
    }
    let (_, stderr) = ends(folder.path(), &["templates"], 1);
    assert!(stderr.contains("open `wacast`"), "{stderr}");
    let (_, stderr) = ends(folder.path(), &["--sandbox", "status"], 0);
    assert!(stderr.is_empty(), "a rehearsal needs none: {stderr}");
}

#[test]
fn a_variable_that_is_not_right_is_answered_with_the_option_as_it_was_meant() {
    let folder = place("");
    std::fs::write(folder.path().join("people.csv"), "phone,name,first name\n+919876500001,Asha Rao,Asha\n").unwrap();
    ends(folder.path(), &["--sandbox", "import", "people.csv"], 0);
    let send = |variable: &[&str]| {
        let send = ["--sandbox", "send", "--template", "order_update", "--language", "en_US", "--all", "--yes"];
        ends(folder.path(), &[&send[..], variable].concat(), 1).1
    };
    for (written, words, hint) in [
        (
            &["--var", "1=nmae"][..],
            "no column \"nmae\" for variable 1, did you mean \"name\"?",
            "hint: say --var 1=name",
        ),
        (&["--var", "1=frist_name:-friend"], "first name", "hint: say --var '1=first name:-friend'"),
        (&[], "nothing fills the template's variable 1", "hint: say --var 1=COLUMN; COLUMN is one of: name, phone"),
    ] {
        let stderr = send(written);
        assert!(stderr.contains(words) && stderr.contains(hint), "{written:?}: {stderr}");
    }
    let stderr = send(&["--var", "1=zzzzzzzz"]);
    assert!(stderr.contains("there are: name, phone, first name") && !stderr.contains("did you mean"), "{stderr}");
}

#[test]
fn numbers_come_in_and_the_figures_add_up() {
    let folder = place("[intake]\ndefault_country = \"IN\"\n");
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "phone,name\n+1 212 555 0100,Ana\n+1 212 555 0101,Ravi\n+12125550100,Ana\nno phone,Nobody\n")
        .unwrap();
    let rejects = folder.path().join("rejects.csv");
    let arguments = ["import", "people.csv", "--list", "people", "--rejects", rejects.to_str().unwrap(), "--json"];
    let (stdout, _) = ends(folder.path(), &arguments, 0);
    let report = json(&stdout);
    let figures = ["received", "imported", "duplicates", "rejected"].map(|word| report[word].as_u64().unwrap());
    assert_eq!(figures, [4, 2, 1, 1], "{report}");
    assert_eq!((&report["list"], &report["repeated"]), (&"people".into(), &1.into()), "{report}");
    assert_eq!(report["rejects"][0]["row"], 5, "{report}");
    assert!(std::fs::read_to_string(&rejects).unwrap().contains("no phone"));

    let piped = wacast(folder.path(), &["import", "-", "--list", "people", "--json"])
        .write_stdin("phone,name\n+12125550102,Li\n")
        .output()
        .unwrap();
    assert_eq!(json(&text(&piped.stdout))["imported"], 1);
    let (words, _) = ends(folder.path(), &["import", "people.csv", "--list", "other"], 0);
    assert!(
        words.starts_with("2 imported into list other, 1 duplicate (1 in this file before), 1 rejected, of 4 rows"),
        "{words}"
    );
    let (_, stderr) = ends(folder.path(), &["import", "gone.csv"], 1);
    assert!(stderr.starts_with("error: ") && stderr.contains("gone.csv"), "{stderr}");
}

#[test]
fn a_file_of_somebody_s_own_is_never_written_over() {
    let folder = place("[http]\nlisten = \"127.0.0.1:0\"\n");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let people = "phone,name\n+1 212 555 0100,Ana\nno phone,Nobody\n";
    for name in ["people.csv", "mine.txt"] {
        std::fs::write(folder.path().join(name), people).unwrap();
    }
    std::os::unix::fs::symlink("people.csv", folder.path().join("link.csv")).unwrap();
    std::fs::hard_link(folder.path().join("people.csv"), folder.path().join("hard.csv")).unwrap();
    for rejects in ["people.csv", "./people.csv", "link.csv", "hard.csv", "mine.txt", "config.toml"] {
        let (_, stderr) = ends(folder.path(), &["--sandbox", "import", "people.csv", "--rejects", rejects], 2);
        assert!(stderr.starts_with("error: ") && stderr.contains("hint: name another file"), "{stderr}");
    }
    assert_eq!([read("people.csv"), read("mine.txt")], [people, people]);
    let import = ["--sandbox", "import", "people.csv", "--rejects", "rejects.csv"];
    ends(folder.path(), &import, 0);
    assert!(read("rejects.csv").contains("no phone"));
    std::fs::write(folder.path().join("rejects.csv"), "row,phone,reason\r\nan earlier one\r\n").unwrap();
    ends(folder.path(), &import, 0);
    assert!(!read("rejects.csv").contains("earlier"), "an earlier output is replaced");

    let send = ["--sandbox", "send", "--template", "order_update", "--language", "en_US", "--all", "--var", "1:=x"];
    let (stdout, _) = ends(folder.path(), &[&send[..], &["--yes", "--json"]].concat(), 0);
    let id = json(&stdout)["broadcast_id"].as_str().unwrap().to_owned();
    let (_, stderr) = ends(folder.path(), &["--sandbox", "report", &id, "--out", "mine.txt"], 2);
    assert!(stderr.contains("mine.txt exists") && stderr.contains("hint: "), "{stderr}");
    assert_eq!(read("mine.txt"), people);
    for _ in 0..2 {
        ends(folder.path(), &["--sandbox", "report", &id, "--out", "report.csv"], 0);
    }
}

#[test]
fn a_rehearsal_goes_from_import_to_report() {
    let folder = place(
        "[http]\nlisten = \"127.0.0.1:0\"\n[sender]\nmessages_per_second = 0\n[whatsapp]\nbase_url = \"http://127.0.0.1:9\"\n",
    );
    let mut file = String::from("phone,name,who\n");
    for number in 0..60 {
        let _ = writeln!(file, "+1 212 555 01{number:02},P{number},friend {number}");
    }
    std::fs::write(folder.path().join("people.csv"), file).unwrap();
    ends(folder.path(), &["--sandbox", "import", "people.csv", "--list", "people"], 0);
    assert!(folder.path().join("wacast-sandbox.db").exists() && !folder.path().join("wacast.db").exists());

    let send = |more: &[&str], code: i32| {
        let mut arguments =
            vec!["--sandbox", "send", "--template", "order_update", "--language", "en_US", "--list", "people"];
        arguments.extend(["--var", "1=who"]);
        arguments.extend(more);
        ends(folder.path(), &arguments, code)
    };
    let (shown, stderr) = send(&[], 2);
    assert!(stderr.contains("60 people") && stderr.contains("--expect 60"), "{stderr}");
    assert!(shown.contains("REHEARSAL") && shown.contains("friend 0") && !shown.contains("+12125550100"), "{shown}");
    let (stdout, _) = send(&["--expect", "59", "--json"], 1);
    assert_eq!(json(&stdout)["error"]["code"], "count_differs");

    let (stdout, stderr) = send(&["--expect", "60", "--json"], 0);
    let made = json(&stdout);
    assert_eq!((&made["recipients"], &made["driver"]), (&60.into(), &serde_json::Value::Null), "{made}");
    assert!(stderr.contains("nobody is there to send"), "{stderr}");
    let first = made["broadcast_id"].as_str().unwrap().to_owned();
    let (words, _) = ends(folder.path(), &["--sandbox", "status"], 0);
    assert!(words.contains("0 of 60 ") && words.contains(" 0.0 %"), "nobody was sent to: {words}");
    let hints = words.matches("`wacast ").count();
    assert!(
        hints > 0 && hints == words.matches("`wacast --sandbox ").count(),
        "it would start the real thing: {words}"
    );
    let (stdout, _) = ends(folder.path(), &["--sandbox", "pause", &first, "--json"], 0);
    assert_eq!((&json(&stdout)["status"], &json(&stdout)["reason"]), (&"paused".into(), &"operator".into()));
    let (_, stderr) = ends(folder.path(), &["--sandbox", "cancel", &first], 2);
    assert!(stderr.contains("60 people"), "{stderr}");
    ends(folder.path(), &["--sandbox", "cancel", &first, "--yes"], 0);
    ends(folder.path(), &["--sandbox", "resume", &first], 1);
    let (words, _) = ends(folder.path(), &["--sandbox", "status"], 0);
    // Nobody was fixed as a recipient yet: nobody is what it was cancelled for.
    assert!(words.contains("0 of 0 ") && words.contains("got it before it was cancelled"), "{words}");

    let (stdout, _) = send(&["--yes", "--wait", "--json"], 0);
    let ended = json(&stdout);
    assert_eq!(ended["status"], "completed", "{ended}");
    let counts = ended["counts"].as_object().unwrap();
    let sum: u64 = counts.iter().filter(|(word, _)| *word != "total").map(|(_, count)| count.as_u64().unwrap()).sum();
    assert_eq!((sum, counts["total"].as_u64().unwrap()), (60, 60));
    let (stdout, _) = send(&["--yes", "--json"], 1);
    assert_eq!(json(&stdout)["error"]["code"], "looks_like_repeat");

    let id = ended["id"].as_str().unwrap();
    ends(folder.path(), &["--sandbox", "report", id, "--out", "report.csv"], 0);
    let report = std::fs::read_to_string(folder.path().join("report.csv")).unwrap();
    assert_eq!(report.lines().count(), 61);
    let (stdout, _) = ends(folder.path(), &["--sandbox", "status", "--json"], 0);
    let status = json(&stdout);
    assert_eq!(status["broadcasts"].as_array().unwrap().len(), 2);
    assert_eq!(status["driver"], serde_json::Value::Null);
}

#[test]
fn a_schedule_is_seen_and_stopped() {
    let folder = place("[http]\nlisten = \"127.0.0.1:0\"\n[console]\ntime_zone = \"UTC\"\n");
    std::fs::write(folder.path().join("people.csv"), "phone\n+1 212 555 0100\n").unwrap();
    let (words, _) = ends(folder.path(), &["--sandbox", "import", "people.csv"], 0);
    assert!(words.contains("of 1 row\n"), "{words}");
    let say = |arguments: &[&str], code: i32| ends(folder.path(), &[&["--sandbox"], arguments].concat(), code);
    let send = ["send", "--template", "order_update", "--language", "en_US", "--all", "--var", "1:=x", "--yes"];
    let (words, stderr) = say(&[&send[..], &["--every", "0 18 * *"]].concat(), 2);
    assert!(words.is_empty() && stderr.contains("five"), "a wrong expression is told before any plan: {words}{stderr}");
    let (words, stderr) = say(&[&send[..], &["--every", "0 18 * * *"]].concat(), 0);
    assert!(words.contains("first ") && !words.contains("now\n") && words.contains("1 person"), "{words}");
    assert_eq!((words + &stderr).matches("nobody is there").count(), 1, "said once");
    let (stdout, _) = say(&["status", "--json"], 0);
    let id = json(&stdout)["schedules"][0]["id"].as_str().unwrap().to_owned();
    let listed = || say(&["status"], 0).0.lines().find(|line| line.starts_with(&id)).unwrap().to_owned();
    assert!(listed().contains("next ") && listed().contains("order_update"), "{}", listed());
    let (words, _) = say(&["cancel", &id], 0);
    assert!(words.contains("is off") && words.contains(&format!("wacast --sandbox resume {id}")), "{words}");
    assert!(listed().ends_with(", off"), "{}", listed());
    say(&["resume", &id], 0);
    assert!(listed().contains("next "));
    say(&["pause", &id, "--json"], 0);
    assert!(say(&["status", &id], 0).0.trim_end().ends_with(", off"));
}

#[test]
fn templates_and_doctor_tell_how_things_stand() {
    let folder = place("[http]\nlisten = \"127.0.0.1:0\"\n");
    let (stdout, _) = ends(folder.path(), &["--sandbox", "templates", "--json"], 0);
    let templates = json(&stdout);
    assert!(templates["templates"].as_array().unwrap().iter().any(|template| template["name"] == "order_update"));
    let (words, _) = ends(folder.path(), &["--sandbox", "doctor"], 0);
    for word in ["ok    sender", "REHEARSAL", "store.url", "flag --sandbox", "config.toml", "default"] {
        assert!(words.contains(word) || word == "{word} is not in\n{words}");
    }
    let (words, _) = ends(folder.path(), &["doctor"], 2);
    assert!(words.contains("fail  configured") && words.contains("whatsapp.access_token"), "{words}");
}

#[test]
fn secrets_are_in_no_output() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let folder = place(&format!(
        "[whatsapp]\nbase_url = \"http://127.0.0.1:{port}\"\nphone_number_id = \"1\"\nbusiness_account_id = \"2\"\n\
         access_token = \"{SECRET}\"\napp_id = \"3\"\napp_secret = \"{SECRET}\"\nverify_token = \"{SECRET}\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\napi_keys = [\"{SECRET}\"]\n"
    ));
    let mut shown = String::new();
    for arguments in [
        vec!["doctor"],
        vec!["status"],
        vec!["status", "--json"],
        vec!["templates", "--sync"],
        vec!["templates", "--sync", "--json"],
        vec!["send", "--template", "hello", "--language", "en_US", "--all", "--yes"],
        vec!["--sandbox", "doctor"],
    ] {
        let output = wacast(folder.path(), &arguments).env("WACAST_LOG", "trace").output().unwrap();
        shown += &text(&output.stdout);
        shown += &text(&output.stderr);
    }
    for broken in [format!("[whatsapp]\naccess_token = {SECRET}\n"), format!("[http]\napi_keys = \"{SECRET}\"\n")] {
        let folder = place(&broken);
        shown += &ends(folder.path(), &["status"], 2).1;
    }
    assert!(shown.contains("whatsapp.access_token") && shown.contains("set"), "{shown}");
    assert!(!shown.contains(SECRET), "a secret was shown:\n{shown}");
}

#[test]
fn a_reader_who_has_gone_is_no_error() {
    let folder = place("");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_wacast"))
        .args(["completions", "zsh"])
        .env("HOME", folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
