// The live trace of one account: a card for each message that was stored or refused. What is not
// stored is folded away (signals.js).

import { drawCard, kindOf } from "./card.js";
import { byId, el, stickToEnd } from "./dom.js";
import { showLink } from "./pairs.js";
import { Signals } from "./signals.js";

const MOST = 100;
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

stickToEnd(byId("trace-log"), byId("trace"));

export class Trace {
  #me;
  #token;
  #signals;
  #source = null;

  constructor(me, token) {
    this.#me = me;
    this.#token = token;
    this.#signals = new Signals(me);
    this.clear();
  }

  /**
   * Listens, if it does not yet. A browser gives up on a server that answers with an error; the
   * next call starts anew.
   */
  open() {
    if (this.#source !== null && this.#source.readyState === EventSource.OPEN) return;
    this.close();
    this.#source = new EventSource(`/trace?token=${encodeURIComponent(this.#token)}`);
    this.#source.onopen = () => this.#setLive(true);
    this.#source.onerror = () => this.#setLive(false);
    this.#source.onmessage = ({ data }) => this.#show(JSON.parse(data));
    this.#source.addEventListener("missed", () => {
      this.#add(el("li", { class: "gap" }, "Messages came too fast: some are missing here."));
    });
  }

  close() {
    this.#source?.close();
    this.#source = null;
    this.#setLive(false);
  }

  clear() {
    this.#signals.clear();
    while (byId("trace").firstElementChild !== null) this.#removeFirst();
    byId("trace-empty").hidden = false;
  }

  #setLive(isLive) {
    byId("trace-panel").dataset.live = isLive;
  }

  #show(traced) {
    if (kindOf(traced) === "transient") this.#signals.add(traced);
    else this.#add(drawCard(traced, this.#me));
  }

  #add(item) {
    byId("trace-empty").hidden = true;
    byId("trace").append(item);
    showLink(item.dataset.message);
    if (byId("trace").children.length > MOST) this.#removeFirst();
    if (!isStill.matches) item.animate({ opacity: [0, 1], translate: ["0 6px", "0"] }, 200);
  }

  #removeFirst() {
    const item = byId("trace").firstElementChild;
    item.remove();
    showLink(item.dataset.message);
  }
}
