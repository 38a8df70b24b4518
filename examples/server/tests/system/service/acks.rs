//! ACKs of a client that has several messages in flight, of which the later ones hold up the
//! earlier ones for a moment only.

use std::time::Duration;

use kefu_proto::Flags;
use kefu_testing::client::{customer, question, seller};
use tokio::time::timeout;

use super::cluster::context;
use super::servers::Service;

/// How long to wait for what must not come.
const A_WHILE: Duration = Duration::from_millis(700);

#[tokio::test]
async fn an_ack_does_not_wait_for_a_message_that_cannot_be_stored() {
    let Some(service) = Service::<1>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    // Not made again, since clients may have seen its numbers.
    let context = context(&service.nats.url()).await.unwrap();
    context.delete_stream("kefu_queues_3").await.unwrap();
    let (mut frames, mut seqs) = (Vec::new(), Vec::new());
    for uid in [2, 2, 3, 2] {
        let message = question(customer(1), seller(uid), "hello");
        frames.extend_from_slice(&phone.frame(Flags::NONE, message));
        seqs.push(phone.last());
    }
    phone.write(&frames).await;
    for seq in &seqs[..2] {
        phone.receive_ack(*seq).await;
    }
    assert!(timeout(A_WHILE, phone.next()).await.is_err(), "the order is kept");
}
