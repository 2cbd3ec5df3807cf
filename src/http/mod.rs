//! Health and metrics over HTTP.
//!
//! Knows: three paths and who may ask. Must not know records. Start at [`Server::start`].
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 200 when records can be processed, else 503 and one word why |
//! | `/metrics` | every metric in the OpenMetrics text format |

use crate::pipeline::Health;
use crate::pipeline::metrics::Metrics;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Media type of [`Metrics::text`] (OpenMetrics 1.0).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A running server. Dropping it ends the server and waits for its thread.
pub struct Server {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address` and answers from a thread of its own. Port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the thread cannot be started.
    pub fn start(address: SocketAddr, metrics: Arc<Metrics>, health: Health) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            let served = axum::serve(listener, router(metrics, health)).with_graceful_shutdown(async {
                // Whether told or dropped: the server ends.
                drop(ended.await);
            });
            if let Err(error) = runtime.block_on(async { served.await }) {
                tracing::error!(%error, "the http server ended");
            }
        })?;
        Ok(Self { address, end: Some(end), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panicked server thread has already been reported.
            drop(thread.join());
        }
    }
}

fn router(metrics: Arc<Metrics>, health: Health) -> Router {
    let ready = move || async move {
        match health.ready() {
            Ok(()) => (StatusCode::OK, "ready"),
            Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
        }
    };
    let metrics = move || async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.text()) };
    Router::new()
        .route("/healthz", get(|| async { "alive" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Routes, State};
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn answers_probes_and_metrics() {
        let (metrics, health) = (Arc::new(Metrics::new(&Routes::new([]))), Health::default());
        let server = Server::start("127.0.0.1:0".parse().unwrap(), metrics, health.clone()).unwrap();
        assert!(get(server.address(), "/healthz").starts_with("HTTP/1.1 200"));
        let answer = get(server.address(), "/readyz");
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("connecting"), "{answer}");
        health.set(State::Running);
        assert!(get(server.address(), "/readyz").starts_with("HTTP/1.1 200"));
        let answer = get(server.address(), "/metrics");
        assert!(answer.contains("logveil_aborts_total 0") && answer.ends_with("# EOF\n"), "{answer}");
        assert!(get(server.address(), "/other").starts_with("HTTP/1.1 404"));
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "the server ends when it is dropped");
    }
}
