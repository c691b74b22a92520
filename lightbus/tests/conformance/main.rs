//! What the bus promises, written once in its public terms and run against every transport.
//!
//! The tests on RabbitMQ need a broker: run them with `./scripts/test`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "the scenarios are one crate")]

mod calls;
mod conflicts;
mod consumers;
mod dead_letters;
mod deadlines;
mod dedupe;
mod desk;
mod events;
mod failing_events;
mod headers;
mod health;
mod introspection;
mod layers;
mod retries;
mod shutdown;
mod stopping;
mod subscribers;
mod threads;
mod user_code;
mod what_happened;

/// Makes a test for every transport of each scenario.
macro_rules! on_every_transport {
    ($($module:ident: $($scenario:ident)+;)+) => {
        mod memory {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    let world = lightbus_test_support::world::World::in_memory().await;
                    crate::$module::$scenario(&world).await;
                    world.end().await;
                }
            )+)+
        }

        mod rabbitmq {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    let world = lightbus_test_support::world::World::on_rabbitmq().await;
                    crate::$module::$scenario(&world).await;
                    world.end().await;
                }
            )+)+
        }
    };
}

on_every_transport! {
    calls:
        a_call_returns_what_the_method_returns
        a_method_returns_its_own_typed_error
        a_call_to_an_api_that_nobody_serves_fails_at_once
        a_method_that_the_server_does_not_have_has_its_own_error
        arguments_that_do_not_decode_have_their_own_error_with_the_path
        a_reply_that_does_not_decode_has_its_own_error
        an_argument_with_a_default_may_be_missing
        an_argument_that_is_an_option_may_be_missing_and_unknown_ones_are_ignored
        arguments_that_nobody_could_decode_are_refused_before_they_are_sent
        a_reply_that_nobody_could_decode_is_refused_by_the_server
        a_panic_in_a_handler_has_its_own_error_and_the_server_continues
        the_handler_knows_who_calls
        nothing_is_sent_before_the_await
        parallel_calls_run_up_to_the_concurrency_limit
        the_processes_of_a_service_share_its_calls
        no_call_waits_behind_a_long_one_while_another_process_is_idle
        an_application_serves_several_apis_and_calls_its_own
        ten_thousand_dropped_calls_leave_nothing_behind
        ten_megabytes_go_through
        messages_that_are_too_large_are_refused_on_both_sides
        a_process_serves_an_api_once
        an_idempotent_method_is_run_again_when_its_server_died
        any_other_method_is_never_run_again_when_its_server_died
        a_call_held_by_a_dead_server_is_not_run_and_says_so;
    deadlines:
        a_call_that_times_out_says_that_a_server_was_running
        a_call_that_times_out_says_that_no_server_was_running
        a_call_that_waited_too_long_is_not_run
        a_call_within_a_handler_inherits_the_deadline
        a_spawned_task_inherits_the_deadline_that_it_is_given
        a_call_that_waits_for_its_own_handler_says_how_to_let_it_run
        a_method_has_a_default_timeout
        a_call_of_a_handler_without_time_left_is_not_sent
        no_timeout_is_too_long;
    events:
        an_event_reaches_its_subscription_with_its_context
        an_event_without_subscribers_is_published
        an_event_that_nobody_could_decode_is_refused_by_its_publisher
        only_the_service_of_an_api_publishes_its_events
        each_subscription_gets_every_event
        the_processes_of_a_service_share_a_subscription
        events_wait_for_a_subscriber_that_is_down
        handlers_have_many_forms
        a_pattern_subscription_gets_events_of_every_type
        a_subscription_with_a_narrower_pattern_gets_no_other_events
        a_subscription_to_another_event_gets_no_other_events
        a_newer_process_gets_the_events_that_only_it_wants
        one_at_a_time_keeps_the_order
        events_are_handled_up_to_the_concurrency_limit
        no_event_waits_behind_a_long_one_while_another_process_is_idle
        a_handler_calls_and_publishes
        a_process_uses_a_subscription_name_once
        a_thousand_events_published_at_once_arrive_once_each
        ten_megabytes_are_published
        an_event_that_is_too_large_is_refused;
    failing_events:
        an_event_whose_handler_fails_becomes_a_dead_letter
        an_event_whose_handler_panics_becomes_a_dead_letter
        an_event_that_the_handler_rejects_becomes_a_dead_letter
        an_event_that_does_not_decode_becomes_a_dead_letter;
    dead_letters:
        listed_dead_letters_stay_in_place
        a_dead_letter_records_its_attempts
        a_dead_letter_names_the_handler_timeout
        an_undecodable_event_is_shown_unchanged
        a_dead_letter_is_replayed_to_its_subscription_alone
        all_dead_letters_are_replayed_once
        dead_letters_are_discarded
        a_dropped_list_of_dead_letters_leaves_them_in_place
        a_subscription_that_does_not_exist_is_named_with_similar_names
        an_admin_names_another_service
        the_application_is_told_of_each_dead_letter;
    conflicts:
        a_process_warns_of_other_events_under_the_name_of_its_subscription
        a_process_warns_once_of_another_service_that_serves_its_api
        a_caller_warns_of_a_server_that_it_does_not_understand
        a_server_warns_of_a_caller_that_it_does_not_understand
        a_subscriber_warns_of_a_publisher_that_it_does_not_understand
        processes_that_go_together_are_not_warned_of;
    consumers:
        a_dropped_subscribe_leaves_nothing_behind
        a_dropped_serve_leaves_nothing_behind
        a_consumer_that_is_stopped_finishes_what_runs
        a_consumer_that_is_stopped_leaves_its_calls_to_others
        events_wait_for_a_subscription_that_was_stopped
        dropping_a_handle_changes_nothing
        a_handler_stops_its_own_subscription
        a_limit_of_zero_is_refused;
    dedupe:
        an_event_keeps_its_id_when_it_is_delivered_again
        an_event_that_another_process_handled_is_dropped
        a_pattern_subscription_drops_repeats
        a_failed_attempt_is_not_remembered
        a_dead_letter_that_is_replayed_is_handled
        subscriptions_that_share_a_store_get_their_own_copies
        an_event_whose_look_up_fails_is_retried
        an_event_whose_look_ups_all_fail_becomes_a_dead_letter
        an_event_that_cannot_be_remembered_is_handled_once;
    headers:
        a_call_carries_headers
        chosen_headers_go_on_with_what_a_handler_sends
        headers_that_nobody_could_read_are_refused
        an_event_keeps_its_headers_over_retries_and_as_a_dead_letter;
    health:
        health_lists_the_consumers
        a_process_that_was_shut_down_is_not_healthy;
    introspection:
        every_process_answers_with_what_it_consumes
        a_process_tells_everything_about_itself
        questions_go_to_a_service_or_to_one_process
        a_schema_is_fetched_by_its_hash
        a_process_that_left_is_not_missing
        processes_come_and_go_while_everyone_is_asked
        asking_on_a_bus_that_was_shut_down_fails;
    layers:
        layers_run_once_each_from_the_outermost_inwards
        a_message_does_not_go_on_unless_its_layer_says_so
        a_handler_reads_what_layers_leave_for_it
        what_a_layer_adds_is_sent
        a_layer_answers_in_place_of_the_method
        a_layer_tries_again
        a_failure_in_a_layer_is_a_failed_attempt
        layers_run_within_the_deadline;
    retries:
        an_event_that_fails_is_retried_at_once_by_default
        an_event_is_retried_until_it_is_handled
        an_event_that_fails_on_every_attempt_becomes_a_dead_letter
        an_event_that_the_handler_rejects_is_not_retried
        other_events_are_handled_while_one_waits_for_its_retry
        an_event_waits_for_its_retry_while_the_service_is_down
        a_handler_that_takes_too_long_is_cut_off_and_its_event_retried
        a_handler_that_is_cut_off_by_a_shutdown_has_made_no_attempt;
    subscribers:
        the_handlers_of_a_type_subscribe_together
        a_handler_of_a_type_keeps_its_own_settings
        no_subscription_remains_when_one_of_a_type_fails;
    shutdown:
        a_shutdown_lets_a_running_call_finish
        a_shutdown_that_takes_too_long_tells_the_caller
        a_shutdown_hands_an_idempotent_call_to_another_server
        a_shutdown_hands_waiting_calls_to_another_server
        a_shutdown_lets_a_running_event_handler_finish
        an_event_whose_handler_was_cut_off_is_delivered_again
        after_a_shutdown_everything_is_refused
        run_ends_when_the_bus_is_shut_down;
    user_code:
        an_event_whose_decoding_panics_is_retried_and_kept
        an_event_whose_error_panics_in_display_is_retried_and_kept
        an_event_whose_handler_panics_in_drop_is_retried_and_kept
        a_handler_that_panics_when_it_is_cut_off_is_retried
        a_reply_whose_encoding_panics_is_a_panic_of_the_handler
        a_reply_whose_decoding_panics_is_invalid
        handlers_with_large_futures_run;
    stopping:
        a_handler_may_shut_its_own_bus_down
        a_call_may_shut_its_server_down
        a_shutdown_continues_without_its_caller
        a_shutdown_waits_for_events_that_are_being_published
        a_handler_of_a_stopping_process_is_told_that_nobody_serves
        run_until_ends_with_its_future
        run_until_ends_when_the_bus_is_shut_down;
    what_happened:
        calls_are_counted_by_how_they_end
        a_call_that_waits_and_one_that_is_dropped_are_counted
        events_are_counted_on_both_sides
        what_a_handler_sends_has_it_as_its_cause
        records_do_not_keep_what_layers_gave_to_a_handler
        a_process_keeps_as_many_records_as_it_is_told
        other_processes_are_asked_what_happened;
    threads:
        a_thread_without_a_runtime_uses_the_bus
        a_bus_whose_runtime_has_ended_says_so;
}
