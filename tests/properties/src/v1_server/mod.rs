//! What a connection of version 1 gets is what a server of version 1 would have sent, whichever
//! version the others speak (D3.1, D4.1).

mod mixed;
mod reference;

use proptest::collection::vec;
use proptest::prelude::*;

use mixed::Mixed;
use reference::Reference;

proptest! {
    #[test]
    fn d3_version_1_gets_what_a_server_of_version_1_would_send(
        seats in vec((0..4_usize, 0..2_i64, any::<bool>(), 0..2_u8), 2..6),
        acts in vec(act(), 0..24),
    ) {
        let seats = seats.into_iter().map(Seat::new).collect::<Vec<_>>();
        let (mut mixed, mut reference) = (Mixed::new(&seats), Reference::new(&seats));
        for act in acts {
            mixed.take(&act);
            reference.take(&act);
        }
        for (index, seat) in seats.iter().enumerate() {
            if !seat.speaks_v2 {
                prop_assert_eq!(&mixed.connections[index].1, &reference.connections[index].out);
            }
        }
    }
}

const KEFU: i64 = 1453;
/// Two customers and two members of staff.
const CAST: [[i64; 2]; 4] = [[7, 1], [7, 2], [KEFU, 1], [KEFU, 2]];
const NOW: i32 = 1_500_000_000;

/// A connection: whose, on which device, and which version it speaks.
#[derive(Clone, Copy, Debug)]
struct Seat {
    user: usize,
    device_id: i64,
    speaks_v2: bool,
    version: u8,
}

impl Seat {
    fn new((user, device_id, speaks_v2, version): (usize, i64, bool, u8)) -> Self {
        Self { user, device_id, speaks_v2, version }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Say { seat: usize, to: usize, seq: i32, flags: u8, content: Vec<u8>, fails: Option<usize> },
    Sync { seat: usize, key: i64 },
    Keep { seat: usize, key: i64 },
    Ping { seat: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let fails = prop::option::weighted(0.1, 0..2_usize);
    let say = (0..6_usize, 0..4_usize, any::<i32>(), any::<u8>(), vec(any::<u8>(), 0..9), fails);
    prop_oneof![
        6 => say.prop_map(|(seat, to, seq, flags, content, fails)| {
            Act::Say { seat, to, seq, flags, content, fails }
        }),
        3 => (0..6_usize, 0..20_i64).prop_map(|(seat, key)| Act::Sync { seat, key }),
        1 => (0..6_usize, 0..20_i64).prop_map(|(seat, key)| Act::Keep { seat, key }),
        1 => (0..6_usize).prop_map(|seat| Act::Ping { seat }),
    ]
}

/// H2, H3, H13: a customer writes to staff alone, and staff to anybody.
fn may_write(from: usize, to: usize) -> bool {
    CAST[from][0] == KEFU || CAST[to][0] == KEFU
}

/// A second SYNC of 0 is where a server of version 1 differs (S2.9): no client here sends one.
fn asked(key: i64, synced: bool) -> i64 {
    if synced { key.max(1) } else { key }
}

/// Between two people: the customer, the command and the seller's id. Whoever is of the kefu app
/// writes as a seller.
fn sides(from: usize, to: usize) -> ([i64; 2], u8, i64) {
    if CAST[from][0] == KEFU {
        (CAST[to], 25, CAST[from][1])
    } else {
        (CAST[from], 24, CAST[to][1])
    }
}
