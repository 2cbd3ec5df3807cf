//! The broker without sockets and threads, for fuzzing: what it is handed it answers, and time passes when told to.

use crate::core::Core;
use crate::server::{self, Peer};
use crate::{Clock, Options};
use std::time::Duration;

/// A broker that is called instead of connected to.
///
/// The same requests at the same times lead to the same state. Requests that would wait, for records or for the other
/// members of a group, are answered at once as when their time is over.
pub struct Offline {
    core: Core,
    peer: Peer,
    /// When retention was last looked at.
    retired: (Duration, i64),
}

impl Offline {
    /// A new broker. Where `options` has it listen is what it tells clients; nobody listens there.
    pub fn new(options: Options) -> Self {
        let address = options.listen;
        let core = Core::new(options, address);
        // Nothing waits in a broker that stops.
        core.stop();
        let retired = core.times();
        Self { core, peer: Peer::caller(), retired }
    }

    /// The answer to a request, with its length in front; empty when the request wants none. `request` is what stands
    /// behind the length. `None` where a connection would be closed.
    pub fn answer(&self, request: &[u8]) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        server::answer(&self.core, request, &self.peer, &mut answer).ok().map(|()| answer)
    }

    /// Lets this much time pass, on both clocks.
    pub fn pass(&mut self, time: Duration) {
        self.clock().advance_timer(time);
        self.clock().advance_wall(time);
        self.core.tick(&mut self.retired);
    }

    /// What time it is.
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }
}
