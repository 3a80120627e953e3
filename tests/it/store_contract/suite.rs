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
            calls:
                the_largest_calls_are_answered
                a_caller_that_went_away_leaves_nothing_half_done
                a_dropped_page_is_added_whole_or_not_at_all
                a_large_audience_is_cancelled_whole;
            doubts:
                an_operators_word_moves_who_is_in_doubt
                a_decision_survives_reopening
                evidence_counts_after_counting_as_sent
                late_proof_counts_after_giving_up
                who_is_sent_again_is_the_next_attempt
                late_proof_cancels_sending_again
                each_doubtful_attempt_gets_its_row_from_evidence
                nobody_is_sent_again_in_what_is_over
                what_was_recovered_is_decided_too
                a_large_number_of_doubts_is_decided_whole
                a_restored_backup_doubts_who_may_have_been_sent_to
                a_restored_backup_of_many_is_taken_into_use
                a_backup_from_before_the_start_is_taken_into_use
                a_backup_is_taken_into_use_by_the_holder_alone;
            fences:
                a_stale_lease_freezes_nobody
                a_stale_lease_opens_and_closes_nothing
                a_lease_given_back_decides_nothing
                a_stale_lease_folds_nothing
                facts_from_a_stale_lease_are_recorded
                requeues_from_a_stale_lease_are_left_for_recovery
                facts_and_requeues_in_one_batch_part_ways
                another_senders_lease_decides_nothing;
            folding:
                receipts_of_the_newest_attempt_follow_the_table
                receipts_of_an_older_attempt_follow_the_table
                disorder_ends_where_order_ends
                a_double_has_no_effect
                what_the_store_does_not_know_is_counted
                evidence_writes_the_log_row_that_no_answer_wrote
                a_failed_receipt_can_queue_again
                a_retry_by_receipt_need_not_use_up_a_try
                waiting_uses_up_no_try_of_a_receipt
                a_late_sent_after_a_failed_moves_nobody
                late_proof_cancels_a_retry
                receipts_move_counts_after_the_end
                proof_counts_after_a_cancel;
            freezing:
                freezing_goes_on_where_it_stood
                a_page_out_of_step_adds_nobody
                the_same_page_twice_at_once_is_added_once
                whoever_is_left_out_is_counted_with_the_reason
                running_begins_only_when_the_audience_is_whole;
            keeping:
                schedules_are_listed_the_next_first
                of_two_who_advance_a_schedule_one_does
                schedules_are_switched_off_and_on
                a_sync_replaces_all_templates
                one_template_is_changed_unless_it_stands_otherwise
                notes_are_found_by_key_and_prefix
                a_store_opened_again_knows_everything
                two_stores_have_two_ids
                a_store_says_where_it_is;
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
                a_follow_up_is_a_repeat_of_itself_alone
                one_cancelled_before_anybody_was_sent_to_is_no_repeat
                of_two_made_at_once_one_is_new
                a_scheduled_one_starts_once
                broadcasts_are_listed_newest_first;
            opt_outs:
                each_kind_stands_and_falls_by_its_own_word
                a_repeat_is_noted_once
                forms_of_one_number_are_one_person
                a_user_id_stands_until_its_phone_is_known
                people_are_listed_searched_and_counted
                whoever_opts_out_while_it_runs_gets_no_intent
                whoever_waits_for_a_retry_is_left_out_too
                only_the_kinds_that_hold_back_count
                whoever_is_back_gets_an_intent
                a_long_row_of_opted_out_people_is_passed
                who_opts_out_at_the_same_time_is_before_or_after
                opt_outs_survive_reopening;
            random_walk:
                the_first_ten_walks
                the_next_ten_walks
                the_last_ten_walks;
            receipts:
                bodies_come_back_as_they_came
                folding_drops_what_was_folded_and_no_more
                none_is_missed_while_others_append
                attempts_are_found_by_metas_id
                so_many_bytes_come_at_a_time;
            recovery:
                what_was_left_open_becomes_in_doubt
                a_lease_that_ended_is_recovered_from_too
                a_crash_between_intent_and_answer_is_recovered
                paused_and_cancelled_ones_are_recovered_as_well
                another_sender_is_left_alone
                what_never_reached_the_caller_goes_back
                an_unheld_retry_goes_back_as_a_retry
                an_earlier_holders_intents_are_not_requeued
                unheld_ones_of_a_cancelled_broadcast_are_cancelled;
            reports:
                failures_are_counted_by_code
                recipients_are_listed_by_state_and_page
                a_large_audience_is_listed_without_gaps
                the_log_is_paged_by_rising_ids
                a_reader_of_the_log_misses_no_row
                the_days_figure_counts_whole_quarter_hours
                what_a_receipt_proves_was_accepted_counts_once
                people_reached_are_counted_once_at_their_newest
                people_a_crash_left_in_doubt_count_as_reached;
            settling:
                every_verdict_moves_and_is_on_record
                the_same_outcome_twice_counts_once
                an_empty_settling_is_nothing
                a_late_answer_after_a_receipt_leaves_its_record
                an_older_attempt_moves_nobody
                a_definite_answer_settles_a_doubt
                what_never_left_is_the_same_attempt_again
                waiting_uses_up_no_try
                outcomes_of_several_broadcasts_in_one_batch
                settling_from_many_hands_at_once_loses_nothing;
            steering:
                a_pause_lets_nobody_else_go
                a_pause_from_another_hand_stops_a_running_loop
                an_operators_word_stands_over_other_reasons
                a_paused_one_goes_on_from_where_it_was
                a_cancel_ends_whoever_waits
                a_cancel_while_freezing_keeps_who_was_frozen
                a_paused_one_can_be_cancelled
                it_is_completed_when_nobody_waits_or_is_under_way
                only_a_running_one_is_completed
                what_is_final_stays;
            trail:
                acts_are_chained_in_order
                the_trail_is_paged_by_rising_ids
                acts_at_the_same_time_make_one_chain;
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
                windows_of_a_large_audience_cover_everybody_once
                windows_are_counted_over_all_holders;
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
