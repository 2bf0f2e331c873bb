//! Whether what is not authentic takes the same time wherever it is wrong: on the device on which
//! it runs, as root, in a guest whose time is counted instructions. One line a test, as libtest
//! prints them.
//!
//! Each byte of a tag is wrong in turn, call after call, so that whatever drifts does so for all of
//! them. What they are compared by is the mean of the middle half: Linux's timer and what a refusal
//! now and then stores are in the rest.

use std::{ops::Range, process::ExitCode, time::Instant};

use claviger::{Algorithm, Client, Key, Status, proto::Command};
use claviger_proto::{
    blob, limits,
    message::{UnsealRequest, VerifyMacRequest},
};
use claviger_tests::{
    Device,
    frames::{frame, header, status_of},
    label,
};

/// Calls with each byte wrong, and with none.
const ROUNDS: usize = 400;
/// How far those with a wrong byte may lie apart, of a whole call.
const APART: f64 = 0.001;
/// How far from them success may lie, of a whole call: it is not counted as a refusal, and has an
/// answer, which is copied.
const SUCCESS: f64 = 0.1;

/// A call that succeeds, and the bytes of its frame that hold the tag.
struct Case {
    name: &'static str,
    command: Command,
    frame: Vec<u8>,
    tag: Range<usize>,
}

fn main() -> ExitCode {
    let device = Device::fresh();
    let root = device.user(0);
    let mut failed = 0;
    let cases = cases(&root);
    for case in &cases {
        let (success, wrong) = measure(&root, case);
        let most = wrong.iter().copied().fold(f64::MIN, f64::max);
        let least = wrong.iter().copied().fold(f64::MAX, f64::min);
        let apart = (most - least) / least;
        let ok = apart <= APART && ((success - least) / least).abs() <= SUCCESS;
        failed += usize::from(!ok);
        println!(
            "test {}: each of {} bytes wrong ... {} ({least:.2} to {most:.2} us, {:.3} % apart; {success:.2} us right)",
            case.name,
            wrong.len(),
            if ok { "ok" } else { "FAILED" },
            apart * 100.0,
        );
    }
    let passed = cases.len() - failed;
    let all = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {all}. {passed} passed; {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

fn cases(client: &Client) -> Vec<Case> {
    let mac = |name, algorithm, message: &[u8]| {
        let key = client.generate(name, algorithm).unwrap();
        let tag = key.mac(message).unwrap();
        let request = VerifyMacRequest {
            key: label(name).into(),
            tag: tag.len() as u32,
            version: None,
        };
        let header = header(&request);
        let payload = [&tag[..], message].concat();
        case(name, Command::VerifyMac, &header, &payload, 0..tag.len())
    };
    let sealed = |name, algorithm, text: &[u8]| {
        let key: Key = client.generate(name, algorithm).unwrap();
        let request = UnsealRequest {
            key: label(name).into(),
            context: 0,
            index: 0,
            last: true,
        };
        let header = header(&request);
        let tag = blob::HEADER..blob::HEADER + blob::TAG;
        case(
            name,
            Command::Unseal,
            &header,
            &key.seal(b"", text).unwrap(),
            tag,
        )
    };
    let message = [7; 1024];
    vec![
        mac("verify-mac-cmac-16", Algorithm::Aes128Cmac, &message[..16]),
        mac("verify-mac-hmac-32", Algorithm::HmacSha256, &message[..32]),
        sealed("unseal-128-16", Algorithm::Aes128Siv, &message[..16]),
        sealed("unseal-256-1024", Algorithm::Aes256Siv, &message),
    ]
}

fn case(
    name: &'static str,
    command: Command,
    header: &str,
    payload: &[u8],
    tag: Range<usize>,
) -> Case {
    let frame = frame(header.as_bytes(), payload);
    let front = frame.len() - payload.len();
    Case {
        name,
        command,
        frame,
        tag: front + tag.start..front + tag.end,
    }
}

/// Microseconds that a call takes with nothing wrong, and with each byte of the tag.
fn measure(client: &Client, case: &Case) -> (f64, Vec<f64>) {
    let mut frame = case.frame.clone();
    let mut call = |wrong: Option<(usize, u8)>| {
        if let Some((place, bit)) = wrong {
            frame[place] ^= bit;
        }
        let start = Instant::now();
        let reply = client.raw_within(case.command.id(), &frame, limits::FRAME);
        let time = start.elapsed().as_secs_f64() * 1e6;
        let expected = if wrong.is_some() {
            Status::NotAuthentic
        } else {
            Status::Ok
        };
        assert_eq!(status_of(&reply.unwrap()), expected);
        if let Some((place, bit)) = wrong {
            frame[place] ^= bit;
        }
        time
    };
    let mut right = Vec::new();
    let mut wrong = vec![Vec::new(); case.tag.len()];
    for round in 0..ROUNDS {
        right.push(call(None));
        for (place, times) in case.tag.clone().zip(&mut wrong) {
            times.push(call(Some((place, 1 << (round % 8)))));
        }
    }
    (middle(right), wrong.into_iter().map(middle).collect())
}

/// The mean of the middle half.
fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let quarter = times.len() / 4;
    let half = &times[quarter..times.len() - quarter];
    half.iter().sum::<f64>() / half.len() as f64
}
