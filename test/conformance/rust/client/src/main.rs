// The published Rust client crate, unmodified, against our server: connect, call, subscribe, reconnect, and a server
// killed in the middle of it.
//
// SPACETIME is the program under test, STDB_KINDS_WASM the module of golden/modules/kinds. Arguments are parts of
// scenario names; none means all.
mod bindings;
mod client;
mod scenarios;
mod server;

use server::Server;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Instant;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut server = Server::new();
    server.start();
    server.publish();
    let (mut passed, mut failed) = (0, 0);
    for (name, scenario) in scenarios::ALL {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let start = Instant::now();
        let is_ok = catch_unwind(AssertUnwindSafe(|| scenario(&mut server))).is_ok();
        let verdict = if is_ok { "ok  " } else { "FAIL" };
        println!("{verdict} {name} ({} ms)", start.elapsed().as_millis());
        match is_ok {
            true => passed += 1,
            false => failed += 1,
        }
    }
    drop(server);
    println!("{passed} passed, {failed} failed");
    std::process::exit(if failed == 0 && passed > 0 { 0 } else { 1 });
}
