//! The page in a real browser, with a real server behind it.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod browser;
mod host;
mod pictures;
mod tab;

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
    assert!(seller.is_shown("#nobody").await, "a seller whom nobody has written to");

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
fn assert_six_steps(steps: &Value, command: &str, receiver: &str, sender: &str, msgids: [u8; 2]) {
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
    seller.until("it says who writes", &typing_is("Customer 1 is writing…"), &[]).await;
    seller.until("it no longer says so", &typing_is(""), &[]).await;
    let steps = seller.traced("transient", "CUSTOMER").await;
    assert_eq!(steps[0], json!(["SendAppMessage", "→ 1453/2", "CUSTOMER", ""]));
    assert_eq!((&steps[1][0], &steps[1][2]), (&json!("EnqueueMessage"), &json!("ACK")));
    assert_eq!(steps[2], json!(null));

    // The message hides the typing indicator at once.
    seller.press("#text", "Tell").await;
    customer.until("it says who writes", &typing_is("Seller 2 is writing…"), &[]).await;
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
    let waits = "document.querySelector('.message:last-child .icon').ariaLabel === 'on its way'";
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_silent_but_in_the_trace() {
    let (host, browser) = stage!(None);
    for (side, command, why) in [
        ("customer", "CUSTOMER", "H2.2 customer_id 2 is not the session's uid 1"),
        ("seller", "CUSTOMER_SUPPORT", "H3.2 seller_id 3 is not the session's uid 2"),
    ] {
        let tab = browser.log_in(&host, side).await;
        tab.until(
            "the trace listens",
            "document.getElementById('trace-panel').dataset.live === 'true'",
            &[],
        )
        .await;
        tab.click("#forge").await;
        assert_eq!(tab.traced("refused", command).await, json!([]));
        let refusal = tab.element(".refusal").await.text().await.unwrap();
        assert_eq!(refusal, why);
        assert_eq!(tab.texts().await, json!([]));
        browser.assert_nothing_wrong().await;
    }
}

/// Writes 250 messages as fast as the page's own code can, and waits for all ACKs.
const WRITE_MANY: &str = r#"
    const done = arguments[0];
    // A second instance of the page's module, and so another device.
    Promise.all(["/link.js?copy", "/wire.js"].map((module) => import(module))).then(([{ Link }, wire]) => {
        let left = 250;
        const link = new Link("tok-7-1", {
            state() {}, refused() {}, synced() {}, transient() {},
            delivered() { if (--left === 0) { link.close(); done("written"); } },
        });
        for (let number = 1; number <= left; number += 1) {
            const content = new TextEncoder().encode(JSON.stringify({ text: `${number}`, uuid: wire.randomHex() }));
            const body = { customerAppid: 7n, customerId: 1n, storeId: 1n, sellerId: 2n, content };
            link.deliver(`${number}`, wire.Command.CUSTOMER, wire.encodeChat(body));
        }
    }).catch((error) => done(`${error}`));
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_history_is_drawn_from_its_end_and_a_long_text_is_not_sent() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    assert_eq!(customer.evaluate_async(WRITE_MANY).await, json!("written"));
    customer.until_newest("250", true).await;

    let seller = browser.log_in(&host, "seller").await;
    seller.until_newest("250", false).await;
    let all: Vec<_> = (1..=250).map(|number| number.to_string()).collect();
    assert_eq!(seller.texts().await, json!(all[50..]));
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
    let peer = seller.element("#peer-account").await.text().await.unwrap();
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
    customer.say(&"long".repeat(900)).await;
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
