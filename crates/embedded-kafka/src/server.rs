//! Sockets: one thread accepts, one serves each connection, one request of a connection after the other.

use crate::core::Core;
use crate::fault::Fault;
use crate::handle::{self, Call, Reply};
use crate::wire::{Api, ErrorCode, Malformed, Reader, Writer};
use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Largest request (`socket.request.max.bytes`).
const REQUEST_BYTES_MAX: usize = 100 * 1024 * 1024;
/// Most connections at a time; each costs a thread.
const CONNECTIONS_MAX: usize = 1024;
const BUFFER_BYTES: usize = 64 * 1024;
/// Nothing here recurses.
const STACK_BYTES: usize = 256 * 1024;

/// The connections that stand.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<BTreeMap<u64, TcpStream>>);

impl Connections {
    /// Ends all of them.
    pub(crate) fn cut(&self) {
        for stream in self.lock().values() {
            // One that the client has closed meanwhile is as good as cut.
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// None for a caller in this process.
    stream: Option<TcpStream>,
    /// As Kafka writes it: with a slash before the address.
    pub(crate) host: String,
}

impl Peer {
    fn of(stream: TcpStream) -> io::Result<Self> {
        let host = format!("/{}", stream.peer_addr()?.ip());
        Ok(Self { stream: Some(stream), host })
    }

    /// A caller in this process.
    pub(crate) fn caller() -> Self {
        Self { stream: None, host: format!("/{}", Ipv4Addr::LOCALHOST) }
    }

    /// Whether it has closed the connection, so that nobody waits for an answer. One that has sent its next request already
    /// is not known to have gone until that is read.
    pub(crate) fn is_gone(&self) -> bool {
        let Some(stream) = &self.stream else { return false };
        let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        let is_gone = match looked {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        // The thread that serves this connection, which is the one that asks, must be able to wait for its bytes again.
        stream.set_nonblocking(false).is_err() || is_gone
    }
}

/// Accepts connections until the broker stops; then waits for those that stand.
pub(crate) fn accept(listener: &TcpListener, core: &Arc<Core>, connections: &Arc<Connections>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (id, stream) in (0u64..).zip(listener.incoming()) {
        if core.is_stopping() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let Ok(stream) = stream else { continue };
        if core.faults.refuses_connections() || threads.len() >= CONNECTIONS_MAX {
            continue;
        }
        let Ok(kept) = stream.try_clone() else { continue };
        connections.lock().insert(id, kept);
        let (core, its_connections) = (Arc::clone(core), Arc::clone(connections));
        let serve = move || {
            // A connection that breaks is the client's to open again.
            serve(&core, stream).ok();
            its_connections.lock().remove(&id);
        };
        match Builder::new().name(format!("kafka-{id}")).stack_size(STACK_BYTES).spawn(serve) {
            Ok(thread) => threads.push(thread),
            Err(_) => drop(connections.lock().remove(&id)),
        }
    }
    connections.cut();
    for thread in threads {
        // A thread that panicked has already said so.
        thread.join().ok();
    }
}

/// Serves one connection until it ends.
fn serve(core: &Core, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let peer = Peer::of(stream.try_clone()?)?;
    let mut requests = BufReader::with_capacity(BUFFER_BYTES, stream.try_clone()?);
    let mut answers = BufWriter::with_capacity(BUFFER_BYTES, stream);
    let mut frame = Vec::new();
    while read_frame(&mut requests, &mut frame)? {
        answer(core, &frame, &peer, &mut answers)?;
        // One large request is no reason to keep its memory.
        frame.shrink_to(BUFFER_BYTES);
    }
    Ok(())
}

/// Reads a request; false at the end. Memory grows with what has arrived, not with what was announced.
fn read_frame(requests: &mut impl Read, frame: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match requests.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        outcome => outcome?,
    }
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(|_| io::ErrorKind::InvalidData)?;
    if length > REQUEST_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    frame.clear();
    if requests.take(length as u64).read_to_end(frame)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(true)
}

/// Handles a request (the bytes behind its length), and the fault planned for it. An error closes the connection.
pub(crate) fn answer(core: &Core, frame: &[u8], peer: &Peer, answers: &mut impl Write) -> io::Result<()> {
    let closed = || io::Error::from(io::ErrorKind::ConnectionAborted);
    let malformed = |Malformed| io::Error::from(io::ErrorKind::InvalidData);
    let mut request = Reader::new(frame, false);
    let (key, version) = (request.i16().map_err(malformed)?, request.i16().map_err(malformed)?);
    let correlation_id = request.i32().map_err(malformed)?;
    let api = Api::of_key(key).ok_or_else(closed)?;
    if !api.serves(version) {
        // A client that asks for more than the broker has learns in the oldest form what it has.
        if api != Api::ApiVersions {
            return Err(closed());
        }
        return handle::unsupported_api_versions().send(answers, correlation_id, usize::MAX);
    }
    let client_id = request.nullable_string().map_err(malformed)?.unwrap_or_default();
    request.set_flexible(api.is_flexible(version));
    request.tags().map_err(malformed)?;

    let fault = core.faults.next(api, &client_id);
    let (mut refusal, mut bytes_max): (Option<ErrorCode>, usize) = (None, usize::MAX);
    match fault {
        Some(Fault::LoseRequest) => return Err(closed()),
        Some(Fault::Delay(time)) => std::thread::sleep(time),
        Some(Fault::Refuse(error)) => refusal = Some(error),
        Some(Fault::CutAnswer(bytes)) => bytes_max = bytes,
        Some(Fault::LoseAnswer) => bytes_max = 0,
        None => {}
    }
    let call = Call { core, version, client_id: &client_id, peer, refusal };
    let mut writer = Writer::new(api.is_flexible(version));
    match handle::handle(&call, api, &mut request, &mut writer).map_err(malformed)? {
        Reply::Answer => {}
        Reply::Silence => return Ok(()),
        Reply::Close => return Err(closed()),
    }
    let writer = if api == Api::ApiVersions { writer.without_header_tags() } else { writer };
    writer.send(answers, correlation_id, bytes_max)
}
