//! The faults: one wrong decision each.

use crate::change::Change;

/// A wrong decision.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// The rule of the document that it breaks.
    pub(crate) rule: &'static str,
    /// What the host does.
    pub(crate) what: &'static str,
    /// The change asks whether the fault was chosen.
    pub(crate) change: Change,
}

const fn fault(
    name: &'static str,
    rule: &'static str,
    what: &'static str,
    find: &'static str,
    replace: &'static str,
) -> Fault {
    Fault { name, rule, what, change: Change { find, replace } }
}

pub(crate) const FAULTS: &[Fault] = &[
    fault(
        "second-copy-not-stored",
        "H7.2",
        "The sender's copy gets an id, and is not stored.",
        "let msgid = MsgId(previous.0 + 1);",
        r#"let msgid = MsgId(previous.0 + 1);
        if save.role() == Role::Sender && self.fault.is("second-copy-not-stored") {
            // What no client can read has its place, so that its id is not given again.
            let (device_id, command) = (save.device_id(), Command::CUSTOMER);
            let nothing = StoredMessage { msgid, device_id, command, body: Bytes::new() };
            self.queues.entry(save.queue()).or_default().push(nothing);
            return Appended { msgid, previous: Some(previous) };
        }"#,
    ),
    fault(
        "sync-reads-another-queue",
        "S2.3",
        "A SYNC is answered from the queue of somebody else.",
        "let rows = self.queues.get(&account)",
        r#"let others = self.queues.keys().copied().filter(|queue| *queue != account);
        let other = others.min().filter(|_| self.fault.is("sync-reads-another-queue"));
        let rows = self.queues.get(&other.unwrap_or(account))"#,
    ),
    fault(
        "sync-skips-a-row",
        "S2.3",
        "A SYNC leaves out every third row of the queue.",
        "rows.skip_while(|row| row.msgid <= after)",
        r#"rows
            .skip_while(|row| row.msgid <= after)
            .filter(|row| row.msgid.0 % 3 != 0 || !self.fault.is("sync-skips-a-row"))"#,
    ),
    fault(
        "failed-save-answers-with-an-id",
        "H8.1",
        "A save that fails is answered like one that does not.",
        "host.save(self.id, save)",
        r#"host.save(self.id, save).or_else(|error| {
                if !host.fault.is("failed-save-answers-with-an-id") {
                    return Err(error);
                }
                Ok(MsgId(host.newest(save.queue()).0 + 1).into())
            })"#,
    ),
    fault(
        "no-notify-to-the-receiver",
        "H7.4",
        "The receiver gets no SYNC_NOTIFY.",
        "match effect {",
        r#"match effect {
                Effect::SendAppMessage { message: Outbound::SyncNotify(_), .. }
                    if host.fault.is("no-notify-to-the-receiver") => {}"#,
    ),
    fault(
        "own-connection-notified",
        "H7.5",
        "The connection that sends a message gets its SYNC_NOTIFY, too.",
        "Effect::SendMessage { to, message } => host.send(to, self.stream, message),",
        r#"Effect::SendMessage { to, message } => {
                    host.send(to, self.stream, message);
                    if matches!(message, Outbound::SyncNotify(_))
                        && host.fault.is("own-connection-notified")
                    {
                        self.give(&host, message)?;
                    }
                }"#,
    ),
    fault(
        "departed-connection-given-messages",
        "H7.4",
        "A connection that has left is still given messages.",
        "peers.retain(|(peer, ..)| !Arc::ptr_eq(peer, &stream));",
        r#"if !fault.is("departed-connection-given-messages") {
                peers.retain(|(peer, ..)| !Arc::ptr_eq(peer, &stream));
            }"#,
    ),
    fault(
        "everybody-notified",
        "H7.4",
        "Everybody who is connected gets every SYNC_NOTIFY.",
        "for (stream, outbox, wake, id) in self.peers.get(&to).into_iter().flatten() {",
        r#"let is_for_all =
            matches!(message, Outbound::SyncNotify(_)) && self.fault.is("everybody-notified");
        let others = self.peers.iter().take(if is_for_all { usize::MAX } else { 0 });
        let others = others.filter(|(account, _)| **account != to).map(|(_, peers)| peers);
        let addressed = self.peers.get(&to).into_iter().chain(others);
        for (stream, outbox, wake, id) in addressed.flatten() {"#,
    ),
    fault(
        "ack-before-notify",
        "H7.6",
        "The ACK of a message comes first of all its effects.",
        "for effect in &effects {",
        r#"let is_stored = effects.copies().is_some();
        let first = usize::from(is_stored && host.fault.is("ack-before-notify"));
        let others = effects.len() - first;
        for effect in effects.iter().skip(others).chain(effects.iter().take(others)) {"#,
    ),
    fault(
        "metadata-separated",
        "W10.3",
        "A SYNC_NOTIFY comes between a METADATA and its message.",
        "self.online.write(&sent, self.out)?;",
        r#"if self.fault.is("metadata-separated") {
                wrong::separate(&mut self.online, &sent, self.out)?;
            } else {
                self.online.write(&sent, self.out)?;
            }"#,
    ),
    fault(
        "live-copy-to-version-1",
        "D3.1",
        "A connection of version 1 gets live copies, in its own form.",
        "while let Some(sent) = next() {",
        r#"while let Some(sent) = next() {
            if self.online.dialect() == Dialect::V1 && self.fault.is("live-copy-to-version-1") {
                if let Some(copy) = wrong::without_metadata(&sent) {
                    self.online.write(&copy, self.out)?;
                }
            }"#,
    ),
    fault(
        "self-flag-missing",
        "D4.3",
        "In version 2 a synced message of this device has no flag SELF.",
        "for row in page {",
        r#"for mut row in page {
                if self.online.dialect() == Dialect::V2 && self.fault.is("self-flag-missing") {
                    row.device_id = DeviceId(i64::MIN); // nobody's
                }"#,
    ),
    fault(
        "time-of-the-client-kept",
        "H4.1",
        "A message keeps the time that its client gave it.",
        "read, now)? {",
        r#"read, if self.fault.is("time-of-the-client-kept") {
            wrong::sent_at(read).unwrap_or(now)
        } else {
            now
        })? {"#,
    ),
    fault(
        "two-messages-swapped",
        "S11.1",
        "Of two messages that a client sends at once, the second is handled first.",
        "= self.online.receive(",
        r#"= wrong::receive(
            &mut self.online,
            &mut self.held,
            self.fault.is("two-messages-swapped"),
            "#,
    ),
];
