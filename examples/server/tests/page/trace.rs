//! The trace beside the chat: what it folds away, how it links to the chat, and what it says.

use serde_json::json;
use thirtyfour::Key;

use crate::browser::Browser;
use crate::host::Host;
use crate::stage;
use crate::tab::Tab;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_signals_never_push_a_card_out_of_sight() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;
    assert!(!seller.is_shown("#signals").await, "nothing to fold yet");
    customer.say("Where is my parcel?").await;
    seller.traced("stored", "CUSTOMER").await;
    seller.click("#conversations button").await;
    seller.press("#text", "Let me see").await;
    customer.press("#text", "I wonder").await;

    for tab in [&customer, &seller] {
        tab.until("all signals are counted", ARE_3_SIGNALS, &[]).await;
        assert_eq!(tab.evaluate(CARDS, &[]).await, json!(["stored"]));
        tab.until("the card is in sight", &is_in_sight("last"), &[]).await;
        assert!(!tab.is_shown("#signals-list").await, "folded");
    }
    seller.press("#signals summary", Key::Enter).await;
    assert!(seller.is_shown("#signals-list .trace-card:last-child").await, "opened");
    seller.until("the card is still in sight", &is_in_sight("last"), &[]).await;
    seller.click("#trace-clear").await;
    assert!(!seller.is_shown("#signals").await, "cleared");
    browser.assert_nothing_wrong().await;
}

/// One before the message, and one of each side after it; a slow typist sends more.
const ARE_3_SIGNALS: &str = "Number(document.getElementById('signals-count').textContent) >= 3";

const CARDS: &str =
    "return [...document.querySelectorAll('#trace > *')].map(card => card.dataset.kind)";

/// The first or last card lies inside of the box that scrolls, with all of its steps.
fn is_in_sight(place: &str) -> String {
    format!(
        "(([box, head, steps]) => head.top >= box.top && steps.bottom <= box.bottom)\
        (['', ' .trace-card:{place}-child .trace-head', ' .trace-card:{place}-child .steps'].map(\
            css => document.querySelector('#trace-log' + css).getBoundingClientRect()))"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_and_its_bubble_mark_each_other() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in(&host, "seller").await;
    for text in ["first", "second"] {
        customer.say(text).await;
        customer.until_ticked().await;
    }
    seller.click("#conversations button").await;
    for tab in [&customer, &seller] {
        tab.until("both are linked", LINKS_ARE_2, &[]).await;
        tab.hover("#trace .trace-card:nth-child(1) .steps").await;
        tab.until_marked("first").await;
        tab.hover("#messages .message:last-child .text").await;
        tab.until_marked("second").await;
        tab.hover("#me").await;
        tab.until("nothing is marked", "!document.querySelector('.marked')", &[]).await;
    }
    browser.assert_nothing_wrong().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_or_a_key_leads_from_a_bubble_to_its_card_and_back() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    for text in ["first", "second", "third", "fourth"] {
        customer.say(text).await;
        customer.until_ticked().await;
    }
    let linked = "document.querySelectorAll('.to-card:not([hidden])').length === 4";
    customer.until("all are linked", linked, &[]).await;
    // The first child is the day. A click anywhere on a bubble brings its card into sight.
    customer.click("#messages .message:nth-child(2) .text").await;
    customer.until_marked("first").await;
    customer.until("the first card is in sight", &is_in_sight("first"), &[]).await;

    // The last card is out of sight now.
    customer.press("#messages .message:last-child .to-card", Key::Enter).await;
    customer.until("the last card has the focus", &has_focus("#trace", 4), &[]).await;
    customer.until("the last card is in sight", &is_in_sight("last"), &[]).await;
    customer.until_marked("fourth").await;

    let back = Key::Shift + Key::Tab;
    customer.press("#trace .trace-card:last-child .to-bubble", back).await;
    customer.until_marked("third").await;
    customer.press("#trace .trace-card:nth-child(3) .to-bubble", Key::Space).await;
    customer.until("the third bubble has the focus", &has_focus("#messages", 4), &[]).await;
    customer.until_marked("third").await;

    customer.click("#trace-clear").await;
    let unlinked = "!document.querySelector('.to-card:not([hidden])')";
    customer.until("a bubble without a card leads nowhere", unlinked, &[]).await;
    browser.assert_nothing_wrong().await;
}

/// The focus is in the item of this list at this place.
fn has_focus(list: &str, place: u8) -> String {
    format!("document.activeElement.closest('{list} > :nth-child({place})')")
}

const TWO_CUSTOMERS: &str = "\
    \"tok-7-1\" = { appid = 7, uid = 1 }\n\
    \"tok-7-9\" = { appid = 7, uid = 9 }\n\
    \"tok-1453-2\" = { appid = 1453, uid = 2 }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_opens_the_conversation_of_its_message_also_from_under_a_narrow_trace() {
    let (host, browser) = stage!(Some(TWO_CUSTOMERS));
    let seller = browser.log_in(&host, "seller").await;
    let other = browser.open("another customer", &host).await;
    other.log_in_with("tok-7-9").await;
    other.say("from 9").await;
    other.until_ticked().await;
    let customer = browser.log_in(&host, "customer").await;
    customer.say("from 1").await;
    seller.until("both are in the trace", LINKS_ARE_2, &[]).await;

    seller.click("#conversations li:first-child button").await;
    seller.until_newest("from 1", false).await;
    seller.press("#trace .trace-card:first-child .to-bubble", Key::Enter).await;
    seller.until_newest("from 9", false).await;
    seller.until_marked("from 9").await;

    seller.resize((390, 844)).await;
    seller.click("#messages .to-card").await;
    assert!(seller.is_shown("#trace-panel").await, "the button opens the trace");
    seller.click("#trace .trace-card:last-child .to-bubble").await;
    assert!(!seller.is_shown("#trace-panel").await, "and the card's closes it");
    seller.until_newest("from 1", false).await;
    browser.assert_nothing_wrong().await;
}

