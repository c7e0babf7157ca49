//! A connection to a daemon that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes bytes on between the clients at its port and a daemon, until it is cut.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_cut: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// Starts a proxy of the daemon at `port`.
    pub(crate) fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            address: format!("tcp://{}", listener.local_addr().unwrap()),
            state: Arc::default(),
        };
        let of_thread = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(daemon) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                of_thread.pass(client, daemon);
            }
        });
        proxy
    }

    fn pass(&self, client: TcpStream, daemon: TcpStream) {
        let mut state = self.state.lock().unwrap();
        if state.is_cut {
            return;
        }
        let both = [(&client, &daemon), (&daemon, &client)];
        for (from, to) in both {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || copy(from, to));
        }
        state.streams.extend([client, daemon]);
    }

    /// Ends all connections, and refuses new ones.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Accepts connections again.
    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().is_cut = false;
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // The other direction may still be in use: a client that has sent everything waits for answers.
    let _ = to.shutdown(Shutdown::Write);
}
