//! A request body that asks its gate at the last moment, and remembers whether it was handed to the socket.
//!
//! The HTTP connection polls a body only when a connection stands and the head is in its buffer. Then the gate is asked;
//! with `Go` head and body leave in one write. From that moment on the message counts as written. Before it,
//! the caller may give up, and then the body can never leave, however late the connection polls it: exactly
//! one of the two wins (one compare-and-swap). [`super::client`] is the only caller.

use super::{Admission, WriteGate};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use tokio::time::{Sleep, sleep};

/// How far a message got on its way to the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not written, and from now on it never will be.
    NeverWritten,
    /// Not written because the gate refused.
    RefusedByGate,
    /// Handed to the connection, in part or whole.
    Written,
}

const WAITING: u8 = 0;
const GIVEN_UP: u8 = 1;
const REFUSED: u8 = 2;
const WRITTEN: u8 = 3;

/// The caller's side of a [`GatedBody`]. Dropping it gives up, so a cancelled send cannot leave later.
#[derive(Debug)]
pub(super) struct Progress(Arc<AtomicU8>);

impl Progress {
    /// Ends the chance to write if it was not written yet, and says how far it got.
    pub(super) fn conclude(&self) -> Stage {
        match self.0.compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(GIVEN_UP) => Stage::NeverWritten,
            Err(REFUSED) => Stage::RefusedByGate,
            Err(_) => Stage::Written,
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.conclude();
    }
}

/// Why a body ended without its bytes.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWritten {
    /// The gate's word.
    #[error("the gate refused")]
    Refused,
    /// The caller stopped waiting before it was written.
    #[error("given up before it was written")]
    GivenUp,
}

/// The body.
pub(super) struct GatedBody {
    bytes: Bytes,
    gate: Arc<dyn WriteGate>,
    progress: Arc<AtomicU8>,
    wait: Option<Pin<Box<Sleep>>>,
}

impl GatedBody {
    /// A body and the caller's view of it.
    pub(super) fn new(bytes: Bytes, gate: Arc<dyn WriteGate>) -> (Self, Progress) {
        let progress = Arc::new(AtomicU8::new(WAITING));
        (Self { bytes, gate, progress: Arc::clone(&progress), wait: None }, Progress(progress))
    }
}

impl Body for GatedBody {
    type Data = Bytes;
    type Error = NotWritten;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NotWritten>>> {
        let this = self.get_mut();
        if this.bytes.is_empty() {
            return Poll::Ready(None);
        }
        loop {
            if let Some(wait) = &mut this.wait {
                ready!(wait.as_mut().poll(context));
                this.wait = None;
            }
            if this.progress.load(Ordering::Acquire) != WAITING {
                return Poll::Ready(Some(Err(NotWritten::GivenUp)));
            }
            let (next, error) = match this.gate.admit() {
                Admission::Wait(time) => {
                    this.wait = Some(Box::pin(sleep(time)));
                    continue;
                }
                Admission::Go => (WRITTEN, None),
                Admission::Refuse => (REFUSED, Some(NotWritten::Refused)),
            };
            let moved = this.progress.compare_exchange(WAITING, next, Ordering::AcqRel, Ordering::Acquire);
            return Poll::Ready(Some(match (moved, error) {
                (Ok(_), None) => Ok(Frame::data(std::mem::take(&mut this.bytes))),
                (Ok(_), Some(error)) => Err(error),
                (Err(_), _) => Err(NotWritten::GivenUp),
            }));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::task::Waker;

    struct Fixed(Admission);

    impl WriteGate for Fixed {
        fn admit(&self) -> Admission {
            self.0
        }
    }

    /// A gate that must not be asked: its word would use up a place in the pace.
    struct Untouched;

    impl WriteGate for Untouched {
        fn admit(&self) -> Admission {
            panic!("the gate was asked for a message that nobody waits for")
        }
    }

    /// A gate during whose answer the caller gives up.
    struct TooLate(Mutex<Option<Progress>>);

    impl WriteGate for TooLate {
        fn admit(&self) -> Admission {
            drop(self.0.lock().unwrap().take());
            Admission::Go
        }
    }

    fn behind(gate: Arc<dyn WriteGate>) -> (Pin<Box<GatedBody>>, Progress) {
        let (body, progress) = GatedBody::new(Bytes::from_static(b"{}"), gate);
        (Box::pin(body), progress)
    }

    fn body(admission: Admission) -> (Pin<Box<GatedBody>>, Progress) {
        behind(Arc::new(Fixed(admission)))
    }

    fn poll(body: &mut Pin<Box<GatedBody>>) -> Poll<Option<Result<Frame<Bytes>, NotWritten>>> {
        body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_was_handed_out_counts_as_written() {
        let (mut body, progress) = body(Admission::Go);
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(_)))));
        assert_eq!(progress.conclude(), Stage::Written);
        assert!(body.is_end_stream());
    }

    #[test]
    fn after_giving_up_nothing_can_leave() {
        let (mut body, progress) = behind(Arc::new(Untouched));
        assert_eq!(progress.conclude(), Stage::NeverWritten);
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(NotWritten::GivenUp)))));
        assert_eq!(progress.conclude(), Stage::NeverWritten);
    }

    #[test]
    fn giving_up_while_the_gate_answers_wins() {
        let gate = Arc::new(TooLate(Mutex::new(None)));
        let (mut body, progress) = behind(gate.clone());
        *gate.0.lock().unwrap() = Some(progress);
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(NotWritten::GivenUp)))));
    }

    #[test]
    fn dropping_the_callers_side_gives_up() {
        let (mut body, progress) = body(Admission::Go);
        drop(progress);
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(NotWritten::GivenUp)))));
    }

    #[test]
    fn a_refusal_is_remembered_as_the_gates() {
        let (mut body, progress) = body(Admission::Refuse);
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(NotWritten::Refused)))));
        assert_eq!(progress.conclude(), Stage::RefusedByGate);
    }
}
