//! W: the frames of a server.

use crate::world::{ANN, DESK, PHONE, SELLER, TABLET, WEB, World, customer, frame, rule};

#[test]
fn w7_1_frames_are_numbered_by_their_connection() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.sends(1, (1, 13), b"");
    assert_eq!(rule(world.gets_bytes(1, &frame((3, 14), 1, 0, b""))), Some("W7.1"));
}

#[test]
fn w7_3_frames_have_the_version_of_the_login() {
    for version in [0, 2] {
        let mut world = World::new();
        world.logs_in(1, ANN, PHONE);
        world.sends(1, (1, 13), b"");
        assert_eq!(rule(world.gets_bytes(1, &frame((2, 14), version, 0, b""))), Some("W7.3"));
    }
    let mut world = World::new();
    world.opens(1, 0);
    world.sends(1, (1, 13), b"");
    assert_eq!(rule(world.gets_bytes(1, &frame((1, 14), 1, 0, b""))), Some("W7.3"));
}

#[test]
fn w7_4_what_a_server_makes_itself_has_no_flags() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.sends(1, (1, 13), b"");
    assert_eq!(rule(world.gets(1, 14, 1, b"")), Some("W7.4"));
}

#[test]
fn w1_3_byte_11_is_0() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.sends(1, (1, 13), b"");
    let mut pong = frame((2, 14), 1, 0, b"");
    pong[11] = 2;
    assert_eq!(rule(world.gets_bytes(1, &pong)), Some("W1.3"));
}

#[test]
fn w2_4_no_frame_is_longer_than_its_reader_takes() {
    for length in [-1, 32_768] {
        let mut world = World::new();
        world.logs_in(1, ANN, PHONE);
        let head = [&i32::to_be_bytes(length)[..], &[0, 0, 0, 2, 14, 1, 0, 0]].concat();
        assert_eq!(rule(world.gets_bytes(1, &head)), Some("W2.4"));
    }
}

#[test]
fn frames_may_come_in_any_pieces() {
    let mut world = World::new();
    world.logs_in(1, ANN, PHONE);
    world.logs_in(2, SELLER, DESK);
    let chat = customer(ANN, SELLER, "hi");
    for byte in frame((5, 24), 1, 0, &chat.body(0)) {
        world.sends_bytes(1, &[byte]);
    }
    for byte in frame((2, 29), 1, 0, &3_i64.to_be_bytes()) {
        world.gets_bytes(2, &[byte]).unwrap();
    }
    let ack = frame((2, 5), 1, 0, &5_i32.to_be_bytes());
    world.gets_bytes(1, &ack[..7]).unwrap();
    assert_eq!(rule(world.finish()), Some("S8.1"));
    world.gets_bytes(1, &ack[7..]).unwrap();
    world.finish().unwrap();
}

#[test]
fn bodies_have_the_length_of_their_command() {
    let cases: [(u8, &[u8], &str); 6] = [
        (5, &[0; 5], "W3.5"),
        (27, &[0; 7], "W3.2"),
        (28, &[0; 9], "W3.2"),
        (29, &[0; 4], "W3.2"),
        (24, &[0; 35], "W4.1"),
        (25, &[0; 3], "W4.1"),
    ];
    for (command, body, expected) in cases {
        let mut world = World::new();
        world.logs_in(1, ANN, PHONE);
        assert_eq!(rule(world.gets(1, command, 0, body)), Some(expected), "{command}");
    }
    let mut world = World::new();
    world.logs_in(1, ANN, TABLET);
    assert_eq!(rule(world.gets(1, 5, 0, &[0; 4])), Some("W3.5"));
}

#[test]
fn w10_metadata_has_32_bytes_that_end_in_zeros() {
    for body in [&[0; 31][..], &[1; 32], &[0; 33]] {
        let mut world = World::new();
        world.logs_in(1, ANN, TABLET);
        assert_eq!(rule(world.gets(1, 37, 0, body)), Some("W10.1"));
    }
}

#[test]
fn w3_2_a_server_does_not_say_what_a_client_says() {
    for command in [13, 15, 26, 34] {
        let mut world = World::new();
        world.logs_in(1, ANN, PHONE);
        assert_eq!(rule(world.gets(1, command, 0, &[0; 8])), Some("W3.2"));
    }
}

#[test]
fn w3_4_a_command_of_the_host_s_own_passes() {
    let mut world = World::new();
    world.logs_in(1, ANN, WEB);
    world.sends(1, (1, 99), b"mine");
    world.gets(1, 98, 7, b"yours").unwrap();
    world.sends(1, (2, 13), b"");
    world.gets(1, 14, 0, b"").unwrap();
    world.finish().unwrap();
}
