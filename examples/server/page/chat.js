// The conversations of one user: what was said, to whom, and what the server has. It knows nothing of the page.

import { CHAT_HEAD, Command, UNPERSISTENT, encodeChat, randomHex } from "./wire.js";

const STORE = 1n;

/** Everything that one account has said and heard. */
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

  /** All sellers, and nobody else, are users of the kefu app. */
  get isSeller() {
    return this.#me.appid === this.#me.kefuAppid;
  }

  /** A customer's conversation with a seller, new if need be. */
  withSeller(sellerId) {
    return this.#conversation({
      customerAppid: this.#me.appid, customerId: this.#me.uid, storeId: STORE, sellerId,
    });
  }

  /** A message in somebody else's name, which a server refuses. */
  forged(sellerId) {
    const { appid, uid } = this.#me;
    const ids = { customerAppid: appid, customerId: uid + 1n, storeId: STORE, sellerId };
    if (this.isSeller) Object.assign(ids, { customerId: uid, sellerId: uid + 1n });
    return this.body(ids, { text: "" });
  }

  /** Takes in a message from the server. `null` for one that is here already. */
  take(incoming) {
    const conversation = this.#conversation(incoming);
    const { text, uuid, isTyping, isOther } = readContent(incoming.content);
    if (isTyping && incoming.flags & UNPERSISTENT) {
      return { conversation, isTyping };
    }
    const isMine = this.#isMine(incoming);
    if (uuid !== undefined && this.#isRepeat(isMine, conversation, uuid)) return null;
    const message = {
      uuid, text, isMine, isOther,
      isStored: true,
      isTransient: (incoming.flags & UNPERSISTENT) !== 0,
      at: new Date(incoming.timestamp * 1000),
    };
    conversation.storeId = incoming.storeId;
    this.#add(conversation, message);
    return { conversation, message };
  }

  /** A message of one's own, to be sent; `null` where a frame cannot hold it. */
  write(conversation, text) {
    const uuid = randomHex();
    const body = this.body(conversation, { text, uuid });
    if (body === null) return null;
    const message = { uuid, text, isMine: true, isStored: false, at: new Date() };
    this.#isRepeat(true, conversation, uuid);
    this.#mine.set(uuid, message);
    this.#add(conversation, message);
    return { message, command: this.command, body };
  }

  /** The server has it. */
  delivered(uuid) {
    const message = this.#mine.get(uuid);
    if (message !== undefined) message.isStored = true;
    return message;
  }

  /** The command under which this user writes. */
  get command() {
    return this.isSeller ? Command.CUSTOMER_SUPPORT : Command.CUSTOMER;
  }

  /** The body of a chat message with a JSON content; `null` if it is too long for the server's limit. */
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

  /** A uuid is the sender's own: two senders may have the same. */
  #isRepeat(isMine, conversation, uuid) {
    const mark = `${isMine ? "" : conversation.key} ${uuid}`;
    const isRepeat = this.#seen.has(mark);
    this.#seen.add(mark);
    return isRepeat;
  }

  #isMine({ command, customerAppid, customerId, sellerId }) {
    const { appid, uid, kefuAppid } = this.#me;
    return command === Command.CUSTOMER
      ? customerAppid === appid && customerId === uid
      : kefuAppid === appid && sellerId === uid;
  }
}

/** A content is whatever its sender put there. What is not understood is shown as it is. */
function readContent(content) {
  const raw = new TextDecoder().decode(content);
  let json = null;
  try {
    json = JSON.parse(raw);
  } catch {
    // No JSON.
  }
  const uuid = typeof json?.uuid === "string" && json.uuid !== "" ? json.uuid : undefined;
  if (typeof json?.text === "string") return { text: json.text, uuid };
  return { text: raw, uuid, isTyping: json?.typing === true, isOther: true };
}
