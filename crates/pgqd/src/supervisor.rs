//! Which databases are served: registers and unregisters them, watches their tasks, listens to the operator, writes the
//! statistics.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use daemonkit::shutdown::Shutdown;
use daemonkit::signal::Intent;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info};

use crate::config::{Databases, Settings};
use crate::database::{self, Database};
use crate::detect;
use crate::stats::Stats;

/// How long the loops get to close their connections.
const GOODBYE: Duration = Duration::from_secs(2);

/// Databases that are found together start one after the other: a server that has to start a hundred sessions at once can
/// do nothing else, and both daemon and server keep the memory that they needed for it.
const BETWEEN_STARTS: Duration = Duration::from_millis(20);

/// Pause before what crashed is started again.
const AFTER_CRASH: Duration = Duration::from_secs(10);

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In order: connections were closed.
    Stopped,
    /// At once.
    Killed,
}

/// Serves databases until the operator ends it.
///
/// `intents` waits for the operator's next wish and must be cancel safe; `reload` gets the settings in force and returns the
/// new ones, or `None` when they cannot be used and everything stays as it is.
pub async fn run(
    settings: Settings,
    mut intents: impl AsyncFnMut() -> Intent,
    mut reload: impl FnMut(&Settings) -> Option<Settings>,
) -> Ending {
    let mut supervisor = Supervisor::new(settings);
    supervisor.serve_configured();
    let mut next_line = pin!(sleep(supervisor.settings.borrow().stats_period));
    loop {
        tokio::select! {
            intent = intents() => match intent {
                Intent::Stop => {
                    info!("Got SIGINT, shutting down");
                    supervisor.stop().await;
                    return Ending::Stopped;
                }
                Intent::StopNow => return Ending::Stopped,
                Intent::Terminate => {
                    info!("Got SIGTERM, fast exit");
                    return Ending::Killed;
                }
                Intent::Reload => {
                    info!("Got SIGHUP, re-reading config");
                    let new = reload(&supervisor.settings.borrow());
                    if let Some(new) = new {
                        supervisor.change_settings(new);
                    }
                }
            },
            event = supervisor.event() => match event {
                Event::Found(names) => supervisor.serve(&names),
                Event::Ended(id, crash) => supervisor.restart(id, crash),
            },
            () = &mut next_line => {
                info!("{}", supervisor.stats.take());
                let period = supervisor.settings.borrow().stats_period;
                next_line.as_mut().reset(Instant::now() + period);
            }
        }
    }
}

struct Supervisor {
    settings: watch::Sender<Settings>,
    stats: Arc<Stats>,
    shutdown: Shutdown,
    databases: BTreeMap<String, Arc<Database>>,
    detector: Option<Detector>,
    tasks: JoinSet<()>,
    running: HashMap<Id, Task>,
}

/// Detection under way.
struct Detector {
    found: mpsc::Receiver<Vec<String>>,
    shutdown: Shutdown,
}

/// What the supervisor reacts to by itself.
enum Event {
    /// The databases that the cluster has.
    Found(Vec<String>),
    /// A task ended, and how if it crashed.
    Ended(Id, Option<JoinError>),
}

/// What a task is for.
enum Task {
    Database(Arc<Database>),
    Detector,
}

