//! `wacast prove`, as an operator runs it.

use std::process::{Command, Output};

fn prove(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wacast"));
    command.arg("prove").args(arguments).env_remove("WACAST_CONFIG").output().unwrap()
}

fn holds(arguments: &[&str], people: u64) {
    let output = prove(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stdout));
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let figure = |name: &str| verdict[name].as_u64().unwrap();
    assert_eq!(verdict["holds"], true, "{verdict}");
    assert_eq!((figure("people"), figure("twice"), figure("lost"), figure("wrong")), (people, 0, 0, 0), "{verdict}");
    assert!(figure("kills") >= 2, "{verdict}");
    // Everybody was taken but those in doubt and those whom WhatsApp refused at once.
    assert!(figure("sent") + figure("in_doubt") + figure("failed") >= people, "{verdict}");
    assert!(figure("most_unsettled") <= figure("unsettled_allowed"), "{verdict}");
}

#[test]
fn with_made_up_people() {
    holds(&["--people", "1200", "--kills", "3", "--seed", "7", "--json"], 1_200);
}

#[test]
fn with_a_file_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.csv");
    let rows = (0..900).fold(String::new(), |rows, person| rows + &format!("98765{person:05};Person {person}\n"));
    std::fs::write(&path, format!("Telefon;Name\n{rows}12;Too Short\n")).unwrap();
    holds(&[path.to_str().unwrap(), "--country", "IN", "--kills", "2", "--seed", "3", "--json"], 900);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mongodb_and_only_in_an_empty_database() {
    let url = crate::mongod::shared().await.url("prove");
    holds(&["--store", &url, "--people", "900", "--kills", "2", "--seed", "5", "--json"], 900);
    let again = prove(&["--store", &url, "--people", "10", "--kills", "1"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("holds records already"), "{again:?}");
}

#[test]
fn what_cannot_be_proved_is_refused_in_words() {
    for (arguments, words) in [
        (&["no-such-file.csv"][..], "no-such-file.csv"),
        (&["--people", "4000000"], "reserved numbers"),
        (&["--kills", "99999"], "10000 at most"),
    ] {
        let output = prove(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(words), "{arguments:?}: {said}");
    }
}
