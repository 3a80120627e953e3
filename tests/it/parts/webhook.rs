//! What must not come in by the webhook: it is refused, bounded, and nothing of it is kept.

use super::site::{Site, people};
use crate::real::{Workplace, statuses_body};
use crate::receipts::by_our_id;
use wacast::sandbox::{APP_SECRET, sign};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_rightly_signed_too_large_or_no_event_is_refused_and_not_kept() {
    let place = Workplace::on_sqlite(4).await;
    place.sandbox.change(|settings| settings.receipts_paused = true).unwrap();
    place.import("people", &people(2));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &[]);
    site.until_count(&id, "accepted", 2).await;
    let rows = site.ledger();
    // Each of these would say that the first one has read it.
    let read = statuses_body(&by_our_id(&rows[0], "read"));
    let signed = |body: &str| sign(APP_SECRET, body.as_bytes());

    for signature in ["", "sha256=", "sha256=00", "sha256=not hex", &signed("{}"), &sign("another", read.as_bytes())] {
        let signature = Some(signature).filter(|signature| !signature.is_empty());
        assert_eq!(site.deliver(read.clone(), signature).await, 401, "{signature:?}");
    }
    let unlike = signed(&read).replace("sha256=", "sha1=");
    assert_eq!(site.deliver(read.clone(), Some(&unlike)).await, 401);

    let padded = |length: usize| format!("{read}{}", " ".repeat(length - read.len()));
    let (most, more) = (padded(3 << 20), padded((3 << 20) + 1));
    assert_eq!(site.deliver(more.clone(), Some(&signed(&more))).await, 413);
    let odd = [
        String::new(),
        "no JSON".to_owned(),
        format!("[{read}]"),
        format!("{read}{read}"),
        read[..read.len() - 1].to_owned(),
        format!("{{\"deep\":{}{},{}", "[".repeat(5_000), "]".repeat(5_000), &read[1..]),
        format!("{{\"open\":{}", "[".repeat(1 << 20)),
    ];
    for body in odd {
        let shown: String = body.chars().take(60).collect();
        assert_eq!(site.deliver(body.clone(), Some(&signed(&body))).await, 400, "{shown}");
    }
    let not_utf8 = [b"{\"a\":\"\xff\",".as_slice(), &read.as_bytes()[1..]].concat();
    let signature = sign(APP_SECRET, &not_utf8);
    assert_eq!(site.deliver(not_utf8, Some(&signature)).await, 400);

    // The process is well: the largest body that may come is taken, and of all those before it nothing was.
    let second = statuses_body(&by_our_id(&rows[1], "delivered"));
    assert_eq!(site.tell(&second).await, 200);
    let known = site.until_count(&id, "delivered", 1).await;
    assert_eq!((&known["counts"]["accepted"], &known["counts"]["read"]), (&1.into(), &0.into()), "{known}");
    assert_eq!(site.tell(&most).await, 200);
    site.until_count(&id, "read", 1).await;
    let metrics = site.text("/metrics").await;
    assert!(metrics.lines().any(|line| line == "wacast_webhooks_stored_total 2"), "{metrics}");
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_registers_the_webhook_must_know_the_word() {
    let mut site = Site::start(Workplace::on_sqlite(4).await).await;
    assert!(site.sandbox.verify_webhook("verify-me").await.unwrap());
    for word in ["verify-m", "verify-me2", ""] {
        assert!(!site.sandbox.verify_webhook(word).await.unwrap_or(false), "{word}");
    }
    site.drain();
}
