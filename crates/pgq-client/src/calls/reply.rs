//! `ret_code` and `ret_note`: how most SQL functions answer (contract `cli.md` 3.5).

/// The answer of an SQL function that reports success and failure as a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// `ret_code`: 1xx fine, 2xx done, 3xx warning, 4xx and more failed.
    pub code: i32,
    /// `ret_note`; the SQL functions may leave it NULL, which reads as empty.
    pub note: String,
    /// The statement that failed, with its arguments as literals: for logs only. `None` when it did not fail.
    pub query: Option<String>,
}

/// What a reply's code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// 100 to 199.
    Fine,
    /// 200 to 299.
    Done,
    /// 300 to 399.
    Warning,
    /// Anything else.
    Failed,
}

impl Reply {
    /// What the code says.
    pub fn severity(&self) -> Severity {
        Severity::of(self.code)
    }
}

impl Severity {
    /// What a `ret_code` says.
    pub fn of(code: i32) -> Severity {
        match code / 100 {
            1 => Severity::Fine,
            2 => Severity::Done,
            3 => Severity::Warning,
            _ => Severity::Failed,
        }
    }
}
