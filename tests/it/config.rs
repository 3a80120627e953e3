//! The configuration from outside: what is read, what is refused and in which words, what is never shown.

use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;
use wacast::config::write::{self, Entry};
use wacast::config::{Config, ConfigError, LoadFrom, Origin};

const SECRET: &str = "EAAGsecretsecretsecret";

/// A folder with a `config.toml` of this content.
fn folder(content: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, content).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn load_with(folder: &Path, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut environment: BTreeMap<String, String> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    environment.insert("HOME".to_owned(), folder.join("home").display().to_string());
    Config::load(&LoadFrom {
        config: None,
        environment,
        current_folder: folder.to_path_buf(),
        flags: Vec::new(),
        today: jiff::civil::date(2026, 11, 22),
    })
}

fn load(content: &str) -> Result<Config, ConfigError> {
    load_with(folder(content).path(), &[])
}

/// The error's words, with the folder's name left out.
fn refusal(content: &str, environment: &[(&str, &str)]) -> String {
    let folder = folder(content);
    let error = load_with(folder.path(), environment).unwrap_err().to_string();
    error.replace(&folder.path().display().to_string(), "")
}

#[test]
fn the_example_file_is_what_the_table_of_keys_says() {
    let example = write::example();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml.example");
    if std::env::var_os("WACAST_BLESS").is_some() {
        std::fs::write(&file, &example).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap();
    assert!(stored == example, "config.toml.example is not up to date: run this test with WACAST_BLESS=1");
}

#[test]
fn every_line_of_the_example_can_be_uncommented() {
    let example = write::example();
    let lines: Vec<&str> = example.lines().collect();
    let is_key = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    let keys: Vec<usize> = (0..lines.len()).filter(|index| is_key(lines[*index])).collect();
    assert_eq!(keys.len(), wacast::config::keys::KEYS.len());
    let with = |uncommented: &[usize]| {
        let line = |(index, line): (usize, &&str)| {
            if uncommented.contains(&index) { line.trim_start_matches('#').to_owned() } else { (*line).to_owned() }
        };
        lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
    };
    let defaults = load(&with(&[])).unwrap();
    for key in &keys {
        let config = load(&with(&[*key])).unwrap_or_else(|error| panic!("{}: {error}", lines[*key]));
        let from_file: Vec<_> =
            config.settings().into_iter().filter(|setting| setting.origin != Origin::Default).collect();
        assert_eq!(from_file.len(), 1, "{}", lines[*key]);
        if let Some(before) = defaults.settings().into_iter().find(|setting| setting.key == from_file[0].key)
            && before.key.default.is_some()
            && before.key.name != "url"
        {
            assert_eq!(before.value, from_file[0].value, "the example's value of a default is the default");
        }
    }
    let all = load(&with(&keys)).unwrap();
    assert_eq!(all.missing(), Vec::<&str>::new());
    assert!(all.settings().iter().all(|setting| setting.origin != Origin::Default));
}

#[test]
fn environment_goes_over_file_over_defaults_and_flags_over_all() {
    let folder = folder("[sender]\nmessages_per_second = 5\nmax_in_flight = 7\n");
    let environment = [("WACAST_SENDER__MESSAGES_PER_SECOND", "6.5"), ("WACAST_INTAKE__DEFAULT_COUNTRY", "")];
    let config = load_with(folder.path(), &environment).unwrap();
    assert!((config.sender.messages_per_second - 6.5).abs() < f64::EPSILON);
    assert_eq!((config.sender.max_in_flight, config.sender.max_unsettled()), (7, 14));
    assert_eq!(config.intake.default_country, None, "an empty variable says nothing");
    assert_eq!(
        config.origin("sender.messages_per_second").to_string(),
        "environment variable WACAST_SENDER__MESSAGES_PER_SECOND"
    );
    let file = folder.path().join("config.toml");
    assert_eq!(config.origin("sender.max_in_flight"), Origin::File { path: file, line: 3 });
    assert_eq!(config.origin("schedule.grace"), Origin::Default);

    let flagged = Config::load(&LoadFrom {
        config: None,
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        current_folder: folder.path().to_path_buf(),
        flags: vec![("sender.messages_per_second", "9".to_owned(), "--pace")],
        today: jiff::civil::date(2026, 11, 22),
    })
    .unwrap();
    assert!((flagged.sender.messages_per_second - 9.0).abs() < f64::EPSILON);
    assert_eq!(flagged.origin("sender.messages_per_second").to_string(), "flag --pace");
}

#[test]
fn what_is_unknown_is_refused_with_the_place_and_what_was_meant() {
    for (content, words) in [
        (
            "[whatsapp]\nacces_token = \"x\"\n",
            "unknown key acces_token in section [whatsapp] in /config.toml, line 2; did you mean access_token?",
        ),
        ("[whatsap]\n", "unknown section [whatsap] in /config.toml, line 1; did you mean [whatsapp]?"),
        (
            "# lost\naccess_token_file = \"x\"\n",
            "unknown key access_token_file outside of a section in /config.toml, line 2; did you mean [whatsapp] \
             access_token_file?",
        ),
        (
            "[http]\ngrace = \"1m\"\n",
            "unknown key grace in section [http] in /config.toml, line 2; did you mean schedule.grace?",
        ),
        ("[store]\nlisten_file = \"x\"\n", "unknown key listen_file in section [store] in /config.toml, line 2"),
    ] {
        assert_eq!(refusal(content, &[]), words);
    }
    assert_eq!(
        refusal("", &[("WACAST_SENDER__PACE", "3")]),
        "unknown key pace in section [sender] in environment variable WACAST_SENDER__PACE"
    );
    assert_eq!(
        refusal("", &[("WACAST_SENDR__MAX_IN_FLIGHT", "3")]),
        "unknown section [sendr] in environment variable WACAST_SENDR__MAX_IN_FLIGHT; did you mean \
         WACAST_SENDER__MAX_IN_FLIGHT?"
    );
    let config = load_with(folder("").path(), &[("WACAST_WHATSAPP_APP_ID", "1")]).unwrap();
    assert!(config.warnings.iter().any(|warning| warning.contains("WACAST_WHATSAPP__APP_ID")), "{:?}", config.warnings);
}

#[test]
fn wrong_types_say_what_is_expected() {
    for (content, words) in [
        (
            "[sender]\nmessages_per_second = \"fast\"\n",
            "sender.messages_per_second in /config.toml, line 2: expected a number from 0 to 100000, found \"fast\"",
        ),
        (
            "[sender]\nmax_in_flight = 1.5\n",
            "sender.max_in_flight in /config.toml, line 2: expected a whole number from 1 to 4096, found 1.5",
        ),
        (
            "[schedule]\ngrace = 15\n",
            "schedule.grace in /config.toml, line 2: expected a span of time in quotes such as \"90s\", \"15m\" or \
             \"1h30m\", from 1m to 1d, found 15",
        ),
        (
            "[whatsapp]\nphone_number_id = 123\n",
            "whatsapp.phone_number_id in /config.toml, line 2: expected text in quotes, found 123",
        ),
        (
            "[console]\nprivacy = \"yes\"\n",
            "console.privacy in /config.toml, line 2: expected true or false, found \"yes\"",
        ),
        (
            "[console]\npalette = \"pink\"\n",
            "console.palette in /config.toml, line 2: expected one of \"default\", \"mono\", \"colour-blind\", \
             \"high-contrast\", found \"pink\"",
        ),
        (
            "[http]\napi_keys = \"EAAGsecretsecretsecret\"\n",
            "http.api_keys in /config.toml, line 2: expected a list of texts in quotes, [\"…\", \"…\"] (their values \
             are not shown here), found text",
        ),
    ] {
        assert_eq!(refusal(content, &[]), words);
    }
}

#[test]
fn contradictions_are_refused() {
    for (content, part) in [
        ("[sender]\nmessages_per_second = 0\n", "only with a base_url on loopback"),
        ("[sender]\nmessages_per_second = 2000\n", "1000 messages a second at most"),
        ("[whatsapp]\nbase_url = \"http://graph.example.com\"\n", "use https://"),
        ("[whatsapp]\napi_version = \"25\"\n", "expected a version such as v25.0"),
        ("[whatsapp]\nphone_number_id = \"+15550100111\"\n", "it is not the phone number"),
        ("[store]\nurl = \"postgres://localhost/x\"\n", "expected \"sqlite://FILE\""),
        ("[http]\nlisten = \"8080\"\n", "expected ADDRESS:PORT"),
        ("[intake]\ndefault_country = \"India\"\n", "two letters"),
        ("[console]\ntime_zone = \"IST\"\n", "there is no time zone \"IST\""),
    ] {
        let words = refusal(content, &[]);
        assert!(words.contains(part) && words.contains("/config.toml, line 2"), "{words}");
    }
    let free = "[whatsapp]\nbase_url = \"http://127.0.0.1:9000/\"\n[sender]\nmessages_per_second = 0\n";
    let config = load(free).unwrap();
    assert!(config.is_loopback());
    assert_eq!(config.whatsapp.base_url, "http://127.0.0.1:9000");
}

#[test]
fn doubtful_values_are_warned_of() {
    for (content, part) in [
        ("[sender]\nmessages_per_second = 81\n", "HIGH throughput"),
        ("[sender]\nmax_in_flight = 1\n", "max_in_flight is small"),
        ("[sender]\nmax_in_flight = 1000\n", "ulimit"),
        ("[http]\nlisten = \"0.0.0.0:8080\"\n", "TLS"),
        ("[http]\napi_keys = [\"short\"]\n", "can be guessed"),
        ("[whatsapp]\napi_version = \"v19.0\"\n", "ended on 2026-05-21"),
        ("[whatsapp]\napp_secret = \"x\"\n", "verify_token"),
    ] {
        let config = load(content).unwrap();
        assert!(config.warnings.iter().any(|warning| warning.contains(part)), "{content}: {:?}", config.warnings);
    }
    assert_eq!(load("").unwrap().warnings, Vec::<String>::new());
}

#[test]
fn a_file_with_secrets_that_others_can_read_is_warned_of() {
    let folder = folder("[whatsapp]\naccess_token = \"x\"\n");
    let file = folder.path().join("config.toml");
    assert_eq!(load_with(folder.path(), &[]).unwrap().warnings, Vec::<String>::new());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(load_with(folder.path(), &[]).unwrap().warnings[0].contains("chmod 600"));
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let config = load("[log]\nfile = \"logs/x.log\"\n").unwrap();
    let folder = config.places.folder.clone();
    assert_eq!(config.store.url.expose_secret(), format!("sqlite://{}/wacast.db", folder.display()));
    assert_eq!(config.log.file, folder.join("logs/x.log"));
    let config = load("[store]\nurl = \"sqlite:///var/lib/wacast/w.db\"\n").unwrap();
    assert_eq!(config.store_shown(), "sqlite:///var/lib/wacast/w.db");
}

#[test]
fn secrets_lie_in_files_of_their_own() {
    let folder = folder("[whatsapp]\naccess_token_file = \"token\"\n[http]\napi_keys_file = \"keys\"\n");
    std::fs::write(folder.path().join("token"), format!("{SECRET}\n")).unwrap();
    std::fs::write(folder.path().join("keys"), "# for the shop\nfirst-key\n\nsecond-key\n").unwrap();
    let config = load_with(folder.path(), &[]).unwrap();
    assert_eq!(config.whatsapp.access_token.as_ref().unwrap().expose_secret(), SECRET);
    let keys: Vec<&str> = config.http.api_keys.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(keys, ["first-key", "second-key"]);
    let origin = config.origin("whatsapp.access_token").to_string();
    assert!(origin.contains("token (named by ") && origin.ends_with("config.toml, line 2)"), "{origin}");

    let over = load_with(folder.path(), &[("WACAST_WHATSAPP__ACCESS_TOKEN", "other")]).unwrap();
    assert_eq!(over.whatsapp.access_token.unwrap().expose_secret(), "other");

    std::fs::write(folder.path().join("token"), "\n").unwrap();
    let empty = load_with(folder.path(), &[]).unwrap_err().to_string();
    assert!(empty.contains("the file is empty"), "{empty}");
    std::fs::remove_file(folder.path().join("token")).unwrap();
    let gone = load_with(folder.path(), &[]).unwrap_err().to_string();
    assert!(gone.contains("cannot read") && gone.contains("token"), "{gone}");
}

#[test]
fn a_secret_given_twice_is_refused() {
    let words = {
        let folder = folder("[whatsapp]\napp_secret_file = \"secret\"\napp_secret = \"x\"\n");
        std::fs::write(folder.path().join("secret"), "y").unwrap();
        load_with(folder.path(), &[]).unwrap_err().to_string()
    };
    assert!(words.contains("both") && words.contains("app_secret_file"), "{words}");
}

#[test]
fn secrets_are_never_shown() {
    let content = format!(
        "[whatsapp]\naccess_token = \"{SECRET}\"\napp_secret = \"{SECRET}\"\nverify_token = \"{SECRET}\"\n\
         [http]\napi_keys = [\"{SECRET}\"]\n[store]\nurl = \"mongodb://me:{SECRET}@db.example.com/wacast\"\n"
    );
    let config = load(&content).unwrap();
    let shown = format!("{config:?} {:?} {}", config.settings(), config.store_shown());
    assert!(!shown.contains(SECRET), "{shown}");
    for broken in [
        format!("[whatsapp]\naccess_token = \"{SECRET}\n"),
        format!("[whatsapp]\naccess_token = {SECRET}\n"),
        format!("[whatsapp]\naccess_token = [\"{SECRET}\"]\n"),
        format!("[store]\nurl = \"{SECRET}://me:{SECRET}@x/y\"\n"),
        format!("[http]\napi_keys = [[\"{SECRET}\"]]\n"),
    ] {
        let error = load(&broken).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
        assert!(error.to_string().contains("config.toml, line 2"), "{error}");
    }
}

#[test]
fn missing_keys_are_listed_by_name() {
    let config = load("[whatsapp]\nphone_number_id = \"1\"\n").unwrap();
    let error = config.require_sender().unwrap_err().to_string();
    assert!(
        error.starts_with("the configuration lacks whatsapp.business_account_id, whatsapp.access_token"),
        "{error}"
    );
    let nowhere = tempfile::tempdir().unwrap();
    let error = load_with(nowhere.path(), &[]).unwrap().require_sender().unwrap_err().to_string();
    assert!(error.contains("no configuration file at") && error.contains("/etc/wacast/config.toml"), "{error}");
}

#[test]
fn a_new_file_is_written_whole_and_private_and_never_over_another() {
    let nowhere = tempfile::tempdir().unwrap();
    let place = load_with(nowhere.path(), &[]).unwrap().places.write_to;
    assert!(place.ends_with("home/.config/wacast/config.toml"), "{}", place.display());
    let entries = [
        Entry::new("whatsapp", "phone_number_id", "100000000000001"),
        Entry::new("whatsapp", "access_token", format!("{SECRET}\"\\")),
        Entry::new("http", "api_keys", "one, two"),
        Entry::new("sender", "messages_per_second", "12"),
    ];
    write::write_new(&place, &entries).unwrap();
    assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
    let config = load_with(nowhere.path(), &[]).unwrap();
    assert_eq!(config.whatsapp.access_token.as_ref().unwrap().expose_secret(), format!("{SECRET}\"\\"));
    assert_eq!(config.http.api_keys.len(), 2);
    assert!((config.sender.messages_per_second - 12.0).abs() < f64::EPSILON);

    let again = write::write_new(&place, &entries).unwrap_err().to_string();
    assert!(again.contains("it is there already"), "{again}");
    write::change(&place, &[Entry::new("whatsapp", "access_token", "new"), Entry::new("sender", "max_in_flight", "8")])
        .unwrap();
    let config = load_with(nowhere.path(), &[]).unwrap();
    assert_eq!(config.whatsapp.access_token.as_ref().unwrap().expose_secret(), "new");
    assert_eq!(config.sender.max_in_flight, 8);
    let left: Vec<_> = std::fs::read_dir(place.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
    assert!(write::write_new(&place, &[Entry::new("sender", "speed", "1")]).is_err());
}
