//! Texts with variables as the original's users write them: `%(parent)s`, and `%%` for a percent sign (contract `handlers.md`
//! 9.8).

use crate::handler::HandlerError;

/// A text with its variables found and known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(&'static str),
}

impl Template {
    /// Reads the value of an argument that may use these variables.
    ///
    /// # Errors
    /// A variable that is not among them, and a percent sign that begins neither a variable nor `%%`.
    pub(super) fn parse(
        argument: &'static str,
        text: &str,
        variables: &[&'static str],
    ) -> Result<Template, HandlerError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                literal.push('%');
                rest = after;
                continue;
            }
            let (name, after) = after
                .strip_prefix('(')
                .and_then(|after| after.split_once(")s"))
                .filter(|(name, _)| !name.contains(['(', ')', '%']))
                .ok_or(HandlerError::Percent { name: argument })?;
            let Some(name) = variables.iter().find(|known| **known == name) else {
                return Err(HandlerError::Variable {
                    name: argument,
                    variable: name.to_owned(),
                    known: variables.join(", "),
                });
            };
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
            pieces.push(Piece::Variable(name));
            rest = after;
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(literal));
        Ok(Template(pieces))
    }

    /// The text with a value for each variable.
    pub(super) fn fill<'v>(&self, value: impl Fn(&'static str) -> &'v str) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Variable(name) => value(name),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> Result<String, String> {
        Template::parse("pre_part", text, &["part", "parent"])
            .map(|template| template.fill(|name| if name == "part" { "p" } else { "q" }))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn variables_get_values() {
        for (text, expected) in [
            ("", ""),
            ("nothing (here)s", "nothing (here)s"),
            ("%(part)s", "p"),
            ("%(part)s%(parent)s", "pq"),
            ("grant select on %(part)s to x -- %(parent)s", "grant select on p to x -- q"),
            ("like 'a%%' %(part)s %%(part)s", "like 'a%' p %(part)s"),
            ("%%%(part)s%%", "%p%"),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let unknown = |name| {
            format!("Bad argument pre_part: no value for %({name})s, only for: part, parent")
        };
        let percent = "Bad argument pre_part: a percent sign is written %%, a variable %(name)s";
        for (text, error) in [
            ("%(dest)s", unknown("dest")),
            ("%()s", unknown("")),
            ("like 'a%'", percent.to_owned()),
            ("%(part)d", percent.to_owned()),
            ("%(part) %(part)s", percent.to_owned()),
            ("%s", percent.to_owned()),
            ("x%", percent.to_owned()),
        ] {
            assert_eq!(fill(text), Err(error), "{text}");
        }
    }
}
