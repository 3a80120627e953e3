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
//! | `WACAST_FIRE_KILLS` | kills at random moments in one broadcast; 8 without it |
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

/// One scenario on both stores, as two tests.
macro_rules! on_both {
    ($($(#[$attribute:meta])* $name:ident => $scenario:path;)+) => {$(
        mod $name {
            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                $scenario(super::On::Sqlite).await;
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread")]
            async fn on_mongodb() {
                $scenario(super::On::MongoDb).await;
            }
        }
    )+};
}

on_both! {
    killed_at_random => super::kills::at_random;
    killed_at_each_point => super::kills::at_each_point;
    stopped_longer_than_the_lease => super::stopped::longer_than_the_lease;
    stopped_for_a_moment => super::stopped::for_a_moment;
    the_api_is_dead_for_a_while => super::api::dead_for_a_while;
    the_api_is_overloaded => super::api::overloaded;
    the_api_cuts_connections => super::api::cutting;
    #[ignore = "half a minute until requests time out; tests/fire runs it"]
    the_api_hangs => super::api::hanging;
    told_to_end => super::goodbye::told_to_end;
    the_terminal_goes_away => super::goodbye::the_terminal_goes_away;
    the_clock_is_stepped => super::clock::stepped;
    the_clock_is_set_back_while_the_holder_is_stopped => super::clock::set_back_while_the_holder_is_stopped;
    a_schedule_and_the_clock_is_stepped => super::clock::a_schedule;
    taken_over => super::several::taken_over;
    two_senders => super::several::two_senders;
    steered_by_a_third_process => super::several::steered_by_a_third_process;
}

mod mongod {
    #[tokio::test(flavor = "multi_thread")]
    async fn killed_and_started_again() {
        super::servers::killed_and_started_again().await;
    }

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
