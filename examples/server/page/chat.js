// The conversations of one user: who wrote what to whom, and what the server has stored. Knows
// nothing of the page.

import { CHAT_HEAD, encodeChat } from "./form.js";
import { randomHex } from "./wire.js";

const STORE = 1n;
const REFUSALS = {
  1: "refused: you are not their friend",
  2: "refused: they are not your friend",
  3: "refused: the receiver takes nothing from you",
};

/** Identifies a message: a uuid alone is unique for its sender only. `undefined` without a uuid. */
export const keyOf = (sender, uuid) => (uuid === undefined ? undefined : `${sender} ${uuid}`);

/** Everything that one account has written and received. */
export class Chats {
  /** By key, the one with the newest message last. */
  conversations = new Map();
  #me;
  #mine = new Map();
  #seen = new Set();

  /**
   * `me` is what the server says about a token, `appid`, `uid`, `kefuAppid` and `frameLimit`, and
   * the `version` that this user speaks.
   */
  constructor(me) {
    this.#me = me;
  }

  /** The users of the kefu app are the sellers. */
  get isSeller() {
    return this.#me.appid === this.#me.kefuAppid;
  }

  /** A customer's conversation with a seller, which starts here if there is none yet. */
  withSeller(sellerId) {
    return this.#conversation({ appid: this.#me.kefuAppid, uid: sellerId });
  }

  /** A message in somebody else's name, which a server refuses: its command and its body. */
  forged(sellerId) {
    const { appid, uid, kefuAppid } = this.#me;
    const receiver = this.isSeller ? { appid, uid } : { appid: kefuAppid, uid: sellerId };
    return this.#encode({ appid, uid: uid + 1n }, receiver, STORE, { text: "" });
  }

  /** A signal that this user is typing; `null` in version 2, where every message is stored. */
  typing({ peer, storeId }) {
    if (this.#me.version === 2) return null;
    return this.#encode(this.#me, peer, storeId, { typing: true });
  }

  /** The conversation with the message of this key. */
  withMessage(key) {
    return [...this.conversations.values()].find(({ messages }) => (
      messages.some((message) => message.key === key)));
  }

  /** Takes in a message from the server. `null` if it is here already. */
  take({ sender, receiver, storeId, timestamp, content, isTransient }) {
    const isMine = nameOf(sender) === nameOf(this.#me);
    const conversation = this.#conversation(isMine ? receiver : sender);
    const { text, uuid, isTyping, isOther } = readContent(content);
    if (isTyping && isTransient) return { conversation, isTyping };
    const key = keyOf(nameOf(sender), uuid);
    if (key !== undefined && this.#isRepeat(key)) return null;
    const at = new Date(timestamp * 1000);
    const message = { key, uuid, text, isOther, isMine, isTransient, state: "stored", at };
    // What was written in version 2 has none.
    if (storeId) conversation.storeId = storeId;
    this.#add(conversation, message);
    return { conversation, message };
  }

  /** A new message of this user, to be sent; `null` if a frame cannot hold it. */
  write(conversation, text) {
    const uuid = randomHex();
    const encoded = this.#encode(this.#me, conversation.peer, conversation.storeId, { text, uuid });
    if (encoded === null) return null;
    const key = keyOf(nameOf(this.#me), uuid);
    const message = { key, uuid, text, isMine: true, state: "waiting", at: new Date() };
    this.#seen.add(key);
    this.#mine.set(uuid, message);
    this.#add(conversation, message);
    return { message, ...encoded };
  }

  /** The server has answered a message of this user: status 0, or why it is refused. */
  acked(uuid, status) {
    const message = this.#mine.get(uuid);
    if (message === undefined) return undefined;
    message.state = status === 0 ? "stored" : "refused";
    if (status !== 0) message.refusal = REFUSALS[status] ?? `refused with status ${status}`;
    return message;
  }

  /** A message of this user came back in a sync, and so is stored: its ACK may have been lost. */
  found({ content }) {
    return this.acked(readContent(content).uuid, 0);
  }

  /** The command and the body of a message; `null` if the server refuses its length. */
  #encode(sender, receiver, storeId, json) {
    const content = new TextEncoder().encode(JSON.stringify(json));
    if (CHAT_HEAD + content.length >= this.#me.frameLimit) return null;
    const { version, kefuAppid } = this.#me;
    return encodeChat({ sender, receiver, storeId, content }, version, kefuAppid);
  }

  #conversation(peer) {
    const key = nameOf(peer);
    let conversation = this.conversations.get(key);
    if (conversation === undefined) {
      const side = peer.appid === this.#me.kefuAppid ? "Seller" : "Customer";
      const name = `${side} ${peer.uid}`;
      conversation = { key, peer, name, storeId: STORE, messages: [], unread: 0 };
      this.conversations.set(key, conversation);
    }
    return conversation;
  }

  #add(conversation, message) {
    conversation.messages.push(message);
    this.conversations.delete(conversation.key);
    this.conversations.set(conversation.key, conversation);
  }

  #isRepeat(key) {
    const isRepeat = this.#seen.has(key);
    this.#seen.add(key);
    return isRepeat;
  }
}

const nameOf = ({ appid, uid }) => `${appid}/${uid}`;

/** A content can be anything. What this page does not understand, it shows as it is. */
function readContent(content) {
  const raw = new TextDecoder().decode(content);
  let json = null;
  try {
    json = JSON.parse(raw);
  } catch {
    // Not JSON.
  }
  const uuid = typeof json?.uuid === "string" && json.uuid !== "" ? json.uuid : undefined;
  if (typeof json?.text === "string") return { text: json.text, uuid };
  return { text: raw, uuid, isTyping: json?.typing === true, isOther: true };
}
