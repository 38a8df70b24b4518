// Helpers for elements. Nothing on the page turns text into HTML.

/** The element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * A new element. Children are elements or texts; attributes that are `false` or `undefined` are
 * left out.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** An icon of the sprite in index.html: an image with a label, or decoration without one. */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  if (label === undefined) {
    svg.setAttribute("aria-hidden", "true");
  } else {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  }
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** The widths at which the layout changes, here and in the style sheets. */
export const isWide = matchMedia("(min-width: 1100px)");
export const isPhone = matchMedia("(max-width: 719px)");

const SVG = "http://www.w3.org/2000/svg";

/**
 * Keeps the end of a scrolled box in sight while the box or its content changes its size, unless
 * the user has scrolled up. Returns a function that scrolls to the end.
 */
export function stickToEnd(box, content) {
  let isAtEnd = true;
  let top = 0;
  const toEnd = () => {
    isAtEnd = true;
    box.scrollTop = box.scrollHeight;
    top = box.scrollTop;
  };
  box.addEventListener("scroll", () => {
    // Content may have been added since, so being away from the end does not mean scrolling up.
    if (box.scrollTop < top) isAtEnd = false;
    if (box.scrollHeight - box.scrollTop - box.clientHeight < 32) isAtEnd = true;
    top = box.scrollTop;
  });
  const observer = new ResizeObserver(() => isAtEnd && toEnd());
  observer.observe(box);
  observer.observe(content);
  return toEnd;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "short" });
const isToday = (at) => at.toDateString() === new Date().toDateString();

export const timeOf = (at) => clock.format(at);
export const dayOf = (at) => (isToday(at) ? "Today" : day.format(at));
export const whenOf = (at) => (isToday(at) ? clock : date).format(at);