impl Supervisor {
    fn new(settings: Settings) -> Self {
        Supervisor {
            settings: watch::channel(settings).0,
            stats: Arc::default(),
            shutdown: Shutdown::new(),
            databases: BTreeMap::new(),
            detector: None,
            tasks: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    /// Serves the listed databases, or begins to look for some.
    fn serve_configured(&mut self) {
        let databases = self.settings.borrow().databases.clone();
        match databases {
            Databases::Listed(names) => {
                if let Some(detector) = self.detector.take() {
                    detector.shutdown.cancel();
                }
                self.serve(&names);
            }
            Databases::Detected if self.detector.is_none() => self.start_detector(Duration::ZERO),
            Databases::Detected => {}
        }
    }

    fn change_settings(&mut self, new: Settings) {
        self.settings.send_replace(new);
        self.serve_configured();
    }

    /// Registers the databases that are new and unregisters those that are not named.
    fn serve(&mut self, names: &[String]) {
        self.databases.retain(|name, db| {
            let stays = names.contains(name);
            if !stays {
                info!("Unregister database: {db}");
                db.stop();
            }
            stays
        });
        let mut pause = Duration::ZERO;
        for name in names {
            if !self.databases.contains_key(name) {
                let shutdown = self.shutdown.child_token();
                let stats = Arc::clone(&self.stats);
                let db = Database::new(name, self.settings.subscribe(), stats, shutdown);
                let db = Arc::new(db);
                self.databases.insert(name.clone(), Arc::clone(&db));
                self.start(db, pause);
                pause += BETWEEN_STARTS;
            }
        }
    }

    fn start(&mut self, db: Arc<Database>, pause: Duration) {
        let task = Task::Database(Arc::clone(&db));
        let handle = self.tasks.spawn(async move { database::run(&db, pause).await });
        self.running.insert(handle.id(), task);
    }

    fn start_detector(&mut self, pause: Duration) {
        let (sender, found) = mpsc::channel(1);
        let (settings, shutdown) = (self.settings.subscribe(), self.shutdown.child_token());
        self.detector = Some(Detector { found, shutdown: shutdown.clone() });
        let handle = self.tasks.spawn(async move {
            let work = async {
                sleep(pause).await;
                detect::run(settings, sender).await;
            };
            shutdown.run_until_cancelled(work).await;
        });
        self.running.insert(handle.id(), Task::Detector);
    }

    /// The next thing that happened; cancel safe.
    async fn event(&mut self) -> Event {
        let detector = &mut self.detector;
        let found = async {
            let found = match detector {
                Some(detector) => detector.found.recv().await,
                None => None,
            };
            match found {
                Some(names) => names,
                // Nobody looks, or the detector crashed: then it ends, too.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            names = found => Event::Found(names),
            Some(ended) = self.tasks.join_next_with_id() => match ended {
                Ok((id, ())) => Event::Ended(id, None),
                Err(crash) => Event::Ended(crash.id(), Some(crash)),
            },
        }
    }

    /// Forgets a task that ended; starts it again if it crashed and is still wanted.
    fn restart(&mut self, id: Id, crash: Option<JoinError>) {
        let Some(task) = self.running.remove(&id) else { return };
        let Some(crash) = crash else { return };
        match task {
            Task::Database(db) => {
                error!("{db}: {crash}; starting again");
                if self.databases.get(db.name()).is_some_and(|current| Arc::ptr_eq(current, &db)) {
                    self.start(db, AFTER_CRASH);
                }
            }
            Task::Detector => {
                error!("database detection: {crash}; starting again");
                if self.detector.is_some() {
                    self.start_detector(AFTER_CRASH);
                }
            }
        }
    }

    async fn stop(&mut self) {
        self.shutdown.cancel();
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = timeout(GOODBYE, all_ended).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves databases of a server that does not exist.
    fn supervisor(names: &[&str]) -> Supervisor {
        let databases = Databases::Listed(names.iter().map(|name| (*name).to_owned()).collect());
        let base_connstr = "host=/no/such/folder".to_owned();
        Supervisor::new(Settings { base_connstr, databases, ..Settings::default() })
    }

    async fn ended(supervisor: &mut Supervisor) -> (Id, Option<JoinError>) {
        match supervisor.event().await {
            Event::Ended(id, crash) => (id, crash),
            Event::Found(names) => panic!("found {names:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn databases_come_and_go() {
        let mut supervisor = supervisor(&["a", "b"]);
        supervisor.serve_configured();
        let a = Arc::clone(&supervisor.databases["a"]);
        supervisor.serve(&["b".to_owned(), "c".to_owned()]);
        assert_eq!(supervisor.databases.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(supervisor.running.len(), 3);
        let (id, crash) = ended(&mut supervisor).await;
        assert!(crash.is_none());
        assert!(matches!(&supervisor.running[&id], Task::Database(db) if Arc::ptr_eq(db, &a)));
        supervisor.restart(id, crash);
        assert_eq!(supervisor.running.len(), 2);
        supervisor.stop().await;
        assert!(supervisor.tasks.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_crashed_is_started_again_if_it_is_wanted() {
        let mut supervisor = supervisor(&[]);
        supervisor.serve(&["a".to_owned()]);
        let db = Arc::clone(&supervisor.databases["a"]);
        let crash = |supervisor: &mut Supervisor| {
            let handle = supervisor.tasks.spawn(async { panic!("a bug") });
            supervisor.running.insert(handle.id(), Task::Database(Arc::clone(&db)));
        };
        crash(&mut supervisor);
        let (id, error) = ended(&mut supervisor).await;
        assert!(error.as_ref().is_some_and(JoinError::is_panic));
        supervisor.restart(id, error);
        assert_eq!(supervisor.running.len(), 2, "the old one and the one started again");

        supervisor.serve(&[]);
        crash(&mut supervisor);
        while !supervisor.running.is_empty() {
            let (id, error) = ended(&mut supervisor).await;
            supervisor.restart(id, error);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn from_a_list_to_detection_and_back() {
        let mut supervisor = supervisor(&["a"]);
        supervisor.serve_configured();
        let listed = supervisor.settings.borrow().clone();
        supervisor.change_settings(Settings { databases: Databases::Detected, ..listed.clone() });
        assert!(supervisor.detector.is_some());
        assert!(supervisor.databases.contains_key("a"), "not before something is found");
        supervisor.change_settings(listed);
        assert!(supervisor.detector.is_none());
        let (id, crash) = ended(&mut supervisor).await;
        assert!(crash.is_none() && matches!(supervisor.running[&id], Task::Detector));
    }

    #[tokio::test(start_paused = true)]
    async fn the_operator_ends_it() {
        for (intent, ending) in
            [(Intent::Stop, Ending::Stopped), (Intent::Terminate, Ending::Killed)]
        {
            let settings = supervisor(&["a"]).settings.borrow().clone();
            let started = Instant::now();
            let intents = async || {
                // Some statistics lines and failed connections later.
                sleep(Duration::from_secs(100).saturating_sub(started.elapsed())).await;
                intent
            };
            assert_eq!(run(settings, intents, |_| unreachable!("no reload")).await, ending);
        }
    }
}
