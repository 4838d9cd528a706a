//! An event as a consumer reads it.

use crate::id::{EventId, Txid};

/// One event of a batch. Text fields hold what the producer wrote; `ev_time` stays the server's text so that it can be
/// passed on unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `ev_id`
    pub id: EventId,
    /// `ev_time`, in the server's text form.
    pub time: String,
    /// `ev_txid`: the transaction on the server the event was read from.
    pub txid: Txid,
    /// `ev_retry`: how often it was put back; `None` for a first try.
    pub retry: Option<i32>,
    /// `ev_type`
    pub kind: Option<String>,
    /// `ev_data`
    pub data: Option<String>,
    /// `ev_extra1`: for data events the table.
    pub extra1: Option<String>,
    /// `ev_extra2`
    pub extra2: Option<String>,
    /// `ev_extra3`
    pub extra3: Option<String>,
    /// `ev_extra4`
    pub extra4: Option<String>,
}

impl Event {
    /// How much text it holds, in bytes: nearly all of the memory it takes.
    pub fn text_bytes(&self) -> usize {
        let texts =
            [&self.kind, &self.data, &self.extra1, &self.extra2, &self.extra3, &self.extra4];
        let texts = texts.into_iter().map(|text| text.as_ref().map_or(0, String::len));
        self.time.len() + texts.sum::<usize>()
    }
}
