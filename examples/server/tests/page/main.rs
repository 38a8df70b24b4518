//! The page in a real browser, with a real server behind it.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod browser;
mod host;
mod pictures;
mod tab;
mod trace;
mod version2;

use browser::Browser;
use host::Host;
use serde_json::{Value, json};
use thirtyfour::{Key, TypingData};

/// A server and a browser. Returns from the test if no browser is installed.
macro_rules! stage {
    ($tokens:expr) => {{
        let Some(browser) = Browser::start().await else { return };
        (Host::start($tokens).await, browser)
    }};
}
pub(crate) use stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_and_a_seller_talk_and_the_trace_shows_each_step() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;

    customer.say("Where is my parcel?").await;
    customer.until_newest("Where is my parcel?", true).await;
    customer.until_ticked().await;
    seller.click("#conversations button").await;
    seller.until_newest("Where is my parcel?", false).await;
    seller.say("On its way to you.").await;
    seller.until_ticked().await;
    customer.until_newest("On its way to you.", false).await;
    assert_eq!(customer.texts().await, json!(["Where is my parcel?", "On its way to you."]));
    assert_eq!(seller.texts().await, customer.texts().await);

    for tab in [&customer, &seller] {
        let steps = tab.traced("stored", "CUSTOMER").await;
        assert_six_steps(&steps, "CUSTOMER", "→ 1453/2", "→ 7/1", [1, 2]);
        let steps = tab.traced("stored", "CUSTOMER_SUPPORT").await;
        assert_six_steps(&steps, "CUSTOMER_SUPPORT", "→ 7/1", "→ 1453/2", [3, 4]);
    }
    browser.assert_nothing_wrong().await;
}

