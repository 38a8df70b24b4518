// The page: the login, and how the parts work together.

import { Chats } from "./chat.js";
import { byId, el } from "./dom.js";
import { Link } from "./link.js";
import { listen as listenToPairs } from "./pairs.js";
import { Trace } from "./trace.js";
import { View } from "./view.js";
import { UNPERSISTENT } from "./wire.js";

const DEMO_SELLER = 2n;
const TYPING_EVERY = 2_500;
const TOKEN = "kefu-token";

let demo = [];
let session = null;

/** A user who is logged in: the connection, the conversations, the trace. */
class Session {
  #chats;
  #view;
  #trace;
  #link;
  #hasHistory = false;
  #typedAt = 0;

  constructor(token, me) {
    this.#chats = new Chats(me);
    this.#view = new View(this.#chats, {
      write: (conversation, text) => this.#write(conversation, text),
      typing: (conversation) => this.#typing(conversation),
    });
    this.#view.setBusy(true);
    this.#trace = new Trace(me, token);
    this.#link = new Link(token, {
      state: (name, retryIn) => this.#setState(name, retryIn),
      refused: () => logOut("The server no longer accepts this token."),
      synced: (messages) => this.#synced(messages),
      transient: (message) => this.#take(message),
      delivered: (uuid) => this.#delivered(uuid),
    });
    if (!this.#chats.isSeller) this.#view.show(this.#chats.withSeller(demoSeller()));
    byId("me-name").textContent = this.#chats.isSeller ? "Seller" : "Customer";
    byId("me-account").textContent = `${me.appid}/${me.uid}`;
  }

  close() {
    this.#link.close();
    this.#trace.close();
    this.#view.close();
  }

  retry() {
    this.#link.retry();
  }

  clearTrace() {
    this.#trace.clear();
  }

  /** Opens the conversation with the message of this key, if it is not open. */
  openMessage(key) {
    const conversation = this.#chats.withMessage(key);
    if (conversation !== undefined) this.#view.open(conversation);
  }

  /** Sends a message in somebody else's name, to show that the server refuses it silently. */
  forge() {
    this.#link.whisper(this.#chats.command, this.#chats.forged(demoSeller()));
  }

  #setState(name, retryIn) {
    const seconds = Math.ceil(retryIn / 1000);
    byId("state").dataset.state = name;
    byId("state-text").textContent = name;
    byId("state-more").textContent = name === "offline" ? `, retrying in ${seconds} s` : "";
    byId("retry").hidden = name !== "offline";
    if (name === "connected") this.#trace.open();
  }

  #write(conversation, text) {
    const written = this.#chats.write(conversation, text);
    if (written === null) return false;
    this.#typedAt = 0;
    this.#view.added(conversation, written.message);
    this.#link.deliver(written.message.uuid, written.command, written.body);
    return true;
  }

  #typing(conversation) {
    const now = Date.now();
    if (now - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = now;
    const body = this.#chats.body(conversation, { typing: true });
    this.#link.whisper(this.#chats.command, body, UNPERSISTENT);
  }

  #synced(messages) {
    if (this.#hasHistory) {
      messages.forEach((message) => this.#take(message));
      return;
    }
    // The first sync brings the history, which is drawn in one go and counts as read.
    this.#hasHistory = true;
    messages.forEach((message) => this.#chats.take(message));
    this.#view.addedMany();
    if (!isPhone.matches) this.#view.showNewest();
    this.#view.setBusy(false);
  }

  #take(incoming) {
    const taken = this.#chats.take(incoming);
    if (taken === null) return;
    if (taken.isTyping) {
      this.#view.typing(taken.conversation);
    } else {
      this.#view.added(taken.conversation, taken.message);
    }
  }

  #delivered(uuid) {
    const message = this.#chats.delivered(uuid);
    if (message !== undefined) this.#view.delivered(message);
  }
}

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
  const me = account(await answer.json());
  byId("login").hidden = true;
  byId("app").hidden = false;
  session?.close();
  session = new Session(token, me);
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

const isWide = matchMedia("(min-width: 1100px)");
const isPhone = matchMedia("(max-width: 719px)");

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
