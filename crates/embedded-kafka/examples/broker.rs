//! Runs the broker as a process of its own until it is killed: `cargo run -p embedded-kafka --example broker [ADDRESS]`.

use embedded_kafka::{Broker, Options};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    if let Some(address) = std::env::args().nth(1) {
        options.listen = address.parse()?;
    }
    let broker = Broker::start(options)?;
    #[expect(clippy::print_stdout, reason = "what its caller waits for")]
    {
        println!("{}", broker.bootstrap_servers());
    }
    loop {
        std::thread::park();
    }
}