/// H7: both saves first, the ACK last.
pub(crate) fn assert_six_steps(
    steps: &Value,
    command: &str,
    receiver: &str,
    sender: &str,
    msgids: [u8; 2],
) {
    let [first, second] = msgids.map(|msgid| format!("msgid {msgid}"));
    // This number counts the client's own frames and can be anything.
    let seq = &steps[5][3];
    assert!(seq.as_str().is_some_and(|seq| seq.starts_with("seq ")), "{steps:#}");
    let expected = json!([
        ["SaveMessage", receiver, command, first],
        ["SaveMessage", sender, command, second],
        ["PushMessage", receiver, command, ""],
        ["SendAppMessage", receiver, "SYNC_NOTIFY", first],
        ["SendMessage", sender, "SYNC_NOTIFY", second],
        ["EnqueueMessage", "→ sender’s connection", "ACK", seq],
    ]);
    assert_eq!(*steps, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seller_without_conversations_is_told_so_and_what_to_do() {
    let (host, browser) = stage!(None);
    let seller = browser.log_in(&host, "seller").await;
    let told = "You have no conversations yet. Open another tab as a customer and send a message: \
        the conversation appears here.";
    assert_eq!(seller.text_of("#nobody").await, told);
    assert_eq!(seller.text_of("#peer").await, "No conversations");
    let empty = "You have no conversations yet. The first customer who writes appears on the left.";
    assert_eq!(seller.text_of("#empty").await, empty);

    let link = seller.element("#nobody a").await.attr("href").await.unwrap();
    assert_eq!(link.as_deref(), Some("/#customer"));
    let customer = browser.log_in(&host, "customer").await;
    customer.say("hello").await;
    let is_told = "document.getElementById('empty').textContent === 'Select a conversation.'";
    seller.until("there is one to select", is_told, &[]).await;
    assert!(!seller.is_shown("#nobody").await);
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_brings_the_history_of_both_sides_once() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;
    customer.say("one").await;
    seller.click("#conversations button").await;
    seller.until_newest("one", false).await;
    seller.say("two").await;
    customer.until_newest("two", false).await;
    customer.say("three").await;
    customer.until_ticked().await;
    for tab in [&customer, &seller, &customer] {
        tab.reload().await;
        tab.until_ready().await;
        tab.until_newest("three", std::ptr::eq(tab, &raw const customer)).await;
        tab.until_ticked().await;
        assert_eq!(tab.texts().await, json!(["one", "two", "three"]));
    }
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_is_shown_for_a_while_and_stored_nowhere() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;
    customer.say("hello").await;
    seller.click("#conversations button").await;
    seller.until_newest("hello", false).await;

    customer.press("#text", "I wonder").await;
    seller.until("it says who writes", &typing_is("Customer 1 is typing…"), &[]).await;
    seller.until("it no longer says so", &typing_is(""), &[]).await;
    let steps = seller.traced("transient", "CUSTOMER").await;
    assert_eq!(steps[0], json!(["SendAppMessage", "→ 1453/2", "CUSTOMER", ""]));
    assert_eq!((&steps[1][0], &steps[1][2]), (&json!("EnqueueMessage"), &json!("ACK")));
    assert_eq!(steps[2], json!(null));

    // The message hides the typing indicator at once.
    seller.press("#text", "Tell").await;
    customer.until("it says who writes", &typing_is("Seller 2 is typing…"), &[]).await;
    seller.say(" me").await;
    customer.until_newest("Tell me", false).await;
    assert_eq!(customer.evaluate(&format!("return {}", typing_is("")), &[]).await, json!(true));
    customer.reload().await;
    customer.until_ready().await;
    assert_eq!(customer.texts().await, json!(["hello", "Tell me"]));
    browser.assert_nothing_wrong().await;
}

fn typing_is(text: &str) -> String {
    format!("document.getElementById('typing').textContent === '{text}'")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_tab_of_the_same_user_stays_in_step() {
    let (host, browser) = stage!(None);
    let first = browser.log_in(&host, "customer").await;
    let second = browser.log_in(&host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;
    first.say("from the first").await;
    second.until_newest("from the first", true).await;
    second.say("from the second").await;
    first.until_newest("from the second", true).await;
    seller.click("#conversations button").await;
    seller.say("to both").await;
    for tab in [&first, &second] {
        tab.until_newest("to both", false).await;
        tab.until_ticked().await;
        assert_eq!(tab.texts().await, json!(["from the first", "from the second", "to both"]));
    }
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contents_are_text_and_never_run() {
    const MARKUP: [&str; 3] = [
        "<script>window.hacked = 1</script>",
        "<img src=/nothing onerror='window.hacked = 2'>",
        "</p></li><style>* { display: none }</style>&lt;b&gt;",
    ];
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;
    for text in MARKUP {
        customer.say(text).await;
        customer.until_newest(text, true).await;
    }
    seller.click("#conversations button").await;
    seller.until_newest(MARKUP[2], false).await;
    seller.reload().await;
    seller.until_ready().await;
    for tab in [&customer, &seller] {
        tab.until_newest(MARKUP[2], std::ptr::eq(tab, &raw const customer)).await;
        assert_eq!(tab.texts().await, json!(MARKUP));
        let found = "return [window.hacked ?? null, document.querySelectorAll(\
            '#app script, #app style, #messages img, #conversations img').length]";
        assert_eq!(tab.evaluate(found, &[]).await, json!([null, 0]));
    }
    browser.assert_nothing_wrong().await;

    // The browser itself stops the page from parsing text as HTML and from running foreign scripts.
    let inner = "try { document.getElementById('empty').innerHTML = '<i>'; return 'done' } \
        catch (error) { return error.name }";
    assert_eq!(seller.evaluate(inner, &[]).await, json!("TypeError"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_is_survived_and_what_was_written_meanwhile_arrives_once() {
    let (mut host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;
    customer.say("before").await;
    customer.until_ticked().await;

    host.stop().await;
    customer.until_state("offline").await;
    assert!(customer.is_shown("#retry").await);
    customer.say("meanwhile").await;
    customer.until_newest("meanwhile", true).await;
    let waits = "document.querySelector('.message:last-child .tick').ariaLabel === 'on its way'";
    customer.until("the message waits", waits, &[]).await;

    host.run().await;
    for tab in [&customer, &seller] {
        tab.until_state("connected").await;
    }
    customer.until_ticked().await;
    seller.click("#conversations button").await;
    seller.until_newest("meanwhile", false).await;
    seller.say("after").await;
    customer.until_newest("after", false).await;
    // The traces are back, too.
    customer.traced("stored", "CUSTOMER_SUPPORT").await;
    seller.traced("stored", "CUSTOMER_SUPPORT").await;
    for tab in [&customer, &seller] {
        tab.reload().await;
        tab.until_ready().await;
        assert_eq!(tab.texts().await, json!(["before", "meanwhile", "after"]));
    }
    browser.assert_nothing_wrong().await;
}

/// Writes 250 messages as fast as the page's own code can, and tells when all have their ACK. They
/// are too long for one answer to a SYNC.
const WRITE_MANY: &str = r#"
    const done = arguments[0];
    // A second instance of the page's modules, and so another device.
    Promise.all(["/link.js?copy", "/form.js"].map((module) => import(module))).then(([{ Link }, { encodeChat }]) => {
        const me = { appid: 7n, uid: 1n, kefuAppid: 1453n, version: 1 };
        let left = 250;
        const link = new Link(me, "tok-7-1", {
            state() {}, refused() {}, synced() {}, caughtUp() {}, transient() {},
            acked() { if (--left === 0) { link.close(); done("written"); } },
        });
        for (let number = 1; number <= left; number += 1) {
            const json = { text: `${number}`, uuid: `many-${number}`, more: "x".repeat(2_500) };
            const content = new TextEncoder().encode(JSON.stringify(json));
            const receiver = { appid: 1453n, uid: 2n };
            const { command, body } = encodeChat({ sender: me, receiver, storeId: 1n, content }, 1, 1453n);
            link.deliver(json.uuid, command, body);
        }
    }).catch((error) => done(`${error}`));
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_history_is_drawn_from_its_end_and_a_long_text_is_not_sent() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    assert_eq!(customer.evaluate_async(WRITE_MANY).await, json!("written"));
    customer.until_newest("250", true).await;

    let all: Vec<_> = (1..=250).map(|number| number.to_string()).collect();
    for version in [1, 2] {
        let seller = browser.log_in_speaking(version, &host, "seller").await;
        seller.until_newest("250", false).await;
        assert_eq!(seller.texts().await, json!(all[50..]));
        let syncs = seller.frames().await.iter().filter(|frame| frame.starts_with(">26")).count();
        assert!(syncs > 1, "the history came in {syncs} answers");
        let is_at_end = "(log => log.scrollHeight - log.scrollTop - log.clientHeight < 2)\
            (document.getElementById('log'))";
        seller.until("the end is in sight", is_at_end, &[]).await;
        seller.click("#earlier").await;
        assert_eq!(seller.texts().await, json!(all));
        assert!(!seller.is_shown("#earlier").await);

        let fill = "document.getElementById('text').value = 'x'.repeat(32768)";
        seller.evaluate(fill, &[]).await;
        seller.press("#text", Key::Enter).await;
        let refused = "document.getElementById('composer-error').textContent.includes('too long')";
        seller.until("it says that the text is too long", refused, &[]).await;
        assert_eq!(seller.texts().await, json!(all));

        // A phone opens no conversation by itself. All answers are history, not only the first.
        seller.resize((390, 844)).await;
        seller.reload().await;
        seller.until_ready().await;
        assert_eq!(seller.text_of("#conversations .last").await, "250");
        assert!(!seller.is_shown("#conversations .unread").await, "the history counts as read");
    }
    browser.assert_nothing_wrong().await;
}

/// Ids that a JavaScript number would round.
const TOKENS: &str = "\
    \"big\" = { appid = 9007199254740993, uid = -9223372036854775807 }\n\
    \"sells\" = { appid = 1453, uid = 2 }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_logs_in_whatever_its_ids_and_a_reload_stays_logged_in() {
    let (host, browser) = stage!(Some(TOKENS));
    let customer = browser.open("customer", &host).await;
    assert!(!customer.is_shown("#demo").await, "there is no demo");
    customer.press("#token", TypingData::from("unknown") + Key::Enter).await;
    let refused = "document.getElementById('login-error').textContent.includes('not know')";
    customer.until("an unknown token is refused", refused, &[]).await;
    let log = browser.driver.browser_log().await.unwrap();
    assert!(log.len() == 1 && log[0].message.contains("401"), "{log:?}");
    customer.log_in_with("big").await;
    let seller = browser.open("seller", &host).await;
    seller.log_in_with("sells").await;

    customer.say("I am a big number").await;
    seller.click("#conversations button").await;
    seller.until_newest("I am a big number", false).await;
    let peer = seller.text_of("#peer-account").await;
    assert_eq!(peer, "9007199254740993/-9223372036854775807");
    seller.say("So you are").await;
    customer.until_newest("So you are", false).await;

    customer.reload().await;
    customer.until_ready().await;
    customer.until_newest("So you are", false).await;
    customer.click("#leave").await;
    customer.reload().await;
    assert!(customer.is_shown("#login").await, "who has logged out stays logged out");
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_shows_one_thing_at_a_time_and_the_keyboard_reaches_everything() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    customer.say(&"long".repeat(200)).await;
    customer.until_ticked().await;
    let seller = browser.log_in(&host, "seller").await;
    let places = ["#sidebar", "#chat", "#trace-panel"];
    assert_eq!(seller.shown(places).await, [true, true, true], "on a wide screen");

    seller.resize((390, 844)).await;
    seller.reload().await;
    seller.until_ready().await;
    assert_eq!(seller.shown(places).await, [true, false, false], "first the list");
    seller.press("#conversations button", Key::Enter).await;
    assert_eq!(seller.shown(places).await, [false, true, false], "then the chat");
    seller.press("#trace-toggle", Key::Enter).await;
    assert!(seller.is_shown("#trace-panel").await, "the trace over it");
    let focused = "document.activeElement.id === 'trace-close'";
    seller.until("the trace has the focus", focused, &[]).await;
    seller.press("#trace-close", Key::Escape).await;
    assert_eq!(seller.shown(places).await, [false, true, false], "the trace is away");
    seller.until_it_fits().await;
    seller.press("#text", "line one".to_owned() + (Key::Shift + Key::Enter)).await;
    seller.say("line two").await;
    customer.until_newest("line one\nline two", false).await;
    seller.press("#back", Key::Enter).await;
    assert_eq!(seller.shown(places).await, [true, false, false], "and back");
    browser.assert_nothing_wrong().await;
}
