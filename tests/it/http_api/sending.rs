//! Broadcasts, schedules and templates over HTTP.

use super::{KEY, Site, answer, code, hello};
use crate::bed::{NOW, at};
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_broadcast_is_made_looked_at_and_commanded() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let mut body = hello("diwali");
    body["label"] = "Diwali".into();
    body["expect"] = 3.into();
    let (status, made) = site.send(body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
    assert_eq!((&made["status"], &made["recipients"]), (&json!("preparing"), &json!(3)));
    let path = format!("/broadcasts/{}", made["broadcast_id"].as_str().unwrap());

    let (status, shown) = answer(site.get(&path)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shown["id"], made["broadcast_id"]);
    assert_eq!((&shown["label"], &shown["reason"]), (&json!("Diwali"), &Value::Null));
    assert_eq!((&shown["template_name"], &shown["language_code"]), (&json!("hello"), &json!("en_US")));
    let counts = shown["counts"].as_object().unwrap();
    let sum: u64 = counts.iter().filter(|(state, _)| *state != "total").map(|(_, count)| count.as_u64().unwrap()).sum();
    assert_eq!((counts.len(), sum), (11, counts["total"].as_u64().unwrap()));
    assert_eq!(shown["funnel"], json!({"accepted": 0, "sent": 0, "delivered": 0, "read": 0}));
    assert_eq!(answer(site.get("/broadcasts?open=true")).await.1["items"][0], shown);

    for (command, wanted, reason) in [
        ("pause", "paused", json!("operator")),
        ("resume", "preparing", Value::Null),
        ("cancel", "cancelled", Value::Null),
    ] {
        let (status, shown) = answer(site.post(&format!("{path}/{command}"))).await;
        assert_eq!(
            (status, &shown["status"], &shown["reason"]),
            (StatusCode::OK, &json!(wanted), &reason),
            "{command}"
        );
    }
    for command in ["pause", "resume", "cancel"] {
        let (status, body) = answer(site.post(&format!("{path}/{command}"))).await;
        assert_eq!((status, code(&body)), (StatusCode::CONFLICT, "wrong_state"), "{command}");
    }
    assert_eq!(answer(site.get(&format!("{path}/log?after=0&limit=2"))).await.1, json!({"items": [], "next": null}));
    let report = site.get(&format!("{path}/report")).send().await.unwrap();
    assert_eq!(report.headers()["content-type"], "text/csv; charset=utf-8");
    assert!(report.text().await.unwrap().starts_with("phone,name,state,"));
    for unknown in ["00000000", "not-an-id", "%00"] {
        for (method, tail) in [
            ("GET", ""),
            ("GET", "/log"),
            ("GET", "/report"),
            ("POST", "/pause"),
            ("POST", "/resume"),
            ("POST", "/cancel"),
        ] {
            let request = site.bare(method.parse().unwrap(), &format!("/broadcasts/{unknown}{tail}")).bearer_auth(KEY);
            let (status, body) = answer(request).await;
            assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "unknown_broadcast"), "{method} {unknown}{tail}");
        }
    }
}

#[tokio::test]
async fn without_a_list_it_goes_to_all_uploaded_numbers() {
    let site = Site::new().await;
    site.upload_people("a", 3).await;
    site.upload_people("b", 5).await;
    let (status, made) = site.send(json!({"template_name": "hello", "language_code": "en_US"})).await;
    assert_eq!((status, &made["recipients"]), (StatusCode::ACCEPTED, &json!(5)), "each person once over all lists");
}

#[tokio::test]
async fn sends_that_cannot_be_are_refused() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let raw = |body: String| site.post("/send-broadcast").header("content-type", "application/json").body(body);
    let with = |key: &str, value: Value| {
        let mut body = hello("diwali");
        body[key] = value;
        raw(body.to_string())
    };
    for (request, status, wanted) in [
        (raw(String::new()), 400, "malformed"),
        (raw("  \n".into()), 400, "malformed"),
        (raw("not JSON".into()), 400, "malformed"),
        (raw("{\"template_name\":".into()), 400, "malformed"),
        (raw("[".repeat(100_000)), 400, "malformed"),
        (raw(format!("{{\"variables\":{}{}}}", "{\"a\":".repeat(500), "1")), 400, "malformed"),
        (raw("[]".into()), 422, "bad_field"),
        (raw("{}".into()), 422, "bad_field"),
        (with("template_name", json!(7)), 422, "bad_field"),
        (with("langauge_code", json!("en_US")), 422, "bad_field"),
        (with("expect", json!(-1)), 422, "bad_field"),
        (with("repeat", json!("yes")), 422, "bad_field"),
        (with("variables", json!({"1": 7})), 422, "bad_field"),
        (with("variables", json!({"1": "city"})), 422, "variables_unknown"),
        (with("messages_per_second", json!(1000)), 422, "pace_too_high"),
        (with("schedule_at", json!("2026-11-08 18:00")), 422, "offset_needed"),
        (with("schedule_at", json!("soon")), 422, "bad_time"),
        (with("schedule_at", json!("2026-11-08T09:59:59Z")), 422, "in_the_past"),
        (with("template_name", json!("nothing")), 422, "template_missing"),
        (with("template_name", json!("summer_sale")), 422, "template_not_approved"),
        (with("list", json!("nobody")), 404, "unknown_list"),
        (with("expect", json!(4)), 409, "count_differs"),
        (raw(" ".repeat(1024 * 1024 + 1)), 413, "too_large"),
        (raw(hello("diwali").to_string()).header("idempotency-key", "k".repeat(256)), 400, "malformed"),
    ] {
        let (got, body) = answer(request).await;
        assert_eq!((got.as_u16(), code(&body)), (status, wanted), "{body}");
    }
    assert_eq!(answer(site.get("/broadcasts")).await.1["items"], json!([]));
}

