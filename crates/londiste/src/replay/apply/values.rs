//! Values on their way to the server: always texts, which the server's input functions understand.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use super::super::fold::Group;

/// One value as a parameter of whatever type the statement asks for.
#[derive(Debug)]
pub(super) struct TextValue<'a>(pub(super) Option<&'a str>);

impl ToSql for TextValue<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = self.0 else { return Ok(IsNull::Yes) };
        out.put_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// One column of a group of rows as a `text[]` parameter, written straight from where the rows are kept.
#[derive(Debug)]
pub(super) struct TextColumn<'a> {
    pub(super) group: Group<'a>,
    pub(super) place: usize,
}

impl ToSql for TextColumn<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        const ONE_DIMENSION: i32 = 1;
        const HAS_NULLS: i32 = 1;
        const FIRST_INDEX: i32 = 1;
        out.put_i32(ONE_DIMENSION);
        out.put_i32(HAS_NULLS);
        out.put_u32(Type::TEXT.oid());
        out.put_i32(i32::try_from(self.group.len())?);
        out.put_i32(FIRST_INDEX);
        for value in self.group.column(self.place) {
            match value {
                None => out.put_i32(-1),
                Some(text) => {
                    out.put_i32(i32::try_from(text.len())?);
                    out.put_slice(text.as_bytes());
                }
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TEXT_ARRAY
    }

    to_sql_checked!();
}
