// Elements, numbers and times. No text ever becomes markup: children are nodes or plain text.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  set(node, props);
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

export function s(tag, props = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(node, props);
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

function set(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "vars") for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else node.setAttribute(name, value === true ? "" : value);
  }
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, {
  month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const hourly = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const daily = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

export const number = (value) => (value == null ? "–" : whole.format(value));
export const compact = (value) => (value == null ? "–" : short.format(value));
export const plural = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;
export const moment = (text) => clock.format(new Date(text));
export const hour = (text) => hourly.format(new Date(text));
export const day = (text) => daily.format(new Date(text));

export function bytes(value) {
  if (value == null) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) { value /= 1000; at += 1; }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

export function seconds(value) {
  if (value == null) return "–";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(value / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(value % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const percent = (share) => `${Math.round(1000 * share) / 10}%`;

// A length of time in one unit, as promises are given.
export function span(value) {
  const [size, unit] = value < 7200 ? [60, "min"] : value < 172800 ? [3600, "h"] : [86400, "d"];
  return `${Math.round(value / size)} ${unit}`;
}

function ago(text) {
  const past = (Date.now() - new Date(text)) / 1000;
  const size = Math.abs(past);
  const said = size < 5 ? "now"
    : size < 60 ? `${Math.round(size)} s`
    : size < 3600 ? `${Math.round(size / 60)} min`
    : size < 86400 ? `${Math.round(size / 3600)} h`
    : `${Math.round(size / 86400)} d`;
  if (said === "now") return "just now";
  return past > 0 ? `${said} ago` : `in ${said}`;
}

// A time as people say it; the whole of it on hover and for machines.
export function since(text, fallback = "never") {
  if (!text) return h("span", { class: "dim" }, fallback);
  return h("time", { datetime: text, title: moment(text) }, ago(text));
}

setInterval(() => {
  for (const node of document.querySelectorAll("time[datetime]")) {
    const said = ago(node.getAttribute("datetime"));
    if (node.textContent !== said) node.textContent = said;
  }
}, 5000);

// Draws a part of the page anew only if what it shows has changed; the focus stays where it was.
export function fill(node, data, draw) {
  const text = JSON.stringify(data) ?? "";
  if (node.drawn === text) return;
  node.drawn = text;
  const held = node.contains(document.activeElement) && document.activeElement.dataset.key;
  node.replaceChildren(...[draw(data)].flat(Infinity).filter(Boolean));
  if (held) node.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
}

let hiding;
export function say(text, kind = "good") {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.dataset.kind = kind;
  toast.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => toast.classList.remove("shown"), 6000);
}
