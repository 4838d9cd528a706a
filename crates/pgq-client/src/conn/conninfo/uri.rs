//! `postgresql://[user[:password]@][host][:port][,...][/dbname][?keyword=value&...]`

use std::borrow::Cow;

use super::{ConnInfo, HIDDEN, Refused};

/// Parses what follows the prefix of `start` bytes.
pub(super) fn parse(text: &str, start: usize, info: &mut ConnInfo) -> Refused<()> {
    let mut at = userinfo(text, start, info)?;
    let (mut hosts, mut ports) = (String::new(), String::new());
    let hosts_at = at;
    loop {
        let (host, port, end) = host_and_port(text, at)?;
        hosts.push_str(host);
        ports.push_str(port);
        at = end;
        if text.as_bytes().get(at) != Some(&b',') {
            break;
        }
        hosts.push(',');
        ports.push(',');
        at += 1;
    }
    store_decoded(info, "host", &hosts, hosts_at)?;
    store_decoded(info, "port", &ports, hosts_at)?;
    if text.as_bytes().get(at) == Some(&b'/') {
        let end = text[at..].find('?').map_or(text.len(), |q| at + q);
        store_decoded(info, "dbname", &text[at + 1..end], at + 1)?;
        at = end;
    }
    if at < text.len() { parameters(text, at + 1, info) } else { Ok(()) }
}

fn store_decoded(info: &mut ConnInfo, keyword: &str, value: &str, at: usize) -> Refused<()> {
    if !value.is_empty() {
        info.store(keyword, decode(value, at, keyword == "password")?);
    }
    Ok(())
}

/// Where the hosts begin.
fn userinfo(text: &str, start: usize, info: &mut ConnInfo) -> Refused<usize> {
    let rest = &text[start..];
    let stop = rest.find(['@', '/']).filter(|&stop| rest.as_bytes()[stop] == b'@');
    let Some(end) = stop else { return Ok(start) };
    let (user, password) = match rest[..end].split_once(':') {
        Some((user, password)) => (user, password),
        None => (&rest[..end], ""),
    };
    store_decoded(info, "user", user, start)?;
    store_decoded(info, "password", password, start + user.len() + 1)?;
    Ok(start + end + 1)
}

/// One host, its port, and where they end.
fn host_and_port(text: &str, start: usize) -> Refused<(&str, &str, usize)> {
    let rest = &text[start..];
    let (host, mut at) = if rest.starts_with('[') {
        let end = rest.find(']').ok_or_else(|| {
            let message = "end of string reached when looking for matching \"]\" in IPv6 host \
                           address in URI";
            (message.to_owned(), start)
        })?;
        if end == 1 {
            return Err(("IPv6 host address may not be empty in URI".to_owned(), start));
        }
        if let Some(next) = rest[end + 1..].chars().next()
            && !matches!(next, ':' | '/' | '?' | ',')
        {
            let message = format!(
                "unexpected character \"{next}\" at position {} in URI (expected \":\" or \"/\")",
                start + end + 2
            );
            return Err((message, start + end + 1));
        }
        (&rest[1..end], end + 1)
    } else {
        let end = rest.find([':', '/', '?', ',']).unwrap_or(rest.len());
        (&rest[..end], end)
    };
    let mut port = "";
    if rest[at..].starts_with(':') {
        let end = rest[at + 1..].find(['/', '?', ',']).map_or(rest.len(), |end| at + 1 + end);
        port = &rest[at + 1..end];
        at = end;
    }
    Ok((host, port, start + at))
}

fn parameters(text: &str, start: usize, info: &mut ConnInfo) -> Refused<()> {
    let mut at = start;
    while at < text.len() {
        let end = text[at..].find('&').map_or(text.len(), |end| at + end);
        let parameter = &text[at..end];
        let Some((name, value)) = parameter.split_once('=') else {
            let message = format!(
                "missing key/value separator \"=\" in URI query parameter: \"{parameter}\""
            );
            return Err((message, at));
        };
        if value.contains('=') {
            let message =
                format!("extra key/value separator \"=\" in URI query parameter: \"{name}\"");
            return Err((message, at));
        }
        let keyword = decode(name, at, false)?;
        let secret = super::SECRETS.contains(&keyword.as_str());
        let value = decode(value, at + name.len() + 1, secret)?;
        // The JDBC driver's way to ask for TLS.
        let known = match (keyword.as_str(), value.as_str()) {
            ("ssl", "true") => info.store("sslmode", "require".to_owned()),
            _ => info.store(&keyword, value),
        };
        if !known {
            return Err((format!("invalid URI query parameter: \"{keyword}\""), at));
        }
        at = end + 1;
    }
    Ok(())
}

/// `%xx` decoded; a `+` stays what it is.
fn decode(text: &str, start: usize, secret: bool) -> Refused<String> {
    let refuse = |what: &str, at: usize| {
        let shown = if secret { HIDDEN } else { text };
        (format!("{what}: \"{shown}\""), start + at)
    };
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let digit = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16));
        let byte =
            digit(at + 1).zip(digit(at + 2)).and_then(|(h, l)| u8::try_from(h << 4 | l).ok());
        match byte {
            None => return Err(refuse("invalid percent-encoded token", at)),
            Some(0) => return Err(refuse("forbidden value %00 in percent-encoded value", at)),
            Some(byte) => out.push(byte),
        }
        at += 3;
    }
    String::from_utf8(out).map_err(|_| refuse("percent-encoded value is not UTF-8", 0))
}

/// A URI without the password in front of its hosts.
pub(super) fn hide_userinfo(text: &str) -> Cow<'_, str> {
    let hidden = || {
        let start = text.find("://")? + 3;
        // A password that was not percent-encoded may hold an `@`, so hide up to the last one.
        let end = start + text[start..].rfind('@')?;
        let colon = start + text[start..end].find(':')?;
        Some(format!("{}:{HIDDEN}{}", &text[..colon], &text[end..]))
    };
    hidden().map_or(Cow::Borrowed(text), Cow::Owned)
}
