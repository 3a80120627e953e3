use super::*;
use Action::{Fail, FailRetryLater, PauseAccount, PauseSender, Retry, SlowDown, StopAuth};

/// Every code that Meta documents for sending, or that other programs have met, with the action it needs:
/// written a second time so that a slip in the file shows.
const CODES: &[(Action, &str)] = &[
    (
        StopAuth,
        "0 3 10 102 104 190 200 201 250 299 803 2500 131005 133005 139001 139004 139101 147001 147005 200005 \
         200006 200007 1752041 2388019 2388023 2388039 2388040 2388047 2388072 2388073 2388293 2388299 2494164 \
         2494179 2593079 2593085 2593107 2593108",
    ),
    (Retry, "1 2 131000 131001 131016 131057 131059 133004 134101 135000 139102 139103 2494100"),
    (SlowDown, "4 17 32 341 613 80007 80008 80000 80014 130429"),
    (
        PauseSender,
        "33 131037 131045 131048 133000 133001 133002 133003 133006 133007 133008 133009 133010 133011 133012 \
         133013 133014 133015 133016 133999 136024 2388001 2388012 2388091 2388093 2388103",
    ),
    (PauseAccount, "368 131031 131042 131044 131064 134011"),
    (
        Action::PauseBroadcast(PauseReason::Template),
        "100 131008 131051 131053 131055 131061 131063 132000 132001 132007 132012 132015 132016 132018 132068 \
         132069 132999 134100 134102 134103 134199 139000",
    ),
    (FailRetryLater, "131049"),
    (Action::DelayRecipient, "131056"),
    (
        Fail,
        "192 506 130403 130472 130497 131009 131020 131021 131026 131030 131041 131047 131050 131052 131060 \
         131062 131065 131070 131201 131215 132005 132008 137000 138000 138018 139100",
    ),
];

#[test]
fn every_known_code_has_its_action_and_words() {
    let policy = ErrorPolicy::built_in();
    for (action, codes) in CODES {
        for code in codes.split_whitespace().map(|code| code.parse().unwrap()) {
            assert!(policy.knows(code), "{code}");
            let rule = policy.rule_for(code, None, Some(400), false);
            assert_eq!(rule.action, *action, "{code}");
            assert!(!rule.title.is_empty() && !rule.advice.is_empty(), "{code}");
            // The same code in a receipt means the same.
            assert_eq!(policy.rule_for(code, None, None, false), rule, "{code}");
        }
    }
    assert_eq!(policy.rule_for(131_049, None, None, false).wait_s, 24 * 60 * 60);
}

#[test]
fn subcodes_and_ranges_give_way_to_what_is_more_exact() {
    let policy = ErrorPolicy::built_in();
    assert_eq!(policy.rule_for(100, Some(33), Some(400), false).action, StopAuth);
    assert_eq!(
        policy.rule_for(100, Some(2_018_001), Some(400), false).action.pause_reason(),
        Some(PauseReason::Template)
    );
    assert_eq!(policy.rule_for(190, Some(463), Some(401), false).title, "The access token has expired");
    assert_eq!(policy.rule_for(130_429, Some(2_494_055), Some(400), false).action, SlowDown);
    assert_eq!(policy.rule_for(132_005, None, Some(400), false).action, Fail);
    assert_eq!(policy.rule_for(200_005, None, Some(400), false).title, "Template insights are not available");
}

#[test]
fn an_unknown_code_is_tried_again_only_when_the_server_was_to_blame() {
    let policy = ErrorPolicy::built_in();
    assert!(!policy.knows(999_999));
    assert_eq!(policy.rule_for(999_999, None, Some(500), false).action, Retry);
    assert_eq!(policy.rule_for(999_999, None, Some(400), false).action, Fail);
    assert_eq!(policy.rule_for(999_999, None, None, false).action, Fail);
    assert!(policy.rule_for(999_999, None, Some(400), false).counts_as_failure);
}

