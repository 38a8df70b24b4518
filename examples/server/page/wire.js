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
  METADATA: 37,
  CUSTOMER_V2: 64,
});

export const Flag = Object.freeze({
  /** Of a message that is not stored. */
  UNPERSISTENT: 0x02,
  /** Of a message that this device has sent, in a sync. */
  SELF: 0x08,
  /** Of a live copy. */
  PUSH: 0x10,
});

const HEADER = 12;
// The last byte of a header. Web clients cannot be told apart by their login, but for this: the old
// ones put 2 there. So does this page in version 1.
const OLD_WEB = 2;

/** The bytes of one frame of version 1 or 2. */
export function encodeFrame({ version, command, seq, flags = 0, body = new Uint8Array() }) {
  const bytes = new Uint8Array(HEADER + body.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, body.length);
  view.setInt32(4, seq);
  view.setUint8(8, command);
  view.setUint8(9, version);
  view.setUint8(10, flags);
  view.setUint8(11, version === 1 ? OLD_WEB : 0);
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
  if (strings.some((bytes) => bytes.length > 255)) {
    throw new RangeError("a token has at most 255 bytes");
  }
  return Uint8Array.from([platform, ...strings.flatMap((bytes) => [bytes.length, ...bytes])]);
}

/** The body of SYNC and SYNC_KEY. */
export function syncKey(key) {
  const body = new DataView(new ArrayBuffer(8));
  body.setBigInt64(0, key);
  return new Uint8Array(body.buffer);
}

/** What an ACK says. Status 0 is success; version 1 has no other, and no byte for it. */
export function decodeAck(body) {
  return { seq: body.getInt32(0), status: body.byteLength > 4 ? body.getInt8(4) : 0 };
}

/** The body of METADATA. */
export function decodeMetadata(body) {
  return { syncKey: body.getBigInt64(0), prevSyncKey: body.getBigInt64(8) };
}

/**
 * 128 random bits, for uuids and device strings. `randomUUID` is missing on pages that another
 * machine serves without TLS.
 */
export function randomHex() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
