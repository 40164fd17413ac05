// Overview: what needs somebody, what runs now, what was moved, how each table stands.

import { get } from "./api.js";
import { bars } from "./charts.js";
import { bytes, compact, day, fill, h, hour, number, plural, since } from "./dom.js";
import { nowRunning } from "./live.js";
import { age, brief, freshness, isFailure, lastChanged, outcome, panel, progress, runHref, runsTable, state } from "./parts.js";

const SPANS = { day: ["24 hours", "by=hour&number=24", hour], month: ["30 days", "by=day&number=30", day] };
const MEASURES = {
  rows_loaded: ["Rows", compact],
  bytes_staged: ["Bytes", bytes],
  runs: ["Runs", number],
};
const SHOWN_RUNS = 8;

export function overview() {
  const chosen = { span: "day", measure: "rows_loaded" };
  const tiles = h("div", { class: "tiles" });
  const now = h("div", {});
  const chart = h("div", {});
  const standing = h("div", {});
  const recent = h("div", {});
  let refresh = () => {};
  const choice = (name, options) => {
    const box = h("div", { class: "choice", role: "group", "aria-label": name });
    const draw = () => box.replaceChildren(...Object.entries(options).map(([key, [label]]) =>
      h("button", { type: "button", "aria-pressed": String(chosen[name] === key), onclick: () => { chosen[name] = key; draw(); refresh(); box.querySelector("[aria-pressed=true]").focus(); } }, label)));
    draw();
    return box;
  };
  const tools = h("div", { class: "filters" }, choice("measure", MEASURES), choice("span", SPANS));
  const node = h("div", { class: "view" },
    h("h1", { class: "sr" }, "Overview"), tiles,
    h("div", { class: "two" }, panel("Moved", { tools }, chart), panel("Running now", {}, now)),
    panel("Tables", { more: ["All tables", "#/tables"], flush: true }, standing),
    panel("Latest runs", { more: ["All runs", "#/runs"], flush: true }, recent));

  async function load(signal) {
    const [tables, latest, statistics] = await Promise.all([
      get("tables?limit=200", signal),
      get("runs?limit=30", signal),
      get(`runs/statistics?${SPANS[chosen.span][1]}`, signal),
    ]);
    const open = nowRunning();
    fill(tiles, [tables.items, open, statistics, chosen.span], drawTiles);
    fill(now, [open, tables.items.map((table) => table.last_success)], () => working(open, tables.items));
    fill(chart, [statistics, chosen], ([found]) => drawChart(found, chosen));
    fill(standing, tables.items, tablesList);
    fill(recent, lastChanged(latest.items).slice(0, SHOWN_RUNS), (items) => runsTable(items));
  }
  refresh = () => load();
  return { title: "Overview", node, load };
}

function drawTiles([tables, open, statistics, span]) {
  const timed = tables.filter((table) => table.freshness !== "unscheduled");
  const late = timed.filter((table) => table.freshness === "late");
  const waiting = timed.filter((table) => table.freshness === "waiting");
  const sum = (name) => statistics.stretches.reduce((total, stretch) => total + stretch[name], 0);
  const failed = sum("failed");
  const rejected = sum("rows_rejected");
  const within = span === "day" ? "in 24 hours" : "in 30 days";
  return [
    tile("Tables on time", [String(timed.length - late.length - waiting.length), h("small", {}, ` of ${timed.length}`)], onTime(late, waiting), late.length || waiting.some((t) => isFailure(t.last_run)) ? "bad" : waiting.length ? "" : "good", "#/tables"),
    tile("Running now", open ? open.length : "–", open?.length ? open.map((run) => run.table).slice(0, 3).join(", ") : "nothing", "", "#/runs"),
    tile("Rows moved", compact(sum("rows_loaded")), `${bytes(sum("bytes_staged"))} staged ${within}`, "", "#/runs"),
    tile("Went wrong", number(failed), `${plural(rejected, "row")} rejected ${within}`, failed ? "bad" : "good", failed || !rejected ? "#/runs" : "#/quarantine"),
  ];
}

const onTime = (late, waiting) => [[late, "late"], [waiting, "not loaded yet"]].filter(([tables]) => tables.length)
  .map(([tables, said]) => `${said}: ${tables.map((t) => t.name).join(", ")}`).join("; ") || "none is late";

const tile = (what, big, more, kind, href) =>
  h("a", { class: "tile", href, "data-kind": kind, "data-key": what }, h("span", { class: "what" }, what), h("span", { class: "big" }, big), h("span", { class: "more" }, more));

function working(items, tables) {
  if (!items) return h("p", { class: "empty" }, "Looking …");
  if (!items.length) {
    const last = tables.map((t) => t.last_success).filter(Boolean).sort().at(-1);
    return h("p", { class: "empty" }, "Nothing runs at the moment. The last table moved ", since(last), ".");
  }
  return h("div", { class: "working" }, items.map((run) => h("a", { href: runHref(run), "data-key": run.run_id },
    h("span", { class: "line" }, h("strong", {}, run.table), state(run), h("span", { class: "dim" }, since(run.created_at))),
    progress(run))));
}

function drawChart(statistics, chosen) {
  const [name, format] = MEASURES[chosen.measure];
  const points = statistics.stretches.map((stretch) => ({ start: stretch.start, value: stretch[chosen.measure], warn: stretch.failed }));
  return [
    bars({ title: name, points, label: SPANS[chosen.span][2], format, warned: "failed" }),
    !statistics.is_complete && h("p", { class: "dim" }, "Only the newest runs are counted."),
  ];
}

export function tablesList(tables) {
  if (!tables.length) return h("p", { class: "empty foot" }, "No table is configured yet.");
  return h("div", { class: "scroll" }, h("table", { class: "list" },
    h("thead", {}, h("tr", {}, h("th", {}, "Table"), h("th", {}, "Freshness"), h("th", {}, "Last run"), h("th", {}, "Schedule"), h("th", { class: "num" }, "Up to date"))),
    h("tbody", {}, tables.map((table) => h("tr", { class: "row" },
      h("td", {}, h("a", { class: "name", href: `#/tables/${table.name}`, "data-key": table.name }, table.name),
        h("span", { class: "sub route" }, `${table.source_name} → ${table.target_name}`)),
      h("td", {}, freshness(table)),
      h("td", { class: "said" }, table.last_run
        ? [h("a", { href: runHref(table.last_run), "data-key": `last-${table.name}` }, state(table.last_run)), h("span", { class: "sub" }, brief(outcome(table.last_run), 90))]
        : h("span", { class: "dim" }, "never ran")),
      h("td", { class: "dim nowrap wide-only" }, table.schedule === "manual" ? "when asked" : table.schedule),
      h("td", { class: "num nowrap aged" }, age(table)))))));
}
