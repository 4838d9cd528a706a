//! How our daemons live on Unix: configuration files, pidfiles, going to the background, logging and signals.
//!
//! Mechanism only; what a daemon does with a signal or which keys it reads is a short table in that daemon.
//!
//! Reading guide, in the order a program starts: [`ini`] reads the file, [`logging`] opens the destinations,
//! [`pidfile`] claims the job, [`daemonize`] leaves the terminal, [`signal`] turns signals into requests
//! that [`shutdown`] carries to every task. [`home`] knows what `~` means, [`reason`] says why the system refused.

pub mod daemonize;
pub mod home;
pub mod ini;
pub mod logging;
pub mod pidfile;
pub mod reason;
pub mod shutdown;
pub mod signal;
