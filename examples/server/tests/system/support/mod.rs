//! What the tests of whole servers share.

pub mod load;
pub mod nats;
pub mod process;
pub mod redis;
pub mod server;
pub mod store;

/// Makes two tests of each function: one on each store. The one on NATS is skipped if there is no
/// `nats-server`.
macro_rules! on_each_store {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            use crate::support::store::Store;

            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(Store::Embedded).await;
                }
            )+
        }

        mod nats {
            use crate::support::store::Store;

            $(
                #[tokio::test]
                async fn $test() {
                    let Some(store) = Store::nats().await else { return };
                    super::$test(store).await;
                }
            )+
        }
    };
}

pub(crate) use on_each_store;
