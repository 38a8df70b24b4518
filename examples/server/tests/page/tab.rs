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
        // A page in the background may not finish its animations.
        self.evaluate("document.getAnimations().forEach(animation => animation.finish())", &[])
            .await;
        self.face().await.screenshot(path).await.unwrap();
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
            && [...document.querySelectorAll('.mine .icon')].every(\
                icon => icon.ariaLabel === 'stored by the server')";
        self.until("all messages have their tick", script, &[]).await;
    }

    /// The texts of all messages, oldest first.
    pub(crate) async fn texts(&self) -> Value {
        let script = "return [...document.querySelectorAll('#messages .text')].map(text => text.textContent)";
        self.evaluate(script, &[]).await
    }

    /// Waits until the trace has a card of this kind and command, and returns the steps of the newest
    /// one: effect, target, command, number.
    pub(crate) async fn traced(&self, kind: &str, command: &str) -> Value {
        const FIND: &str = "[...document.querySelectorAll('.trace-card')].findLast(card => \
            card.dataset.kind === arguments[0] && card.querySelector('.command').textContent === arguments[1])";
        let args = [json!(kind), json!(command)];
        self.until(&format!("the trace has a {kind} {command}"), FIND, &args).await;
        let script = format!(
            "return [...{FIND}.querySelectorAll('.steps li')].map(step => \
                ['.effect', '.target', '.carries', '.number'].map(part => \
                    step.querySelector(part).textContent))"
        );
        self.evaluate(&script, &args).await
    }
}
