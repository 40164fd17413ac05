// One run: where its rows are, what happened when, and what can be done about it; as it happens.

import { get, post, stream } from "./api.js";
import { timeline } from "./charts.js";
import { bytes, fill, h, moment, number, plural, say, seconds, since } from "./dom.js";
import { asked, careful, dollars, panel, progress, state } from "./parts.js";

const SHOWN = new Set(["rows_source", "rows_staged", "rows_loaded", "rows_rejected", "rows_inserted", "rows_updated", "rows_deleted", "adds_up", "notes", "evidence", "columns"]);

export function run(table, id) {
  const head = h("div", { class: "head" });
  const failure = h("div", {});
  const flow = h("div", {});
  const line = h("div", {});
  const facts = h("div", {});
  const proof = h("div", {});
  const node = h("div", { class: "view" }, head, failure, panel("Rows", {}, flow),
    h("div", { class: "two" }, panel("Timeline", {}, line), panel("Facts", {}, facts)), proof);
  const draw = (found) => {
    fill(head, [found.state, found.is_ended, found.rows_rejected], () => drawHead(found));
    fill(failure, found.failure, (why) => why && h("section", { class: "panel" }, h("div", { class: "alarm" }, h("strong", {}, why.error), h("p", {}, why.message))));
    fill(flow, found, drawFlow);
    fill(line, [found.timeline, found.is_ended], () => drawLine(found));
    fill(facts, found, drawFacts);
    fill(proof, found.receipt, (receipt) => receipt && drawProof(receipt));
  };
  async function load(signal) {
    const path = `runs/${table}/${id}`;
    const found = await get(path, signal).catch((error) => {
      if (error.problem?.code === "unknown_run") return null;
      throw error;
    });
    if (!found) return fill(head, null, () => notYet(table, id));
    draw(found);
    document.getElementById("main").setAttribute("aria-busy", "false");
    if (!found.is_ended) await stream(`${path}/events`, signal, { run: draw });
  }
  return { title: `${table}, run`, node, load };
}

// A run that was just asked for has no record until a function has taken it up.
const notYet = (table, id) => [
  h("p", { class: "crumb" }, h("a", { href: "#/runs" }, "Runs"), " / ", h("a", { href: `#/tables/${table}` }, table)),
  h("h1", { class: "mono" }, id), h("span", { class: "pill", "data-kind": "busy" }, "asked for"),
  h("p", { class: "crumb" }, "It appears here as soon as a function has taken it up."),
];

function drawHead(found) {
  const act = (path, body, said) => post(path, body)
    .then((reply) => { say(said); if (reply?.run_id && reply.run_id !== found.run_id) location.hash = `#/runs/${reply.table}/${reply.run_id}`; })
    .catch((error) => say(error.message, "bad"));
  const one = { table: found.table, run_id: found.run_id };
  return [
    h("p", { class: "crumb" }, h("a", { href: "#/runs" }, "Runs"), " / ", h("a", { href: `#/tables/${found.table}` }, found.table)),
    h("h1", { class: "mono" }, found.run_id), state(found),
    h("div", { class: "actions" },
      found.rows_rejected > 0 && h("a", { class: "button", href: `#/quarantine/${found.table}/${found.run_id}`, "data-key": "rejects" }, plural(found.rows_rejected, "rejected row")),
      !found.is_ended && careful("Cancel", "Cancel this run?", () => act("pipeline/cancel", one, "The run was cancelled"), "danger"),
      h("a", { class: "button", href: `#/audit/${found.table}`, "data-key": "audit" }, "Audit trail"),
      ["failed", "quarantined"].includes(found.state) && careful("Replay", "Let it go on?", () => act("pipeline/replay", one, "The run was asked to go on"), "first"),
      found.state === "committed" && found.kind !== "rewind" && careful("Rewind to this", `Put ${found.table} back as it was then?`, () => act("pipeline/rewind", { table: found.table, to: found.run_id }, "A rewind was asked for"), "danger")),
  ];
}

function drawFlow(found) {
  const receipt = found.receipt;
  if (!receipt) {
    if (found.is_ended) return h("p", { class: "empty" }, found.reason || "Nothing was loaded.");
    return h("div", { class: "working" }, progress(found));
  }
  const stage = (what, rows, more) => h("div", { class: "stage" }, h("span", { class: "what" }, what), h("span", { class: "big" }, number(rows)), h("span", { class: "what" }, more));
  const arrow = () => h("span", { class: "arrow", "aria-hidden": "true" }, "→");
  return [
    h("div", { class: "flow" },
      stage("at the source", receipt.rows_source, receipt.is_pinned ? "one pinned snapshot" : "snapshot not pinned"), arrow(),
      stage("staged as Parquet", receipt.rows_staged, found.bytes_staged ? bytes(found.bytes_staged) : ""), arrow(),
      stage("in the target", receipt.rows_loaded, `${number(receipt.rows_inserted)} new, ${number(receipt.rows_updated)} changed, ${number(receipt.rows_deleted)} gone`)),
    h("div", { class: "verdict" },
      h("span", { class: "pill", "data-kind": receipt.adds_up ? "good" : "bad" }, receipt.adds_up ? "the counts agree" : "the counts do not agree"),
      receipt.verdict && verdict(found, receipt),
      receipt.rows_rejected > 0 && h("span", { class: "pill", "data-kind": "warn" }, `${plural(receipt.rows_rejected, "row")} rejected`)),
  ];
}

