// A card of the trace and the bubble of its message are a pair: both carry the message's key.
// Pointing at one, or focusing it, marks both. A button on each leads to the other.

import { byId } from "./dom.js";

const select = (key) => `[data-message="${CSS.escape(key)}"]`;
const bubbleOf = (key) => byId("messages").querySelector(select(key));
/** The newest: a message that is sent again has a card for each time. */
const cardOf = (key) => [...byId("trace").querySelectorAll(select(key))].at(-1);

/** Whether the trace has a card for a message. */
export const hasCard = (key) => key !== undefined && cardOf(key) !== undefined;

/** Shows a bubble's button only while there is a card that it can lead to. */
export function showLink(key) {
  const bubble = key === undefined ? null : bubbleOf(key);
  if (bubble !== null) bubble.querySelector(".to-card").hidden = !hasCard(key);
}

/**
 * Listens on the whole page. `on` brings the other side into view: `openTrace()` and
 * `openMessage(key)`. `areBothVisible()` tells whether chat and trace are side by side.
 */
export function listen(on, areBothVisible) {
  const point = ({ target }) => mark(keyAt(target) ?? keyAt(document.activeElement));
  document.addEventListener("pointerover", point);
  document.addEventListener("focusin", point);
  byId("app").addEventListener("click", ({ target }) => {
    const button = target.closest(".to-bubble, .to-card");
    // A click beside the button must not cover what was clicked, nor disturb a selection.
    if (button === null && !(areBothVisible() && getSelection().isCollapsed)) return;
    const item = target.closest("[data-message]");
    const other = item && open(item, on);
    if (!other) return;
    other.scrollIntoView({ block: "nearest" });
    mark(item.dataset.message);
    if (button !== null) other.querySelector(".to-bubble, .to-card").focus({ preventScroll: true });
  });
}

/** Brings the other one of a pair onto the page and returns it. */
function open(item, on) {
  const key = item.dataset.message;
  if (item.matches(".trace-card")) {
    on.openMessage(key);
    return bubbleOf(key);
  }
  if (hasCard(key)) on.openTrace();
  return cardOf(key);
}

const keyAt = (element) => element?.closest("[data-message]")?.dataset.message;

function mark(key) {
  for (const item of document.querySelectorAll(".marked")) item.classList.remove("marked");
  if (!hasCard(key) || bubbleOf(key) === null) return;
  for (const item of document.querySelectorAll(select(key))) item.classList.add("marked");
}
