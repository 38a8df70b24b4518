// The page: the login, and how the parts work together.

import { byId, el, isPhone, isWide } from "./dom.js";
import { listen as listenToPairs } from "./pairs.js";
import { Session } from "./session.js";

const DEMO_SELLER = 2n;
const TOKEN = "kefu-token";
const VERSION = "kefu-version";

let demo = [];
let session = null;

const demoSeller = () => demo.find((one) => one.appid === one.kefuAppid)?.uid ?? DEMO_SELLER;

/** Ids come as strings: a number in JSON holds only 53 bits. */
function account({ appid, uid, kefu_appid: kefuAppid, frame_limit: frameLimit, token }) {
  return { appid: BigInt(appid), uid: BigInt(uid), kefuAppid: BigInt(kefuAppid), frameLimit, token };
}

async function logIn(token) {
  let answer;
  try {
    answer = await fetch(`/whoami?token=${encodeURIComponent(token)}`);
  } catch {
    showLogin("The server cannot be reached.");
    return;
  }
  if (!answer.ok) {
    logOut("The server does not know this token.");
    return;
  }
  sessionStorage.setItem(TOKEN, token);
  const me = { ...account(await answer.json()), version: version() };
  byId("login").hidden = true;
  byId("app").hidden = false;
  session?.close();
  const refused = () => logOut("The server no longer accepts this token.");
  session = new Session(me, token, demoSeller(), refused);
}

function logOut(why) {
  session?.close();
  session = null;
  sessionStorage.removeItem(TOKEN);
  history.replaceState(null, "", "/");
  showLogin(why);
}

function showLogin(error) {
  byId("app").hidden = true;
  byId("login").hidden = false;
  byId("login-error").textContent = error;
}

/** The version of the protocol that this tab speaks. It stays, as the token does. */
const version = () => Number(document.querySelector("#version input:checked").value);

function keepVersion() {
  for (const input of document.querySelectorAll("#version input")) {
    input.checked = input.value === (sessionStorage.getItem(VERSION) ?? "1");
    input.addEventListener("change", () => sessionStorage.setItem(VERSION, input.value));
  }
}

/** `#customer` and `#seller` are the demo's accounts: a link can open a tab for either. */
const sideOf = ({ appid, kefuAppid }) => (appid === kefuAppid ? "seller" : "customer");

function drawRoles() {
  byId("demo").hidden = demo.length === 0;
  byId("roles").replaceChildren(...demo.map((one) => {
    const side = sideOf(one);
    const button = el("button", { type: "button", id: `as-${side}` },
      el("strong", {}, side === "seller" ? "Seller" : "Customer"),
      el("span", { class: "account" }, `${one.appid}/${one.uid}`));
    button.addEventListener("click", () => {
      history.replaceState(null, "", `#${side}`);
      logIn(one.token);
    });
    return button;
  }));
}

/** The tab's token: the one of its address, or the one from before a reload. */
function knownToken() {
  const named = demo.find((one) => `#${sideOf(one)}` === location.hash);
  return named?.token ?? sessionStorage.getItem(TOKEN);
}

const isTraceOpen = () => byId("app").dataset.trace === "open";

function setTrace(isOpen) {
  byId("app").dataset.trace = isOpen ? "open" : "closed";
  byId("trace-toggle").setAttribute("aria-expanded", isOpen);
  // On a phone the trace covers everything else, which the keyboard must not reach either.
  for (const id of ["bar", "sidebar", "chat"]) byId(id).inert = isOpen && isPhone.matches;
  if (isOpen && isPhone.matches) byId("trace-close").focus();
}

function closeTrace() {
  setTrace(false);
  byId("trace-toggle").focus();
}

/** On a narrow screen the trace covers the chat. */
const uncoverChat = () => isWide.matches || setTrace(false);

function listen() {
  listenToPairs({
    openTrace: () => setTrace(true),
    openMessage: (key) => {
      uncoverChat();
      session?.openMessage(key);
    },
  }, () => isWide.matches && isTraceOpen());
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState(null, "", "/");
    logIn(byId("token").value.trim());
  });
  byId("leave").addEventListener("click", () => logOut(""));
  byId("retry").addEventListener("click", () => session?.retry());
  byId("forge").addEventListener("click", () => session?.forge());
  byId("trace-clear").addEventListener("click", () => session?.clearTrace());
  byId("trace-toggle").addEventListener("click", () => setTrace(!isTraceOpen()));
  byId("trace-close").addEventListener("click", closeTrace);
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && !isWide.matches && isTraceOpen()) closeTrace();
  });
  isWide.addEventListener("change", () => setTrace(isWide.matches));
  isPhone.addEventListener("change", () => setTrace(isWide.matches));
  addEventListener("online", () => session?.retry());
  addEventListener("hashchange", () => {
    const token = knownToken();
    if (token !== null) logIn(token);
  });
}

async function start() {
  listen();
  keepVersion();
  setTrace(isWide.matches);
  try {
    demo = (await (await fetch("/demo")).json()).map(account);
  } catch {
    // The token field works without the demo.
  }
  drawRoles();
  const token = knownToken();
  if (token === null) showLogin("");
  else logIn(token);
}

start();
