//! One copy in a process of its own (`londiste INI copy TABLE`), with the test in the worker's place.

mod contents;
mod course;
mod crashes;
mod pair;
mod several_queues;
mod withdrawn;
