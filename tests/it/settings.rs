//! Where settings come from, and changing one: the real binary.

use assert_cmd::Command;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const SECRET: &str = "EAAGsecretsecretsecret";

fn place(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, config).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn config(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("config.toml")).unwrap()
}

/// Runs it with this environment, and expects this exit code; stdout and stderr.
fn ends(folder: &Path, environment: &[(&str, &str)], arguments: &[&str], code: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wacast"));
    command.current_dir(folder).env_clear().env("HOME", folder).envs(environment.iter().copied()).args(arguments);
    let output = command.timeout(std::time::Duration::from_mins(1)).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stdout}\n{stderr}");
    assert!(!stdout.contains(SECRET) && !stderr.contains(SECRET), "{stdout}\n{stderr}");
    (stdout, stderr)
}

#[test]
fn every_setting_is_shown_with_its_source_and_no_secret() {
    let folder = place(&format!("[whatsapp]\naccess_token = \"{SECRET}\"\n[sender]\nmessages_per_second = 5\n"));
    let environment = [("WACAST_CONSOLE__TIME_ZONE", "Asia/Kolkata")];
    let (text, _) = ends(folder.path(), &environment, &["config"], 0);
    assert!(text.contains("5 messages a second") && text.contains("config.toml, line 4"), "{text}");
    let (shown, _) = ends(folder.path(), &environment, &["config", "--json"], 0);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let row = |section: &str, key: &str| {
        let rows = shown["settings"].as_array().unwrap();
        rows.iter().find(|row| row["section"] == section && row["key"] == key).unwrap().clone()
    };
    let token = row("whatsapp", "access_token");
    assert_eq!((token["value"].as_str(), token["source"].as_str()), (Some("set"), Some("file")));
    assert_eq!((token["secret"].as_bool(), token["counts"].is_null()), (Some(true), true));
    let zone = row("console", "time_zone");
    assert_eq!((zone["value"].as_str(), zone["source"].as_str()), (Some("Asia/Kolkata"), Some("environment")));
    assert_eq!(zone["source_words"], "environment variable WACAST_CONSOLE__TIME_ZONE");
    assert_eq!(row("sender", "max_in_flight")["source"], "default");
    assert_eq!(row("sender", "messages_per_second")["counts"], "next_start");
    for name in ["configuration", "store", "state folder", "log", "media folder", "in folder"] {
        let paths = shown["paths"].as_array().unwrap();
        let path = paths.iter().find(|row| row["name"] == name).unwrap()["path"].as_str().unwrap();
        assert!(Path::new(path).is_absolute(), "{name}: {path}");
    }
    let (rehearsed, _) = ends(folder.path(), &[], &["--sandbox", "config"], 0);
    assert!(rehearsed.contains("flag --sandbox") && rehearsed.contains("wacast-sandbox.db"), "{rehearsed}");
}

#[test]
fn a_changed_setting_keeps_comments_order_and_rights() {
    let before = "# mine\n[sender]\nmessages_per_second = 5 # slow\n\n[console]\ntime_zone = \"UTC\"\n";
    let folder = place(before);
    let (said, _) = ends(folder.path(), &[], &["config", "set", "sender.messages_per_second", "40"], 0);
    assert!(said.contains("sender.messages_per_second = 40 (was 5)") && said.contains("next start"), "{said}");
    assert_eq!(config(folder.path()), before.replace("= 5", "= 40"));
    let mode = std::fs::metadata(folder.path().join("config.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    ends(folder.path(), &[], &["config", "set", "console.time_zone", "Asia/Kolkata"], 0);
    ends(folder.path(), &[], &["config", "set", "intake.default_country", "in"], 0);
    ends(folder.path(), &[], &["config", "set", "schedule.grace", "20m"], 0);
    let (shown, _) = ends(folder.path(), &[], &["config"], 0);
    for value in ["40 messages a second", "Asia/Kolkata", "20m", "IN"] {
        assert!(shown.contains(value), "{value} is not in\n{shown}");
    }
    assert!(config(folder.path()).starts_with("# mine\n[sender]\nmessages_per_second = 40 # slow\n"));
    // What goes over the file is said.
    let environment = [("WACAST_SENDER__MESSAGES_PER_SECOND", "7")];
    let (said, _) = ends(folder.path(), &environment, &["config", "set", "sender.messages_per_second", "30"], 0);
    assert!(said.contains("WACAST_SENDER__MESSAGES_PER_SECOND goes over the file"), "{said}");
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let before = format!("[whatsapp]\naccess_token = \"{SECRET}\"\n[sender]\nmessages_per_second = 5\n");
    let folder = place(&before);
    let environment = [("WACAST_SENDER__MESSAGES_PER_SECOND", "7")];
    for (key, value, words) in [
        ("sender.messages_per_second", "fast", "expected a number"),
        ("sender.messages_per_second", "0", "sender.messages_per_second"),
        ("sender.messages_per_second", "4\n[http]\nlisten = \"0.0.0.0:1\"", "expected a number"),
        ("sender.messages_per_second", "4 # x", "expected a number"),
        ("sender.max_in_flight", "99999", "expected a whole number"),
        ("console.time_zone", "Mars/Base", "there is no time zone"),
        ("console.time_zone", "a\"\nb", "expected text"),
        ("console.palette", "pink", "expected one of"),
        ("schedule.grace", "1s", "expected a span"),
        ("whatsapp.access_token", "EAAG", "not changed: it is a secret"),
        ("whatsapp.phone_number_id", "1", "not changed"),
        ("store.url", "sqlite://x", "not changed"),
        ("sender.message_per_second", "4", "did you mean sender.messages_per_second?"),
        ("fast", "4", "section.key"),
    ] {
        for environment in [&[][..], &environment] {
            let (_, stderr) = ends(folder.path(), environment, &["config", "set", key, value], 2);
            assert!(stderr.contains(words), "{key} {value}: {stderr}");
            assert_eq!(config(folder.path()), before, "{key} {value}");
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["config.toml"], "nothing is left beside it");
}

#[test]
fn without_a_file_one_is_made() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &[], &["config", "set", "console.palette", "mono"], 0);
    let made = folder.path().join(".config/wacast/config.toml");
    let text = std::fs::read_to_string(&made).unwrap();
    assert!(text.contains("\npalette = \"mono\"\n") && text.contains("#time_zone ="), "{text}");
    assert_eq!(std::fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o600);
    let (shown, _) = ends(folder.path(), &[], &["config"], 0);
    assert!(shown.contains("mono"), "{shown}");
}
