// The conversations of one user: who wrote what to whom, and what the server has stored. Knows
// nothing of the page.

import { CHAT_HEAD, Command, UNPERSISTENT, encodeChat, randomHex } from "./wire.js";

const STORE = 1n;

/** Identifies a message: a uuid alone is unique for its sender only. `undefined` without a uuid. */
export const keyOf = (sender, uuid) => (uuid === undefined ? undefined : `${sender} ${uuid}`);

/** Everything that one account has written and received. */
export class Chats {
  /** By key, the one with the newest message last. */
  conversations = new Map();
  #me;
  #mine = new Map();
  #seen = new Set();

  /** `me` is what the server says about a token: `appid`, `uid`, `kefuAppid` and `frameLimit`. */
  constructor(me) {
    this.#me = me;
  }

  /** The users of the kefu app are the sellers. */
  get isSeller() {
    return this.#me.appid === this.#me.kefuAppid;
  }

  /** A customer's conversation with a seller, which starts here if there is none yet. */
  withSeller(sellerId) {
    return this.#conversation({
      customerAppid: this.#me.appid, customerId: this.#me.uid, storeId: STORE, sellerId,
    });
  }

  /** The body of a message in somebody else's name, which a server refuses. */
  forged(sellerId) {
    const { appid, uid } = this.#me;
    const ids = { customerAppid: appid, customerId: uid + 1n, storeId: STORE, sellerId };
    if (this.isSeller) Object.assign(ids, { customerId: uid, sellerId: uid + 1n });
    return this.body(ids, { text: "" });
  }

  /** The conversation with the message of this key. */
  withMessage(key) {
    return [...this.conversations.values()].find(({ messages }) => (
      messages.some((message) => message.key === key)));
  }

  /** Takes in a message from the server. `null` if it is here already. */
  take(incoming) {
    const conversation = this.#conversation(incoming);
    const { text, uuid, isTyping, isOther } = readContent(incoming.content);
    if (isTyping && incoming.flags & UNPERSISTENT) {
      return { conversation, isTyping };
    }
    const sender = this.#senderOf(incoming);
    const key = keyOf(sender, uuid);
    if (key !== undefined && this.#isRepeat(key)) return null;
    const message = {
      key, uuid, text, isOther,
      isMine: sender === this.#self,
      isStored: true,
      isTransient: (incoming.flags & UNPERSISTENT) !== 0,
      at: new Date(incoming.timestamp * 1000),
    };
    conversation.storeId = incoming.storeId;
    this.#add(conversation, message);
    return { conversation, message };
  }

  /** A new message of this user, to be sent; `null` if a frame cannot hold it. */
  write(conversation, text) {
    const uuid = randomHex();
    const body = this.body(conversation, { text, uuid });
    if (body === null) return null;
    const key = keyOf(this.#self, uuid);
    const message = { key, uuid, text, isMine: true, isStored: false, at: new Date() };
    this.#seen.add(key);
    this.#mine.set(uuid, message);
    this.#add(conversation, message);
    return { message, command: this.command, body };
  }

  /** The server has acknowledged a message. */
  delivered(uuid) {
    const message = this.#mine.get(uuid);
    if (message !== undefined) message.isStored = true;
    return message;
  }

  /** The command under which this user writes. */
  get command() {
    return this.isSeller ? Command.CUSTOMER_SUPPORT : Command.CUSTOMER;
  }

  /** The body of a chat message with JSON as its content; `null` if the server refuses its length. */
  body({ customerAppid, customerId, storeId, sellerId }, json) {
    const content = new TextEncoder().encode(JSON.stringify(json));
    if (CHAT_HEAD + content.length >= this.#me.frameLimit) return null;
    return encodeChat({ customerAppid, customerId, storeId, sellerId, content });
  }

  #conversation({ customerAppid, customerId, storeId, sellerId }) {
    // A seller answers in their own name, whoever the customer wrote to.
    const self = this.isSeller ? this.#me.uid : sellerId;
    const key = this.isSeller ? `${customerAppid}/${customerId}` : `${this.#me.kefuAppid}/${sellerId}`;
    let conversation = this.conversations.get(key);
    if (conversation === undefined) {
      conversation = {
        key, customerAppid, customerId, storeId,
        sellerId: self,
        name: this.isSeller ? `Customer ${customerId}` : `Seller ${sellerId}`,
        messages: [],
        unread: 0,
      };
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

  get #self() {
    return `${this.#me.appid}/${this.#me.uid}`;
  }

  #senderOf({ command, customerAppid, customerId, sellerId }) {
    return command === Command.CUSTOMER
      ? `${customerAppid}/${customerId}`
      : `${this.#me.kefuAppid}/${sellerId}`;
  }
}

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
