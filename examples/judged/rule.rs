// A rule of this host's own, beside those of the protocol.

use kefu_proto::{Account, AppId, Delivery, UserId};

const BLOCKED: Account = Account::new(AppId(8), UserId(13));

/// Whether a message goes on. Those that break a rule of the protocol do not come this far.
pub fn accepts(delivery: &Delivery) -> bool {
    delivery.sender() != BLOCKED
}

#[cfg(test)]
mod tests {
    use kefu_proto::{
        Account, AppId, Body, Command, Config, CustomerMessage, Delivery, DeviceId, Encode,
        Identity, Message, MsgId, Refusal, Session, StoreId, UnixTime, UserId,
    };

    /// What becomes of a CUSTOMER to seller 1453/2 that `sender` sends in the name of `claimed`.
    fn handle(sender: Account, claimed: Account) -> Result<Delivery, Refusal> {
        let config = Config::new(AppId(1453)).expect("the kefu app is not 0");
        let identity = Identity::new(sender, DeviceId(1)).expect("nobody here is 0");
        let message = CustomerMessage {
            customer_appid: claimed.appid,
            customer_id: claimed.uid,
            store_id: StoreId(1),
            seller_id: UserId(2),
            timestamp: UnixTime::from(0),
            content: "hi".into(),
        };
        let message = Message::from(Body::Customer(message));
        Session::new(config, identity).handle(message, UnixTime::from(1_500_000_000))
    }

    #[test]
    fn a_blocked_customer_is_not_heard() {
        let blocked = Account::new(AppId(8), UserId(13));
        let other = Account::new(AppId(7), UserId(13));
        assert!(!super::accepts(&handle(blocked, blocked).unwrap()));
        assert!(super::accepts(&handle(other, other).unwrap()));
    }

    #[test]
    fn nobody_writes_in_anothers_name() {
        let refusal = handle(Account::new(AppId(7), UserId(1)), Account::new(AppId(7), UserId(2)));
        assert_eq!(refusal.unwrap_err().reason(), "customer_id_mismatch");
    }

    #[test]
    fn both_are_stored_and_notified_and_the_ack_comes_last() {
        let customer = Account::new(AppId(7), UserId(1));
        let effects = handle(customer, customer).unwrap().save_with(|save| {
            assert!([customer, Account::new(AppId(1453), UserId(2))].contains(&save.queue()));
            Ok::<_, String>(MsgId(5))
        });
        let effects = effects.unwrap();
        let commands: Vec<Command> = effects.iter().map(|it| it.message().command()).collect();
        let notify = Command::SYNC_NOTIFY;
        assert_eq!(commands, [Command::CUSTOMER, notify, notify, Command::ACK]);
    }
}
