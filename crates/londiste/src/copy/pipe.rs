//! One COPY into another, row by row, without ever holding more than a few chunks.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, TryStreamExt as _};
use pgq_client::{Error, Result};
use tokio_postgres::Client;

use super::progress::Progress;

/// Rows travel together up to this size; a message per row costs more than the row.
const CHUNK: usize = 64 * 1024;

/// Data per COPY statement on the destination. A statement's error shows only at its end, and nobody wants to send
/// another hour of rows into a statement that failed at the first.
const STATEMENT: usize = 64 * 1024 * 1024;

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
    progress: &Progress,
) -> Result<()> {
    let read_error = |e| Error::sql(e, copy_out);
    let mut rows = pin!(src.copy_out(copy_out).await.map_err(read_error)?);
    let mut drained = false;
    while !drained {
        let write_error = |e| Error::sql(e, copy_in);
        let mut sink = pin!(dst.copy_in::<_, Bytes>(copy_in).await.map_err(write_error)?);
        let mut sent = 0;
        while !drained && sent < STATEMENT {
            let mut count = 0;
            let mut chunk = BytesMut::with_capacity(CHUNK + CHUNK / 4);
            while chunk.len() < CHUNK {
                let Some(row) = rows.try_next().await.map_err(read_error)? else {
                    drained = true;
                    break;
                };
                chunk.extend_from_slice(&row);
                count += 1;
            }
            sent += chunk.len();
            let length = chunk.len() as u64;
            sink.feed(chunk.freeze()).await.map_err(write_error)?;
            progress.add(length, count);
        }
        sink.finish().await.map_err(write_error)?;
    }
    Ok(())
}
