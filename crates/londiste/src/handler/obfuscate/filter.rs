//! What the rules leave of a JSON value (contract `handlers.md` 10.3).

use super::hash::{Hashed, Hasher};
use super::json::{self, Value};
use super::number;
use super::rules::Action;

/// Half a surrogate pair in a text that has to be hashed: there are no UTF-8 bytes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoText;

/// A JSON column's new text.
pub(super) fn document(
    value: &Value<'_>,
    members: &[(String, Action)],
    hasher: &Hasher,
) -> Result<String, NoText> {
    let mut out = String::new();
    if !object(value, members, hasher, &mut out)? {
        out.push_str("{}");
    }
    Ok(out)
}

/// Appends what is left of a value, and says whether anything is.
fn filter(
    value: &Value<'_>,
    action: &Action,
    hasher: &Hasher,
    out: &mut String,
) -> Result<bool, NoText> {
    match (action, value) {
        (Action::Json(members), _) => return object(value, members, hasher, out),
        (_, Value::Null) => return Ok(false),
        (Action::Keep, _) => value.write(out),
        (Action::Bool, Value::Array(_) | Value::Object(_)) => return Ok(false),
        (Action::Bool, _) => out.push_str(if value.is_true() { "\"t\"" } else { "\"f\"" }),
        (Action::Hash(form), scalar) => {
            let text = match scalar {
                Value::Bool(truth) => if *truth { "1" } else { "0" }.into(),
                Value::Number(number) => number::hashed(number),
                Value::String(text) => text.text().ok_or(NoText)?,
                Value::Null | Value::Array(_) | Value::Object(_) => return Ok(false),
            };
            match hasher.hash(*form, &text) {
                Hashed::Number(number) => out.push_str(&number.to_string()),
                Hashed::Uuid(text) => json::write_string(out, &text),
            }
        }
    }
    Ok(true)
}
/// The members that have rules, in the order of these. An object without any is nothing.
fn object(
    value: &Value<'_>,
    rules: &[(String, Action)],
    hasher: &Hasher,
    out: &mut String,
) -> Result<bool, NoText> {
    let Value::Object(members) = value else { return Ok(false) };
    let start = out.len();
    out.push('{');
    let mut first = true;
    for (name, action) in rules {
        let Some(value) = members.get(name.as_str()) else { continue };
        let before = out.len();
        out.push_str(if first { "\"" } else { ", \"" });
        out.push_str(name);
        out.push_str("\": ");
        if filter(value, action, hasher, out)? {
            first = false;
        } else {
            out.truncate(before);
        }
    }
    if first {
        out.truncate(start);
    } else {
        out.push('}');
    }
    Ok(!first)
}
