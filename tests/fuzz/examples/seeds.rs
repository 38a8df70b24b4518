//! Writes the recorded cases as inputs into the fuzzer's working corpus, `tests/fuzz/corpus`: the
//! same files each time.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde_json::Value;

/// Longer cases are long only because the client's limit is; the targets have smaller limits.
const LONGEST: usize = 512;
const CLIENT_LIMIT: u32 = 32 * 1024;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let streams = streams()?;
    let seeds = streams.iter().filter(|(_, stream)| stream.len() <= LONGEST);
    let (mut frames, mut messages, mut roundtrip) = (vec![], vec![], vec![]);
    for (limit, stream) in seeds {
        let limit = limit.to_be_bytes();
        frames.push([&limit[..], &[3, 13, 5, 30], stream].concat());
        roundtrip.push([&limit[..], &[1], stream].concat());
        if let Some((header, body)) = stream.split_first_chunk::<12>() {
            messages.push([&header[4..8], &header[9..11], body].concat());
        }
    }
    write("frames", &frames)?;
    write("messages", &messages)?;
    write("roundtrip", &roundtrip)?;
    write("connection", &connections()?)?;
    write("dialects", &dialects(&streams))
}

/// Written as they are, and as the rows of an answer; by a customer and a seller, in version 1 and 2.
fn dialects(streams: &[(u32, Vec<u8>)]) -> Vec<Vec<u8>> {
    let (begin, row, small_row) = ([4, 0, 0], [5, 0, 0, 0, 0], [5, 1, 1, 3, 30]);
    let synced = [&[1, 0, 0][..], &begin, &row, &small_row, &row].concat();
    let bounded = [&[0, 1, 17][..], &begin, &row, &row, &[6, 0, 7, 9], &begin].concat();
    let said = [&[0, 0, 0][..], &[8, 1, 3, 0, 8, 0, 3, 20]].concat();
    let scripts = [vec![0, 1, 0], synced, bounded, said];
    let streams = streams.iter().filter(|(_, stream)| stream.len() <= LONGEST - 32);
    let length = |script: &[u8]| u8::try_from(script.len()).unwrap_or(u8::MAX);
    streams
        .zip(scripts.iter().cycle())
        .map(|((_, stream), script)| [&[length(script)], &script[..], stream].concat())
        .collect()
}

/// All recorded bytes, each with its reader's limit.
fn streams() -> Outcome<Vec<(u32, Vec<u8>)>> {
    let mut streams = vec![];
    for case in cases("wire")? {
        let limit = case["limit"].as_u64().ok_or("no limit")?.try_into()?;
        streams.push((limit, hex(&case["hex"])?));
    }
    for case in cases("handler")? {
        streams.push((CLIENT_LIMIT, hex(&case["input"]["frame_hex"])?));
    }
    for case in read("vectors-v2/writer")? {
        streams.extend(written(&case["frames"])?.into_iter().map(|stream| (CLIENT_LIMIT, stream)));
    }
    streams.extend(conversations()?.into_iter().map(|stream| (CLIENT_LIMIT, stream)));
    Ok(streams)
}

/// What one connection's writer wrote, or that of each of some connections.
fn written(frames: &Value) -> Outcome<Vec<Vec<u8>>> {
    let frames = frames.as_array().ok_or("no frames")?;
    if frames.iter().any(Value::is_array) {
        let streams: Outcome<Vec<_>> = frames.iter().map(written).collect();
        return Ok(streams?.concat());
    }
    let frames: Outcome<Vec<_>> = frames.iter().map(hex).collect();
    Ok(vec![frames?.concat()])
}

/// The recorded conversations, and a login before each message that the handler got.
fn connections() -> Outcome<Vec<Vec<u8>>> {
    let mut seeds: Vec<_> =
        conversations()?.iter().map(|stream| [&[0], &stream[..]].concat()).collect();
    seeds.retain(|seed| seed.len() <= LONGEST);
    for case in cases("handler")? {
        let mut frame = hex(&case["input"]["frame_hex"])?;
        let branch = case["branch"].as_str().ok_or("no branch")?;
        let (who, token) =
            if branch.starts_with("support") { (3, "tok-1453-2") } else { (2, "tok-7-1") };
        if ["-ok", "-error", "/ok"].iter().any(|end| branch.ends_with(end)) {
            name_parties(&mut frame);
        }
        // Which save fails, if one does.
        let fails = [(2, "save2-error"), (1, "save1-error")];
        let fails = fails.iter().find(|(_, end)| branch.ends_with(end)).map_or(0, |(at, _)| *at);
        let choices = [9, 0, 0, 0, 0, who, 11, 0, fails, 0];
        let seed = [&choices[..], &login(token)?, &frame].concat();
        if seed.len() <= LONGEST {
            seeds.push(seed);
        }
    }
    Ok(seeds)
}

/// Customer 7/1 and seller 2, since the recorded ids are not those of a host of the fuzzer.
fn name_parties(frame: &mut [u8]) {
    let is_v2 = frame.get(8) == Some(&64);
    let third = if is_v2 { (28, 1453) } else { (28, 5) };
    for (at, id) in [(12, 7_i64), (20, 1), third, (36, 2)] {
        if let Some(place) = frame.get_mut(at..at + 8) {
            place.copy_from_slice(&id.to_be_bytes());
        }
    }
}

fn login(token: &str) -> Outcome<Vec<u8>> {
    let body = [&[2, u8::try_from(token.len())?], token.as_bytes(), b"\x01d"].concat();
    let header = [0, 0, 0, u8::try_from(body.len())?, 0, 0, 0, 1, 15, 1, 0, 0];
    Ok([&header[..], &body].concat())
}

/// What each client sends in the recorded conversations.
fn conversations() -> Outcome<Vec<Vec<u8>>> {
    let mut streams = vec![];
    for name in ["android-2018", "android-2022-v2", "refused-login"] {
        let text =
            fs::read_to_string(tests().join(format!("protocol/connection/recorded/{name}.txt")))?;
        let mut clients: Vec<(&str, Vec<u8>)> = vec![];
        for line in text.lines() {
            let mut words = line.split_whitespace().skip_while(|word| word.parse::<u32>().is_ok());
            let (Some(who), Some(">"), Some(frame)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let frame = HEXLOWER.decode(frame.replace("TTTTTTTT", "7fffffff").as_bytes())?;
            match clients.iter_mut().find(|(name, _)| *name == who) {
                Some((_, stream)) => stream.extend(frame),
                None => clients.push((who, frame)),
            }
        }
        streams.extend(clients.into_iter().map(|(_, stream)| stream));
    }
    Ok(streams)
}

/// The cases of both versions.
fn cases(name: &str) -> Outcome<Vec<Value>> {
    let [mut cases, newer] =
        [read(&format!("vectors/{name}"))?, read(&format!("vectors-v2/{name}"))?];
    cases.extend(newer);
    Ok(cases)
}

fn read(path: &str) -> Outcome<Vec<Value>> {
    let text = fs::read_to_string(tests().join(format!("{path}.jsonl")))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn hex(value: &Value) -> Outcome<Vec<u8>> {
    Ok(HEXLOWER.decode(value.as_str().ok_or("no bytes")?.as_bytes())?)
}

fn write(target: &str, seeds: &[Vec<u8>]) -> Outcome<()> {
    let folder = tests().join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:04}")), seed)?;
    }
    Ok(())
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
