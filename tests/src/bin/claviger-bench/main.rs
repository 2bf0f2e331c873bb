//! Measures commands on the device on which it runs, as root: one JSON object a line, times in
//! microseconds, then what else there is to say. Keys that it makes stay; it is meant for a device
//! that is thrown away. Its argument names what is measured.
//!
//! The floor of everything is an invoke without parameters, which the trusted application refuses
//! before it looks at anything. The times are those of a program that uses the library, whose own
//! work is in them.

mod batch;
mod clients;
mod comparison;
mod derived;
mod life;
mod mac;
mod measure;
mod repeat;
mod scale;
mod short;
mod vault;
mod work;

use claviger::{
    Client, Login,
    proto::{Command, frame::PREFIX},
};
use claviger_tests::{ALICE, BOB, Device, bare::BareSession, frames::frame};

use self::measure::{Bench, timed};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let list = arguments.next().expect("a list is named");
    if list == "repeat" {
        return repeat::repeat(&arguments.next().expect("a call is named"));
    }
    let bench = Bench::new();
    let cold = timed(open);
    bench.report("open session, cold", vec![cold], 0);
    let device = Device::fresh();
    let root = device.user(0);
    bench.measure("open session, warm", 50, open);
    floor(&bench);
    match list.as_str() {
        "commands" => commands(&bench, &device, &root),
        "comparison" => comparison::all(&bench, &root),
        "scale" => scale::all(&bench, &device),
        "clients" => clients::all(&bench, &root),
        "short" => short::all(&bench, &root),
        other => panic!("no list is named {other}"),
    }
    if let Some(marks) = root.info().unwrap().marks {
        let (peak, size) = (marks.heap_peak, marks.heap_size);
        println!("heap   at most {peak} of {size} bytes");
        let (peak, size) = (marks.stack_peak, marks.stack_size);
        println!("stack  at most {peak} of {size} bytes");
    }
}

fn open() -> Client {
    Client::builder().login(Login::User).open().unwrap()
}

fn floor(bench: &Bench) {
    let mut bare = BareSession::try_open(PREFIX).unwrap();
    bench.measure("empty invoke", 500, || bare.invoke_without(0));
}

fn commands(bench: &Bench, device: &Device, root: &Client) {
    let alice = device.user(ALICE);
    let bob = device.user(BOB);
    invokes(bench, root);
    work::small_operations(bench, root);
    work::sealing(bench, root);
    work::encryption(bench, &alice);
    batch::batches(bench, root);
    mac::by_every_kind_of_key(bench, &alice, &bob);
    life::life(bench, &alice);
    life::ratchet(bench, &alice);
    derived::agreements(bench, &alice);
    derived::derivations(bench, &alice);
    derived::wrapping(bench, &alice);
    derived::shares(bench, &alice);
    vault::audit(bench, &alice);
    vault::keys(bench, root);
}

fn invokes(bench: &Bench, client: &Client) {
    // Wrong in its first field: what every call costs before more of it is looked at.
    let info = Command::Info.id();
    let nonsense = [0xff; PREFIX];
    bench.measure("one-memref invoke", 500, || {
        client.raw_within(info, &nonsense, 4096).unwrap()
    });
    let request = frame(b"{}", b"");
    bench.measure("info", 200, || {
        client.raw_within(info, &request, 8192).unwrap()
    });
}