#[test]
fn what_meta_calls_transient_is_tried_again() {
    let policy = ErrorPolicy::built_in();
    for code in [190, 100, 131_026, 131_048, 999_999] {
        assert_eq!(policy.rule_for(code, None, Some(400), true).action, Retry, "{code}");
    }
    assert_eq!(policy.rule_for(130_429, None, Some(400), true).action, SlowDown);
    assert_eq!(policy.rule_for(131_056, None, Some(400), true).action, Action::DelayRecipient);
}

#[test]
fn one_persons_value_does_not_hold_up_everybody() {
    let policy = ErrorPolicy::built_in();
    let pause = Action::PauseBroadcast(PauseReason::Template);
    for code in [100, 131_008, 132_012, 131_053] {
        let rule = policy.rule_for(code, None, Some(400), false);
        assert_eq!(rule.action_for("", false), pause, "{code}");
        assert_eq!(rule.action_for("", true), Fail, "{code}");
        assert_eq!(rule.action_for("Param to is not a valid phone number", false), Fail, "{code}");
    }
    // Whoever was taken before: a missing template or a wrong count of variables stops everybody.
    for code in [132_000, 132_001] {
        assert_eq!(policy.rule_for(code, None, Some(400), false).action_for("recipient", true), pause);
    }
}

#[test]
fn tries_are_bounded() {
    let policy = ErrorPolicy::built_in();
    let rule = policy.rule_for(131_000, None, Some(500), false);
    assert!(rule.may_retry(1) && rule.may_retry(2) && !rule.may_retry(3));
    assert!(!policy.rule_for(131_026, None, None, false).may_retry(0));
    for (action, codes) in CODES {
        if action.uses_a_try() {
            for code in codes.split_whitespace().map(|code| code.parse().unwrap()) {
                assert!((2..=10).contains(&policy.rule_for(code, None, None, false).max_tries), "{code}");
            }
        }
    }
}

#[test]
fn waits_start_at_the_rules_own_and_grow_to_a_bound() {
    let policy = ErrorPolicy::built_in();
    let rule = policy.rule_for(131_016, None, Some(500), false);
    assert_eq!(retry_wait_ms(rule, 1, 0), 5_000);
    assert_eq!(retry_wait_ms(rule, 1, u64::MAX), 9_999);
    assert_eq!(retry_wait_ms(rule, 3, u64::MAX), 24_999);
    assert_eq!(retry_wait_ms(rule, u32::MAX, u64::MAX), 5_000 + LONGEST_BACKOFF_MS - 1);
    let pair = policy.rule_for(131_056, None, None, false);
    assert_eq!(retry_wait_ms(pair, 1, 0), 6_000);
    assert_eq!(retry_wait_ms(pair, 3, 0), 16_000);
    assert_eq!(retry_wait_ms(pair, u32::MAX, 0), 1_024_000);
    let cap = policy.rule_for(131_049, None, None, false);
    assert!(retry_wait_ms(cap, 1, 0) >= 24 * 60 * 60 * 1_000);
}

#[test]
fn a_broken_file_is_refused_by_its_line() {
    let head = "code,subcode,action,wait_s,max_tries,counts,pause,one_row,only,title,advice\n";
    let tail = "transient,,retry,5,5,,,,,t,a\nunknown-5xx,,retry,5,5,,,,,t,a\nunknown,,fail,,,,,,,t,a\n";
    let read = |rows: &str| ErrorPolicy::from_csv(&format!("{head}{rows}{tail}"));
    assert!(read("7,,fail,,,,,,,t,a\n").is_ok());
    for (rows, line, column, part) in [
        ("7,,fail,,,,,,,t,a\nx7,,fail,,,,,,,t,a\n", 3, 1, "not an error code"),
        ("7,,explode,,,,,,,t,a\n", 2, 3, "not an action"),
        ("7,,retry,5,,,,,,t,a\n", 2, 5, "max_tries"),
        ("7,,retry,1,3,,,,,t,a\n", 2, 4, "wait_s"),
        ("7,,fail,,,,,,,,a\n", 2, 10, "title"),
        ("7,,fail,,,maybe,,,,t,a\n", 2, 6, "yes"),
        ("7,,pause_broadcast,,,,weather,,,t,a\n", 2, 7, "pause reason"),
        ("7,,fail,,,,template,,,t,a\n", 2, 7, "pause reason"),
        ("9-7,,fail,,,,,,,t,a\n", 2, 1, "range"),
        ("7,,fail,,,,,,,t,a\n7,,fail,,,,,,,t,a\n", 3, 1, "twice"),
        ("7,,fail\n", 2, 0, "readable"),
        ("7,,fail,99999999999,,,,,,t,a\n", 2, 4, "number"),
        ("7,,fail_retry_later,86400,,,,,,t,a\n", 2, 5, "2 to 20"),
    ] {
        let error = read(rows).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{rows}: {error}");
        assert!(error.problem.contains(part), "{rows}: {error}");
    }
    assert!(ErrorPolicy::from_csv(head).unwrap_err().problem.contains("transient"));
    assert!(ErrorPolicy::from_csv("a,b\n").is_err());
}

