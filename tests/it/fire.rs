//! The real thing under fire: the binary against the sandbox, with violence done to it, its store and its network.
//!
//! Every scenario ends before the same judge ([`judge`]): everything is brought back, the broadcast ends, receipts
//! come, and our ledger is compared person by person with what the sandbox took: nobody twice, nobody lost, in doubt
//! only whom the sandbox never took.
//!
//! The ordinary test command runs the short form of each scenario, on both stores; `tests/fire` (a script) runs the
//! long form, with those scenarios that need long waits (they are ignored otherwise), and prints a table. What
//! chance decides follows from a seed that every scenario prints:
//!
//! | variable | what for |
//! |---|---|
//! | `WACAST_FIRE_SEED` | the seed; without it a new one each time |
//! | `WACAST_FIRE_KILLS` | kills at random moments in one broadcast; 6 without it |
//! | `WACAST_FIRE_TABLE` | a file to which each scenario adds its line of the table |

mod api;
mod clock;
mod disk;
mod door;
mod goodbye;
mod judge;
mod kills;
mod replica_set;
mod servers;
mod several;
mod site;
mod stopped;

use site::On;

/// One scenario on both stores, as two tests. One with `#[ignore]` runs in the long form only.
macro_rules! scenario {
    ($name:ident: $run:path, $(#[$sqlite:meta])? sqlite, $(#[$mongodb:meta])? mongodb) => {
        mod $name {
            $(#[$sqlite])?
            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                $run(super::On::Sqlite).await;
            }

            $(#[$mongodb])?
            #[tokio::test(flavor = "multi_thread")]
            async fn on_mongodb() {
                $run(super::On::MongoDb).await;
            }
        }
    };
}

scenario!(killed_at_random: super::kills::at_random, sqlite, mongodb);
scenario!(one_of_two_killed_at_random: super::kills::one_of_two_at_random, sqlite, mongodb);
scenario!(killed_at_each_point: super::kills::at_each_point, sqlite, mongodb);
scenario!(taken_over: super::several::taken_over, sqlite, mongodb);
scenario!(two_senders: super::several::two_senders, sqlite, mongodb);
scenario!(steered_by_a_third_process: super::several::steered_by_a_third_process, sqlite, mongodb);
scenario!(told_to_end: super::goodbye::told_to_end, sqlite, mongodb);
scenario!(the_terminal_goes_away: super::goodbye::the_terminal_goes_away, sqlite, mongodb);
scenario!(the_api_is_dead_for_a_while: super::api::dead_for_a_while, sqlite, mongodb);
scenario!(the_api_cuts_connections: super::api::cutting, sqlite, mongodb);
scenario!(a_schedule_and_the_clock_is_stepped: super::clock::a_schedule, sqlite, mongodb);
scenario!(the_clock_is_set_back_before_retries: super::clock::set_back_before_retries, sqlite, mongodb);

// Long waits, of which the ordinary test command takes those on one store only; the script takes all.
scenario!(the_api_is_overloaded: super::api::overloaded, sqlite, #[ignore = "long: tests/fire"] mongodb);
scenario!(the_clock_is_stepped: super::clock::stepped,
    #[ignore = "long: tests/fire"] sqlite, #[ignore = "long: tests/fire"] mongodb);
scenario!(stopped_for_a_moment: super::stopped::for_a_moment, sqlite, #[ignore = "long: tests/fire"] mongodb);
scenario!(stopped_longer_than_the_lease: super::stopped::longer_than_the_lease,
    #[ignore = "long: tests/fire"] sqlite, mongodb);
scenario!(the_clock_is_set_back_while_the_holder_is_stopped: super::clock::set_back_while_the_holder_is_stopped,
    sqlite, #[ignore = "long: tests/fire"] mongodb);
scenario!(the_api_hangs: super::api::hanging,
    #[ignore = "long: tests/fire"] sqlite, #[ignore = "long: tests/fire"] mongodb);

mod mongod {
    #[ignore = "long: tests/fire"]
    #[tokio::test(flavor = "multi_thread")]
    async fn killed_and_started_again() {
        super::servers::killed_and_started_again().await;
    }

    #[ignore = "long: tests/fire"]
    #[tokio::test(flavor = "multi_thread")]
    async fn stopped_longer_than_the_lease() {
        super::servers::stopped_longer_than_the_lease().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn replica_set_loses_its_primary() {
        super::servers::replica_set_loses_its_primary().await;
    }
}

mod disk_of_sqlite {
    #[tokio::test(flavor = "multi_thread")]
    async fn no_room_in_the_file() {
        super::disk::no_room_in_the_file().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn full() {
        super::disk::full().await;
    }
}
