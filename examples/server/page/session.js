// A user who is logged in: the connection, the conversations and the trace, and how they work
// together.

import { Chats } from "./chat.js";
import { byId, isPhone } from "./dom.js";
import { Link } from "./link.js";
import { Trace } from "./trace.js";
import { View } from "./view.js";
import { Flag } from "./wire.js";

const TYPING_EVERY = 2_500;

export class Session {
  #chats;
  #view;
  #trace;
  #link;
  #seller;
  #hasHistory = false;
  #typedAt = 0;

  /**
   * `me` is the user of a token (see `Chats`), `seller` is whom a customer writes to first.
   * `refused()` is called when the server no longer accepts the token.
   */
  constructor(me, token, seller, refused) {
    this.#seller = seller;
    this.#chats = new Chats(me);
    this.#view = new View(this.#chats, {
      write: (conversation, text) => this.#write(conversation, text),
      typing: (conversation) => this.#typing(conversation),
    });
    this.#view.setBusy(true);
    this.#trace = new Trace(me, token);
    this.#link = new Link(me, token, {
      state: (name, retryIn) => this.#setState(name, retryIn),
      refused,
      synced: (messages) => this.#synced(messages),
      caughtUp: () => this.#caughtUp(),
      live: (message) => this.#take(message),
      transient: (message) => this.#take(message),
      acked: (uuid, status) => this.#acked(this.#chats.acked(uuid, status)),
    });
    if (!this.#chats.isSeller) this.#view.show(this.#chats.withSeller(seller));
    byId("me-name").textContent = this.#chats.isSeller ? "Seller" : "Customer";
    byId("me-account").textContent = `${me.appid}/${me.uid}`;
    byId("me-version").textContent = `V${me.version}`;
    byId("me-version").title = `version ${me.version} of the protocol`;
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
    const { command, body } = this.#chats.forged(this.#seller);
    this.#link.whisper(command, body);
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
    const signal = this.#chats.typing(conversation);
    const now = Date.now();
    if (signal === null || now - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = now;
    this.#link.whisper(signal.command, signal.body, Flag.UNPERSISTENT);
  }

  #synced(messages) {
    // The history is drawn in one go (see `caughtUp`) and counts as read.
    if (this.#hasHistory) messages.forEach((message) => this.#take(message));
    else messages.forEach((message) => this.#chats.take(message));
    for (const message of messages) {
      if (message.isFromHere) this.#acked(this.#chats.found(message));
    }
  }

  #caughtUp() {
    if (this.#hasHistory) return;
    this.#hasHistory = true;
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

  #acked(message) {
    if (message !== undefined) this.#view.acked(message);
  }
}
