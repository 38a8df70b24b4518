//! What the host of a world promises, where the rules leave it a choice.

use fastrand::Rng;
use kefu_proto::checker::{Repeats, Terms};
use kefu_proto::{Account, AppId, Config, OutboxBounds, StoreId, SyncBounds, UserId};

/// How many bytes at the head of a content tell a message from all others.
pub(crate) const MARK: usize = 8;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Promises {
    /// The store keeps a repeated message once (S10).
    pub(crate) idempotent: bool,
    /// How long an answer to a SYNC is (S12).
    pub(crate) bounds: SyncBounds,
    /// The host knows the shop of two parties (D2.4): otherwise it is 0.
    pub(crate) shops: bool,
    /// What waits for a connection is bounded, and what does not fit is left out (S13).
    pub(crate) outbox: Option<OutboxBounds>,
}

impl Promises {
    pub(crate) fn of_a_world(rng: &mut Rng) -> Self {
        let idempotent = rng.u8(..4) > 0;
        let rows = [1_000, 1_000, 50, 7, 2][rng.usize(..5)];
        let bytes = [256 * 1024, 256 * 1024, 2_000, 300][rng.usize(..4)];
        let (bounds, shops) = (SyncBounds { rows, bytes }, rng.bool());
        Self { idempotent, bounds, shops, outbox: None }
    }

    pub(crate) fn terms(self, kefu_app: i64) -> Terms {
        let mut terms = Terms::new(Config::new(AppId(kefu_app)).unwrap());
        if self.idempotent {
            terms.repeats = Repeats::Once { mark: |content| content.get(..MARK) };
        }
        terms.sync_bounds = Some(self.bounds);
        terms.store_id = Some(if self.shops { shop_of } else { |_, _| StoreId(0) });
        terms.remembers_dialects = true;
        terms.leaves_out = self.outbox.is_some();
        terms
    }
}

/// The shop of a customer and a seller.
pub(crate) fn shop_of(customer: Account, seller: Account) -> StoreId {
    let (UserId(customer), UserId(seller)) = (customer.uid, seller.uid);
    StoreId(customer.wrapping_mul(31) ^ seller)
}
