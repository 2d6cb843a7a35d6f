//! A program that really leaks kernel objects on Linux: it opens sockets, pipes or files at a steady rate and never
//! closes one. Run poolscope beside it.
//!
//!     cargo run -p synth --example leak -- --kind sockets --rate 100 --seconds 60
//!
//! It leaks only as long as it lives: the kernel takes everything back when the process ends. It may not do anything
//! else: no network traffic, no writes, no privileges.

use std::any::Any;
use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: leak [--kind sockets|udp|pipes|files] [--rate OBJECTS_PER_SECOND] [--seconds N]

sockets  connected Unix sockets, made in pairs (sock_inode_cache, filp, UNIX)
udp      UDP sockets on the loopback address (sock_inode_cache, filp, UDP)
pipes    pipes, two files each (filp, kmalloc-cg-*)
files    the program's own file opened again (filp)

Without --seconds it runs until it is stopped. Raise the limit of open files first: ulimit -n 100000";

/// What is leaked.
#[derive(Clone, Copy)]
enum Kind {
    Sockets,
    Udp,
    Pipes,
    Files,
}

struct Plan {
    kind: Kind,
    per_second: f64,
    seconds: Option<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut err = std::io::stderr();
    let Some(plan) = plan(std::env::args().skip(1))? else {
        writeln!(err, "{USAGE}")?;
        return Ok(());
    };
    let mut held: Vec<Box<dyn Any>> = Vec::new();
    let mut objects = 0u64;
    let started = Instant::now();
    loop {
        let elapsed = started.elapsed().as_secs_f64();
        if plan.seconds.is_some_and(|seconds| elapsed >= seconds) {
            break;
        }
        // Catches up after a delay, so the rate holds whatever the scheduler does.
        while (objects as f64) < elapsed * plan.per_second {
            let (object, count) = open(plan.kind).map_err(|error| {
                format!(
                    "{objects} objects held, then: {error} (raise the limit of open files: ulimit -n 100000)"
                )
            })?;
            held.push(object);
            objects += count;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    writeln!(
        err,
        "leak: held {objects} objects, process {}",
        std::process::id()
    )?;
    Ok(())
}

/// Reads the arguments; `None` asks for help.
fn plan(mut args: impl Iterator<Item = String>) -> Result<Option<Plan>, Box<dyn Error>> {
    let mut plan = Plan {
        kind: Kind::Sockets,
        per_second: 10.0,
        seconds: None,
    };
    while let Some(arg) = args.next() {
        if matches!(arg.as_str(), "-h" | "--help") {
            return Ok(None);
        }
        let value = args
            .next()
            .ok_or_else(|| format!("{arg} needs a value\n{USAGE}"))?;
        match arg.as_str() {
            "--kind" => {
                plan.kind = match value.as_str() {
                    "sockets" => Kind::Sockets,
                    "udp" => Kind::Udp,
                    "pipes" => Kind::Pipes,
                    "files" => Kind::Files,
                    _ => return Err(format!("unknown kind {value}\n{USAGE}").into()),
                }
            }
            "--rate" => plan.per_second = value.parse()?,
            "--seconds" => plan.seconds = Some(value.parse()?),
            _ => return Err(format!("unknown option {arg}\n{USAGE}").into()),
        }
    }
    Ok(Some(plan))
}

/// Opens one more, and says how many kernel objects that were.
fn open(kind: Kind) -> std::io::Result<(Box<dyn Any>, u64)> {
    Ok(match kind {
        #[cfg(unix)]
        Kind::Sockets => (Box::new(std::os::unix::net::UnixStream::pair()?), 2),
        #[cfg(not(unix))]
        Kind::Sockets => (Box::new(std::net::UdpSocket::bind("127.0.0.1:0")?), 1),
        Kind::Udp => (Box::new(std::net::UdpSocket::bind("127.0.0.1:0")?), 1),
        Kind::Pipes => (Box::new(std::io::pipe()?), 2),
        Kind::Files => (Box::new(std::fs::File::open(std::env::current_exe()?)?), 1),
    })
}
