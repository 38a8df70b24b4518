// How far a client has read its queue: its sync key, and what it takes live. Knows nothing of the
// connection.

import { Command, syncKey } from "./wire.js";

// Key 0 means "from the key that the server has kept for me"; any other, "everything with a greater
// id".
const FROM_THE_BEGINNING = -1n;

/**
 * `send(command, body)` sends a frame. `on` is told of messages: `synced(messages)` of those of one
 * answer, `live(message)`, and `caughtUp()` when there are no more.
 */
export class Sync {
  #send;
  #on;
  #key = FROM_THE_BEGINNING;
  #notified = FROM_THE_BEGINNING;
  /** The messages of a running sync, kept back until it ends: a broken sync starts over. */
  #rows = null;

  constructor(send, on) {
    this.#send = send;
    this.#on = on;
  }

  /** Asks for what is new. */
  start() {
    this.#rows = [];
    this.#notified = FROM_THE_BEGINNING;
    this.#send(Command.SYNC, syncKey(this.#key));
  }

  /** The connection is lost, and with it a running sync. */
  stop() {
    this.#rows = null;
  }

  /** A message of the queue, between SYNC_BEGIN and SYNC_END. */
  row(message) {
    this.#rows?.push(message);
  }

  /** SYNC_END. Its key may be less than the own one: after a restore the queue is shorter. */
  end(key) {
    const rows = this.#rows ?? [];
    this.#rows = null;
    this.#adopt(key);
    this.#on.synced(rows);
    this.#startIfBehind();
    // An answer has bounds: a SYNC_NOTIFY right behind it says that the queue goes on. The PONG
    // comes behind that, and so tells that nothing is missing.
    if (this.#rows === null) this.#send(Command.PING);
  }

  /** SYNC_NOTIFY. */
  notify(msgid) {
    if (msgid > this.#notified) this.#notified = msgid;
    if (this.#rows === null) this.#startIfBehind();
  }

  /** PONG. */
  pong() {
    if (this.#rows === null) this.#on.caughtUp();
  }

  /**
   * A live copy and the METADATA before it. It is dropped unless it continues what is here: then
   * the SYNC_NOTIFY behind it leads to a sync.
   */
  copy(message, metadata) {
    if (this.#advance(metadata)) this.#on.live(message);
  }

  /** The ACK of an own message and the METADATA before it: the own copy need not be synced. */
  acked(metadata) {
    this.#advance(metadata);
  }

  /** Moves the key over one message. Returns whether nothing is between it and the key. */
  #advance(metadata) {
    // What comes during a sync may be among its messages.
    if (metadata === null || this.#rows !== null) return false;
    const { syncKey: key, prevSyncKey } = metadata;
    if (key === 0n || prevSyncKey === 0n || prevSyncKey !== this.#key) return false;
    this.#adopt(key);
    return true;
  }

  #adopt(key) {
    this.#key = key;
    if (key > 0n) this.#send(Command.SYNC_KEY, syncKey(key));
  }

  #startIfBehind() {
    if (this.#notified > this.#key) this.start();
  }
}
