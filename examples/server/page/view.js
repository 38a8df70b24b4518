// The conversations on the page: the list of them, the open one, and where one writes.

import { byId, dayOf, el, icon, stickToEnd, timeOf } from "./dom.js";
import { List } from "./list.js";

const TYPING_SHOWN = 4_000;
// A long history need not be drawn to read its end.
const BATCH = 200;

const toEnd = stickToEnd(byId("log"), byId("messages"));

/** `on` is told what the user does: `write(conversation, text)`, which returns whether it could, and `typing(conversation)`. */
export class View {
  #chats;
  #on;
  #list = new List((conversation) => this.show(conversation));
  #open = null;
  #typing = new Map();
  #shown = BATCH;
  #isListDue = false;
  #controller = new AbortController();

  constructor(chats, on) {
    this.#chats = chats;
    this.#on = on;
    byId("sidebar-title").textContent = chats.isSeller ? "Customers" : "Sellers";
    byId("seller-form").hidden = chats.isSeller;
    byId("composer-error").textContent = "";
    byId("text").value = "";
    this.#listen();
    this.show(null);
  }

  /** Leaves the page to another view. */
  close() {
    this.#controller.abort();
    for (const timer of this.#typing.values()) clearTimeout(timer);
    document.title = "kefu-server";
  }

  /** Shows a conversation, or none. */
  show(conversation) {
    this.#open = conversation;
    this.#shown = BATCH;
    byId("app").dataset.place = conversation === null ? "list" : "chat";
    byId("peer").textContent = conversation?.name ?? "No conversation";
    byId("peer-account").textContent = conversation?.key ?? "";
    byId("text").disabled = conversation === null;
    byId("composer").querySelector("button").disabled = conversation === null;
    if (conversation !== null) conversation.unread = 0;
    this.#drawMessages();
    this.#drawList();
    this.#drawTyping();
    // On a touch screen the keyboard would cover what there is to read.
    if (conversation !== null && matchMedia("(pointer: fine)").matches) byId("text").focus();
  }

  /** Shows the newest conversation, if none is open. */
  showNewest() {
    const newest = [...this.#chats.conversations.values()].at(-1);
    if (this.#open === null && newest !== undefined) this.show(newest);
  }

  /** While a history comes in nothing is read out. */
  setBusy(isBusy) {
    byId("log").setAttribute("aria-busy", isBusy);
  }

  /** A message has been added to a conversation. */
  added(conversation, message) {
    this.#stopTyping(conversation, message);
    if (conversation === this.#open) {
      const before = conversation.messages.at(-2);
      byId("messages").append(...drawMessage(message, before));
      byId("empty").hidden = true;
      if (message.isMine) toEnd();
    }
    if (!message.isMine && (conversation !== this.#open || document.hidden)) {
      conversation.unread += 1;
    }
    this.#drawList();
  }

  /** Many messages have been added. */
  addedMany() {
    this.#drawMessages();
    this.#drawList();
  }

  /** A message has got its ACK. */
  delivered(message) {
    const item = document.querySelector(`#messages [data-uuid="${message.uuid}"]`);
    item?.setAttribute("data-state", "stored");
    item?.querySelector(".icon").replaceWith(tick(message));
  }

  /** The other side of a conversation is writing. */
  typing(conversation) {
    clearTimeout(this.#typing.get(conversation));
    const timer = setTimeout(() => this.#stopTyping(conversation), TYPING_SHOWN);
    this.#typing.set(conversation, timer);
    this.#drawTyping();
    this.#drawList();
  }

  #stopTyping(conversation, message) {
    if (message?.isMine || !this.#typing.has(conversation)) return;
    clearTimeout(this.#typing.get(conversation));
    this.#typing.delete(conversation);
    this.#drawTyping();
    this.#drawList();
  }

  #listen() {
    const { signal } = this.#controller;
    const text = byId("text");
    const composer = byId("composer");
    text.addEventListener("keydown", (event) => {
      // While an input method composes, Enter is its own.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      composer.requestSubmit();
    }, { signal });
    text.addEventListener("input", () => {
      byId("composer-error").textContent = "";
      if (text.value.trim() !== "") this.#on.typing(this.#open);
    }, { signal });
    composer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(text);
    }, { signal });
    byId("back").addEventListener("click", () => this.show(null), { signal });
    byId("earlier").addEventListener("click", () => this.#showEarlier(), { signal });
    byId("seller-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.show(this.#chats.withSeller(BigInt(byId("seller").value)));
      byId("seller-form").reset();
    }, { signal });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.#open !== null) this.#open.unread = 0;
      this.#drawList();
    }, { signal });
  }

  #submit(text) {
    const written = text.value.trim();
    if (written === "" || this.#open === null) return;
    if (this.#on.write(this.#open, written)) {
      text.value = "";
    } else {
      byId("composer-error").textContent = "This is too long for one message.";
    }
    text.focus();
  }

  #showEarlier() {
    const log = byId("log");
    const fromEnd = log.scrollHeight - log.scrollTop;
    this.#shown += BATCH;
    this.#drawMessages();
    log.scrollTop = log.scrollHeight - fromEnd;
    log.focus();
  }

  #drawMessages() {
    const all = this.#open?.messages ?? [];
    const from = Math.max(0, all.length - this.#shown);
    const items = all.slice(from).flatMap((message, at) => drawMessage(message, all[from + at - 1]));
    byId("messages").replaceChildren(...items);
    byId("earlier").hidden = from === 0;
    byId("empty").hidden = all.length > 0;
    byId("empty").textContent = this.#open === null
      ? "Choose a conversation."
      : "Nothing has been said here yet.";
    toEnd();
  }

  /** Once for all that happens now. */
  #drawList() {
    if (this.#isListDue) return;
    this.#isListDue = true;
    queueMicrotask(() => {
      this.#isListDue = false;
      if (!this.#controller.signal.aborted) this.#drawListNow();
    });
  }

  #drawListNow() {
    const conversations = [...this.#chats.conversations.values()];
    byId("nobody").hidden = !this.#chats.isSeller || conversations.length > 0;
    this.#list.draw(conversations, this.#open, (conversation) => this.#typing.has(conversation));
    const unread = conversations.reduce((sum, conversation) => sum + conversation.unread, 0);
    const side = this.#chats.isSeller ? "Seller" : "Customer";
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${side} · kefu-server`;
  }

  #drawTyping() {
    const isTyping = this.#typing.has(this.#open);
    byId("typing").textContent = isTyping ? `${this.#open.name} is writing…` : "";
  }
}

/** The item of a message, behind its day's where a new day begins. */
function drawMessage(message, before) {
  const isNewDay = before?.at.toDateString() !== message.at.toDateString();
  const text = el("p", { class: message.isOther ? "text other" : "text", dir: "auto" });
  text.textContent = message.text;
  const item = el("li", {
    class: message.isMine ? "message mine" : "message",
    "data-uuid": message.uuid,
    "data-state": message.isStored ? "stored" : "waiting",
    "data-follows": before !== undefined && !isNewDay && before.isMine === message.isMine,
  },
  text,
  el("p", { class: "meta" },
    el("time", { datetime: message.at.toISOString() }, timeOf(message.at)),
    message.isTransient ? " · not stored" : ""));
  if (message.isMine) item.querySelector(".meta").append(tick(message));
  return isNewDay ? [el("li", { class: "day" }, dayOf(message.at)), item] : [item];
}

function tick({ isStored }) {
  return isStored ? icon("tick", "stored by the server") : icon("clock", "on its way");
}
