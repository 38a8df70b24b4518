// A card of the trace: who sent which command, what became of it, and its effects in order.

import { keyOf } from "./chat.js";
import { el } from "./dom.js";

const KINDS = {
  stored: "stored, then both sides are notified",
  transient: "forwarded, not stored",
  refused: "refused: no effects, no answer",
};

const PUSHES = {
  connected: "no push: the receiver is connected",
  queued: "pushed: the receiver is not connected",
  undecided: "pushed unless another server has the receiver",
  lost: "push failed: the outbox is closed",
};

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
export const now = () => clock.format(new Date());

/** What became of a message. */
export function kindOf({ effects, refusal }) {
  if (refusal !== undefined) return "refused";
  return effects[0]?.effect === "SaveMessage" ? "stored" : "transient";
}

/** The card of one event of the trace, as the account `me` sees it. */
export function drawCard(traced, me) {
  const { from, command, uuid, refusal } = traced;
  const kind = kindOf(traced);
  const key = kind === "stored" ? keyOf(from, uuid) : undefined;
  const link = el("button", { type: "button", class: "to-bubble quiet", hidden: key === undefined },
    "Show message");
  return el("li", { class: "trace-card", "data-kind": kind, "data-message": key },
    el("p", { class: "trace-head" },
      drawAccount(from, me), " ", el("code", { class: "command" }, command),
      el("span", { class: "times" }), el("time", {}, now())),
    el("p", { class: "trace-kind" }, el("span", {}, KINDS[kind]), link),
    kind === "refused" ? drawRefusal(refusal) : drawSteps(traced, kind, me));
}

function drawSteps({ effects, seq }, kind, me) {
  const steps = effects.map((step, index) => el("li", { "data-effect": step.effect },
    el("p", { class: "what" },
      el("span", { class: "effect" }, step.effect), " ",
      el("span", { class: "target" }, "→ ", drawAccount(step.to, me))),
    el("code", { class: "carries" }, step.command),
    el("p", { class: "purpose", "data-push": step.push }, purposeOf(step, index, kind)),
    el("code", { class: "number" }, numberOf(step, seq)),
    drawPair(step.metadata)));
  return el("ol", { class: "steps" }, ...steps);
}

/** The METADATA that goes before a live copy or an ACK. */
function drawPair(metadata) {
  if (metadata === undefined) return "";
  const { sync_key: key, prev_sync_key: before } = metadata;
  return el("p", { class: "pair" },
    el("code", {}, "METADATA"), ` first: sync_key ${key} behind ${before}`);
}

/** What an effect is for. */
function purposeOf({ effect, msgid, push, metadata }, index, kind) {
  switch (effect) {
    case "SaveMessage": return index === 0 ? "the receiver’s copy" : "the sender’s copy";
    case "PushMessage": return PUSHES[push];
    case "SendAppMessage":
      if (metadata !== undefined) return "live copy for the receiver’s devices";
      return msgid === undefined ? "the message itself" : "for the receiver’s devices";
    case "SendMessage":
      return `${metadata === undefined ? "" : "live copy "}for the sender’s other devices`;
    case "EnqueueMessage":
      return kind === "stored" ? "always last: the sender’s tick" : "acknowledges it all the same";
    default: return "";
  }
}

function drawAccount(account, me) {
  if (account === undefined) return el("span", { class: "here" }, "sender’s connection");
  const isSeller = account.split("/")[0] === String(me.kefuAppid);
  const isMe = account === `${me.appid}/${me.uid}`;
  return el("span", {
    class: "account",
    "data-side": isSeller ? "seller" : "customer",
    "data-me": isMe,
    title: isMe && "you",
  }, account);
}

function drawRefusal(refusal) {
  const [rule, ...why] = refusal.split(": ");
  return el("p", { class: "refusal" },
    el("strong", { class: "rule" }, rule), " ", why.join(": "));
}

function numberOf({ command, msgid }, seq) {
  if (msgid !== undefined) return `msgid ${msgid}`;
  return command === "ACK" ? `seq ${seq}` : "";
}
