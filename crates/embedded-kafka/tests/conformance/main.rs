//! What the embedded broker claims, checked side by side with Apache Kafka.
//!
//! A probe is a function that knows a broker's address and a prefix for names, nothing else. Each runs as
//! `embedded::ROOM::PROBE`, and as `apache::ROOM::PROBE` where `LOGVEIL_TEST_KAFKA=host:port` names an Apache Kafka. Where
//! the two differ, the embedded broker is wrong.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod actors;
mod client;
mod commits;
mod configs;
mod consumers;
mod deletes;
mod faults;
mod fencing;
mod fetch;
mod groups;
mod hostile;
mod isolation;
mod offsets;
mod produce;
mod protocol;
mod retention;
mod stand;
mod topics;
mod transactions;
mod wire;

/// The list of all probes, which makes a test of each for each broker.
macro_rules! probes {
    ($($room:ident { $($probe:ident,)* })*) => {
        mod embedded {
            $(mod $room {
                $(#[test] fn $probe() { crate::stand::on_embedded(crate::$room::$probe); })*
            })*
        }

        mod apache {
            $(mod $room {
                $(#[test] fn $probe() { crate::stand::on_apache(crate::$room::$probe); })*
            })*
        }
    };
}

probes! {
    protocol {
        every_version_of_every_api_is_readable,
        no_more_is_served_than_by_apache_kafka,
        versions_that_do_not_exist_get_the_list,
        software_names_are_checked,
        requests_in_a_row_are_answered_in_order,
        texts_of_32_kib_close_the_connection,
        unknown_apis_close_the_connection,
        unknown_versions_close_the_connection,
        coordinators_are_found,
    }
    topics {
        created_topics_have_partitions_with_leaders,
        names_are_taken_once,
        bad_names_are_refused,
        bad_counts_are_refused,
        bad_settings_are_refused,
        odd_but_sound_settings_are_taken,
        validation_makes_no_topic,
        unknown_topics_are_named_so,
        all_none_or_some_topics_are_listed,
        partitions_can_be_added_only,
        added_partitions_leave_records_alone,
        deleted_topics_are_gone,
        a_topic_made_again_starts_anew,
    }
    configs {
        defaults_are_apache_kafkas,
        what_was_set_is_told_apart,
        single_settings_can_be_asked_for,
        unknown_things_have_no_settings,
        the_broker_has_settings,
        altering_replaces_all,
        changing_leaves_the_rest,
        senseless_changes_are_refused,
        settings_have_a_greatest_length,
        validation_changes_nothing,
        changes_take_effect,
    }
    produce {
        every_codec_comes_back,
        idempotent_records_keep_their_order,
        records_come_back_whole,
        append_time_replaces_create_time,
        the_answer_names_offsets,
        times_far_off_are_refused,
        sixteen_mebibytes_come_back,
        batches_have_a_largest_size,
        unknown_places_are_refused,
        acknowledgements_are_as_asked,
        failure_without_acknowledgement_closes_the_connection,
        broken_batches_are_refused,
        codecs_that_a_version_does_not_know_are_refused,
        half_a_batch_is_refused,
        what_trails_a_batch_is_dropped,
        compacted_topics_want_keys,
        producer_ids_differ,
        a_batch_sent_again_is_known,
        gaps_in_the_sequence_are_refused,
        epochs_only_rise,
        sequences_start_anywhere_and_wrap,
        transactional_batches_need_a_transaction,
        stored_batches_are_the_clients,
    }
    fetch {
        the_answer_tells_the_state_of_the_log,
        any_offset_of_a_batch_gets_the_batch,
        offsets_out_of_range_are_refused,
        unknown_places_are_refused,
        leader_epochs_are_checked,
        the_first_batch_comes_whatever_its_size,
        answers_stay_below_their_size,
        an_empty_answer_takes_its_time,
        records_end_the_wait,
        an_error_does_not_wait,
        sessions_may_be_refused_but_not_invented,
    }
    offsets {
        the_ends_of_a_log_have_offsets,
        a_time_finds_the_exact_record,
        the_first_in_the_log_counts_not_the_oldest,
        compression_does_not_blur_times,
        append_times_are_found,
        deleted_records_are_not_found,
        a_deleted_record_can_hide_later_ones,
        records_without_a_time_hide_later_ones,
        the_newest_record_has_the_largest_time,
        open_transactions_bound_what_is_found,
        unknown_places_are_refused,
        leader_epochs_are_checked,
        clients_find_by_time,
    }
    isolation {
        committed_records_are_seen,
        aborted_records_are_hidden_from_committed_readers_only,
        an_open_transaction_holds_committed_readers_back,
        the_earliest_open_transaction_counts,
        adding_a_partition_alone_holds_nobody_back,
        aborted_transactions_are_listed_where_they_overlap,
        markers_look_as_they_should,
        the_end_of_a_transaction_ends_the_wait,
    }
    transactions {
        all_partitions_commit_together,
        offsets_commit_with_the_records,
        offsets_of_an_aborted_transaction_are_dropped,
        pending_offsets_are_not_stable,
        offsets_of_a_former_generation_are_refused,
        offsets_of_a_fenced_instance_are_refused,
        offsets_of_a_rebalancing_group_are_taken,
        an_empty_transaction_may_not_end,
        ending_again_must_be_the_same_way,
        records_outside_of_a_transaction_are_refused,
        sequences_begin_anew_behind_a_fence,
        all_partitions_join_or_none,
        unknown_producers_are_refused,
        producers_start_with_sound_values_only,
        starting_anew_aborts_what_is_open,
        transactions_time_out,
        a_client_commits_and_aborts,
        an_empty_transaction_of_a_client_commits,
    }
    fencing {
        a_second_producer_fences_the_first,
        old_versions_name_the_fence_otherwise,
        offsets_of_a_fenced_producer_are_refused,
        a_producer_may_renew_itself,
        renewing_aborts_what_is_open,
        renewing_anew_aborts_what_was_opened_since,
        a_producer_that_slept_is_fenced,
        a_fenced_client_fails_for_good,
        a_second_instance_fences_the_first,
    }
    groups {
        newcomers_are_named_before_they_join,
        the_leader_divides_and_all_receive,
        members_without_a_share_get_none,
        a_protocol_that_all_know_is_chosen,
        senseless_joins_are_refused,
        a_follower_that_joins_again_changes_nothing,
        a_leader_that_joins_again_rebalances,
        heartbeats_tell_the_truth,
        syncs_of_others_are_refused,
        a_sync_in_a_rebalance_is_told_so,
        the_rest_divides_anew_when_one_leaves,
        leaving_what_one_is_not_in_is_refused,
        silent_members_are_dropped,
        a_heartbeat_keeps_a_member,
        members_late_to_rejoin_are_dropped,
        a_leader_that_never_divides_is_dropped,
        an_instance_that_restarts_keeps_its_place,
        an_instance_that_wants_something_else_rebalances,
        an_instance_leaves_when_an_operator_says_so,
        silent_instances_are_dropped,
        groups_are_described,
        groups_are_listed,
        only_empty_groups_are_deleted,
    }
    commits {
        a_commit_is_kept_whole,
        all_commits_of_a_group_can_be_fetched,
        unknown_groups_have_committed_nothing,
        commits_to_unknown_places_are_refused,
        metadata_has_a_largest_size,
        only_members_commit_for_a_group_that_has_some,
        members_commit_in_a_rebalance,
        commits_outlive_the_members,
        commits_go_with_their_group,
        commits_go_with_their_topic,
        single_commits_are_deleted,
        commits_in_use_are_not_deleted,
        clients_commit_and_fetch,
    }
    consumers {
        ranges_are_shared_and_given_back,
        cooperative_members_keep_what_they_can,
        an_instance_that_restarts_disturbs_nobody,
        an_instance_that_stays_away_is_replaced,
        a_second_process_of_an_instance_ends_the_first,
        new_partitions_are_shared_out,
        the_next_one_goes_on_where_the_last_one_committed,
        a_topic_may_come_later,
        groups_are_shown_to_clients,
    }
    deletes {
        the_low_watermark_moves,
        it_never_moves_back,
        minus_one_means_all,
        nothing_beyond_the_end_is_deleted,
        compacted_topics_refuse,
        unknown_places_are_refused,
        half_a_batch_is_hidden,
        open_transactions_do_not_protect_records,
        readers_below_the_beginning_start_over,
        groups_below_the_beginning_start_over,
        clients_delete_records,
    }
    retention {
        old_records_go_even_from_the_active_segment,
        a_young_record_keeps_its_segment,
        records_without_a_time_are_as_old_as_their_stay,
        segments_go_by_age_one_by_one,
        segments_go_by_size_but_for_the_active_one,
        records_without_a_bound_stay,
        deleted_records_leave_with_their_segment,
        a_segment_rolls_by_the_times_of_its_records,
    }
}