#[tokio::test]
async fn a_send_repeated_with_its_key_is_one_broadcast_and_a_repeat_without_is_refused() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let keyed =
        |key: &str, body: Value| site.post("/send-broadcast").header("idempotency-key", key.to_owned()).json(&body);
    let first = keyed("s-1", hello("diwali")).send().await.unwrap();
    assert!(first.headers().get("idempotency-replayed").is_none());
    let first = first.text().await.unwrap();
    let again = keyed("s-1", hello("diwali")).send().await.unwrap();
    assert_eq!(
        (again.status(), &again.headers()["idempotency-replayed"]),
        (StatusCode::ACCEPTED, &"true".parse().unwrap())
    );
    assert_eq!(again.text().await.unwrap(), first);
    let mut other = hello("diwali");
    other["label"] = "other".into();
    let (status, body) = answer(keyed("s-1", other)).await;
    assert_eq!((status, code(&body)), (StatusCode::UNPROCESSABLE_ENTITY, "key_reused"));

    let (status, body) = answer(keyed("s-2", hello("diwali"))).await;
    assert_eq!((status, code(&body)), (StatusCode::CONFLICT, "looks_like_repeat"));
    assert!(body["error"]["details"]["broadcast_id"].is_string(), "{body}");
    let mut meant = hello("diwali");
    meant["repeat"] = true.into();
    assert_eq!(site.send(meant).await.0, StatusCode::ACCEPTED);
    assert_eq!(answer(site.get("/broadcasts")).await.1["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_same_send_many_times_at_once_is_one_broadcast() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let calls = (0..16).map(|_| {
        tokio::spawn(answer(site.post("/send-broadcast").header("idempotency-key", "k").json(&hello("diwali"))))
    });
    let mut ids = std::collections::HashSet::new();
    for call in calls.collect::<Vec<_>>() {
        let (status, body) = call.await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        ids.insert(body.to_string());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn variables_and_times_are_taken() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let mut body = hello("diwali");
    body["template_name"] = "order_update".into();
    body["variables"] = json!({"1": {"column": "name", "fallback": "friend"}});
    body["schedule_at"] = "2026-11-08T18:00:00+05:30".into();
    body["messages_per_second"] = 0.5.into();
    let (status, made) = site.send(body).await;
    assert_eq!((status, &made["status"]), (StatusCode::ACCEPTED, &json!("scheduled")), "{made}");
    let shown = answer(site.get(&format!("/broadcasts/{}", made["broadcast_id"].as_str().unwrap()))).await.1;
    assert_eq!(shown["start_at"], at("2026-11-08T12:30:00Z").rfc3339());
    assert_eq!((&shown["messages_per_second"], &shown["recipients"]), (&json!(0.5), &json!(3)));
}

#[tokio::test]
async fn schedules_are_made_and_switched() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let mut body = hello("diwali");
    body["cron"] = "0 18 * * 1-5".into();
    body["zone"] = "Asia/Kolkata".into();
    let (status, made) = answer(site.post("/schedules").json(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["next_fire_at"], at("2026-11-09T12:30:00Z").rfc3339());
    let path = format!("/schedules/{}", made["id"].as_str().unwrap());
    let (status, off) = answer(site.post(&format!("{path}/disable"))).await;
    assert_eq!((status, &off["enabled"], &off["next_fire_at"]), (StatusCode::OK, &json!(false), &Value::Null));
    let (_, on) = answer(site.post(&format!("{path}/enable"))).await;
    assert_eq!(answer(site.get("/schedules")).await.1["items"], json!([on]));
    let (status, gone) = answer(site.post("/schedules/00000000/enable")).await;
    assert_eq!((status, code(&gone)), (StatusCode::NOT_FOUND, "unknown_schedule"));
    for (key, value, wanted) in [
        ("cron", json!("often"), "bad_cron"),
        ("zone", json!("India"), "bad_zone"),
        ("cron", json!(7), "bad_field"),
        ("expect", json!(3), "bad_field"),
    ] {
        let mut wrong = body.clone();
        wrong[key] = value;
        let (status, body) = answer(site.post("/schedules").json(&wrong)).await;
        assert_eq!((status, code(&body)), (StatusCode::UNPROCESSABLE_ENTITY, wanted));
    }
}

#[tokio::test]
async fn templates_are_listed_and_synced() {
    let site = Site::new().await;
    assert_eq!(answer(site.get("/templates")).await.1, json!({"items": [], "synced_at": null}));
    let (status, synced) = answer(site.post("/templates/sync")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(synced["synced_at"], at(NOW).rfc3339());
    let order = synced["items"].as_array().unwrap().iter().find(|template| template["name"] == "order_update").unwrap();
    assert_eq!((&order["variables"], &order["status"]), (&json!(["1"]), &json!("APPROVED")));
    site.bed.sandbox.change(|settings| settings.token_valid = false).unwrap();
    let (status, body) = answer(site.post("/templates/sync")).await;
    assert_eq!((status, code(&body)), (StatusCode::SERVICE_UNAVAILABLE, "api_refused"));
    assert_eq!(body["error"]["details"]["code"], 190);
}
