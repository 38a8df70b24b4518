//! What the page learns of a message of version 2.

use kefu_testing::client::{Client, customer, message_v2, seller};
use kefu_testing::{http, within};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::server::Server;

#[tokio::test]
async fn h14_the_trace_has_eight_effects_and_the_metadata() {
    let server = Server::start(&[]).await;
    let mut lines = BufReader::new(http::open(server.http, "/trace?token=tok-7-1").await).lines();
    while within("the head", lines.next_line()).await.unwrap() != Some(String::new()) {}
    let _desk = Client::log_in_v2(server.tcp, seller(2), "desk").await;
    let mut phone = Client::log_in_v2(server.tcp, customer(1), "phone").await;
    let seq = phone.send(message_v2(customer(1), seller(2), r#"{"uuid":"u-1"}"#)).await;
    phone.receive_live_ack(seq).await;
    let event = loop {
        let line = within("an event", lines.next_line()).await.unwrap().unwrap();
        if let Some(event) = line.strip_prefix("data: ") {
            break serde_json::from_str::<Value>(event).unwrap();
        }
    };
    let to_seller = json!({ "sync_key": 1, "prev_sync_key": 0 });
    let to_customer = json!({ "sync_key": 2, "prev_sync_key": 0 });
    let message = "CUSTOMER_V2";
    assert_eq!(
        event,
        json!({
            "from": "7/1", "command": message, "seq": seq.0, "uuid": "u-1",
            "effects": [
                save("1453/2", 1),
                save("7/1", 2),
                { "effect": "PushMessage", "to": "1453/2", "command": message, "push": "connected" },
                copy("SendAppMessage", "1453/2", &to_seller),
                notify("SendAppMessage", "1453/2", 1),
                copy("SendMessage", "7/1", &to_customer),
                notify("SendMessage", "7/1", 2),
                { "effect": "EnqueueMessage", "command": "ACK", "metadata": to_customer },
            ],
        })
    );
}

fn save(to: &str, msgid: i64) -> Value {
    let effect = "SaveMessage";
    json!({ "effect": effect, "to": to, "command": "CUSTOMER_V2", "msgid": msgid, "previous": 0 })
}

fn copy(effect: &str, to: &str, metadata: &Value) -> Value {
    json!({ "effect": effect, "to": to, "command": "CUSTOMER_V2", "metadata": metadata })
}

fn notify(effect: &str, to: &str, msgid: i64) -> Value {
    json!({ "effect": effect, "to": to, "command": "SYNC_NOTIFY", "msgid": msgid })
}
