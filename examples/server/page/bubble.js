// The bubbles of a conversation: one for each message, and the day above the first of each day.

import { dayOf, el, icon, timeOf } from "./dom.js";
import { hasCard } from "./pairs.js";

/** The items of a message that follows `before`: its bubble, and above it the day if it is new. */
export function drawMessage(message, before) {
  const isNewDay = before?.at.toDateString() !== message.at.toDateString();
  const text = el("p", { class: message.isOther ? "text other" : "text", dir: "auto" });
  text.textContent = message.text;
  const item = el("li", {
    class: message.isMine ? "message mine" : "message",
    "data-message": message.key,
    "data-uuid": message.uuid,
    "data-state": message.state,
    "data-follows": before !== undefined && !isNewDay && before.isMine === message.isMine,
  },
  text,
  el("p", { class: "meta" },
    drawLink(message),
    el("time", { datetime: message.at.toISOString() }, timeOf(message.at)),
    message.isTransient ? " · not stored" : "",
    drawRefusal(message)));
  if (message.isMine) item.querySelector(".meta").append(drawTick(message));
  return isNewDay ? [el("li", { class: "day" }, dayOf(message.at)), item] : [item];
}

/** Draws the tick of a message that has got its ACK, or why it was refused. */
export function redrawState(item, message) {
  item.dataset.state = message.state;
  item.querySelector(".why").replaceWith(drawRefusal(message));
  item.querySelector(".tick").replaceWith(drawTick(message));
}

function drawRefusal({ refusal }) {
  return el("span", { class: "why", role: "alert" }, refusal === undefined ? "" : `· ${refusal}`);
}

const TICKS = {
  waiting: ["clock", "on its way"],
  stored: ["tick", "stored by the server"],
  refused: ["close", "refused by the server"],
};

function drawTick({ state }) {
  const tick = icon(...TICKS[state]);
  tick.classList.add("tick");
  return tick;
}

function drawLink({ key }) {
  const label = "Show in the trace";
  const attributes = { type: "button", class: "to-card", "aria-label": label, title: label };
  return el("button", { ...attributes, hidden: !hasCard(key) }, icon("trace"));
}
