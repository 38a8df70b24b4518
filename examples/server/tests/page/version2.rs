//! The page in version 2, by itself and beside tabs of version 1.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::host::Host;
use crate::tab::Tab;
use crate::{assert_six_steps, stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_of_version_1_and_a_seller_of_version_2_talk_and_the_trace_shows_each_step() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in_speaking(2, &host, "seller").await;
    assert_eq!(customer.text_of("#me").await, "Customer V1 7/1");
    assert_eq!(seller.text_of("#me").await, "Seller V2 1453/2");

    customer.say("Where is my parcel?").await;
    seller.click("#conversations button").await;
    seller.until_newest("Where is my parcel?", false).await;
    seller.say("On its way to you.").await;
    customer.until_newest("On its way to you.", false).await;
    for tab in [&customer, &seller] {
        tab.until_ticked().await;
        assert_eq!(tab.texts().await, json!(["Where is my parcel?", "On its way to you."]));
        let steps = tab.traced("stored", "CUSTOMER").await;
        assert_six_steps(&steps, "CUSTOMER", "→ 1453/2", "→ 7/1", [1, 2]);
        assert_eight_steps(&tab.traced("stored", "CUSTOMER_V2").await);
    }
    assert_speaks(&customer, 1, &["<25 v1", ">24 v1"]).await;
    assert_speaks(&seller, 2, &["<64 v2", ">64 v2"]).await;
    browser.assert_nothing_wrong().await;
}

/// H14: a live copy before each SYNC_NOTIFY, behind the METADATA of the copy that it is of.
fn assert_eight_steps(steps: &Value) {
    // This number counts the client's own frames and can be anything.
    let seq = &steps[7][3];
    assert!(seq.as_str().is_some_and(|seq| seq.starts_with("seq ")), "{steps:#}");
    let [receivers, senders] = [(3, 2), (4, 1)]
        .map(|(key, previous)| format!("METADATA first: sync_key {key} behind {previous}"));
    let message = "CUSTOMER_V2";
    let expected = json!([
        ["SaveMessage", "→ 7/1", message, "msgid 3"],
        ["SaveMessage", "→ 1453/2", message, "msgid 4"],
        ["PushMessage", "→ 7/1", message, ""],
        ["SendAppMessage", "→ 7/1", message, "", receivers],
        ["SendAppMessage", "→ 7/1", "SYNC_NOTIFY", "msgid 3"],
        ["SendMessage", "→ 1453/2", message, "", senders],
        ["SendMessage", "→ 1453/2", "SYNC_NOTIFY", "msgid 4"],
        ["EnqueueMessage", "→ sender’s connection", "ACK", seq, senders],
    ]);
    assert_eq!(*steps, expected);
}

