use std::io::Write as _;
use std::net::TcpListener;
use std::task::{Wake, Waker};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;

/// How long a test waits for what has to happen.
const LATE: Duration = Duration::from_secs(30);

struct Wakes(UnboundedSender<()>);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// A stream, what is at its other end, and whoever waits to read and to write.
struct Line {
    stream: Attended,
    peer: net::TcpStream,
    waker: Waker,
    wakes: UnboundedReceiver<()>,
    room_waker: Waker,
    room_wakes: UnboundedReceiver<()>,
}

fn waker() -> (Waker, UnboundedReceiver<()>) {
    let (sender, wakes) = unbounded_channel();
    (Arc::new(Wakes(sender)).into(), wakes)
}

impl Line {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let (peer, _) = listener.accept().unwrap();
        let stream = Attended::new(TcpStream::from_std(socket).unwrap()).unwrap();
        let ((waker, wakes), (room_waker, room_wakes)) = (waker(), waker());
        Self { stream, peer, waker, wakes, room_waker, room_wakes }
    }

    fn poll(&mut self) -> Poll<Vec<u8>> {
        let mut buffer = [0; 64];
        let polled = Pin::new(&mut self.stream).poll_read(&mut Context::from_waker(&self.waker), &mut buffer);
        polled.map(|read| buffer[..read.unwrap()].to_vec())
    }

    fn write(&mut self) -> Poll<usize> {
        let context = &mut Context::from_waker(&self.room_waker);
        Pin::new(&mut self.stream).poll_write(context, &[7; 1 << 16]).map(Result::unwrap)
    }

    /// Writes until there is no more room, and returns how much.
    fn fill(&mut self) -> usize {
        let mut written = 0;
        while let Poll::Ready(more) = self.write() {
            written += more;
        }
        written
    }

    /// Reads that much at the other end, and waits to be told that there is room.
    async fn make_room(&mut self, bytes: usize) {
        self.peer.read_exact(&mut vec![0; bytes]).unwrap();
        tokio::time::timeout(LATE, self.room_wakes.recv()).await.unwrap().unwrap();
    }

    fn flush(&mut self) {
        let flushed = Pin::new(&mut self.stream).poll_flush(&mut Context::from_waker(&self.waker));
        assert!(flushed.is_ready());
    }

    async fn woken(&mut self) {
        tokio::time::timeout(LATE, self.wakes.recv()).await.unwrap().unwrap();
    }

    fn was_woken(&mut self) -> bool {
        self.wakes.try_recv().is_ok()
    }

    /// Reads as lapin does.
    async fn read(&mut self) -> Vec<u8> {
        loop {
            match self.poll() {
                Poll::Ready(read) => return read,
                Poll::Pending => self.woken().await,
            }
        }
    }

    fn is_attended(&self) -> bool {
        matches!(self.stream.socket, Socket::Thread(_))
    }

    /// Has the thread stay with the socket.
    async fn attend(&mut self) {
        self.stream.bell().note_use();
        self.peer.write_all(b"first").unwrap();
        assert_eq!(self.read().await, b"first");
        assert!(self.is_attended());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_tells_of_what_comes_first_and_the_thread_waits_for_what_comes_next() {
    let mut line = Line::new();
    assert!(line.poll().is_pending());
    line.peer.write_all(b"first").unwrap();
    line.woken().await;
    assert_eq!(line.read().await, b"first");
    assert!(!line.is_attended());
    line.attend().await;
    for _ in 0..3 {
        line.peer.write_all(b"next").unwrap();
        assert_eq!(line.poll(), Poll::Ready(b"next".to_vec()));
    }
    assert!(line.is_attended());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_moment_of_silence_the_runtime_tells_again() {
    let mut line = Line::new();
    line.attend().await;
    assert!(line.poll().is_pending());
    assert!(!line.is_attended() && !line.was_woken());
    line.peer.write_all(b"later").unwrap();
    line.woken().await;
    assert_eq!(line.read().await, b"later");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bell_calls_the_thread_away() {
    let mut line = Line::new();
    line.attend().await;
    let bell = line.stream.bell();
    line.flush();
    bell.ring();
    assert!(line.poll().is_pending());
    assert!(line.was_woken() && line.is_attended());
    // Until the thread has looked at what is queued, it does not stay.
    assert!(line.poll().is_pending());
    assert!(line.was_woken());
    line.flush();
    assert!(line.poll().is_pending());
    assert!(!line.was_woken());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bell_is_heard_by_a_thread_that_waits() {
    let mut line = Line::new();
    line.attend().await;
    let (bell, heard) = (line.stream.bell(), Arc::new(AtomicBool::new(false)));
    let was_heard = Arc::clone(&heard);
    // Where it is late, the moment is over before, and it rings in the next one.
    let ringing = std::thread::spawn(move || {
        while !was_heard.load(Ordering::SeqCst) {
            if bell.state.load(Ordering::SeqCst) == LISTENED_FOR {
                bell.ring();
            }
            std::thread::yield_now();
        }
    });
    while !line.was_woken() {
        if !line.is_attended() {
            line.attend().await;
        }
        line.flush();
        assert!(line.poll().is_pending());
    }
    heard.store(true, Ordering::SeqCst);
    ringing.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_waits_for_room() {
    let mut line = Line::new();
    line.attend().await;
    let written = line.fill();
    line.make_room(written).await;
    assert!(line.write().is_ready());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_meanwhile_does_not_end_the_wait_for_room() {
    let mut line = Line::new();
    let written = line.fill();
    line.stream.bell().note_use();
    line.peer.write_all(b"meanwhile").unwrap();
    assert_eq!(line.read().await, b"meanwhile");
    assert!(!line.is_attended());
    line.make_room(written).await;
    assert!(line.write().is_ready());
    line.attend().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_read_again_and_again() {
    let mut line = Line::new();
    line.attend().await;
    line.peer.shutdown(net::Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert!(line.read().await.is_empty());
    }
}

#[test]
fn a_runtime_that_has_ended_is_an_error() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut line = runtime.block_on(async {
        let mut line = Line::new();
        line.attend().await;
        line
    });
    drop(runtime);
    let mut buffer = [0; 64];
    for _ in 0..2 {
        let polled = Pin::new(&mut line.stream).poll_read(&mut Context::from_waker(&line.waker), &mut buffer);
        assert!(matches!(polled, Poll::Ready(Err(_))));
    }
}