// A rewind reads no source: that nothing was compared is as it should be.
function verdict(found, receipt) {
  if (found.kind === "rewind" && receipt.verdict === "unverifiable") return h("span", { class: "pill" }, "not compared");
  return h("span", { class: "pill", "data-kind": { verified: "good", mismatch: "bad" }[receipt.verdict] ?? "warn" }, receipt.verdict);
}

function drawLine(found) {
  const began = new Date(found.timeline[0].at);
  const said = (each) => {
    if (each.what === "triggered") return `asked for, ${asked(found)}`;
    if (each.what !== "attempt") return each.outcome;
    const took = each.until ? ` after ${seconds((new Date(each.until) - new Date(each.at)) / 1000)}` : "";
    return `${each.step}: ${each.outcome || "under way"}${took}`;
  };
  return [
    timeline(found),
    h("ol", { class: "plain moments" }, found.timeline.map((each) => h("li", {},
      h("time", { class: "dim", title: moment(each.at) }, `+${seconds((new Date(each.at) - began) / 1000)}`), h("span", {}, said(each))))),
  ];
}

function drawFacts(found) {
  const steps = Object.entries(found.steps).map(([name, step]) => `${name} ${seconds(step.duration_s)}, ${Math.round(step.peak_mib)} MiB`).join("; ");
  const facts = [
    ["Trigger", found.trigger_key], ["Mode", found.mode ?? "none"], ["Began", since(found.created_at)], ["Changed", since(found.updated_at)],
    ["Attempts", found.attempts], ["Worked", found.worked_s ? `${seconds(found.worked_s)}${found.rows_loaded ? `, ${number(Math.round(found.rows_loaded / found.worked_s))} rows/s` : ""}` : "–"],
    found.cost.total_usd > 0 && ["Cost", `${dollars(found.cost.total_usd)} by list prices`],
    found.requested_by && ["Asked by", found.requested_by], steps && ["Steps", steps], found.rewind_to && ["Back to", found.rewind_to], found.span && ["Reads again", `${found.span.first} to ${found.span.last}`],
    found.receipt?.high && ["Window", `after ${found.receipt.low ?? "the beginning"}, up to ${found.receipt.high}`],
    found.receipt && ["Snapshot", found.receipt.snapshot], found.reason && ["Why", found.reason],
  ].filter(Boolean);
  return h("dl", { class: "facts" }, facts.map(([what, value]) => [h("dt", {}, what), h("dd", {}, value)]));
}

function drawProof(receipt) {
  const lines = [...(receipt.notes ?? []), ...(receipt.evidence ?? [])];
  const others = Object.entries(receipt).filter(([name, value]) => !SHOWN.has(name) && value != null && value !== "" && typeof value !== "object" && !["low", "high", "snapshot", "is_pinned", "verdict"].includes(name));
  const compared = comparison(receipt);
  if (!lines.length && !others.length && !compared) return null;
  return panel("Receipt", {},
    compared,
    lines.length > 0 && h("ul", { class: "plain" }, lines.map((text) => h("li", {}, text))),
    others.length > 0 && h("dl", { class: "facts" }, others.map(([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, String(value))])));
}

// Each column at the three points: whether what is known of its values is the same at all of them.
function comparison(receipt) {
  const points = ["source", "staged", "target"].filter((name) => receipt[name]?.columns?.length);
  if (!points.length) return null;
  const names = receipt[points[0]].columns.map((column) => column.name);
  const at = (point, name) => receipt[point].columns.find((column) => column.name === name);
  const wrong = new Set((receipt.differences ?? []).map((difference) => difference.column));
  const row = (name) => {
    const why = receipt.left_out?.[name] ?? receipt.protected?.[name];
    const nulls = points.map((point) => at(point, name)?.nulls).find((value) => value != null);
    const prints = [...new Set(points.map((point) => at(point, name)?.fingerprint).filter(Boolean))];
    return h("tr", {},
      h("td", {}, name),
      h("td", {}, h("span", { class: "pill", "data-kind": wrong.has(name) ? "bad" : why ? "warn" : "good" }, wrong.has(name) ? "differs" : why ? "in part" : "the same")),
      h("td", { class: "num" }, number(nulls)),
      h("td", { class: "mono" }, prints.join(" ≠ ") || "–", why && h("span", { class: "sub" }, why)));
  };
  return h("details", { class: "as-table", open: wrong.size > 0 },
    h("summary", {}, `${plural(names.length, "column")} compared between ${points.join(", ")}`),
    h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", {}, "Column"), h("th", {}, "Values"), h("th", { class: "num" }, "NULL"), h("th", {}, "Fingerprint"))),
      h("tbody", {}, names.map(row)))),
    wrong.size > 0 && h("ul", { class: "plain" }, receipt.differences.map((d) => h("li", { class: "alarm" }, `${d.between}: ${d.column ? `column ${d.column}, ` : ""}${d.fact}: ${d.expected} became ${d.found}`))));
}
