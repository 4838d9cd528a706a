//! What an event's type asks for (contract `worker.md` section 10). Pure.

use pgq_client::event::Event;
use pgq_client::name::QueueName;
use pgq_client::text::row;

/// What to do about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A row changed.
    Data,
    /// `R`: a table was emptied.
    Truncate,
    /// `EXECUTE`: a script for every node.
    Execute,
    /// `londiste.add-table`
    AddTable,
    /// `londiste.remove-table`
    RemoveTable,
    /// `londiste.remove-seq`
    RemoveSequence,
    /// `londiste.update-seq`
    UpdateSequence,
    /// `pgq.location-info`
    LocationInfo,
    /// `pgq.unregister-location`
    UnregisterLocation,
    /// `pgq.global-watermark`
    GlobalWatermark,
    /// `pgq.tick-id`: a merged queue's batch ended here.
    TickId,
}

/// An event that should not be in this queue. Texts are the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadEvent {
    /// Nobody knows this type.
    #[error("Unhandled event type in queue: {0}")]
    Unhandled(String),
    /// A type reserved for the cascade that we do not know.
    #[error("unknown cascade event: {0}")]
    UnknownCascade(String),
    /// A cascade event of another queue.
    #[error("bad event in queue: <id={id} type={kind} extra1={extra1}>")]
    OtherQueue {
        /// `ev_id`
        id: i64,
        /// `ev_type`
        kind: String,
        /// `ev_extra1`
        extra1: String,
    },
    /// A queue cannot be merged into itself.
    #[error("tick-id event for own queue?")]
    OwnTickId,
    /// Cascade events are made by programs that never put them back.
    #[error("CascadedWorker must not get retry events")]
    Retried,
}

/// Whether a node that does not apply data still acts on events of this type.
pub(crate) fn is_system(kind: &str) -> bool {
    kind.starts_with("pgq.") || kind.starts_with("londiste.")
}

/// Decides by the event's type.
pub(crate) fn action(event: &Event, queue: &QueueName) -> Result<Action, BadEvent> {
    let kind = event.kind.as_deref().unwrap_or_default();
    if row::is_data(kind) {
        return Ok(Action::Data);
    }
    match kind {
        "R" => Ok(Action::Truncate),
        "EXECUTE" => Ok(Action::Execute),
        "londiste.add-table" => Ok(Action::AddTable),
        "londiste.remove-table" => Ok(Action::RemoveTable),
        "londiste.remove-seq" => Ok(Action::RemoveSequence),
        "londiste.update-seq" => Ok(Action::UpdateSequence),
        kind if kind.starts_with("pgq.") => cascade_action(kind, event, queue),
        kind => Err(BadEvent::Unhandled(kind.to_owned())),
    }
}

fn cascade_action(kind: &str, event: &Event, queue: &QueueName) -> Result<Action, BadEvent> {
    if event.retry.is_some() {
        return Err(BadEvent::Retried);
    }
    let own = event.extra1.as_deref() == Some(queue.as_str());
    if kind == "pgq.tick-id" {
        return if own { Err(BadEvent::OwnTickId) } else { Ok(Action::TickId) };
    }
    if !own {
        return Err(BadEvent::OtherQueue {
            id: event.id.0,
            kind: kind.to_owned(),
            extra1: event.extra1.clone().unwrap_or_default(),
        });
    }
    match kind {
        "pgq.location-info" => Ok(Action::LocationInfo),
        "pgq.unregister-location" => Ok(Action::UnregisterLocation),
        "pgq.global-watermark" => Ok(Action::GlobalWatermark),
        _ => Err(BadEvent::UnknownCascade(kind.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgq_client::id::{EventId, Txid};

    fn decide(kind: &str, extra1: Option<&str>) -> Result<Action, String> {
        let event = Event {
            id: EventId(7),
            time: String::new(),
            txid: Txid(3),
            retry: None,
            kind: Some(kind.to_owned()),
            data: Some(String::new()),
            extra1: extra1.map(str::to_owned),
            extra2: None,
            extra3: None,
            extra4: None,
        };
        action(&event, &"q".into()).map_err(|e| e.to_string())
    }

    #[test]
    fn each_type_has_its_action() {
        for (kind, extra1, wanted) in [
            ("I", "public.t", Action::Data),
            ("U:id", "public.t", Action::Data),
            (r#"{"op":"DELETE"}"#, "public.t", Action::Data),
            ("R", "public.t", Action::Truncate),
            ("EXECUTE", "a.sql", Action::Execute),
            ("londiste.add-table", "", Action::AddTable),
            ("londiste.remove-table", "", Action::RemoveTable),
            ("londiste.remove-seq", "", Action::RemoveSequence),
            ("londiste.update-seq", "public.s", Action::UpdateSequence),
            ("pgq.location-info", "q", Action::LocationInfo),
            ("pgq.unregister-location", "q", Action::UnregisterLocation),
            ("pgq.global-watermark", "q", Action::GlobalWatermark),
            ("pgq.tick-id", "part", Action::TickId),
        ] {
            assert_eq!(decide(kind, Some(extra1)), Ok(wanted), "{kind}");
        }
    }

    #[test]
    fn foreign_events_are_errors() {
        for (kind, extra1, wanted) in [
            ("X", Some("public.t"), "Unhandled event type in queue: X"),
            ("londiste.new", Some("q"), "Unhandled event type in queue: londiste.new"),
            ("pgq.new", Some("q"), "unknown cascade event: pgq.new"),
            ("pgq.tick-id", Some("q"), "tick-id event for own queue?"),
            (
                "pgq.location-info",
                Some("other"),
                "bad event in queue: <id=7 type=pgq.location-info extra1=other>",
            ),
            (
                "pgq.global-watermark",
                None,
                "bad event in queue: <id=7 type=pgq.global-watermark extra1=>",
            ),
        ] {
            assert_eq!(decide(kind, extra1), Err(wanted.to_owned()), "{kind}");
        }
    }
}
