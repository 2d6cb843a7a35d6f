//! What this system answers, interface by interface: `cargo run -p source --example probe`.
#![expect(clippy::print_stdout, reason = "an example's result is what it prints")]

use source::{Source as _, Want};

fn main() {
    #[cfg(windows)]
    println!("DLL search restricted: {:?}", nt_query::restrict_dll_search());
    #[cfg(windows)]
    let mut source = source::windows::WindowsSource::new();
    #[cfg(not(windows))]
    let mut source = source::linux::LinuxSource::new();

    let (host, problems) = source.host();
    println!("{host:#?}\n{problems:#?}");
    match source.snapshot(&Want {
        tags: true,
        ..Want::default()
    }) {
        Ok(snapshot) => println!("{} tags", snapshot.rows.len()),
        Err(error) => println!("no tags: {error}"),
    }
    match source.snapshot(&Want {
        tags: false,
        ..Want::EVERYTHING
    }) {
        Ok(snapshot) => {
            let facts = &snapshot.facts;
            println!(
                "taken {:?}, up {:?} s, boot {:?}",
                snapshot.taken_at, snapshot.kernel_uptime_s, snapshot.boot
            );
            println!("{:#?}\n{:?}\n{:?}", facts.memory, facts.vbs, facts.own_cost);
            for process in facts.processes.iter().flatten().take(5) {
                println!("{process:?}");
            }
            for module in facts.modules.iter().flatten().take(5) {
                println!("{module:?}");
            }
            for driver in facts.drivers.iter().flatten().take(8) {
                println!("{driver:?}");
            }
            for object in facts.object_types.iter().flatten().take(8) {
                println!("{object:?}");
            }
            println!(
                "sessions {:?}\nfilters {:?}",
                facts.etw_sessions, facts.minifilters
            );
            println!("events {:?}", facts.events.as_ref().map(Vec::len));
            for problem in &snapshot.problems {
                println!("problem {}: {}", problem.step, problem.message);
            }
        }
        Err(error) => println!("no facts: {error}"),
    }
}
