// The conversations on the page: the list of them, the open one, and where one writes.

import { drawMessage, redrawState } from "./bubble.js";
import { byId, stickToEnd } from "./dom.js";
import { List } from "./list.js";

const UNSELECTED = ["No conversation selected", "Select a conversation."];
const NO_CONVERSATIONS = [
  "No conversations",
  "You have no conversations yet. The first customer who writes appears on the left.",
];
const TYPING_SHOWN = 4_000;
// A long history need not be drawn to read its end.
const BATCH = 200;

const toEnd = stickToEnd(byId("log"), byId("messages"));

/**
 * `on` is told what the user does: `write(conversation, text)`, which returns whether it could, and
 * `typing(conversation)`.
 */
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

  /** Stops listening: another view takes over the page. */
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

  /** Shows a conversation, unless it is shown already. */
  open(conversation) {
    if (conversation !== this.#open) this.show(conversation);
  }

  /** Shows the newest conversation, if none is open. */
  showNewest() {
    const newest = [...this.#chats.conversations.values()].at(-1);
    if (this.#open === null && newest !== undefined) this.show(newest);
  }

  /** Screen readers stay silent while the history loads. */
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
  acked(message) {
    const item = document.querySelector(`#messages [data-uuid="${message.uuid}"]`);
    if (item !== null) redrawState(item, message);
  }

  /** The other side of a conversation is typing. */
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
      // Enter belongs to an input method that is composing.
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
      byId("composer-error").textContent = "This message is too long.";
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
    toEnd();
  }

  /** Says what to do where there is nothing to read. */
  #drawEmpty(hasConversations) {
    const [title, text] = hasConversations ? UNSELECTED : NO_CONVERSATIONS;
    byId("peer").textContent = this.#open?.name ?? title;
    byId("empty").textContent = this.#open === null ? text : "No messages yet.";
  }

  /** Draws once for all changes of this turn. */
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
    this.#drawEmpty(conversations.length > 0);
    this.#list.draw(conversations, this.#open, (conversation) => this.#typing.has(conversation));
    const unread = conversations.reduce((sum, conversation) => sum + conversation.unread, 0);
    const side = this.#chats.isSeller ? "Seller" : "Customer";
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${side} · kefu-server`;
  }

  #drawTyping() {
    const isTyping = this.#typing.has(this.#open);
    byId("typing").textContent = isTyping ? `${this.#open.name} is typing…` : "";
  }
}
