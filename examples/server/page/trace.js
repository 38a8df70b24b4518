// What the server does with every message, as it tells it: who sent what, then each effect in its order.

import { byId, el, stickToEnd } from "./dom.js";

const MOST = 100;
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

stickToEnd(byId("trace-log"), byId("trace"));

/** What an effect is for. */
function purposeOf({ effect, msgid }, index, isTransient) {
  switch (effect) {
    case "SaveMessage": return index === 0 ? "the receiver’s copy" : "the sender’s copy";
    case "PushMessage": return "only if the receiver is offline";
    case "SendAppMessage": return msgid === undefined ? "the message itself" : "the receiver’s devices: sync";
    case "SendMessage": return "the sender’s other devices: sync";
    case "EnqueueMessage": return isTransient ? "acknowledged all the same" : "last of all, the sender’s tick";
    default: return "";
  }
}

/** The live trace of one account. */
export class Trace {
  #me;
  #token;
  #source = null;
  #last = null;

  constructor(me, token) {
    this.#me = me;
    this.#token = token;
    this.clear();
  }

  /** Listens, if it does not yet. A browser gives up on a server that answers with an error; then this begins anew. */
  open() {
    if (this.#source !== null && this.#source.readyState === EventSource.OPEN) return;
    this.close();
    this.#source = new EventSource(`/trace?token=${encodeURIComponent(this.#token)}`);
    this.#source.onopen = () => this.#setLive(true);
    this.#source.onerror = () => this.#setLive(false);
    this.#source.onmessage = ({ data }) => this.#show(JSON.parse(data));
    this.#source.addEventListener("missed", () => {
      this.#last = null;
      this.#add(el("li", { class: "gap" }, "Some steps were too fast to be shown here."));
    });
  }

  close() {
    this.#source?.close();
    this.#source = null;
    this.#setLive(false);
  }

  clear() {
    this.#last = null;
    byId("trace").replaceChildren();
    byId("trace-empty").hidden = false;
  }

  #setLive(isLive) {
    byId("trace-panel").dataset.live = isLive;
  }

  #show(traced) {
    const { from, command, effects, refusal } = traced;
    const isTransient = refusal === undefined && effects[0]?.effect !== "SaveMessage";
    // Who types sends one of these every few seconds.
    if (isTransient && this.#last?.from === from && this.#last.command === command) {
      this.#again();
      return;
    }
    const kind = refusal !== undefined ? "refused" : isTransient ? "transient" : "stored";
    const steps = refusal !== undefined ? drawRefusal(refusal) : this.#drawSteps(traced, isTransient);
    const times = el("span", { class: "times" });
    const card = el("li", { class: "trace-card", "data-kind": kind },
      el("p", { class: "trace-head" },
        this.#drawAccount(from), " ", el("code", { class: "command" }, command), times,
        el("time", {}, now())),
      el("p", { class: "trace-kind" }, KINDS[kind]),
      steps);
    this.#add(card);
    this.#last = isTransient ? { from, command, card, times, count: 1 } : null;
  }

  #again() {
    const { card, times } = this.#last;
    this.#last.count += 1;
    times.textContent = ` ×${this.#last.count}`;
    card.querySelector("time").textContent = now();
  }

  #add(item) {
    byId("trace-empty").hidden = true;
    byId("trace").append(item);
    if (byId("trace").children.length > MOST) byId("trace").firstElementChild.remove();
    if (!isStill.matches) item.animate({ opacity: [0, 1], translate: ["0 6px", "0"] }, 200);
  }

  #drawSteps({ effects, seq }, isTransient) {
    const steps = effects.map((step, index) => el("li", { "data-effect": step.effect },
      el("p", { class: "what" },
        el("span", { class: "effect" }, step.effect), " ",
        el("span", { class: "target" }, "→ ", this.#drawAccount(step.to))),
      el("code", { class: "carries" }, step.command),
      el("p", { class: "purpose" }, purposeOf(step, index, isTransient)),
      el("code", { class: "number" }, numberOf(step, seq))));
    return el("ol", { class: "steps" }, ...steps);
  }

  #drawAccount(account) {
    if (account === undefined) return el("span", { class: "here" }, "sender’s connection");
    const isSeller = account.split("/")[0] === String(this.#me.kefuAppid);
    const isMe = account === `${this.#me.appid}/${this.#me.uid}`;
    return el("span", {
      class: "account",
      "data-side": isSeller ? "seller" : "customer",
      "data-me": isMe,
      title: isMe && "you",
    }, account);
  }
}

const KINDS = {
  stored: "stored in both queues, then told",
  transient: "passed on, never stored",
  refused: "refused: no effect, no answer",
};

function drawRefusal(refusal) {
  const [rule, ...why] = refusal.split(": ");
  return el("p", { class: "refusal" }, el("strong", { class: "rule" }, rule), " ", why.join(": "));
}

function numberOf({ command, msgid }, seq) {
  if (msgid !== undefined) return `msgid ${msgid}`;
  return command === "ACK" ? `seq ${seq}` : "";
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const now = () => clock.format(new Date());
