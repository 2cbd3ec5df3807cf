//! Faults that the embedded broker commits when it is told to.

use crate::wire::admin::Metadata;
use crate::wire::groups::ListGroups;
use crate::wire::{Code, Connection};
use embedded_kafka::{Api, Broker, ErrorCode, Fault, Options};

fn start() -> (Broker, Connection) {
    let broker = Broker::start(Options { auto_create_partitions: Some(1), ..Options::default() }).unwrap();
    let connection = Connection::open(&broker.bootstrap_servers());
    (broker, connection)
}

#[test]
fn what_is_refused_is_not_done() {
    let (broker, mut connection) = start();
    broker.faults().plan(Api::Metadata, Fault::Refuse(ErrorCode::TopicAuthorizationFailed), 1);
    let ask = |topics| Metadata { topics, create: true };
    let named = connection.ask(&ask(Some(vec!["a".to_owned()]))).topics;
    assert_eq!(named[0].code.0, ErrorCode::TopicAuthorizationFailed as i16);
    assert_eq!(connection.ask(&ask(None)).topics.len(), 0);
    assert_eq!(connection.ask(&ask(Some(vec!["a".to_owned()]))).topics[0].code, Code::NONE);
}

#[test]
fn other_clients_do_not_meet_a_fault() {
    let (broker, mut connection) = start();
    let metadata = Metadata { topics: None, create: false };
    broker.faults().plan_for("logveil-", Api::Metadata, Fault::LoseRequest, 1);
    broker.faults().plan_for("conform", Api::ListGroups, Fault::LoseRequest, 1);
    connection.ask(&metadata);
    assert_eq!((broker.faults().planned_for(Api::Metadata), broker.faults().planned()), (1, 2));
    connection.send_bytes(&crate::wire::frame(&ListGroups { states: Vec::new() }, 0, 7).bytes);
    assert_eq!(connection.receive_bytes(), None);
    assert_eq!(broker.faults().planned_for(Api::ListGroups), 0);
}
