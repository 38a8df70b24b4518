//! H2, H3: a refused message gets no answer and is counted.

use kefu_proto::{Account, AppId, Body, Flags, MsgId, UserId};
use kefu_testing::client::{Client, answer, auth_token, customer, question, seller};

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

on_each_store!(
    h2_h3_refusals_are_silent_and_counted_by_reason,
    h2_a_refusal_does_not_stand_in_the_way_of_the_next_message,
    s1_who_has_not_logged_in_can_say_nothing,
    s1_a_refused_client_may_try_again_on_the_same_connection,
    after_too_many_refused_logins_the_connection_ends,
);

async fn h2_h3_refusals_are_silent_and_counted_by_reason(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let other_app = Account { appid: AppId(8), uid: UserId(1) };
    for (is_customer, body, reason) in [
        (true, question(other_app, seller(2), "x"), "customer_appid_mismatch"),
        (true, question(customer(3), seller(2), "x"), "customer_id_mismatch"),
        (true, question(customer(1), seller(0), "x"), "seller_id_zero"),
        (true, answer(seller(2), customer(3), "x"), "not_kefu_app"),
        (false, answer(seller(3), customer(1), "x"), "seller_id_mismatch"),
        (false, question(customer(1), seller(2), "x"), "customer_appid_mismatch"),
    ] {
        let name = format!("kefu_messages_refused_total{{reason=\"{reason}\"}}");
        let before = server.metric(&name).await;
        let sender = if is_customer { &mut asker } else { &mut desk };
        for flags in [Flags::NONE, Flags::UNPERSISTENT] {
            sender.send_flagged(flags, body.clone()).await;
            assert_eq!(sender.receive_all().await, [], "{reason}");
        }
        assert_eq!(server.metric(&name).await, before + 2, "{reason}");
    }
    for client in [&mut asker, &mut desk] {
        assert_eq!(client.receive_all().await, []);
        assert_eq!(client.sync(MsgId(-1)).await.messages, []);
    }
    for name in ["kefu_messages_accepted_total", "kefu_saves_total", "kefu_pushes_total"] {
        assert_eq!(server.metric(name).await, 0, "{name}");
    }
}

async fn h2_a_refusal_does_not_stand_in_the_way_of_the_next_message(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    asker.send(question(customer(3), seller(2), "not mine")).await;
    let seq = asker.send(question(customer(1), seller(2), "mine")).await;
    asker.receive_ack(seq).await;
    assert_eq!(asker.receive_all().await, []);
}

async fn s1_who_has_not_logged_in_can_say_nothing(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut nobody = Client::connect(server.tcp).await;
    let zero = Account { appid: AppId(0), uid: UserId(0) };
    nobody.send(question(zero, seller(2), "x")).await;
    nobody.send(question(customer(1), seller(2), "x")).await;
    nobody.send(Body::Sync(MsgId(-1))).await;
    nobody.send(Body::SyncKey(MsgId(9))).await;
    assert_eq!(nobody.receive_all().await, []);
    let mut desk = server.log_in(seller(2), "desk").await;
    assert_eq!(desk.sync(MsgId(-1)).await.messages, []);
    assert_eq!(server.metric("kefu_messages_accepted_total").await, 0);
}

async fn s1_a_refused_client_may_try_again_on_the_same_connection(store: Store) {
    let server = Server::start_on(store, &["--login-attempts", "4"]).await;
    let mut asker = Client::connect(server.tcp).await;
    for token in ["nobody", "", "tok-7-1\0"] {
        asker.send(auth_token(token, "phone")).await;
        let refused = asker.receive_frame("an AUTH_STATUS").await;
        assert_eq!((refused[8], refused[9]), (3, 0), "version 0");
        assert_eq!(&refused[12..], b"\0\0\0\x01\0\0\0\0", "8 bytes: status 1, no address");
    }
    asker.authenticate(customer(1), "phone").await;
    let seq = asker.send(question(customer(1), seller(2), "hello")).await;
    asker.receive_ack(seq).await;
    assert_eq!(server.metric("kefu_logins_refused_total").await, 3);
}

async fn after_too_many_refused_logins_the_connection_ends(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut guesser = Client::connect(server.tcp).await;
    let mut guesses = Vec::new();
    for guess in 0..1_000 {
        let body = auth_token(&format!("guess {guess}"), "phone");
        guesses.extend_from_slice(&guesser.frame(Flags::NONE, body));
    }
    guesser.write(&guesses).await;
    assert_eq!(guesser.receive_rest().await.len(), 3, "an AUTH_STATUS for each");
    server.until_closed("login_attempts", 1).await;
    assert_eq!(server.metric("kefu_logins_refused_total").await, 3);
}
