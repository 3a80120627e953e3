//! Three real `mongod`s as one replica set.

use crate::mongod::{Kind, Mongod};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use std::time::{Duration, Instant};

pub struct ReplicaSet {
    members: Vec<Mongod>,
}

/// The longest that an election may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

impl ReplicaSet {
    pub async fn start() -> Self {
        let mut members = Vec::new();
        for _ in 0..3 {
            members.push(Mongod::start(Kind::Member).await);
        }
        let hosts = members.iter().zip(0_i32..);
        // The first is the primary at first, so that the start does not wait for an election by chance.
        let hosts: Vec<Document> = hosts
            .map(|(member, id)| doc! { "_id": id, "host": format!("127.0.0.1:{}", member.port()), "priority": if id == 0 { 2 } else { 1 } })
            .collect();
        let settings = doc! { "electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500 };
        let set = doc! { "_id": "rs0", "members": hosts, "settings": settings };
        let direct = direct(members[0].port()).await;
        direct.database("admin").run_command(doc! { "replSetInitiate": set }).await.unwrap();
        let set = Self { members };
        set.primary().await;
        set
    }

    pub fn url(&self, database: &str) -> String {
        let hosts: Vec<String> = self.members.iter().map(|member| format!("127.0.0.1:{}", member.port())).collect();
        format!("mongodb://{}/{database}?replicaSet=rs0", hosts.join(","))
    }

    /// The place of the primary, when there is one.
    async fn primary(&self) -> usize {
        let since = Instant::now();
        loop {
            for (place, member) in self.members.iter().enumerate() {
                let hello = direct(member.port()).await.database("admin").run_command(doc! { "hello": 1 }).await;
                if hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false)) {
                    return place;
                }
            }
            assert!(since.elapsed() < PATIENCE, "no primary");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The primary becomes a secondary, for ten seconds at least.
    pub async fn step_down(&self) {
        let primary = self.primary().await;
        let client = direct(self.members[primary].port()).await;
        let asked = doc! { "replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 5 };
        client.database("admin").run_command(asked).await.unwrap();
    }

    /// Kills the primary as a power cut would; its place.
    pub async fn kill_primary(&self) -> usize {
        let primary = self.primary().await;
        self.members[primary].kill();
        primary
    }

    pub fn start_again(&self, place: usize) {
        self.members[place].start_again();
    }
}

async fn direct(port: u16) -> Client {
    let mut options = ClientOptions::parse(format!("mongodb://127.0.0.1:{port}/")).await.unwrap();
    options.direct_connection = Some(true);
    options.server_selection_timeout = Some(Duration::from_secs(2));
    Client::with_options(options).unwrap()
}
