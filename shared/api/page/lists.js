// Lists: tables, one table, runs, dead letters.

import { get, post } from "./api.js";
import { bars } from "./charts.js";
import { compact, day, fill, h, moment, say, since } from "./dom.js";
import { tablesList } from "./overview.js";
import { careful, freshness, panel, runsTable, state } from "./parts.js";

const STATES = ["requested", "extracting", "staged", "loading", "committed", "skipped", "superseded", "quarantined", "failed"];

export function tables() {
  const list = h("div", {});
  const node = h("div", { class: "view" }, h("h1", {}, "Tables"), h("section", { class: "panel flush" }, list));
  return { title: "Tables", node, load: async (signal) => fill(list, (await get("tables?limit=500", signal)).items, tablesList) };
}

export function table(name) {
  const head = h("div", { class: "head" });
  const facts = h("div", {});
  const chart = h("div", {});
  const list = h("div", {});
  const node = h("div", { class: "view" }, head,
    h("div", { class: "two" }, panel("Rows per day", {}, chart), panel("How it moves", {}, facts)),
    panel("Runs", { flush: true }, list));
  const act = (path, body, said) => post(path, body).then((reply) => { say(said); location.hash = `#/runs/${reply.table}/${reply.run_id}`; }).catch((error) => say(error.message, "bad"));
  async function load(signal) {
    const [found, runs, statistics] = await Promise.all([
      get(`tables/${name}`, signal), get(`runs?table=${name}&limit=20`, signal), get(`runs/statistics?table=${name}&by=day&number=30`, signal),
    ]);
    fill(head, [found.freshness, found.source], () => [
      h("p", { class: "crumb" }, h("a", { href: "#/tables" }, "Tables"), " / "), h("h1", {}, name), freshness(found),
      h("div", { class: "actions" }, found.source === "snowflake" && careful("Run now", "Run it?", () => act("pipeline/run", { table: name }, `${name} was asked to run`), "first")),
    ]);
    fill(facts, found, drawFacts);
    fill(chart, statistics, (all) => bars({ title: "Rows", label: day, format: compact, warned: "failed", points: all.stretches.map((p) => ({ start: p.start, value: p.rows_loaded, warn: p.failed })) }));
    fill(list, runs.items, (items) => runsTable(items, { withTable: false }));
  }
  return { title: name, node, load };
}

function drawFacts(found) {
  const facts = [
    ["From", found.source_name], ["To", `${found.target_name} (${found.target})`], ["Mode", found.mode],
    ["Schedule", found.schedule === "manual" ? "when asked" : `${found.schedule}, ${found.time_zone}`],
    ["Key", (found.config.primary_key || []).join(", ") || "as the source declares"],
    ["Up to date", since(found.last_success)],
    ["Changed in", found.origin === "files" ? "the table files" : "this API"],
  ];
  return [
    h("dl", { class: "facts" }, facts.map(([what, value]) => [h("dt", {}, what), h("dd", {}, value)])),
    h("details", { class: "as-table" }, h("summary", {}, "All of its configuration"), h("pre", { class: "scroll" }, JSON.stringify(found.config, null, 2))),
  ];
}

export function runs() {
  const list = h("div", {});
  const foot = h("div", { class: "foot" });
  const wanted = { state: "", table: "" };
  let pages = 1;
  const again = () => { pages = 1; load(); };
  const byState = h("select", { "aria-label": "State", onchange: (event) => { wanted.state = event.target.value; again(); } },
    h("option", { value: "" }, "All states"), STATES.map((name) => h("option", { value: name }, name)));
  const byTable = h("select", { "aria-label": "Table", onchange: (event) => { wanted.table = event.target.value; again(); } });
  const node = h("div", { class: "view" },
    h("div", { class: "head" }, h("h1", {}, "Runs"), h("div", { class: "filters" }, byTable, byState)),
    h("section", { class: "panel flush" }, list, foot));
  async function load(signal) {
    if (!byTable.options.length) {
      const names = (await get("tables?limit=500", signal)).items.map((each) => each.name);
      byTable.replaceChildren(h("option", { value: "" }, "All tables"), ...names.map((name) => h("option", { value: name }, name)), h("option", { value: "-" }, "of no table"));
    }
    const query = new URLSearchParams({ limit: "50" });
    if (wanted.state) query.set("state", wanted.state);
    if (wanted.table) query.set("table", wanted.table);
    let items = [];
    let next = null;
    for (let page = 0; page < pages; page += 1) {
      if (next) query.set("cursor", next);
      const found = await get(`runs?${query}`, signal);
      items = items.concat(found.items);
      next = found.next;
      if (!next) break;
    }
    fill(list, items, (all) => runsTable(all));
    fill(foot, Boolean(next), (has) => has && h("button", { type: "button", "data-key": "more", onclick: () => { pages += 1; load(); } }, "Older runs"));
  }
  return { title: "Runs", node, load };
}

export function letters() {
  const list = h("div", {});
  const node = h("div", { class: "view" }, h("h1", {}, "Dead letters"),
    h("p", { class: "dim" }, "Messages that failed as often as allowed. Nothing of them is visible, and nothing is lost: once the cause is gone, ask again."),
    h("section", { class: "panel flush" }, list));
  let load;
  const act = (letter, what, said) => post(`admin/dead-letters/${letter.letter_id}/${what}`).then(() => { say(said); return load(); }).catch((error) => say(error.message, "bad"));
  load = async (signal) => fill(list, (await get("admin/dead-letters?limit=100", signal)).items, (items) => (items.length
    ? h("ul", { class: "plain" }, items.map((letter) => h("li", { class: "reject" },
      h("div", { class: "why" }, h("strong", {}, letter.table || letter.topic), state({ state: "failed" }), h("span", { class: "dim" }, `${letter.deliveries} deliveries, died `, since(letter.died_at))),
      h("p", {}, letter.reason || "No attempt wrote down why; the function's log has it."),
      h("p", { class: "dim" }, h("code", {}, letter.letter_id), letter.run_id && [" of ", h("a", { href: `#/runs/${letter.table}/${letter.run_id}` }, letter.run_id)], `, published ${moment(letter.published_at)}`),
      h("div", { class: "head" },
        careful("Ask again", "Ask again?", () => act(letter, "replay", "It was asked for again"), "first"),
        careful("Drop", "Drop it for good?", () => act(letter, "drop", "The letter was dropped"), "danger")))))
    : h("p", { class: "empty foot" }, "None wait.")));
  return { title: "Dead letters", node, load };
}
