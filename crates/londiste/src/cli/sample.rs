//! The sample ini file that `--ini` prints (contract `cli.md` 2.8).

/// The file with `--set` values filled in: below a commented key, or in place of an active one.
pub fn sample(overrides: &[(String, String)]) -> String {
    let lines: Vec<&str> = include_str!("sample.ini").lines().collect();
    let mut text = String::new();
    for (nr, line) in lines.iter().enumerate() {
        let wanted = key_of(line).and_then(|key| {
            // A key with alternatives is set once, below the last of them.
            let repeated = lines[nr + 1..].iter().any(|later| key_of(later) == Some(key));
            overrides.iter().rfind(|(name, _)| !repeated && name.eq_ignore_ascii_case(key))
        });
        let commented = line.starts_with('#');
        let empty = line.trim_end().ends_with('=');
        match wanted {
            Some(_) if !commented && empty => {}
            Some(_) if !commented => {
                text.push('#');
                text.push_str(line);
                text.push('\n');
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
        if let Some((_, value)) = wanted {
            let key = key_of(line).expect("only keys are wanted");
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
    text
}

/// The key that a line sets or shows commented out; comments in words have none.
fn key_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix('#').unwrap_or(line);
    let (key, _) = line.split_once('=')?;
    let key = key.strip_suffix(' ')?;
    let word = |c: char| c.is_ascii_lowercase() || c == '_';
    (!key.is_empty() && key.chars().all(word)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_after(text: &str, line: &str) -> String {
        let mut lines = text.lines().skip_while(|candidate| *candidate != line);
        assert!(lines.next().is_some(), "no line {line:?}");
        lines.next().unwrap_or_default().to_owned()
    }

    #[test]
    fn values_are_filled_in() {
        let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let text = sample(&[
            set("parallel_copies", "4"),
            set("DB", "dbname=x"),
            set("queue_name", "replika"),
            set("compare_sql", "select 1"),
        ]);
        assert_eq!(line_after(&text, "#parallel_copies = 1"), "parallel_copies = 4");
        assert_eq!(line_after(&text, "#db = dbname=somedb host=127.0.0.1"), "db = dbname=x");
        assert!(text.contains("\nqueue_name = replika\n"));
        assert!(!text.contains("queue_name =\n"));
        assert_eq!(text.matches("\ncompare_sql = select 1\n").count(), 1);
    }

    #[test]
    fn keys_are_in_the_original_order() {
        let keys: Vec<&str> = include_str!("sample.ini").lines().filter_map(key_of).collect();
        assert_eq!(
            keys,
            [
                "db",
                "remote_extra_connstr",
                "parallel_copies",
                "threaded_copy_tables",
                "threaded_copy_pool_size",
                "local_only",
                "local_only_drop_execute",
                "lock_timeout",
                "compare_sql",
                "compare_sql",
                "compare_fmt",
                "node_name",
                "public_node_location",
                "initial_provider_location",
                "register_only_tables",
                "register_only_seqs",
                "register_skip_tables",
                "register_skip_seqs",
                "global_wm_publish_period",
                "local_wm_publish_period",
                "queue_name",
                "consumer_name",
                "table_filter",
                "pgq_lazy_fetch",
                "pgq_autocommit",
                "pgq_batch_collect_events",
                "pgq_batch_collect_interval",
                "pgq_keep_lag",
                "keepalive_stats",
                "connection_lifetime",
                "loop_delay",
                "logfile",
                "pidfile",
                "job_name",
                "use_skylog",
                "skylog_locations",
                "exception_sleep",
            ]
        );
    }
}
