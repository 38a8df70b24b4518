// The list of conversations, the one with the newest message first.

import { byId, el, whenOf } from "./dom.js";

/**
 * Rows are changed in place: a row that is replaced between the press and the release of a mouse
 * button loses the click.
 */
export class List {
  #rows = new Map();
  #pick;

  constructor(pick) {
    this.#pick = pick;
    byId("conversations").replaceChildren();
  }

  /** Shows `conversations`, newest last: which one is open, and where somebody is typing. */
  draw(conversations, open, isTyping) {
    const box = byId("conversations");
    const focused = document.activeElement;
    conversations.toReversed().forEach((conversation, at) => {
      const row = this.#row(conversation);
      fill(row, conversation, isTyping(conversation));
      if (conversation === open) row.button.setAttribute("aria-current", "true");
      else row.button.removeAttribute("aria-current");
      if (box.children[at] !== row.item) box.insertBefore(row.item, box.children[at]);
    });
    // A row that moves loses the focus.
    if (box.contains(focused) && document.activeElement !== focused) focused.focus();
  }

  #row(conversation) {
    let row = this.#rows.get(conversation);
    if (row === undefined) {
      row = makeRow(conversation);
      row.button.addEventListener("click", () => this.#pick(conversation));
      this.#rows.set(conversation, row);
    }
    return row;
  }
}

function makeRow({ name, key }) {
  const number = name.split(" ").at(-1);
  const avatar = el("span", { class: "avatar", "aria-hidden": "true" }, number.slice(-2));
  avatar.style.setProperty("--hue", hueOf(key));
  const parts = {
    when: el("span", { class: "when" }),
    last: el("span", { class: "last" }),
    unread: el("span", { class: "unread" }),
  };
  const button = el("button", { type: "button" },
    avatar, el("span", { class: "name" }, name), parts.when, parts.last, parts.unread);
  return { item: el("li", {}, button), button, ...parts };
}

function fill({ when, last, unread }, conversation, isTyping) {
  const newest = conversation.messages.at(-1);
  const said = newest === undefined ? conversation.key : `${newest.isMine ? "You: " : ""}${newest.text}`;
  when.textContent = newest === undefined ? "" : whenOf(newest.at);
  last.textContent = isTyping ? "typing…" : said;
  last.classList.toggle("typing", isTyping);
  unread.hidden = conversation.unread === 0;
  unread.replaceChildren(`${conversation.unread}`, el("span", { class: "unseen" }, " unread"));
}

/** A colour that tells customers apart, the same in every tab. */
function hueOf(key) {
  const hash = Array.from(key).reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 997, 7);
  return String((hash * 137) % 360);
}
