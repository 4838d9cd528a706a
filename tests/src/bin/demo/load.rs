//! Users logging in and out of the source, by pgbench where there is one.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postgres::{Client, NoTls};
use system_tests::server::client_program;

use super::scene::{Scene, USERS};
use super::shell::say;

const LOGIN: [&str; 2] = [
    "insert into digoal_01.user_login_rec (userid,login_time,ip) values (:userid,now(),inet_client_addr());",
    "update digoal_01.user_session set logintime=now(),login_count=login_count+1 where userid=:userid;",
];
const LOGOUT: [&str; 2] = [
    "insert into digoal_01.user_logout_rec (userid,logout_time,ip) values (:userid,now(),inet_client_addr());",
    "update digoal_01.user_session set logouttime=now(),online_interval=online_interval+(now()-logintime) where userid=:userid;",
];

/// A running load. [`Load::wait`] returns when its time is over.
pub(crate) enum Load {
    Pgbench(Vec<Child>),
    Own { threads: Vec<JoinHandle<()>>, over: Arc<AtomicBool>, time: Duration },
}

impl Load {
    /// One client of each kind for this many seconds.
    pub(crate) fn start(scene: &Scene, seconds: u32) -> Load {
        let pgbench = client_program("pgbench");
        if Command::new(&pgbench).arg("--version").output().is_err() {
            say(&format!("(no pgbench here: own loader, {seconds} s)"));
            return Load::own(scene, seconds);
        }
        let clients = [("login.sql", LOGIN), ("logout.sql", LOGOUT)].map(|(file, statements)| {
            let script = format!("\\set userid random(1, {USERS})\n{}\n", statements.join("\n"));
            std::fs::write(scene.shell.folder().join(file), script).expect("own folder");
            let address = scene.source.address();
            say(&format!("$ pgbench -M prepared -f ./{file} -c 2 -n -T {seconds} digoal_01 &"));
            Command::new(&pgbench)
                .args(["-M", "prepared", "-n", "-c", "2", "-f", file, "-T", &seconds.to_string()])
                .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &address.port.to_string()])
                .arg(scene.src.name())
                .current_dir(scene.shell.folder())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("pgbench starts")
        });
        Load::Pgbench(clients.into())
    }

    fn own(scene: &Scene, seconds: u32) -> Load {
        let over = Arc::new(AtomicBool::new(false));
        let threads = [LOGIN, LOGOUT].map(|statements| {
            let (over, connstr) = (over.clone(), scene.src.connstr());
            thread::spawn(move || log_in_and_out(&connstr, statements, &over))
        });
        Load::Own { threads: threads.into(), over, time: Duration::from_secs(seconds.into()) }
    }

    /// Waits until the load has ended.
    pub(crate) fn wait(self) {
        match self {
            Load::Pgbench(clients) => {
                for mut client in clients {
                    let status = client.wait().expect("our own child");
                    assert!(status.success(), "pgbench: {status}");
                }
            }
            Load::Own { threads, over, time } => {
                thread::sleep(time);
                over.store(true, Ordering::Relaxed);
                for thread in threads {
                    thread.join().expect("the loader does not panic");
                }
            }
        }
    }
}

fn log_in_and_out(connstr: &str, statements: [&str; 2], over: &AtomicBool) {
    let mut client = Client::connect(connstr, NoTls).expect("the source is up");
    let statements = statements
        .map(|sql| client.prepare(&sql.replace(":userid", "$1")).expect("tables are there"));
    // Any spread over the users will do; a multiplicative step visits all of them.
    let mut user = 1_u32;
    while !over.load(Ordering::Relaxed) {
        user = user.wrapping_mul(48_271).wrapping_add(11) % USERS + 1;
        let id = i32::try_from(user).expect("USERS is small");
        let mut transaction = client.transaction().expect("the source is up");
        for statement in &statements {
            transaction.execute(statement, &[&id]).expect("rows are there");
        }
        transaction.commit().expect("the source is up");
    }
}
