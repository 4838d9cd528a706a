//! What the server sent without being asked, until somebody reads it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::session::Notice;

/// So many unread messages are kept; older ones are dropped. Notifications are never dropped: equal ones are one.
const MESSAGES: usize = 1000;

/// The unread part, in order of arrival.
#[derive(Default)]
pub(super) struct Inbox {
    unread: Mutex<Unread>,
    arrived: Notify,
}

#[derive(Default)]
struct Unread {
    queue: VecDeque<Notice>,
    messages: usize,
    notifications: HashSet<(String, String)>,
}

impl Inbox {
    /// Adds what arrived.
    pub(super) fn push(&self, notice: Notice) {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
        self.arrived.notify_one();
    }

    /// The oldest, if there is one.
    pub(super) fn pop(&self) -> Option<Notice> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// The oldest; waits for it. There may be one reader at a time.
    pub(super) async fn next(&self) -> Notice {
        loop {
            if let Some(notice) = self.pop() {
                return notice;
            }
            self.arrived.notified().await;
        }
    }
}

impl Unread {
    fn push(&mut self, notice: Notice) {
        match &notice {
            Notice::Message { .. } => {
                if self.messages == MESSAGES {
                    let oldest =
                        self.queue.iter().position(|n| matches!(n, Notice::Message { .. }));
                    oldest.and_then(|at| self.queue.remove(at));
                } else {
                    self.messages += 1;
                }
            }
            Notice::Notification { channel, payload } => {
                if !self.notifications.insert((channel.clone(), payload.clone())) {
                    return;
                }
            }
        }
        self.queue.push_back(notice);
    }

    fn pop(&mut self) -> Option<Notice> {
        let notice = self.queue.pop_front()?;
        match &notice {
            Notice::Message { .. } => self.messages -= 1,
            Notice::Notification { channel, payload } => {
                self.notifications.remove(&(channel.clone(), payload.clone()));
            }
        }
        Some(notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize) -> Notice {
        Notice::Message { severity: "NOTICE".to_owned(), message: number.to_string() }
    }

    fn notification(payload: &str) -> Notice {
        Notice::Notification { channel: "tick".to_owned(), payload: payload.to_owned() }
    }

    fn texts(inbox: &Inbox) -> Vec<String> {
        std::iter::from_fn(|| inbox.pop())
            .map(|notice| match notice {
                Notice::Message { message, .. } => message,
                Notice::Notification { payload, .. } => payload,
            })
            .collect()
    }

    #[test]
    fn equal_notifications_are_one_until_read() {
        let inbox = Inbox::default();
        for payload in ["a", "b", "a"] {
            inbox.push(notification(payload));
        }
        assert_eq!(texts(&inbox), ["a", "b"]);
        inbox.push(notification("a"));
        assert_eq!(texts(&inbox), ["a"]);
    }

    #[test]
    fn oldest_messages_make_room_and_notifications_stay() {
        let inbox = Inbox::default();
        inbox.push(notification("a"));
        for number in 0..=MESSAGES {
            inbox.push(message(number));
        }
        let texts = texts(&inbox);
        assert_eq!(texts.len(), MESSAGES + 1);
        assert_eq!(texts[..2], ["a", "1"]);
    }
}
