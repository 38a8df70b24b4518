// A chat message in the forms of both versions. The page reads all of them, whatever it speaks.
// Their bodies have one layout: four ids, the time, the content. What the ids say differs.

import { Command, Flag } from "./wire.js";

/** How many bytes of the body precede the content. */
export const CHAT_HEAD = 36;

/** The command and the body of a message in the form of a version. */
export function encodeChat({ sender, receiver, storeId, content }, version, kefuAppid) {
  const bytes = new Uint8Array(CHAT_HEAD + content.length);
  const view = new DataView(bytes.buffer);
  const { command, ids } = formOf({ sender, receiver, storeId }, version, kefuAppid);
  ids.forEach((id, at) => view.setBigInt64(8 * at, id));
  // The timestamp stays 0: the server sets it.
  bytes.set(content, CHAT_HEAD);
  return { command, body: bytes };
}

function formOf({ sender, receiver, storeId }, version, kefuAppid) {
  if (version === 2) {
    const ids = [sender.appid, sender.uid, receiver.appid, receiver.uid];
    return { command: Command.CUSTOMER_V2, ids };
  }
  if (sender.appid === kefuAppid) {
    const ids = [receiver.appid, receiver.uid, storeId, sender.uid];
    return { command: Command.CUSTOMER_SUPPORT, ids };
  }
  return { command: Command.CUSTOMER, ids: [sender.appid, sender.uid, storeId, receiver.uid] };
}

/** The message in a frame. Version 2 has no `storeId`. */
export function decodeChat({ command, flags, body }, kefuAppid) {
  const has = (flag) => (flags & flag) !== 0;
  const isV2 = command === Command.CUSTOMER_V2;
  const isLive = isV2 && has(Flag.PUSH);
  return {
    ...partiesOf(command, body, kefuAppid),
    timestamp: body.getInt32(32),
    content: new Uint8Array(body.buffer, body.byteOffset + CHAT_HEAD),
    isLive,
    // A live copy has its sender's flags too, but is stored whatever they say.
    isTransient: !isLive && has(Flag.UNPERSISTENT),
    isFromHere: isV2 && has(Flag.SELF),
  };
}

function partiesOf(command, body, kefuAppid) {
  const [first, second, third, fourth] = [0, 8, 16, 24].map((at) => body.getBigInt64(at));
  const one = { appid: first, uid: second };
  if (command === Command.CUSTOMER_V2) {
    return { sender: one, receiver: { appid: third, uid: fourth } };
  }
  const seller = { appid: kefuAppid, uid: fourth };
  return command === Command.CUSTOMER
    ? { sender: one, receiver: seller, storeId: third }
    : { sender: seller, receiver: one, storeId: third };
}
