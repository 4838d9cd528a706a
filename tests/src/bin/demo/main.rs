//! The README's first command: the main job from end to end on throw-away clusters, told as an operator lives it.
//!
//! `--keep` leaves servers and daemons running and says how to reach them.

mod load;
mod scene;
mod shell;
mod story;

use std::time::Instant;

use scene::Scene;
use shell::{Shell, say};
use system_tests::folder;

fn main() {
    let keep = std::env::args().skip(1).any(|argument| argument == "--keep");
    let started = Instant::now();
    let scene = Scene::set(Shell::new(started));
    let figures = story::tell(&scene);
    scene.shell.title("Done");
    say(&format!("{figures}"));
    say(&format!("Everything together took {:.0} s.", started.elapsed().as_secs_f64()));
    if keep {
        folder::keep();
        say("\nServers and daemons keep running (--keep):");
        say(&scene.addresses());
        // Destructors would stop the servers.
        std::process::exit(0);
    }
    scene.shell.title("Cleaning up");
}