/// All frames have this version, and these are its chat messages: `<` read, `>` written.
async fn assert_speaks(tab: &Tab<'_>, version: u8, expected: &[&str]) {
    let mut frames = tab.frames().await;
    let version = format!("v{version}");
    assert!(frames.iter().all(|frame| frame.ends_with(&version)), "{frames:?}");
    frames.retain(|frame| matches!(&frame[1..3], "24" | "25" | "64"));
    frames.sort_unstable();
    frames.dedup();
    assert_eq!(frames, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_copy_is_taken_without_a_sync_and_one_that_continues_nothing_is_synced() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in_speaking(2, &host, "customer").await;
    let seller = browser.log_in_speaking(2, &host, "seller").await;
    // The first of a queue has nothing before it.
    assert!(is_synced(&seller, customer.say("first")).await);
    seller.click("#conversations button").await;
    seller.until_newest("first", false).await;

    // The same is true of what the customer has written, so its ACK has not moved the key.
    customer.until_ticked().await;
    assert!(is_synced(&customer, seller.say("answer")).await);
    customer.until_newest("answer", false).await;

    // The ACK of the answer has moved the seller's key.
    seller.until_ticked().await;
    for text in ["second", "third"] {
        assert!(!is_synced(&seller, customer.say(text)).await, "{text}");
        seller.until_newest(text, false).await;
        customer.until_ticked().await;
    }
    assert!(!is_synced(&customer, seller.say("bye")).await);
    for tab in [&customer, &seller] {
        tab.until_newest("bye", std::ptr::eq(tab, &raw const seller)).await;
        tab.until_ticked().await;
        assert_eq!(tab.texts().await, json!(["first", "answer", "second", "third", "bye"]));
    }
    browser.assert_nothing_wrong().await;
}

/// Whether a message that comes now, with its SYNC_NOTIFY, makes the tab sync.
async fn is_synced(tab: &Tab<'_>, come: impl Future<Output = ()>) -> bool {
    let before = tab.frames().await.len();
    come.await;
    let notified = "window.watched.slice(arguments[0]).includes('<29 v2')";
    tab.until("it is notified", notified, &[json!(before)]).await;
    let mut frames = tab.frames().await.split_off(before);
    frames.retain(|frame| matches!(&frame[1..3], "37" | "64" | "29" | "26"));
    assert_eq!(frames[..3], ["<37 v2", "<64 v2", "<29 v2"]);
    frames.get(3).is_some_and(|frame| frame == ">26 v2")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tab_of_the_same_seller_in_the_other_version_stays_in_step() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let new = browser.log_in_speaking(2, &host, "seller").await;
    customer.say("one").await;
    new.click("#conversations button").await;
    new.until_newest("one", false).await;
    new.say("two").await;
    new.until_ticked().await;

    // It logs in when the account is known for version 2.
    let old = browser.log_in(&host, "seller").await;
    old.until_newest("two", true).await;
    customer.say("three").await;
    for tab in [&new, &old] {
        tab.until_newest("three", false).await;
    }
    old.say("four").await;
    new.until_newest("four", true).await;
    new.say("five").await;
    old.until_newest("five", true).await;
    customer.until_newest("five", false).await;
    for tab in [&new, &old, &customer] {
        tab.until_ticked().await;
        assert_eq!(tab.texts().await, json!(["one", "two", "three", "four", "five"]));
    }
    assert_speaks(&old, 1, &["<24 v1", "<25 v1", ">25 v1"]).await;
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_stays_in_version_2_and_brings_the_history_once() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in_speaking(2, &host, "customer").await;
    let seller = browser.log_in_speaking(2, &host, "seller").await;
    customer.say("one").await;
    seller.click("#conversations button").await;
    seller.until_newest("one", false).await;
    seller.say("two").await;
    customer.until_newest("two", false).await;
    for tab in [&customer, &seller, &customer] {
        tab.reload().await;
        tab.until_ready().await;
        tab.until_newest("two", std::ptr::eq(tab, &raw const seller)).await;
        tab.until_ticked().await;
        assert_eq!(tab.texts().await, json!(["one", "two"]));
        assert_eq!(tab.text_of("#me-version").await, "V2");
    }
    customer.say("three").await;
    customer.traced("stored", "CUSTOMER_V2").await;
    seller.until_newest("three", false).await;

    // Who logs out finds the switch as it was, and can change it.
    seller.click("#leave").await;
    seller.choose_version(1).await;
    seller.log_in_as("seller").await;
    assert_eq!(seller.text_of("#me-version").await, "V1");
    seller.until_newest("three", false).await;
    assert_eq!(seller.texts().await, json!(["one", "two", "three"]));
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_reaches_version_2_and_is_not_sent_from_there() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in_speaking(2, &host, "seller").await;
    customer.say("hello").await;
    seller.click("#conversations button").await;
    seller.until_newest("hello", false).await;
    customer.press("#text", "I wonder").await;
    let is_typing = "document.getElementById('typing').textContent === 'Customer 1 is typing…'";
    seller.until("it says who writes", is_typing, &[]).await;

    // H13.5: it would be stored like any other message.
    seller.press("#text", "Let me see").await;
    let frames = seller.frames().await;
    assert!(!frames.contains(&">64 v2".to_owned()), "{frames:?}");
    seller.say("").await;
    customer.until_newest("Let me see", false).await;
    assert_eq!(seller.texts().await, json!(["hello", "Let me see"]));
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ack_with_a_status_shows_why_a_message_is_refused() {
    const BLOCK: &str = "(frame) => { if (frame.getUint8(8) === 5) frame.setInt8(16, 3) }";
    let (host, browser) = stage!(None);
    let customer = browser.log_in_speaking(2, &host, "customer").await;
    customer.meddle(BLOCK).await;
    customer.say("Hello?").await;
    let why = "document.querySelector('[data-state=refused] .why')?.textContent \
        === '· refused: the receiver takes nothing from you'";
    customer.until("it says why", why, &[]).await;
    let tick = "return document.querySelector('.mine .tick').ariaLabel";
    assert_eq!(customer.evaluate(tick, &[]).await, json!("refused by the server"));

    customer.meddle("null").await;
    customer.say("Hello!").await;
    let stored = "document.querySelector('.message:last-child').dataset.state === 'stored'";
    customer.until("the next one is stored", stored, &[]).await;
    customer.until("the first stays refused", why, &[]).await;
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_an_ack_that_comes_back_in_a_sync_is_ticked() {
    const SWALLOW: &str = "(frame) => frame.getUint8(8) === 5";
    let (host, browser) = stage!(None);
    let customer = browser.log_in_speaking(2, &host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;
    customer.meddle(SWALLOW).await;
    customer.say("hello").await;
    seller.click("#conversations button").await;
    seller.until_newest("hello", false).await;
    let waits = "document.querySelector('.mine .tick').ariaLabel === 'on its way'";
    customer.until("the message waits", waits, &[]).await;
    seller.say("hi").await;
    customer.until_newest("hi", false).await;
    customer.until_ticked().await;
    assert_eq!(customer.texts().await, json!(["hello", "hi"]));
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_live_during_a_sync_comes_once_and_a_copy_of_a_first_message_is_dropped() {
    let (host, browser) = stage!(None);
    let page = browser.open("nobody", &host).await;
    let taken = page.evaluate_async(TAKE).await;
    assert_eq!(taken, json!(["synced 1", "synced 2", "synced 3", "live 4", "live 5", "live 8"]));
    browser.assert_nothing_wrong().await;
}

/// What `sync.js` makes of messages whose order a server does not let a test choose.
const TAKE: &str = r#"
    const done = arguments[0];
    import("/sync.js").then(({ Sync }) => {
        const taken = [];
        const take = (way) => (message) => taken.push(`${way} ${message}`);
        const sync = new Sync(() => {}, { live: take("live"), synced: (all) => all.forEach(take("synced")) });
        const copy = (key, prev) => sync.copy(key, { syncKey: key, prevSyncKey: prev });
        sync.start();
        sync.end(0n);
        copy(1n, 0n); // W10: a first message has no key before it.
        sync.start();
        [1n, 2n].forEach((msgid) => sync.row(msgid));
        sync.end(2n);
        sync.start();
        copy(3n, 2n); // It continues the key, but may be among the rows.
        sync.row(3n);
        sync.end(3n);
        copy(4n, 3n);
        copy(5n, 4n);
        copy(0n, 5n);
        copy(7n, 6n);
        sync.copy(7n, null);
        sync.start();
        sync.end(2n); // D4.6: the queue is shorter after a restore.
        copy(8n, 2n);
        done(taken);
    }).catch((error) => done(`${error}`));
"#;
