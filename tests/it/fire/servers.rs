//! The database server goes away under a broadcast: killed, frozen, a replica set without its primary.

use super::judge::Case;
use super::replica_set::ReplicaSet;
use super::site::{On, PATIENCE, Plan, Site, wait_at_most, wait_for};
use crate::mongod::{Kind, Mongod};
use std::time::{Duration, Instant};

/// Power is cut and comes back, three times. The sending stops by itself and goes on by itself.
pub async fn killed_and_started_again() {
    let mut case = Case::new("mongod killed and restarted", On::MongoDb);
    let mongod = Mongod::start(Kind::ReplicaSet).await;
    let site = Site::at(tempfile::tempdir().unwrap(), mongod.url("fire"), Plan::default()).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    for round in 1..=3 {
        site.until_taken(round * 200);
        mongod.kill();
        let before = site.taken();
        stands_still(&site, before);
        mongod.restart().await;
        let taken = site.taken();
        let took = wait_at_most(PATIENCE, "it goes on by itself", || site.taken() > taken + 20);
        case.note("goes on after", took);
        case.kills += 1;
    }
    case.judge(&site, &seat, &id, &people);
    running.drain();
}

/// The server does not answer for longer than the lease, and then goes on as if nothing had been.
pub async fn stopped_longer_than_the_lease() {
    let mut case = Case::new("mongod stopped longer than the lease", On::MongoDb);
    let mongod = Mongod::start(Kind::ReplicaSet).await;
    let site = Site::at(tempfile::tempdir().unwrap(), mongod.url("fire"), Plan::default()).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    for (round, length) in [Duration::from_secs(2), Duration::from_secs(13)].into_iter().enumerate() {
        site.until_taken((round + 1) * 250);
        mongod.freeze();
        let (since, before) = (Instant::now(), site.taken());
        stands_still(&site, before);
        wait_for("the lease ends", || since.elapsed() >= length);
        mongod.thaw();
        let taken = site.taken();
        let took = wait_at_most(PATIENCE, "it goes on by itself", || site.taken() > taken + 20);
        case.note("goes on after", took);
    }
    case.judge(&site, &seat, &id, &people);
    running.drain();
}

/// No more people than may be without a recorded outcome are written to while nothing can be recorded.
fn stands_still(site: &Site, before: usize) {
    site.until_it_stands_still();
    let most = before + usize::try_from(site.max_unsettled()).unwrap();
    assert!(site.taken() <= most, "{} of at most {most}", site.taken());
}

/// Three nodes: the primary steps down, then the next one is killed, and comes back.
pub async fn replica_set_loses_its_primary() {
    let mut case = Case::new("replica set loses its primary", On::MongoDb);
    let nodes = ReplicaSet::start().await;
    let site = Site::at(tempfile::tempdir().unwrap(), nodes.url("fire"), Plan::default()).await;
    let seat = site.seat("wacast");
    let people = site.import(&seat);
    let id = seat.send("people");
    let running = seat.headless();
    site.until_taken(150);
    nodes.step_down().await;
    let taken = site.taken();
    let took = wait_at_most(PATIENCE, "it goes on by itself", || site.taken() > taken + 40);
    case.note("goes on after stepping down", took);
    site.until_taken(450);
    let killed = nodes.kill_primary().await;
    case.kills += 1;
    let taken = site.taken();
    let took = wait_at_most(PATIENCE, "it goes on by itself", || site.taken() > taken + 40);
    case.note("goes on after the kill", took);
    nodes.start_again(killed);
    case.judge(&site, &seat, &id, &people);
    running.drain();
}
