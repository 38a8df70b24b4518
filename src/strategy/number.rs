//! Numbers, accounts and bytes.

use core::ops::RangeInclusive;
use std::vec::Vec;

use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::id::{Account, AppId, DeviceId, MsgId, Seq, StoreId, UnixTime, UserId};
use crate::wire::{Flags, Version};

/// Any user of any app, nobody (0) included.
pub fn account() -> impl Strategy<Value = Account> {
    (app_id(), user_id()).prop_map(|(appid, uid)| Account { appid, uid })
}

/// An app's id, 0 included.
pub fn app_id() -> impl Strategy<Value = AppId> {
    number().prop_map_into()
}

/// A user's id, 0 included.
pub fn user_id() -> impl Strategy<Value = UserId> {
    number().prop_map_into()
}

/// A shop's id.
pub fn store_id() -> impl Strategy<Value = StoreId> {
    number().prop_map_into()
}

/// A device's id.
pub fn device_id() -> impl Strategy<Value = DeviceId> {
    number().prop_map_into()
}

/// The id of a stored copy, or a sync key.
pub fn msg_id() -> impl Strategy<Value = MsgId> {
    number().prop_map_into()
}

// A union of strategies is a large value, and many of them nested overflow the stack of a test
// thread: boxed.
fn number() -> BoxedStrategy<i64> {
    let edges = &[-1, i64::MIN, i64::MAX, 0x7fff_ffff, 1 << 32][..];
    prop_oneof![12 => 1..=3_i64, 1 => Just(0), 2 => select(edges), 1 => any::<i64>()].boxed()
}

/// A frame's number, the ends of its range included.
pub fn seq() -> impl Strategy<Value = Seq> {
    let edges = &[-1, 0, i32::MIN, i32::MAX][..];
    prop_oneof![4 => 1..=3_i32, 1 => select(edges), 1 => any::<i32>()].prop_map_into().boxed()
}

/// A moment, the ends of the range included.
pub fn unix_time() -> impl Strategy<Value = UnixTime> {
    let edges = &[-1, 0, i32::MIN, i32::MAX][..];
    prop_oneof![4 => 1_400_000_000..=1_800_000_000, 1 => select(edges), 1 => any::<i32>()]
        .prop_map_into()
        .boxed()
}

/// Any flags: mostly those of W8, otherwise with unknown bits.
pub fn flags() -> impl Strategy<Value = Flags> {
    prop_oneof![0..=3_u8, any::<u8>()].prop_map(Flags).boxed()
}

/// Any version: mostly 0 to 2, which clients use.
pub fn version() -> impl Strategy<Value = Version> {
    prop_oneof![3 => 0..=2_u8, 1 => any::<u8>()].prop_map_into().boxed()
}

/// Any bytes of such a length.
pub(super) fn bytes(len: RangeInclusive<usize>) -> impl Strategy<Value = Vec<u8>> + Clone {
    vec(any::<u8>(), SizeRange::from(len))
}
