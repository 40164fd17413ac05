// The audit trail: what happened to a table, who did it, and whether its chain is whole.

import { get } from "./api.js";
import { fill, h, number, since } from "./dom.js";

const PAGE = 50;
const KINDS = { failed: "bad", quarantined: "bad", superseded: "warn", removed: "warn", dropped: "warn", revoked: "warn", committed: "good" };

export function audit(asked) {
  let table = asked;
  const list = h("div", {});
  const foot = h("div", { class: "foot" });
  const whole = h("span", {});
  const heading = h("h2", {}, asked ? named(asked) : "");
  const byTable = h("select", { "aria-label": "Table", onchange: (event) => { location.hash = `#/audit/${event.target.value}`; } });
  const node = h("div", { class: "view" },
    h("div", { class: "head" }, h("h1", {}, "Audit trail"), whole, h("div", { class: "filters" }, byTable)),
    h("section", { class: "panel flush" }, h("header", {}, heading), list, foot));
  let pages = 1;
  async function load(signal) {
    if (!byTable.options.length) {
      const told = (await get("admin/audit?limit=500", signal)).items.map((each) => each.table);
      table ??= told.find((name) => name !== "-") ?? "-";
      heading.textContent = named(table);
      const names = new Set(["-", table, ...told]);
      byTable.replaceChildren(...[...names].sort().map((name) => h("option", { value: name, selected: name === table }, named(name))));
    }
    let events = [];
    let next = null;
    for (let page = 0; page < pages; page += 1) {
      const found = await get(`admin/audit/${table}?limit=${PAGE}${next ? `&cursor=${next}` : ""}`, signal);
      events = events.concat(found.items);
      next = found.next;
      if (!next) break;
    }
    fill(whole, events, chained);
    fill(list, events, drawEvents);
    fill(foot, Boolean(next), (has) => has && h("button", { type: "button", "data-key": "more", onclick: () => { pages += 1; load(); } }, "Earlier events"));
  }
  return { title: "Audit trail", node, load };
}

const named = (table) => (table === "-" ? "Of no single table" : table);

// Each event names the hash of the one before it: whether that holds for all that are shown.
function chained(events) {
  if (!events.length) return null;
  const holds = events.every((event, at) => at === 0 || (events[at - 1].previous === event.sha256 && events[at - 1].sequence === event.sequence + 1));
  return h("span", { class: "pill", "data-kind": holds ? "good" : "bad" }, holds ? "the chain holds" : "the chain is broken");
}

function drawEvents(events) {
  if (!events.length) return h("p", { class: "empty foot" }, "Nothing was told yet.");
  return h("ol", { class: "plain", reversed: true }, events.map((event) => {
    const kind = KINDS[event.kind.split(".")[1]] ?? "";
    return h("li", { class: "event" },
      h("div", { class: "why" },
        h("span", { class: "pill", "data-kind": kind }, event.kind.replace(".", " ")),
        h("span", {}, "by ", h("strong", {}, event.by)),
        event.run_id && h("a", { href: `#/runs/${event.table}/${event.run_id}`, "data-key": event.run_id }, event.run_id),
        h("span", { class: "dim when" }, since(event.at))),
      event.why && h("p", {}, event.why),
      h("details", { class: "as-table" }, h("summary", {}, `Event ${number(event.sequence)}`),
        h("dl", { class: "facts" },
          h("dt", {}, "SHA-256"), h("dd", { class: "mono" }, event.sha256),
          h("dt", {}, "of the one before"), h("dd", { class: "mono" }, event.previous || "this is the first")),
        Object.keys(event.detail).length > 0 && h("pre", { class: "scroll", tabindex: 0 }, JSON.stringify(event.detail, null, 2))));
  }));
}
