// The frame of the page: which view is shown, how it is kept up to date, the key, the theme.

import { Refused, forget, get, hasKey, keep } from "./api.js";
import { audit } from "./audit.js";
import { costs } from "./costs.js";
import { fill, h } from "./dom.js";
import { edit } from "./edit.js";
import { keys } from "./keys.js";
import { change, listen, unlisten } from "./live.js";
import { overview } from "./overview.js";
import { quarantine, rejects } from "./quarantine.js";
import { run } from "./run.js";
import { sweep } from "./sweep.js";
import { letters, runs, table, tables } from "./lists.js";

// Ages grow and letters die without a run that changes; every so often all is looked at anew.
const LOOK_MS = 15000;
const AGAIN_MS = 3000;
const PAGES = [
  ["", "Overview"],
  ["tables", "Tables"],
  ["runs", "Runs"],
  ["quarantine", "Quarantine"],
  ["letters", "Dead letters"],
  ["sweep", "Sweep"],
  ["costs", "Costs"],
  ["audit", "Audit"],
  ["keys", "Keys"],
];

const main = document.getElementById("main");
const live = document.getElementById("live");
let leaving = new AbortController();
let hasMoved = false;

// The view of an address. Each returns {title, node, load}: load brings data and draws it.
function viewOf(path) {
  const [page, ...rest] = path;
  if (page === "tables") return rest[0] ? table(rest[0]) : tables();
  if (page === "runs") return rest[1] ? run(rest[0], rest[1]) : runs();
  if (page === "quarantine") return rest[1] ? rejects(rest[0], rest[1]) : quarantine();
  if (page === "edit") return edit(rest[0]);
  if (page === "letters") return letters();
  if (page === "sweep") return sweep();
  if (page === "keys") return keys();
  if (page === "costs") return costs();
  if (page === "audit") return audit(rest[0]);
  if (!page) return overview();
  return {
    title: "No such view",
    node: h("div", { class: "view" }, h("h1", {}, "No such view"),
      h("p", {}, "There is nothing at ", h("code", {}, `#/${path.join("/")}`), "; the links above lead to all there is.")),
    load: async () => {},
  };
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  if (!hasKey()) return askForKey();
  const path = decodeURIComponent(location.hash.replace(/^#\/?/, "")).split("/").filter(Boolean);
  navigate(path[0] ?? "");
  // Where the bar is too narrow for all of its links, the one of this page is seen.
  const nav = document.getElementById("nav");
  nav.scrollLeft = (nav.querySelector("[aria-current]")?.offsetLeft ?? 0) - 40;
  const view = viewOf(path);
  document.title = `${view.title} · Sluice`;
  main.replaceChildren(view.node);
  main.setAttribute("aria-busy", "true");
  // On the first view the keyboard begins at the top of the page, on later ones at what is new.
  if (hasMoved) main.focus({ preventScroll: true });
  hasMoved = true;
  scrollTo(0, 0);
  while (!signal.aborted) {
    let wait_ms = LOOK_MS;
    try {
      await view.load(signal);
      main.setAttribute("aria-busy", "false");
      connected(true);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.problem.status === 401) return askForKey("That key is not valid here.");
      if (error instanceof Refused && error.problem.status !== 503 && error.problem.status !== 429) {
        main.setAttribute("aria-busy", "false");
        view.node.replaceChildren(h("div", { class: "panel" }, h("p", { class: "alarm" }, error.message)));
        return;
      }
      connected(false);
      wait_ms = AGAIN_MS;
    }
    await change(signal, wait_ms);
  }
}

function connected(is) {
  const state = is ? "on" : "off";
  if (live.dataset.state === state) return;
  live.dataset.state = state;
  live.textContent = is ? "live" : "no answer, trying again";
}

const waiting = {};
function navigate(shown) {
  const current = shown === "edit" ? "tables" : shown;
  const links = PAGES.map(([page, name]) => ({ page, name, current, count: waiting[page] }));
  fill(document.getElementById("nav"), links, (all) => all.map((link) =>
    h("a", { href: `#/${link.page}`, "data-key": link.page, "aria-current": link.page === current ? "page" : null },
      link.name, link.count ? h("span", { class: "count" }, link.count, h("span", { class: "sr" }, " waiting")) : null)));
}

async function countLetters() {
  if (!hasKey() || document.hidden) return;
  const found = await get("admin/dead-letters?limit=100").catch(() => null);
  if (!found) return;
  waiting.letters = found.items.length ? `${found.items.length}${found.next ? "+" : ""}` : "";
  navigate(location.hash.replace(/^#\/?/, "").split("/")[0]);
}

function askForKey(why = "") {
  main.setAttribute("aria-busy", "false");
  document.getElementById("leave").hidden = true;
  document.title = "Sluice";
  const field = h("input", { id: "key", type: "password", autocomplete: "off", required: true, placeholder: "sluice_…" });
  const form = h("form", { onsubmit: (event) => {
    event.preventDefault();
    keep(field.value.trim());
    start();
  } }, field, h("button", { class: "first" }, "Open"));
  main.replaceChildren(h("section", { class: "panel key-form" },
    h("h1", {}, "Sluice"),
    h("p", {}, h("label", { for: "key" }, "This page shows what a key may read. Paste one, or an ID token:")),
    why && h("p", { class: "alarm", role: "alert" }, why),
    form,
    h("p", { class: "dim" }, "It stays in this tab and goes when the tab does. ", h("code", {}, "sluice access create --role read"), " makes one.")));
  field.focus();
}

function start() {
  document.getElementById("leave").hidden = !hasKey();
  show();
  listen(connected);
  countLetters();
}

document.getElementById("leave").addEventListener("click", () => { forget(); leaving.abort(); unlisten(); askForKey(); });
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = getComputedStyle(root).colorScheme === "dark"
    || (getComputedStyle(root).colorScheme.includes(" ") && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});
addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => (document.hidden ? unlisten() : listen(connected)));
setInterval(countLetters, 20000);
start();
