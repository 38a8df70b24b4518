// Frames: a header of 12 bytes and a body; integers are big-endian. Ids have 64 bits, hence BigInt.

export const Command = Object.freeze({
  AUTH_STATUS: 3,
  ACK: 5,
  PING: 13,
  PONG: 14,
  AUTH_TOKEN: 15,
  CUSTOMER: 24,
  CUSTOMER_SUPPORT: 25,
  SYNC: 26,
  SYNC_BEGIN: 27,
  SYNC_END: 28,
  SYNC_NOTIFY: 29,
  SYNC_KEY: 34,
});

/** The flag of a message that is not stored. */
export const UNPERSISTENT = 0x02;

/** How many bytes of a chat message's body precede its content. */
export const CHAT_HEAD = 36;

const HEADER = 12;
// In version 0 an AUTH_STATUS also carries the server's address.
const VERSION = 1;

/** The bytes of one frame. */
export function encodeFrame({ command, seq, flags = 0, body = new Uint8Array() }) {
  const bytes = new Uint8Array(HEADER + body.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, body.length);
  view.setInt32(4, seq);
  view.setUint8(8, command);
  view.setUint8(9, VERSION);
  view.setUint8(10, flags);
  bytes.set(body, HEADER);
  return bytes;
}

/** Reads the one frame of a binary WebSocket message. */
export function decodeFrame(buffer) {
  const view = new DataView(buffer);
  const length = view.getInt32(0);
  if (length !== buffer.byteLength - HEADER) {
    throw new RangeError(`a frame of ${buffer.byteLength} bytes gives ${length} as its length`);
  }
  return {
    seq: view.getInt32(4),
    command: view.getUint8(8),
    flags: view.getUint8(10),
    body: new DataView(buffer, HEADER),
  };
}

export function authToken(platform, token, device) {
  const strings = [token, device].map((string) => new TextEncoder().encode(string));
  // The lengths are signed bytes.
  if (strings.some((bytes) => bytes.length > 127)) {
    throw new RangeError("a token has at most 127 bytes");
  }
  return Uint8Array.from([platform, ...strings.flatMap((bytes) => [bytes.length, ...bytes])]);
}

/** The body of SYNC and SYNC_KEY. */
export function syncKey(key) {
  const body = new DataView(new ArrayBuffer(8));
  body.setBigInt64(0, key);
  return new Uint8Array(body.buffer);
}

/** The body of CUSTOMER and CUSTOMER_SUPPORT. */
export function encodeChat({ customerAppid, customerId, storeId, sellerId, content }) {
  const bytes = new Uint8Array(CHAT_HEAD + content.length);
  const view = new DataView(bytes.buffer);
  [customerAppid, customerId, storeId, sellerId].forEach((id, at) => view.setBigInt64(8 * at, id));
  // The timestamp stays 0: the server sets it.
  bytes.set(content, CHAT_HEAD);
  return bytes;
}

export function decodeChat(body) {
  return {
    customerAppid: body.getBigInt64(0),
    customerId: body.getBigInt64(8),
    storeId: body.getBigInt64(16),
    sellerId: body.getBigInt64(24),
    timestamp: body.getInt32(32),
    content: new Uint8Array(body.buffer, body.byteOffset + CHAT_HEAD),
  };
}

/**
 * 128 random bits, for uuids and device strings. `randomUUID` is missing on pages that another
 * machine serves without TLS.
 */
export function randomHex() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
