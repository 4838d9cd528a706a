//! The names of the family, and what each is short for (contract `handlers.md` 9.2).

/// Name and one-line description of each handler, in the order in which the module registers them. The ready-made ones have
/// an empty description.
pub const NAMES: [(&str, &str); 35] = [
    ("dispatch", "Splits changes between partitions, keeps versions of rows, selects columns."),
    ("hourly_event", ""),
    ("hourly_batch", ""),
    ("hourly_field", ""),
    ("hourly_time", ""),
    ("daily_event", ""),
    ("daily_batch", ""),
    ("daily_field", ""),
    ("daily_time", ""),
    ("monthly_event", ""),
    ("monthly_batch", ""),
    ("monthly_field", ""),
    ("monthly_time", ""),
    ("yearly_event", ""),
    ("yearly_batch", ""),
    ("yearly_field", ""),
    ("yearly_time", ""),
    ("bulk_hourly_event", ""),
    ("bulk_hourly_batch", ""),
    ("bulk_hourly_field", ""),
    ("bulk_hourly_time", ""),
    ("bulk_daily_event", ""),
    ("bulk_daily_batch", ""),
    ("bulk_daily_field", ""),
    ("bulk_daily_time", ""),
    ("bulk_monthly_event", ""),
    ("bulk_monthly_batch", ""),
    ("bulk_monthly_field", ""),
    ("bulk_monthly_time", ""),
    ("bulk_yearly_event", ""),
    ("bulk_yearly_batch", ""),
    ("bulk_yearly_field", ""),
    ("bulk_yearly_time", ""),
    ("bulk_direct", ""),
    ("direct", ""),
];

/// The arguments that a name stands for, below those that are given; `None` for a name of another family.
pub(super) fn defaults(name: &str) -> Option<Vec<(&'static str, &'static str)>> {
    if name == "dispatch" {
        return Some(Vec::new());
    }
    let (load_mode, rest) = match name.strip_prefix("bulk_") {
        Some(rest) => ("bulk", rest),
        None => ("direct", name),
    };
    if rest == "direct" {
        return Some(vec![("load_mode", load_mode), ("table_mode", "direct")]);
    }
    let (every, time) = rest.split_once('_')?;
    let period = match every {
        "hourly" => "hour",
        "daily" => "day",
        "monthly" => "month",
        "yearly" => "year",
        _ => return None,
    };
    let part_mode = match time {
        "event" => "event_time",
        "batch" => "batch_time",
        "field" => "date_field",
        "time" => "current_time",
        _ => return None,
    };
    Some(vec![
        ("load_mode", load_mode),
        ("table_mode", "part"),
        ("row_mode", "keep_latest"),
        ("period", period),
        ("part_mode", part_mode),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_arguments() {
        let check = |name: &str, expected: &str| {
            let text = defaults(name).map(|args| {
                let args: Vec<String> = args.iter().map(|(k, v)| format!("{k}={v}")).collect();
                args.join(" ")
            });
            assert_eq!(text.as_deref().unwrap_or("no such name"), expected, "{name}");
        };
        check("dispatch", "");
        check("direct", "load_mode=direct table_mode=direct");
        check("bulk_direct", "load_mode=bulk table_mode=direct");
        check(
            "hourly_event",
            "load_mode=direct table_mode=part row_mode=keep_latest period=hour part_mode=event_time",
        );
        check(
            "daily_batch",
            "load_mode=direct table_mode=part row_mode=keep_latest period=day part_mode=batch_time",
        );
        check(
            "bulk_monthly_field",
            "load_mode=bulk table_mode=part row_mode=keep_latest period=month part_mode=date_field",
        );
        check(
            "bulk_yearly_time",
            "load_mode=bulk table_mode=part row_mode=keep_latest period=year part_mode=current_time",
        );
        for other in ["bulk", "bulk_dispatch", "weekly_event", "hourly", "hourly_x", "londiste"] {
            check(other, "no such name");
        }
    }

    #[test]
    fn every_name_is_known_once() {
        let mut names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        assert!(names.iter().all(|name| defaults(name).is_some()));
        assert_eq!(
            (names[0], names[16], names[33], names[34]),
            ("dispatch", "yearly_time", "bulk_direct", "direct")
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 35);
    }
}
