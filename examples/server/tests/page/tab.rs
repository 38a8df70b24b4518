//! A tab of the page: what its user does and sees.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{Key, TypingData, WindowHandle};
use tokio::time::sleep;

/// How long something on the page may take: far longer than usual, for busy machines.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(40);

pub(crate) struct Tab<'b> {
    driver: &'b WebDriver,
    handle: WindowHandle,
    name: &'static str,
}

impl<'b> Tab<'b> {
    pub(crate) const fn new(
        driver: &'b WebDriver,
        handle: WindowHandle,
        name: &'static str,
    ) -> Self {
        Self { driver, handle, name }
    }

    /// Makes this the driver's current tab.
    pub(crate) async fn face(&self) -> &'b WebDriver {
        self.driver.switch_to_window(self.handle.clone()).await.unwrap();
        self.driver
    }

    /// Runs a script and returns its result.
    pub(crate) async fn evaluate(&self, script: &str, args: &[Value]) -> Value {
        let result = self.face().await.execute(script, args.to_vec()).await;
        result.unwrap_or_else(|error| panic!("{}: {error} in {script}", self.name)).json().clone()
    }

    /// Runs a script and returns what it passes to its callback.
    pub(crate) async fn evaluate_async(&self, script: &str) -> Value {
        let result = self.face().await.execute_async(script, Vec::new()).await;
        result.unwrap_or_else(|error| panic!("{}: {error}", self.name)).json().clone()
    }

    /// Waits until an expression is true; `what` describes it.
    pub(crate) async fn until(&self, what: &str, expression: &str, args: &[Value]) {
        let script = format!("return Boolean({expression})");
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(&script, args).await != json!(true) {
            if Instant::now() > deadline {
                let seen =
                    self.evaluate("return document.body.innerText.slice(0, 2000)", &[]).await;
                panic!("{}: waited in vain until {what}; the page shows {seen}", self.name);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) async fn element(&self, css: &str) -> WebElement {
        let found = self.face().await.find(By::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{}: no {css}: {error}", self.name))
    }

    /// Clicks on something as soon as it is there.
    pub(crate) async fn click(&self, css: &str) {
        self.until(
            &format!("there is {css}"),
            "document.querySelector(arguments[0])",
            &[json!(css)],
        )
        .await;
        let clicked = self.element(css).await.click().await;
        clicked.unwrap_or_else(|error| panic!("{}: cannot click {css}: {error}", self.name));
    }

    pub(crate) async fn press(&self, css: &str, keys: impl Into<TypingData>) {
        self.element(css).await.send_keys(keys).await.unwrap();
    }

    pub(crate) async fn hover(&self, css: &str) {
        let element = self.element(css).await;
        self.face().await.action_chain().move_to_element_center(&element).perform().await.unwrap();
    }

    /// The text of what is shown, once it is: cards of the trace fade in.
    pub(crate) async fn text_of(&self, css: &str) -> String {
        const SHOWN: &str =
            "document.querySelector(arguments[0])?.checkVisibility({ opacityProperty: true })";
        self.until(&format!("{css} is shown"), SHOWN, &[json!(css)]).await;
        self.element(css).await.text().await.unwrap()
    }

    pub(crate) async fn is_shown(&self, css: &str) -> bool {
        self.element(css).await.is_displayed().await.unwrap()
    }

    pub(crate) async fn shown<const N: usize>(&self, places: [&str; N]) -> [bool; N] {
        let mut shown = [false; N];
        for (shown, place) in shown.iter_mut().zip(places) {
            *shown = self.is_shown(place).await;
        }
        shown
    }

    /// Gives the page this size, whatever the window's.
    pub(crate) async fn resize(&self, (width, height): (u32, u32)) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let cdp = self.face().await.cdp();
        cdp.send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
        let is_so = "innerWidth === arguments[0]";
        self.until("the page has its size", is_so, &[json!(width)]).await;
    }

    pub(crate) async fn set_theme(&self, theme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        let cdp = self.face().await.cdp();
        cdp.send_raw("Emulation.setEmulatedMedia", features).await.unwrap();
    }

    pub(crate) async fn picture(&self, path: &Path) {
        self.finish_animations().await;
        self.face().await.screenshot(path).await.unwrap();
    }

    /// A page in the background may not finish them.
    pub(crate) async fn finish_animations(&self) {
        self.evaluate("document.getAnimations().forEach(animation => animation.finish())", &[])
            .await;
    }

    /// Nothing is larger than the window.
    pub(crate) async fn until_it_fits(&self) {
        let fits = "(page => page.scrollWidth <= innerWidth && page.scrollHeight <= innerHeight)\
            (document.scrollingElement)";
        self.until("nothing is larger than the window", fits, &[]).await;
    }

    pub(crate) async fn reload(&self) {
        self.face().await.refresh().await.unwrap();
    }

    pub(crate) async fn until_state(&self, state: &str) {
        let is_so = "document.getElementById('state').dataset.state === arguments[0]";
        self.until(&format!("it is {state}"), is_so, &[json!(state)]).await;
    }

    /// Chooses the version of the protocol on the login.
    pub(crate) async fn choose_version(&self, version: u8) {
        // The label is what one clicks on: the radio button itself cannot be seen.
        self.click(&format!("#version label:nth-of-type({version})")).await;
    }

    /// Notes all frames from the next connection on.
    pub(crate) async fn watch_frames(&self) {
        self.evaluate(WATCH_FRAMES, &[]).await;
    }

    /// The frames so far, such as `>26 v1`: to the server or from it, command and version.
    pub(crate) async fn frames(&self) -> Vec<String> {
        let frames = self.evaluate("return window.watched", &[]).await;
        serde_json::from_value(frames).unwrap()
    }

    /// Lets a function of a frame from the server, a `DataView`, change it before the page sees it,
    /// or keep it from the page by returning true.
    pub(crate) async fn meddle(&self, function: &str) {
        self.evaluate(&format!("window.meddle = {function}"), &[]).await;
    }

    /// Logs in as one of the demo's two and waits for the history.
    pub(crate) async fn log_in_as(&self, side: &str) {
        let button = format!("#as-{side}");
        self.until("the demo's roles are there", "document.querySelector('#roles button')", &[])
            .await;
        self.click(&button).await;
        self.until_ready().await;
    }

    /// Logs in by the token field.
    pub(crate) async fn log_in_with(&self, token: &str) {
        self.element("#token").await.clear().await.unwrap();
        self.press("#token", TypingData::from(token) + Key::Enter).await;
        self.until_ready().await;
    }

    pub(crate) async fn until_ready(&self) {
        self.until_state("connected").await;
        let is_ready = "document.getElementById('log').ariaBusy === 'false'";
        self.until("the history is there", is_ready, &[]).await;
    }

    /// Types and sends a message.
    pub(crate) async fn say(&self, text: &str) {
        self.press("#text", TypingData::from(text) + Key::Enter).await;
    }

    /// Waits until the newest message is `text`, sent by this user or by the other.
    pub(crate) async fn until_newest(&self, text: &str, is_mine: bool) {
        let side = if is_mine { "its own" } else { "the other's" };
        let script = "(item => item?.querySelector('.text').textContent === arguments[0] \
            && item.classList.contains('mine') === arguments[1])\
            ([...document.querySelectorAll('#messages .message')].at(-1))";
        let what = format!("{text:?} is the newest message, {side}");
        self.until(&what, script, &[json!(text), json!(is_mine)]).await;
    }

    /// Waits until all messages of this user are ticked.
    pub(crate) async fn until_ticked(&self) {
        let script = "document.querySelector('.message.mine') \
            && !document.querySelector('.message.mine:not([data-state=stored])') \
            && [...document.querySelectorAll('.mine .tick')].every(\
                icon => icon.ariaLabel === 'stored by the server')";
        self.until("all messages have their tick", script, &[]).await;
    }

    /// Waits until exactly the message with this text and its card are marked.
    pub(crate) async fn until_marked(&self, text: &str) {
        let script = "(marked => marked.length === 2 \
            && marked[0].querySelector('.text')?.textContent === arguments[0] \
            && marked[1].matches('#trace .trace-card') \
            && marked[0].dataset.message === marked[1].dataset.message)\
            (document.querySelectorAll('.marked'))";
        self.until(&format!("{text:?} and its card are marked"), script, &[json!(text)]).await;
    }

    /// The texts of all messages, oldest first.
    pub(crate) async fn texts(&self) -> Value {
        let script = "return [...document.querySelectorAll('#messages .text')]\
            .map(text => text.textContent)";
        self.evaluate(script, &[]).await
    }

    /// Waits until the trace has a card of this kind and command, and returns the steps of the
    /// newest one: effect, target, command, number, and the METADATA where there is one.
    pub(crate) async fn traced(&self, kind: &str, command: &str) -> Value {
        const FIND: &str = "[...document.querySelectorAll('.trace-card')].findLast(card => \
            card.dataset.kind === arguments[0] \
            && card.querySelector('.command').textContent === arguments[1])";
        let args = [json!(kind), json!(command)];
        self.until(&format!("the trace has a {kind} {command}"), FIND, &args).await;
        let script = format!(
            "return [...{FIND}.querySelectorAll('.steps li')].map(step => \
                ['.effect', '.target', '.carries', '.number', '.pair'].flatMap(part => \
                    step.querySelector(part)?.textContent ?? []))"
        );
        self.evaluate(&script, &args).await
    }
}

const WATCH_FRAMES: &str = r"
    const note = (way, bytes) => window.watched.push(`${way}${bytes[8]} v${bytes[9]}`);
    window.watched = [];
    window.WebSocket = class extends WebSocket {
        constructor(...args) {
            super(...args);
            this.addEventListener('message', (event) => {
                note('<', new Uint8Array(event.data));
                if (window.meddle?.(new DataView(event.data))) event.stopImmediatePropagation();
            });
        }
        send(bytes) {
            note('>', bytes);
            super.send(bytes);
        }
    };
";
