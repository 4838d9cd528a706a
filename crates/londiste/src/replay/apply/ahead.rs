//! Statements sent ahead of the answers to earlier ones (pipelining).

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use futures_util::poll;

/// The answer to a statement that was sent.
pub(super) type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends a statement, which the first poll of its future does, and returns the answer to come. Answers come in the order in
/// which statements were sent.
pub(super) async fn send<'a, T: Send + 'a>(
    statement: impl Future<Output = T> + Send + 'a,
) -> Answer<'a, T> {
    let mut answer: Answer<'a, T> = Box::pin(statement);
    match poll!(&mut answer) {
        Poll::Pending => answer,
        Poll::Ready(result) => Box::pin(std::future::ready(result)),
    }
}
