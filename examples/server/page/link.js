// The connection to the server: login, sync, retransmission and keep-alive. Knows nothing of
// the page.

import {
  Command, UNPERSISTENT, authToken, decodeChat, decodeFrame, encodeFrame, randomHex, syncKey,
} from "./wire.js";

// A sync leaves out what its own device has sent, and to the server all web clients (platform 3)
// are one device, which would never get its own messages back. So this page uses another platform,
// and each load of it is a new device: a reload brings the whole history, including the user's own
// messages, and each tab is a device of its own.
const PLATFORM = 4;
const DEVICE = `page-${randomHex()}`;

// Key 0 means "from the key that the server has kept for me"; any other, "everything with a greater
// id".
const FROM_THE_BEGINNING = -1n;

const LOGIN_TIMEOUT = 10_000;
const PING_EVERY = 30_000;
const RETRY_FIRST = 500;
const RETRY_MOST = 15_000;

/**
 * A connection that reconnects until it is closed.
 *
 * `on` is told what happens: `state(name, retryIn)`, `refused()`, `synced(messages)`,
 * `transient(message)` and `delivered(uuid)`.
 */
export class Link {
  #token;
  #on;
  #socket = null;
  #isOnline = false;
  #timer;
  #failures = 0;
  #seq = 0;
  /** Messages without an ACK, by uuid, in the order of writing: sent again after a reconnect. */
  #unacked = new Map();
  /** From the seqs of this connection to uuids. */
  #sent = new Map();
  #key = FROM_THE_BEGINNING;
  #notified = FROM_THE_BEGINNING;
  /** The messages of a running sync, kept back until it ends: a broken sync starts over. */
  #rows = null;
  #heard = false;

  constructor(token, on) {
    this.#token = token;
    this.#on = on;
    this.#connect();
  }

  /** Sends a message until it is acknowledged. The server detects repeats by the content's uuid. */
  deliver(uuid, command, body) {
    this.#unacked.set(uuid, { command, body });
    this.#sendUnacked(uuid);
  }

  /** Sends a message that may be lost. */
  whisper(command, body, flags) {
    if (this.#isOnline) this.#send(command, body, flags);
  }

  /** Reconnects now instead of after the delay. */
  retry() {
    if (this.#socket === null) this.#connect();
  }

  close() {
    clearTimeout(this.#timer);
    this.#drop();
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#on.state("connecting");
    const url = new URL("/ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#seq = 0;
      this.#send(Command.AUTH_TOKEN, authToken(PLATFORM, this.#token, DEVICE));
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#lost();
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(), LOGIN_TIMEOUT);
  }

  /** Drops the connection, if there is one, and ignores whatever it still receives. */
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#isOnline = false;
    this.#rows = null;
    this.#sent.clear();
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #lost() {
    clearTimeout(this.#timer);
    this.#drop();
    const longest = Math.min(RETRY_FIRST * 2 ** this.#failures, RETRY_MOST);
    this.#failures += 1;
    // Jitter, so that not all clients come back at once after a restart.
    const delay = longest * (0.75 + Math.random() / 4);
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#on.state("offline", delay);
  }

  #receive(data) {
    this.#heard = true;
    const frame = decodeFrame(data);
    switch (frame.command) {
      case Command.AUTH_STATUS:
        this.#loggedIn(frame.body.getInt32(0) === 0);
        break;
      case Command.ACK:
        this.#acked(frame.body.getInt32(0));
        break;
      case Command.CUSTOMER:
      case Command.CUSTOMER_SUPPORT:
        this.#chat({ command: frame.command, flags: frame.flags, ...decodeChat(frame.body) });
        break;
      case Command.SYNC_END:
        this.#synced(frame.body.getBigInt64(0));
        break;
      case Command.SYNC_NOTIFY:
        this.#notified = greater(this.#notified, frame.body.getBigInt64(0));
        if (this.#rows === null) this.#syncIfBehind();
        break;
      default: // PONG has set #heard already, and SYNC_BEGIN carries nothing new.
    }
  }

  #loggedIn(isAccepted) {
    if (!isAccepted) {
      this.close();
      this.#on.refused();
      return;
    }
    this.#isOnline = true;
    this.#failures = 0;
    clearTimeout(this.#timer);
    this.#heard = true;
    this.#watch();
    this.#sync();
    for (const uuid of this.#unacked.keys()) this.#sendUnacked(uuid);
    this.#on.state("connected");
  }

  /** Sends PINGs: they keep the connection open and detect a dead network. */
  #watch() {
    this.#timer = setTimeout(() => {
      if (!this.#heard) {
        this.#lost();
        return;
      }
      this.#heard = false;
      this.#send(Command.PING);
      this.#watch();
    }, PING_EVERY);
  }

  #acked(seq) {
    const uuid = this.#sent.get(seq);
    // The ACK of a whispered message.
    if (uuid === undefined) return;
    this.#sent.delete(seq);
    this.#unacked.delete(uuid);
    this.#on.delivered(uuid);
  }

  #chat(message) {
    if (message.flags & UNPERSISTENT) {
      this.#on.transient(message);
    } else {
      this.#rows?.push(message);
    }
  }

  #sync() {
    this.#rows = [];
    this.#notified = FROM_THE_BEGINNING;
    this.#send(Command.SYNC, syncKey(this.#key));
  }

  #syncIfBehind() {
    if (this.#notified > this.#key) this.#sync();
  }

  #synced(last) {
    const rows = this.#rows ?? [];
    this.#rows = null;
    this.#key = greater(this.#key, last);
    if (this.#key > 0n) this.#send(Command.SYNC_KEY, syncKey(this.#key));
    this.#on.synced(rows);
    this.#syncIfBehind();
  }

  #sendUnacked(uuid) {
    if (!this.#isOnline) return;
    const { command, body } = this.#unacked.get(uuid);
    this.#sent.set(this.#send(command, body), uuid);
  }

  #send(command, body, flags) {
    this.#seq += 1;
    this.#socket.send(encodeFrame({ command, seq: this.#seq, flags, body }));
    return this.#seq;
  }
}

const greater = (a, b) => (a > b ? a : b);
