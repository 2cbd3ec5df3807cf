//! What the embedded broker claims, checked side by side with Apache Kafka.
//!
//! A probe is a function that knows a broker's address and a prefix for names, nothing else. Each runs as
//! `embedded::ROOM::PROBE`, and as `apache::ROOM::PROBE` where `LOGVEIL_TEST_KAFKA=host:port` names an Apache Kafka. Where
//! the two differ, the embedded broker is wrong.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod actors;
mod protocol;
mod stand;
mod topics;
mod wire;

/// The list of all probes, which makes a test of each for each broker.
macro_rules! probes {
    ($($room:ident { $($probe:ident,)* })*) => {
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
        versions_that_do_not_exist_get_the_list,
        software_names_are_checked,
        requests_in_a_row_are_answered_in_order,
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
        validation_makes_no_topic,
        unknown_topics_are_named_so,
        all_none_or_some_topics_are_listed,
        partitions_can_be_added_only,
        added_partitions_leave_records_alone,
        deleted_topics_are_gone,
        a_topic_made_again_starts_anew,
    }
}
