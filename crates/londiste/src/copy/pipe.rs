//! One COPY into another, row by row, without ever holding more than a few chunks.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, TryStreamExt as _};
use pgq_client::{Error, Result};
use tokio_postgres::Client;

use super::progress::Progress;
use crate::handler::obfuscate::CopyRules;

/// Rows travel together up to this size; a message per row costs more than the row.
const CHUNK: usize = 64 * 1024;

/// Data per COPY statement on the destination. A statement's error shows only at its end, and nobody wants to send
/// another hour of rows into a statement that failed at the first.
const STATEMENT: usize = 64 * 1024 * 1024;

/// What rows look like on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A line for a row.
    Text,
    /// As the types send and receive themselves.
    Binary,
}

/// What rows look like on their way, and what becomes of them.
pub(super) struct Shape<'r> {
    pub(super) format: Format,
    /// How values are hidden, in rows of text.
    pub(super) rules: Option<CopyRules<'r>>,
}

impl Shape<'_> {
    /// Adds a row to a chunk.
    fn put(&self, row: &[u8], chunk: &mut BytesMut) -> Result<()> {
        match &self.rules {
            None => chunk.extend_from_slice(row),
            Some(rules) => {
                rules.line(row, chunk).map_err(|problem| Error::config(problem.to_string()))?;
            }
        }
        Ok(())
    }
}

/// What stands before the first row and behind the last one in binary form: signature, flags and the length of an
/// extension, all of which are fixed; a row of minus one columns.
const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = [0xff, 0xff];

/// Streams what `copy_out` sends on `src` into `copy_in` on `dst`.
///
/// Nothing is read from the source while the destination is busy. Both sides are left inside whatever transaction they
/// were in; after an error neither is of any more use.
///
/// # Errors
/// The first of either side, with its statement.
pub(super) async fn stream(
    src: &Client,
    copy_out: &str,
    dst: &Client,
    copy_in: &str,
    shape: &Shape<'_>,
    progress: &Progress,
) -> Result<()> {
    let format = shape.format;
    let read_error = |e| Error::sql(e, copy_out);
    let mut messages = pin!(src.copy_out(copy_out).await.map_err(read_error)?);
    let mut unpacker = Unpacker::new(format);
    let mut drained = false;
    while !drained {
        let write_error = |e| Error::sql(e, copy_in);
        let mut sink = pin!(dst.copy_in::<_, Bytes>(copy_in).await.map_err(write_error)?);
        let mut sent = 0;
        while !drained && sent < STATEMENT {
            let mut count = 0;
            let mut chunk = BytesMut::with_capacity(CHUNK + CHUNK / 4);
            if sent == 0 && format == Format::Binary {
                chunk.extend_from_slice(&HEADER);
            }
            while chunk.len() < CHUNK {
                let Some(message) = messages.try_next().await.map_err(read_error)? else {
                    drained = true;
                    break;
                };
                if let Some(row) = unpacker.row(message)? {
                    shape.put(&row, &mut chunk)?;
                    count += 1;
                }
            }
            let length = chunk.len();
            sent += length;
            if format == Format::Binary && (drained || sent >= STATEMENT) {
                chunk.extend_from_slice(&TRAILER);
            }
            sink.feed(chunk.freeze()).await.map_err(write_error)?;
            progress.add(length as u64, count);
        }
        sink.finish().await.map_err(write_error)?;
    }
    unpacker.end()
}

/// Takes rows out of the messages of a COPY: each has one, whole, as every server sends them.
struct Unpacker {
    format: Format,
    /// Bytes of the header that have not come yet.
    header: usize,
    ended: bool,
}

impl Unpacker {
    fn new(format: Format) -> Self {
        let header = match format {
            Format::Text => 0,
            Format::Binary => HEADER.len(),
        };
        Self { format, header, ended: false }
    }

    /// The row of a message; `None` where there is nothing but a part of the frame.
    fn row(&mut self, mut message: Bytes) -> Result<Option<Bytes>> {
        if self.format == Format::Text {
            return Ok(Some(message));
        }
        if self.header > 0 {
            let head = message.split_to(self.header.min(message.len()));
            let expected = &HEADER[HEADER.len() - self.header..][..head.len()];
            if head != expected {
                return Err(Error::protocol("COPY sends a binary format that is not known"));
            }
            self.header -= head.len();
        }
        if message.is_empty() {
            return Ok(None);
        }
        if self.ended {
            return Err(Error::protocol("COPY sends something behind the last row"));
        }
        if message == TRAILER.as_slice() {
            self.ended = true;
            return Ok(None);
        }
        Ok(Some(message))
    }

    /// When the messages have ended.
    fn end(&self) -> Result<()> {
        match self.format {
            Format::Binary if !self.ended => {
                Err(Error::protocol("COPY ended without the mark of its end"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &[u8] = &[0, 1, 0xff, 0xff, 0xff, 0xff];

    fn unpacked(format: Format, messages: &[&[u8]]) -> Result<Vec<Bytes>> {
        let mut unpacker = Unpacker::new(format);
        let mut rows = Vec::new();
        for message in messages {
            rows.extend(unpacker.row(Bytes::copy_from_slice(message))?);
        }
        unpacker.end()?;
        Ok(rows)
    }

    #[test]
    fn text_is_passed_on_whatever_it_is() {
        let messages: [&[u8]; 3] = [b"1\ta\n", b"\\N\t\n", b"\xff\xff"];
        assert_eq!(unpacked(Format::Text, &messages).unwrap(), messages);
    }

    #[test]
    fn binary_rows_come_without_their_frame() {
        let first = [&HEADER[..], ROW].concat();
        assert_eq!(unpacked(Format::Binary, &[&first, ROW, &TRAILER]).unwrap(), [ROW, ROW]);
        let apart: [&[u8]; 4] = [&HEADER[..7], &HEADER[7..], ROW, &TRAILER];
        assert_eq!(unpacked(Format::Binary, &apart).unwrap(), [ROW]);
        let none = [&HEADER[..], &TRAILER].concat();
        assert!(unpacked(Format::Binary, &[&none]).unwrap().is_empty());
    }

    #[test]
    fn a_frame_that_is_not_whole_is_an_error() {
        for messages in [
            vec![],
            vec![&HEADER[..]],
            vec![&HEADER[..7]],
            vec![b"PGCOPY\n\xff\r\n\0\0\x01\0\0\0\0\0\0".as_slice(), &TRAILER],
            vec![&HEADER[..], &TRAILER, ROW],
        ] {
            assert!(unpacked(Format::Binary, &messages).is_err(), "{messages:?}");
        }
    }
}
