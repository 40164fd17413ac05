// Parts that several views are made of.

import { h, bytes, number, percent, plural, seconds, since, span } from "./dom.js";

const STATES = {
  requested: "busy", extracting: "busy", staged: "busy", loading: "busy",
  committed: "good", skipped: "", superseded: "warn", quarantined: "bad", failed: "bad",
};
const FRESHNESS = { fresh: "good", late: "bad", waiting: "busy", unscheduled: "" };

export const state = (run) => h("span", { class: "pill", "data-kind": STATES[run.state] }, run.state);
export const freshness = (table) => h("span", { class: "pill", "data-kind": FRESHNESS[table.freshness] }, table.freshness);
export const isFailure = (run) => STATES[run?.state] === "bad";
export const runHref = (run) => `#/runs/${run.table}/${run.run_id}`;

export function panel(title, { more, flush, tools } = {}, ...children) {
  const named = h("h2", {}, title);
  return h("section", { class: flush ? "panel flush" : "panel" },
    h("header", {}, named, tools, more && h("a", { class: "more", href: more[1] }, more[0])), children);
}

// What came of a run, in a few words.
export function outcome(run) {
  if (run.failure) return `${run.failure.error}: ${run.failure.message}`;
  if (run.reason) return run.reason;
  if (run.rows_loaded == null) return run.progress_rows ? `${number(run.progress_rows)} rows so far` : "";
  const rejected = run.rows_rejected ? `, ${number(run.rows_rejected)} rejected` : "";
  return `${plural(run.rows_loaded, "row")}${rejected}`;
}

const KINDS = { schedule: "by schedule", request: "by request", file: "by file", message: "by message" };
export const asked = (run) => (run.kind === "run" ? KINDS[run.trigger] : run.kind);

export function runsTable(items, { withTable = true } = {}) {
  if (!items.length) return h("p", { class: "empty" }, "No runs.");
  return h("div", { class: "scroll" }, h("table", { class: "list" },
    h("thead", {}, h("tr", {}, h("th", {}, withTable ? "Table" : "Run"), h("th", {}, "State"), h("th", {}, "What came of it"), h("th", { class: "num" }, "Staged"), h("th", { class: "num" }, "Worked"), h("th", { class: "num" }, "Changed"))),
    h("tbody", {}, items.map((run) => h("tr", { class: "row" },
      h("td", { class: "nowrap" },
        h("a", { class: "name", href: runHref(run), "data-key": run.run_id }, withTable ? run.table : run.run_id),
        h("span", { class: "sub" }, [run.mode, asked(run)].filter(Boolean).join(", "))),
      h("td", {}, state(run)),
      h("td", { class: "said" }, h("span", { class: run.failure ? "" : "dim" }, brief(outcome(run)))),
      h("td", { class: "num nowrap dim wide-only" }, run.bytes_staged ? bytes(run.bytes_staged) : ""),
      h("td", { class: "num nowrap dim wide-only" }, run.worked_s ? seconds(run.worked_s) : ""),
      h("td", { class: "num nowrap dim" }, since(run.updated_at)))))));
}

// Lists have runs by the moment that they are for; a slot may be moved through ahead of its time.
export const lastChanged = (runs) => [...runs].sort((a, b) => b.updated_at.localeCompare(a.updated_at));

export const brief = (text, most = 150) => (text.length > most ? `${text.slice(0, most)}…` : text);

// A button that asks once more before it acts.
export function careful(label, question, act, kind = "") {
  const button = h("button", { type: "button", class: kind, "data-key": label });
  const reset = () => { button.textContent = label; delete button.dataset.armed; };
  button.addEventListener("click", async () => {
    if (!button.dataset.armed) {
      button.dataset.armed = "yes";
      button.textContent = question;
      setTimeout(reset, 10000);
      return;
    }
    button.disabled = true;
    await act().finally(() => { button.disabled = false; reset(); });
  });
  reset();
  return button;
}

// How far a run has come: a bar, and in words what it is of.
export function progress(run) {
  const { share, units_planned: planned, units_done: done, rows_expected: expected } = run.progress;
  const reads = ["requested", "extracting"].includes(run.state);
  const rows = run.progress_rows ? `${plural(run.progress_rows, "row")} so far` : "no rows yet";
  const words = !reads ? "all is read, the target takes it"
    : planned ? `${done} of ${plural(planned, "unit")} read`
    : expected ? `${rows}, about ${number(expected)} expected` : rows;
  const known = share != null && reads;
  return [
    h("span", { class: known ? "progress" : "progress unknown", role: "progressbar", "aria-label": `Progress of ${run.table}`, "aria-valuetext": words, "aria-valuemin": known ? 0 : null, "aria-valuemax": known ? 100 : null, "aria-valuenow": known ? Math.round(100 * share) : null },
      h("i", { vars: known ? { "--done": percent(share) } : {} })),
    h("span", { class: "dim" }, words),
  ];
}

// A table's age beside the age that is promised.
export function age(table) {
  if (!table.last_success) return h("span", { class: "dim" }, "never");
  const age_s = (Date.now() - new Date(table.last_success)) / 1000;
  const most = table.max_age_s;
  if (!most) return since(table.last_success);
  const kind = age_s > most ? "bad" : age_s > 0.8 * most ? "warn" : "good";
  return [
    since(table.last_success),
    h("span", { class: "meter", "data-kind": kind, "aria-hidden": "true" }, h("i", { vars: { "--done": percent(Math.min(1, age_s / most)) } })),
    h("span", { class: "sub" }, `${age_s > most ? "older than the" : "within the"} ${span(most)} promised`),
  ];
}

const money = (digits) => new Intl.NumberFormat("en", { style: "currency", currency: "USD", ...digits });
const large = money({ minimumFractionDigits: 2, maximumFractionDigits: 3 });
const small = money({ maximumSignificantDigits: 2 });
export const dollars = (value) => (value > 0 && value < 0.0001 ? "< $0.0001" : (value && value < 0.01 ? small : large).format(value));