const LINKS_ARE_2: &str =
    "document.querySelectorAll('#trace .to-bubble:not([hidden])').length === 2";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_push_step_says_whether_a_push_went_out() {
    let (host, browser) = stage!(None);
    let customer = browser.log_in(&host, "customer").await;
    customer.say("Is anybody there?").await;
    customer.traced("stored", "CUSTOMER").await;
    assert_eq!(push_step(&customer).await, "pushed: the receiver is not connected");

    let seller = browser.log_in(&host, "seller").await;
    seller.say("Yes").await;
    customer.traced("stored", "CUSTOMER_SUPPORT").await;
    assert_eq!(push_step(&customer).await, "no push: the receiver is connected");
    browser.assert_nothing_wrong().await;

    // Several servers share NATS, which answers after the trace has told the rest.
    let drawn = customer.evaluate_async(DRAW_UNDECIDED).await;
    assert_eq!(drawn, json!("pushed unless another server has the receiver"));
}

/// What the newest card says about its push.
async fn push_step(tab: &Tab<'_>) -> String {
    let purpose = "#trace .trace-card:last-child [data-effect=PushMessage] .purpose";
    tab.text_of(purpose).await
}

const DRAW_UNDECIDED: &str = r#"
    const done = arguments[0];
    const push = { effect: "PushMessage", to: "7/1", command: "CUSTOMER", push: "undecided" };
    import("/card.js").then(({ drawCard }) => {
        const card = drawCard({ from: "1453/2", command: "CUSTOMER", effects: [push] }, {});
        done(card.querySelector(".purpose").textContent);
    }).catch((error) => done(`${error}`));
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_silent_but_in_the_trace() {
    let (host, browser) = stage!(None);
    for (version, side, command, why) in [
        (1, "customer", "CUSTOMER", "H2.2 customer_id 2 is not the session's uid 1"),
        (1, "seller", "CUSTOMER_SUPPORT", "H3.2 seller_id 3 is not the session's uid 2"),
        (2, "customer", "CUSTOMER_V2", "H13.1 the sender 7/2 is not the session's account 7/1"),
        (2, "seller", "CUSTOMER_V2", "H13.1 the sender 1453/3 is not the session's account 1453/2"),
    ] {
        let tab = browser.log_in_speaking(version, &host, side).await;
        let is_live = "document.getElementById('trace-panel').dataset.live === 'true'";
        tab.until("the trace listens", is_live, &[]).await;
        let label = tab.text_of("#forge").await;
        assert_eq!(label, "Send a forged message");
        tab.click("#forge").await;
        assert_eq!(tab.traced("refused", command).await, json!([]));
        let refusal = tab.text_of(".refusal").await;
        assert_eq!(refusal, why);
        assert_eq!(tab.texts().await, json!([]));
        browser.assert_nothing_wrong().await;
    }
}
