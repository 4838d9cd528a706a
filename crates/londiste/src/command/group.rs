//! The nodes that keep events for each other: the list in the node attribute `sync_watermark` (contract `worker.md` section 16).

use pgq_client::name::NodeName;
use pgq_client::text::urlenc;

const SYNC_WATERMARK: &str = "sync_watermark";

/// Attributes of a node with `new` in the place of `old` in its list, or without `old`; `None` when that is not in there. A list
/// with nobody in it is left out.
///
/// # Errors
/// When the attributes are not url-encoded.
pub(super) fn replaced(
    attrs: Option<&str>,
    old: &NodeName,
    new: Option<&NodeName>,
) -> anyhow::Result<Option<String>> {
    let mut changed = false;
    let mut pairs = Vec::new();
    for pair in urlenc::pairs(attrs.unwrap_or_default()) {
        let (key, value) = pair?;
        let Some(list) = value.as_deref().filter(|_| key == SYNC_WATERMARK) else {
            pairs.push((key.into_owned(), value.map(|value| value.into_owned())));
            continue;
        };
        let mut names: Vec<&str> = Vec::new();
        for name in list.split(',') {
            if name.trim() != old.as_str() {
                names.push(name);
                continue;
            }
            changed = true;
            names.extend(new.map(NodeName::as_str));
        }
        if !names.is_empty() {
            pairs.push((key.into_owned(), Some(names.join(","))));
        }
    }
    let pairs = pairs.iter().map(|(key, value)| (key.as_str(), value.as_deref()));
    Ok(changed.then(|| urlenc::encode_pairs(pairs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(attrs: Option<&str>, new: Option<&str>, expected: Option<&str>) {
        let new = new.map(NodeName::new);
        let got = replaced(attrs, &"n1".into(), new.as_ref()).unwrap();
        assert_eq!(got.as_deref(), expected, "{attrs:?}");
    }

    #[test]
    fn lists_of_nodes_have_the_new_name() {
        let new = Some("new name");
        check(
            Some("sync_watermark=n2%2cn1&other=n1"),
            new,
            Some("sync_watermark=n2%2cnew+name&other=n1"),
        );
        check(Some("sync_watermark=n1"), new, Some("sync_watermark=new+name"));
        check(Some("sync_watermark=n11%2cn2"), new, None);
        check(Some("other=n1"), new, None);
        check(None, new, None);
    }

    #[test]
    fn who_has_left_is_in_no_list() {
        check(Some("other=n1&sync_watermark=n2%2c+n1"), None, Some("other=n1&sync_watermark=n2"));
        check(Some("sync_watermark=n1"), None, Some(""));
        check(Some("sync_watermark=n2"), None, None);
    }
}