#[test]
fn an_operators_rows_go_over_the_built_in_ones() {
    let own = |text: &str| ErrorPolicy::built_in().with_own(text);
    let policy =
        own("\u{feff}# ours\ncode,action,wait_s,max_tries\n131026,retry,3000,2\n777777,stop_auth,,\n").unwrap();
    let built_in = ErrorPolicy::built_in();
    let (ours, theirs) = (policy.rule_for(131_026, None, None, false), built_in.rule_for(131_026, None, None, false));
    assert_eq!((ours.action, ours.wait_s, ours.max_tries), (Retry, 3_000, 2));
    assert_eq!((&ours.title, ours.counts_as_failure), (&theirs.title, true), "what is left out stays");
    assert_eq!(policy.rule_for(777_777, None, Some(400), false).action, StopAuth);
    assert_eq!(policy.rule_for(131_021, None, None, false), built_in.rule_for(131_021, None, None, false));
    assert_eq!(policy.own_codes(), ["131026", "777777"]);

    let words = own("code,title\n131026,Nicht auf WhatsApp\n201-299,Nein\nunknown,Was?\n").unwrap();
    assert_eq!(words.rule_for(131_026, None, None, false).title, "Nicht auf WhatsApp");
    assert_eq!(
        (&*words.rule_for(250, None, None, false).title, words.rule_for(250, None, None, false).action),
        ("Nein", StopAuth)
    );
    assert_eq!(words.rule_for(999_999, None, None, false).title, "Was?");
    let pause = own("code,pause\n132000,operator\n").unwrap();
    assert_eq!(pause.rule_for(132_000, None, None, false).action, Action::PauseBroadcast(PauseReason::Operator));
    let exact = own("code,action\n131000-131999,stop_auth\n").unwrap();
    assert_eq!(exact.rule_for(131_026, None, None, false).action, Fail, "a code of its own wins over a range");
    assert_eq!(exact.rule_for(131_999, None, None, false).action, StopAuth);
    for (text, line, column) in [
        ("", 1, 0),
        ("code,acton\n", 1, 2),
        ("code,code\n", 1, 2),
        ("action\nfail\n", 1, 0),
        ("code,action\n131026,retry\n", 2, 0),
        ("# a\ncode,action\n131026,fail\n131026,retry,\n", 4, 0),
        ("code,action\n131026,fail\n131026,fail\n", 3, 1),
        ("action,code\nfail,131026\nperhaps,131027\n", 3, 1),
        ("code,wait_s\n131049,-1\n", 2, 2),
    ] {
        let error = own(text).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
    }
}

#[test]
fn a_follow_up_waits_longer_each_time_up_to_a_week() {
    let policy = ErrorPolicy::built_in();
    let rule = policy.rule_for(131_049, None, None, false);
    let days: Vec<i64> = [1, 2, 3, 4, 30].map(|round| retry_wait_ms(rule, round, 0) / 86_400_000).to_vec();
    assert_eq!(days, [1, 2, 4, 7, 7]);
    assert!(rule.marketing_only && rule.max_tries == 4);
    // What is said of it is what is done.
    for words in ["before 24 hours", "growing gaps", "four messages in all", "waits for that"] {
        assert!(rule.advice.contains(words), "{words}: {}", rule.advice);
    }
}
