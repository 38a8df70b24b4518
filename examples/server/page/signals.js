// Messages that are not stored, above all typing signals. They are counted on one line, which
// opens, so that they never push the card of a stored message out of sight.

import { drawCard, now } from "./card.js";
import { byId, stickToEnd } from "./dom.js";

const MOST = 20;

stickToEnd(byId("signals-log"), byId("signals-list"));

export class Signals {
  #me;
  #count;
  /** The newest card, and how many equal signals in a row it stands for. */
  #last;

  constructor(me) {
    this.#me = me;
  }

  clear() {
    this.#count = 0;
    this.#last = null;
    byId("signals").hidden = true;
    byId("signals").open = false;
    byId("signals-list").replaceChildren();
  }

  add(traced) {
    this.#count += 1;
    byId("signals-count").textContent = this.#count;
    byId("signals").hidden = false;
    const { from, command } = traced;
    if (this.#last?.from === from && this.#last.command === command) this.#again();
    else this.#append(traced);
  }

  #again() {
    const { card } = this.#last;
    this.#last.times += 1;
    card.querySelector(".times").textContent = ` ×${this.#last.times}`;
    card.querySelector("time").textContent = now();
  }

  #append(traced) {
    const { from, command } = traced;
    const card = drawCard(traced, this.#me);
    const list = byId("signals-list");
    list.append(card);
    if (list.children.length > MOST) list.firstElementChild.remove();
    this.#last = { from, command, card, times: 1 };
  }
}
