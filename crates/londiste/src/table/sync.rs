//! What happens next to a table that is not in sync: pure decisions for the worker and for copy tasks
//! (contract `worker.md` 17.3 and 18.3).
