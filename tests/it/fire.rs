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

mod door;
mod judge;
mod kills;
mod site;

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
}
