//! A door in front of a server on loopback: it can be closed (connection refused), opened again at the same address,
//! and made to lead elsewhere. It counts the requests that come through.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub struct Door {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    /// Ends the connections that stand.
    cut: Mutex<CancellationToken>,
    posts: AtomicU64,
}

impl Door {
    /// Open, at an address of its own.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { target: Mutex::new(target), cut: Mutex::default(), posts: AtomicU64::default() });
        let listening = tokio::spawn(listen(listener, shared.clone()));
        Self { address, shared, listening: Mutex::new(Some(listening)) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many POST requests came through.
    pub fn posts(&self) -> u64 {
        self.shared.posts.load(Ordering::Relaxed)
    }

    /// From now on it leads there; connections to where it led before end.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = target;
        self.cut();
    }

    /// Ends the connections that stand, in the middle of whatever is under way.
    pub fn cut(&self) {
        std::mem::take(&mut *self.shared.cut.lock().unwrap()).cancel();
    }

    /// Nobody listens any more: connections are refused.
    pub async fn close(&self) {
        let listening = self.listening.lock().unwrap().take();
        if let Some(listening) = listening {
            listening.abort();
            let _ = listening.await;
        }
        self.cut();
    }

    /// Listens again where it did.
    pub async fn open(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        *self.listening.lock().unwrap() = Some(tokio::spawn(listen(listener, self.shared.clone())));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.lock().unwrap().take() {
            listening.abort();
        }
        self.cut();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((inside, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let cut = shared.cut.lock().unwrap().clone();
            let target = *shared.target.lock().unwrap();
            tokio::select! {
                () = cut.cancelled() => {}
                _ = pass(inside, target, &shared.posts) => {}
            }
        });
    }
}

async fn pass(inside: TcpStream, target: SocketAddr, posts: &AtomicU64) -> std::io::Result<()> {
    let outside = TcpStream::connect(target).await?;
    inside.set_nodelay(true)?;
    outside.set_nodelay(true)?;
    let (mut from_inside, mut to_inside) = inside.into_split();
    let (mut from_outside, mut to_outside) = outside.into_split();
    let out = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let count = from_inside.read(&mut bytes).await?;
            if count == 0 {
                return to_outside.shutdown().await;
            }
            // A request begins a chunk of its own: nobody here sends two before an answer.
            posts.fetch_add(u64::from(bytes[..count].starts_with(b"POST ")), Ordering::Relaxed);
            to_outside.write_all(&bytes[..count]).await?;
        }
    };
    let back = async {
        tokio::io::copy(&mut from_outside, &mut to_inside).await?;
        to_inside.shutdown().await
    };
    tokio::try_join!(out, back).map(|_| ())
}
