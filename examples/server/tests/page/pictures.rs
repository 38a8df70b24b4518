//! The page at several widths, light and dark: nothing overflows. The pictures stay in
//! `target/tmp/pictures` for people to look at.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::browser::Browser;
use crate::host::Host;
use crate::stage;
use crate::tab::Tab;

const TOKENS: &str = "\
    \"tok-7-1\" = { appid = 7, uid = 1 }\n\
    \"tok-7-19\" = { appid = 7, uid = 19 }\n\
    \"tok-9-204\" = { appid = 9, uid = 204 }\n\
    \"tok-1453-2\" = { appid = 1453, uid = 2 }\n";

/// The height of the picture in the README, with room for eight effects, and what is between tabs.
const BESIDE: u32 = 860;
const GAP: u32 = 8;
const DESKTOP: (u32, u32) = (1280, 800);
const TABLET: (u32, u32) = (900, 800);
const PHONE: (u32, u32) = (390, 844);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_over_the_edge_at_any_width_by_day_or_night() {
    let (mut host, browser) = stage!(Some(TOKENS));
    let album = Album::new();
    others_write(&browser, &host).await;
    let customer = browser.log_in(&host, "customer").await;
    let seller = browser.log_in_speaking(2, &host, "seller").await;
    converse(&customer, &seller).await;
    customer.press("#text", "I live on the third floor, so").await;
    seller.hover("#trace .trace-card:last-child .steps").await;
    album.draw(&seller, "seller", &[DESKTOP, TABLET, PHONE]).await;
    album.draw(&customer, "customer", &[DESKTOP, PHONE]).await;
    customer.hover("#me").await;
    album.draw_both(&browser, [(&customer, 400), (&seller, 1100)]).await;

    seller.resize(DESKTOP).await;
    seller.click("#forge").await;
    seller.traced("refused", "CUSTOMER_V2").await;
    album.draw(&seller, "refused", &[DESKTOP]).await;
    seller.resize(PHONE).await;
    seller.click("#back").await;
    album.draw(&seller, "list", &[PHONE]).await;
    seller.click("#trace-toggle").await;
    album.draw(&seller, "trace", &[PHONE]).await;
    let login = browser.open("nobody", &host).await;
    album.draw(&login, "login", &[DESKTOP, PHONE]).await;
    host.stop().await;
    customer.until_state("offline").await;
    customer.say(" would they wait a minute?").await;
    album.draw(&customer, "offline", &[DESKTOP, PHONE]).await;
}

async fn others_write(browser: &Browser, host: &Host) {
    for (token, text) in [
        ("tok-9-204", "Can I change the address of an order?"),
        ("tok-7-19", "Thank you, it works again!"),
    ] {
        let other = browser.open("another customer", host).await;
        other.log_in_with(token).await;
        other.say(text).await;
        other.until_ticked().await;
    }
}

async fn converse(customer: &Tab<'_>, seller: &Tab<'_>) {
    let hello = "Hello! My parcel was to come on Tuesday, and I still don't have it.";
    customer.say(hello).await;
    customer.until_ticked().await;
    seller.click("#conversations li:first-child button").await;
    for (tab, other, text) in [
        (
            seller,
            customer,
            "Good morning! I'm sorry to hear that. What is the number of your order?",
        ),
        (customer, seller, "It is 2024-0817."),
        (
            seller,
            customer,
            "Found it: it left Utrecht this morning and will be with you before 18:00.",
        ),
        (customer, seller, "我今天都在家。谢谢!"),
        (customer, seller, "One more thing: will they ring the bell?"),
        (seller, customer, "They will. And you can follow them on the map."),
    ] {
        tab.say(text).await;
        other.until_newest(text, false).await;
        tab.until_ticked().await;
    }
}

/// A folder of pictures.
struct Album(PathBuf);

impl Album {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// Takes screenshots of a tab in these sizes, light and dark.
    async fn draw(&self, tab: &Tab<'_>, name: &str, sizes: &[(u32, u32)]) {
        for &size in sizes {
            for theme in ["light", "dark"] {
                tab.resize(size).await;
                tab.set_theme(theme).await;
                tab.until_it_fits().await;
                tab.picture(&self.0.join(format!("{name}-{}-{theme}.png", size.0))).await;
            }
        }
    }

    /// The picture in the README: both tabs side by side, by day.
    async fn draw_both(&self, browser: &Browser, tabs: [(&Tab<'_>, u32); 2]) {
        let mut pictures = Vec::new();
        for (tab, width) in tabs {
            tab.resize((width, BESIDE)).await;
            tab.set_theme("light").await;
            tab.until_it_fits().await;
            tab.finish_animations().await;
            pictures.push(tab.face().await.screenshot_as_png_base64().await.unwrap());
        }
        let both = browser.open_at("both", "about:blank").await;
        both.resize((tabs.map(|(_, width)| width).iter().sum::<u32>() + GAP, BESIDE)).await;
        both.evaluate(SET_BESIDE, &[json!(pictures), json!(GAP)]).await;
        let are_there = "[...document.images].every(image => image.complete)";
        both.until("the pictures are there", are_there, &[]).await;
        both.picture(&self.0.join("both.png")).await;
    }
}

const SET_BESIDE: &str = "
    document.body.style = `margin: 0; display: flex; gap: ${arguments[1]}px; background: gray`;
    for (const picture of arguments[0]) {
        document.body.append(new Image());
        document.body.lastChild.src = `data:image/png;base64,${picture}`;
    }
";
