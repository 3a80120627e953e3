//! The account, on the use cases: renewing a token, limits, restrictions, whom marketing does not reach. In the real
//! binary these are shown in `parts`.

use crate::bed::{Bed, NOW, at};
use secrecy::SecretString;
use std::collections::BTreeMap;
use wacast::config::api_version_warning;
use wacast::domain::account::{RESTRICTION_NOTE, Restriction};
use wacast::domain::binding;
use wacast::domain::time::DAY;
use wacast::sandbox::{ACCESS_TOKEN, BUSINESS_ACCOUNT_ID, PHONE_NUMBER_ID, SandboxToken};
use wacast::service::view::BroadcastRequest;

fn marketing(list: &str) -> BroadcastRequest {
    let bindings = ["discount:=10%", "button.0:=A1"].into_iter().map(binding::parse).collect::<Result<_, _>>();
    BroadcastRequest {
        template_name: "diwali_offer".into(),
        language_code: "en_US".into(),
        list: Some(list.into()),
        bindings: bindings.unwrap_or_else(|_| BTreeMap::default()),
        ..BroadcastRequest::default()
    }
}

fn hello(list: &str) -> BroadcastRequest {
    BroadcastRequest {
        template_name: "hello".into(),
        language_code: "en_US".into(),
        list: Some(list.into()),
        ..BroadcastRequest::default()
    }
}

#[tokio::test]
async fn a_plan_counts_whom_marketing_does_not_reach() {
    let bed = Bed::new().await;
    bed.import("mixed", "phone,first_name\n+12125550123,Ana\n+919876500001,Asha\n+919876500002,Ravi\n").await;
    let plan = bed.service.plan(&marketing("mixed"), |_, _| {}).await.unwrap();
    assert_eq!(plan.left_out, [("WhatsApp delivers no marketing messages to +1 numbers".to_owned(), 1)]);
    assert_eq!((plan.people, plan.goes_to()), (3, 2));
    let plan = bed.service.plan(&hello("mixed"), |_, _| {}).await.unwrap();
    assert_eq!(plan.goes_to(), 3);
}

#[tokio::test]
async fn a_plan_says_how_many_wait_for_the_limit() {
    let bed = Bed::new().await;
    bed.people("people", 300).await;
    bed.sandbox.change_sender(PHONE_NUMBER_ID, |profile| profile.messaging_limit = "TIER_250".into()).unwrap();
    let plan = bed.service.plan(&hello("people"), |_, _| {}).await.unwrap();
    assert_eq!(plan.budget.map(|budget| (budget.limit, budget.used)), Some((250, 0)));
    assert!(plan.warnings.iter().any(|warning| warning.contains("50 of this broadcast wait")), "{:?}", plan.warnings);
}

#[tokio::test]
async fn a_blocked_sender_and_a_restricted_account_start_nothing() {
    let bed = Bed::new().await;
    bed.people("people", 3).await;
    let restriction = Restriction { detail: "no conversations".into(), until: Some(at(NOW).plus(DAY)), category: None };
    let note = serde_json::to_string(&restriction).unwrap();
    bed.store.put_note(RESTRICTION_NOTE, &note).await.unwrap();
    let error = bed.service.start(hello("people")).await.unwrap_err();
    assert_eq!((error.code, error.message.contains("no conversations, until")), ("sender_blocked", true), "{error}");
    let problems = bed.service.refresh().await.problems.clone();
    assert!(problems.iter().any(|problem| problem.what.contains("no conversations until")), "{problems:?}");
    bed.clock.advance(DAY);
    bed.sandbox.change_sender(PHONE_NUMBER_ID, |profile| profile.can_send_message = "BLOCKED".into()).unwrap();
    assert_eq!(bed.service.start(hello("people")).await.unwrap_err().code, "sender_blocked");
    bed.sandbox.change_sender(PHONE_NUMBER_ID, |profile| profile.can_send_message = "AVAILABLE".into()).unwrap();
    bed.service.start(hello("people")).await.unwrap();
}

fn days_from_now(days: i64) -> i64 {
    jiff::Timestamp::now().as_second() + days * 86_400
}

#[tokio::test]
async fn a_token_near_its_end_is_exchanged_and_the_new_one_is_used() {
    let bed = Bed::at(&jiff::Timestamp::now().to_string()).await;
    let first = |expires_at| SandboxToken { expires_at, ..SandboxToken::new(ACCESS_TOKEN) };
    bed.sandbox.issue_token(&first(days_from_now(40)));
    let standing = bed.service.look_at_token().await.unwrap();
    assert!(matches!(standing.days_left(bed.service.now()), Some(39..=40)), "far from its end: left alone");
    bed.sandbox.issue_token(&first(days_from_now(10)));
    let standing = bed.service.look_at_token().await.unwrap();
    assert!(matches!(standing.days_left(bed.service.now()), Some(59..=60)), "{standing:?}");
    assert_eq!((standing.trouble.as_str(), standing.not_renewed.as_str()), ("", ""));
    assert_eq!(bed.service.known_token().await.unwrap(), Some(standing));
    // The old one ends, and what was exchanged works on.
    bed.sandbox.issue_token(&SandboxToken { keep_others: true, ..first(1) });
    assert_eq!(bed.service.sender().await.unwrap().trouble, None);
}

#[tokio::test]
async fn a_token_that_will_not_do_is_told_of_and_none_is_taken() {
    let bed = Bed::at(&jiff::Timestamp::now().to_string()).await;
    let elsewhere = vec!["999".to_owned()];
    bed.sandbox.issue_token(&SandboxToken { targets: elsewhere, ..SandboxToken::new(ACCESS_TOKEN) });
    let standing = bed.service.look_at_token().await.unwrap();
    assert!(standing.trouble.contains(BUSINESS_ACCOUNT_ID), "{standing:?}");
    let problems = bed.service.refresh().await.problems.clone();
    assert!(problems.iter().any(|problem| problem.what.contains("the access token will not do")), "{problems:?}");
    let scopes = vec!["whatsapp_business_management".to_owned()];
    bed.sandbox.issue_token(&SandboxToken { scopes, keep_others: true, ..SandboxToken::new("narrow") });
    for token in ["narrow", "unknown", "two words", ""] {
        let error = bed.service.take_token(SecretString::from(token)).await.unwrap_err();
        assert_eq!(error.code, "token_refused", "{token}: {error}");
        assert!(token.is_empty() || !error.message.contains(token), "{error}");
    }
    assert!(bed.service.sender().await.unwrap().trouble.is_none(), "the one in use is as it was");
    bed.sandbox.issue_token(&SandboxToken { keep_others: true, ..SandboxToken::new("a-good-one") });
    bed.service.take_token(SecretString::from("a-good-one")).await.unwrap();
    bed.sandbox.issue_token(&SandboxToken::new("a-good-one"));
    assert!(bed.service.sender().await.unwrap().trouble.is_none(), "the new one is used");
}

#[tokio::test]
async fn a_version_that_ends_while_the_process_runs_is_told_of() {
    let bed = Bed::new().await;
    bed.service.watch_api_version(|now| api_version_warning("v21.0", now));
    assert_eq!(bed.service.refresh().await.account.api_version, None);
    bed.clock.set("2027-01-01T00:00:00Z");
    let problems = bed.service.refresh().await.problems.clone();
    assert!(problems.iter().any(|problem| problem.what.contains("v21.0 ends on 2027-01-21")), "{problems:?}");
}
