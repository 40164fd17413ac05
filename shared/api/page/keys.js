// Keys of the API: who may call, a new one shown once, one that is revoked.

import { change, get, post } from "./api.js";
import { fill, h, say, since } from "./dom.js";
import { careful, panel } from "./parts.js";

const DAY_MS = 86400000;
const ROLES = { read: "look at everything", operate: "and run and repair", admin: "and configure, and make keys" };
const KINDS = { read: "", operate: "warn", admin: "bad" };
const LASTING = { 30: "30 days", 90: "90 days", 365: "a year", "": "for good" };

export function keys() {
  const list = h("div", {});
  const fresh = h("div", {});
  let load;
  const again = () => load().catch((error) => say(error.message, "bad"));
  const made = (key) => { fresh.replaceChildren(shownOnce(key)); fresh.querySelector("input").select(); return again(); };
  const node = h("div", { class: "view" }, h("h1", {}, "Keys"),
    h("p", { class: "dim" }, "Of this API. Only the hash of a key is kept, so nobody can read one here again; a revoked key is refused within 30 seconds. Keys that staged parts and columns are encrypted under are kept from this API; ", h("code", {}, "sluice keys status"), " shows those of parts."),
    fresh, making(made), h("section", { class: "panel flush" }, list));
  const revoke = (key) => change("DELETE", `admin/keys/${key.id}`).then(() => { say(`Key ${key.id} was revoked`); return again(); }).catch((error) => say(error.message, "bad"));
  load = async (signal) => fill(list, (await get("admin/keys?limit=500", signal)).items, (items) => drawKeys(items, revoke));
  return { title: "Keys", node, load };
}

function making(made) {
  const role = h("select", { id: "role" }, Object.entries(ROLES).map(([name, may]) => h("option", { value: name }, `${name}: ${may}`)));
  const note = h("input", { id: "note", maxlength: 200, placeholder: "Grafana", autocomplete: "off" });
  const lasts = h("select", { id: "lasts" }, Object.entries(LASTING).map(([days, text]) => h("option", { value: days }, text)));
  const ask = (event) => {
    event.preventDefault();
    const expires_at = lasts.value ? new Date(Date.now() + Number(lasts.value) * DAY_MS).toISOString() : null;
    post("admin/keys", { role: role.value, note: note.value.trim(), expires_at }).then(made).catch((error) => say(error.message, "bad"));
  };
  return h("details", { class: "panel folded" }, h("summary", {}, "Make a key"),
    h("form", { class: "fields", onsubmit: ask },
      h("label", { for: "role" }, "It may"), role, h("label", { for: "note" }, "for"), note, h("label", { for: "lasts" }, "it lasts"), lasts,
      h("button", { class: "first" }, "Make it")));
}

function shownOnce(key) {
  const field = h("input", { id: "new-key", class: "mono", readonly: true, value: key.key ?? "" });
  const copy = () => navigator.clipboard?.writeText(key.key).then(() => say("Copied"), () => field.select());
  return panel("The new key", {},
    h("p", {}, h("label", { for: "new-key" }, "It is shown this once. Keep it where secrets are kept:")),
    h("div", { class: "fields wide" }, field, h("button", { type: "button", onclick: copy }, "Copy")));
}

function drawKeys(items, revoke) {
  if (!items.length) return h("p", { class: "empty foot" }, "There is no key.");
  return h("div", { class: "scroll" }, h("table", { class: "list" },
    h("thead", {}, h("tr", {}, h("th", {}, "Key"), h("th", {}, "Role"), h("th", {}, "Made"), h("th", {}, "Expires"), h("th", {}, h("span", { class: "sr" }, "Revoke")))),
    h("tbody", {}, items.map((key) => h("tr", { class: "row" },
      h("td", {}, h("code", {}, key.id), h("span", { class: "sub" }, key.note)),
      h("td", {}, h("span", { class: "pill", "data-kind": KINDS[key.role] }, key.role)),
      h("td", { class: "nowrap dim", "data-label": "made" }, since(key.created_at)),
      h("td", { class: "nowrap dim", "data-label": "expires" }, since(key.expires_at, "never")),
      h("td", { class: "num" }, revoking(key, revoke)))))));
}

// Each button says which key it is about, to ears too.
function revoking(key, revoke) {
  const button = careful("Revoke", "Revoke it for good?", () => revoke(key), "danger");
  button.dataset.key = key.id;
  button.setAttribute("aria-describedby", `key-${key.id}`);
  return [button, h("span", { class: "sr", id: `key-${key.id}` }, `key ${key.id}${key.note ? `, ${key.note}` : ""}`)];
}
