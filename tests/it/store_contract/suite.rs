//! The list of all cases, and the macro that makes tests of them for one engine.
//!
//! A case that is missing here is dead code, so the compiler names it.

/// `contract_suite!(name, factory)` makes a module `name` with a test of every case; the expression makes a
/// [`Factory`](super::Factory) and is evaluated once for each case. Attributes before the name go to every
/// test, for instance `#[ignore = "needs a server"]`.
macro_rules! contract_suite {
    ($(#[$attribute:meta])* $engine:ident, $factory:expr) => {
        $crate::store_contract::contract_suite! {
            @tests [$(#[$attribute])*] $engine, $factory,
            audience:
                everybody_once_at_the_newest_row
                one_list_alone
                pages_of_any_size_make_the_same_walk
                a_fixed_audience_does_not_see_later_uploads
                an_unknown_list_is_not_found;
            fences:
                a_stale_lease_freezes_nobody
                a_stale_lease_opens_and_closes_nothing
                a_lease_given_back_decides_nothing
                a_stale_lease_folds_nothing
                facts_from_a_stale_lease_are_recorded
                requeues_from_a_stale_lease_are_left_for_recovery
                facts_and_requeues_in_one_batch_part_ways;
            freezing:
                freezing_goes_on_where_it_stood
                a_page_out_of_step_adds_nobody
                the_same_page_twice_at_once_is_added_once
                whoever_is_left_out_is_counted_with_the_reason
                running_begins_only_when_the_audience_is_whole;
            leases:
                one_holder_at_a_time
                of_two_who_ask_at_once_one_holds
                others_read_what_the_holder_says
                a_lease_given_back_is_free_and_worthless
                a_lease_that_ended_goes_to_the_next
                a_renewed_lease_does_not_end
                only_the_holder_that_is_gone_is_taken_over;
            making:
                a_made_broadcast_reads_back
                a_key_makes_one_broadcast
                an_occurrence_makes_one_broadcast
                a_repeat_is_told
                one_cancelled_before_anybody_was_sent_to_is_no_repeat
                of_two_made_at_once_one_is_new
                a_scheduled_one_starts_once
                broadcasts_are_listed_newest_first;
            uploads:
                nobody_sees_an_upload_before_its_end
                known_phones_are_told_by_list_and_by_upload
                a_list_counts_each_person_once
                a_used_key_answers_as_before
                two_with_one_key_at_once_are_one_upload
                an_abandoned_upload_leaves_nothing
                a_sweep_takes_old_unfinished_uploads_only
                nothing_is_added_to_a_finished_upload;
            windows:
                intents_come_in_order_with_all_that_sending_needs
                an_intent_survives_reopening
                due_retries_go_first
                a_retry_is_not_granted_early_when_nobody_else_is_left
                two_callers_at_once_never_get_the_same_person
                only_a_running_broadcast_opens_windows
                windows_of_a_large_audience_cover_everybody_once;
        }
    };
    (@tests $attributes:tt $engine:ident, $factory:expr, $($theme:ident: $($case:ident)+;)+) => {
        mod $engine {
            use super::*;
            $(
                mod $theme {
                    use super::*;
                    $(
                        $crate::store_contract::contract_suite! { @test $attributes $theme $case $factory }
                    )+
                }
            )+
        }
    };
    (@test [$(#[$attribute:meta])*] $theme:ident $case:ident $factory:expr) => {
        $(#[$attribute])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::store_contract::$theme::$case(&$factory).await;
        }
    };
}
pub(crate) use contract_suite;
