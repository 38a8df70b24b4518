// The connection to the server: login, retransmission and keep-alive. Knows nothing of the page.

import { decodeChat } from "./form.js";
import { Sync } from "./sync.js";
import {
  Command, authToken, decodeAck, decodeFrame, decodeMetadata, encodeFrame, randomHex,
} from "./wire.js";

// A sync leaves out what its own device has sent, and to the server all web clients (platform 3)
// are one device, which would never get its own messages back. So this page uses another platform,
// and each load of it is a new device: a reload brings the whole history, including the user's own
// messages, and each tab is a device of its own.
const PLATFORM = 4;
const DEVICE = `page-${randomHex()}`;

const LOGIN_TIMEOUT = 10_000;
const PING_EVERY = 30_000;
const RETRY_FIRST = 500;
const RETRY_MOST = 15_000;

/**
 * A connection that reconnects until it is closed.
 *
 * `me` says who logs in and in which `version`. `on` is told what happens: `state(name, retryIn)`,
 * `refused()`, `transient(message)`, `acked(uuid, status)`, and what a `Sync` tells.
 */
export class Link {
  #me;
  #token;
  #on;
  #sync;
  #socket = null;
  #isOnline = false;
  #timer;
  #failures = 0;
  #seq = 0;
  /** Messages without an ACK, by uuid, in the order of writing: sent again after a reconnect. */
  #unacked = new Map();
  /** From the seqs of this connection to uuids. */
  #sent = new Map();
  /** The METADATA that the last frame was. */
  #metadata = null;
  #heard = false;

  constructor(me, token, on) {
    this.#me = me;
    this.#token = token;
    this.#on = on;
    this.#sync = new Sync((command, body) => this.#send(command, body), on);
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
    this.#sync.stop();
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
    const metadata = this.#metadata;
    this.#metadata = null;
    switch (frame.command) {
      case Command.AUTH_STATUS:
        this.#loggedIn(frame.body.getInt32(0) === 0);
        break;
      case Command.METADATA:
        this.#metadata = decodeMetadata(frame.body);
        break;
      case Command.ACK:
        this.#acked(decodeAck(frame.body), metadata);
        break;
      case Command.CUSTOMER:
      case Command.CUSTOMER_SUPPORT:
      case Command.CUSTOMER_V2:
        this.#chat(decodeChat(frame, this.#me.kefuAppid), metadata);
        break;
      case Command.SYNC_END:
        this.#sync.end(frame.body.getBigInt64(0));
        break;
      case Command.SYNC_NOTIFY:
        this.#sync.notify(frame.body.getBigInt64(0));
        break;
      case Command.PONG:
        this.#sync.pong();
        break;
      default: // SYNC_BEGIN carries nothing new.
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
    this.#sync.start();
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

  /** An ACK settles a message, also one with a status that refuses it. */
  #acked({ seq, status }, metadata) {
    this.#sync.acked(metadata);
    const uuid = this.#sent.get(seq);
    // The ACK of a whispered message.
    if (uuid === undefined) return;
    this.#sent.delete(seq);
    this.#unacked.delete(uuid);
    this.#on.acked(uuid, status);
  }

  #chat(message, metadata) {
    if (message.isLive) {
      this.#sync.copy(message, metadata);
    } else if (message.isTransient) {
      this.#on.transient(message);
    } else {
      this.#sync.row(message);
    }
  }

  #sendUnacked(uuid) {
    if (!this.#isOnline) return;
    const { command, body } = this.#unacked.get(uuid);
    this.#sent.set(this.#send(command, body), uuid);
  }

  #send(command, body, flags) {
    this.#seq += 1;
    const { version } = this.#me;
    this.#socket.send(encodeFrame({ version, command, seq: this.#seq, flags, body }));
    return this.#seq;
  }
}
