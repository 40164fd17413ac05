// Lists: tables, one table, runs, dead letters.

import { get, post } from "./api.js";
import { bars } from "./charts.js";
import { bytes, compact, day, fill, h, moment, number, percent, say, since, span } from "./dom.js";
import { tablesList } from "./overview.js";
import { age, careful, freshness, isFailure, lastChanged, panel, runHref, runsTable, state } from "./parts.js";

const STATES = ["requested", "extracting", "staged", "loading", "committed", "skipped", "superseded", "quarantined", "failed"];

export function tables() {
  const list = h("div", {});
  const node = h("div", { class: "view" },
    h("div", { class: "head" }, h("h1", {}, "Tables"), h("div", { class: "actions" }, h("a", { class: "button", href: "#/edit" }, "New table"))),
    h("section", { class: "panel flush" }, list));
  return { title: "Tables", node, load: async (signal) => fill(list, (await get("tables?limit=500", signal)).items, tablesList) };
}

export function table(name) {
  const head = h("div", { class: "head" });
  const facts = h("div", {});
  const chart = h("div", {});
  const list = h("div", {});
  const again = h("div", {});
  let measure = "rows_loaded";
  let refresh = () => {};
  const box = h("div", { class: "choice", role: "group", "aria-label": "measure" });
  const choose = () => box.replaceChildren(...Object.entries(MEASURES).map(([key, [label]]) =>
    h("button", { type: "button", "aria-pressed": String(measure === key), onclick: () => { measure = key; choose(); refresh(); box.querySelector("[aria-pressed=true]").focus(); } }, label)));
  choose();
  const node = h("div", { class: "view" }, head,
    h("div", { class: "two" }, panel("Moved per day", { tools: h("div", { class: "filters" }, box) }, chart), panel("How it moves", {}, facts)),
    again, panel("Runs", { flush: true }, list));
  const act = (path, body, said) => post(path, body).then((reply) => { say(said); location.hash = `#/runs/${reply.table}/${reply.run_id}`; }).catch((error) => say(error.message, "bad"));
  async function load(signal) {
    const [found, runs, statistics] = await Promise.all([
      get(`tables/${name}`, signal), get(`runs?table=${name}&limit=20`, signal), get(`runs/statistics?table=${name}&by=day&number=30`, signal),
    ]);
    fill(head, [found.freshness, found.source, found.origin, found.last_run?.run_id, found.last_run?.state], () => [
      h("p", { class: "crumb" }, h("a", { href: "#/tables" }, "Tables")), h("h1", {}, name), freshness(found), isFailure(found.last_run) && h("a", { href: runHref(found.last_run), "data-key": "last" }, "last run: ", state(found.last_run)),
      h("div", { class: "actions" }, h("a", { class: "button", href: `#/audit/${name}`, "data-key": "audit" }, "Audit trail"), found.origin === "api" && h("a", { class: "button", href: `#/edit/${name}`, "data-key": "edit" }, "Change"), found.source === "snowflake" && careful("Run now", "Run it?", () => act("pipeline/run", { table: name }, `${name} was asked to run`), "first")),
    ]);
    fill(facts, found, drawFacts);
    fill(chart, [statistics, measure], ([all]) => bars({ title: MEASURES[measure][0], label: day, format: MEASURES[measure][1], warned: "failed", points: all.stretches.map((p) => ({ start: p.start, value: p[measure], warn: p.failed })) }));
    fill(again, found.source === "snowflake" && found.mode === "incremental", (may) => may && backfill(name, act));
    fill(list, lastChanged(runs.items), (items) => runsTable(items, { withTable: false }));
  }
  refresh = () => load();
  return { title: name, node, load };
}

// A part of the table is read again, by its cursor.
function backfill(name, act) {
  const first = h("input", { id: "first", required: true, maxlength: 64, placeholder: "2024-01-01" });
  const last = h("input", { id: "last", required: true, maxlength: 64, placeholder: "2024-01-31" });
  const ask = (event) => {
    event.preventDefault();
    act("pipeline/backfill", { table: name, from: first.value.trim(), to: last.value.trim() }, "A backfill was asked for");
  };
  return h("details", { class: "panel folded" }, h("summary", {}, "Read a part of it again"),
    h("form", { class: "fields", onsubmit: ask },
      h("label", { for: "first" }, "From"), first, h("label", { for: "last" }, "to, included"), last, h("button", { class: "first" }, "Backfill")));
}

const MEASURES = { rows_loaded: ["Rows", compact], bytes_staged: ["Bytes", bytes], runs: ["Runs", number] };

// How much of the time the table was as young as promised.
function promised(kept) {
  const days = kept.days >= 1 ? `${Math.round(kept.days)} days` : `${Math.max(1, Math.round(kept.days * 24))} h`;
  if (!kept.last_success && kept.is_kept) return `no success yet; promised no older than ${span(kept.max_age_s)}, ${number(kept.objective_percent)} % of the time`;
  return h("span", {}, h("span", { class: "pill", "data-kind": kept.is_kept ? "good" : "bad" }, `${number(Math.floor(kept.percent * 100) / 100)} %`),
    ` of ${days} no older than ${span(kept.max_age_s)}; promised ${number(kept.objective_percent)} %`,
    h("span", { class: "meter", "data-kind": kept.budget_left_percent > 20 ? "good" : kept.is_kept ? "warn" : "bad", "aria-hidden": "true" }, h("i", { vars: { "--done": percent(Math.max(0, kept.budget_left_percent) / 100) } })),
    h("span", { class: "sub" }, kept.is_kept ? `${Math.round(kept.budget_left_percent)} % of the error budget left` : "the error budget is spent"));
}

function drawFacts(found) {
  const facts = [
    ["From", found.source_name], ["To", `${found.target_name} (${found.target})`], ["Mode", found.mode],
    ["Schedule", found.schedule === "manual" ? "when asked" : `${found.schedule}, ${found.time_zone}`],
    ["Key", (found.config.primary_key || []).join(", ") || "as the source declares"],
    ["Up to date", age(found)],
    ...(found.kept ? [["Promise", promised(found.kept)]] : []),
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
    h("p", { class: "dim" }, "By the moment that each is for, the latest first: a run ahead of its time is above those that changed after it."),
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
