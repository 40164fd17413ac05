// Costs: what each table took of late, by list prices.

import { get } from "./api.js";
import { bytes, fill, h, number, percent, plural } from "./dom.js";
import { dollars, panel } from "./parts.js";

const SPANS = { 1: "24 hours", 7: "7 days", 30: "30 days" };

export function costs() {
  let days = 30;
  let refresh = () => {};
  const sum = h("div", {});
  const list = h("div", {});
  const box = h("div", { class: "choice", role: "group", "aria-label": "span" });
  const draw = () => box.replaceChildren(...Object.entries(SPANS).map(([key, label]) =>
    h("button", { type: "button", "aria-pressed": String(days === Number(key)), onclick: () => { days = Number(key); draw(); refresh(); box.querySelector("[aria-pressed=true]").focus(); } }, label)));
  draw();
  const node = h("div", { class: "view" },
    h("div", { class: "head" }, h("h1", {}, "Costs"), h("div", { class: "filters" }, box)),
    panel("By service", {}, sum), panel("By table", { flush: true }, list));
  async function load(signal) {
    const found = await get(`costs?days=${days}`, signal);
    fill(sum, found, drawSum);
    fill(list, found, drawTables);
  }
  refresh = () => load();
  return { title: "Costs", node, load };
}

function drawSum(found) {
  const { total } = found;
  const services = Object.entries(total.usd).filter(([, usd]) => usd > 0).sort(([, a], [, b]) => b - a);
  return [
    h("p", {}, h("strong", { class: "sum" }, dollars(total.total_usd)), ` for ${plural(total.runs, "run")} in ${SPANS[found.days]}`),
    services.length > 0 && h("ul", { class: "shares" }, services.map(([name, usd]) => h("li", {},
      h("span", {}, name), h("span", { class: "meter", "aria-hidden": "true" }, h("i", { vars: { "--done": percent(usd / total.total_usd) } })), h("span", { class: "num" }, dollars(usd))))),
    h("p", { class: "dim" }, `List prices of ${found.prices_of}, without free shares and discounts; Snowflake as X-Small.`,
      !found.is_complete && " Only the newest runs are counted."),
  ];
}

function drawTables(found) {
  if (!found.tables.length) return h("p", { class: "empty foot" }, "No run ended in this time.");
  const most = found.tables[0].total_usd || 1;
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Costs by table" }, h("table", { class: "list" },
    h("thead", {}, h("tr", {}, h("th", {}, "Table"), h("th", { class: "num" }, "Runs"), h("th", { class: "num" }, "Functions"), h("th", { class: "num" }, "Calls"), h("th", { class: "num" }, "Warehouse"), h("th", { class: "num" }, "Staged"), h("th", { class: "num" }, "US dollars"))),
    h("tbody", {}, found.tables.map((each) => h("tr", { class: "row" },
      h("td", {}, h("a", { class: "name", href: `#/tables/${each.table}`, "data-key": each.table }, each.table)),
      h("td", { class: "num nowrap", "data-label": "runs" }, number(each.runs)),
      h("td", { class: "num nowrap dim wide-only" }, `${number(Math.round(each.gib_s))} GiB s`),
      h("td", { class: "num nowrap dim wide-only" }, number(each.storage_writes + each.storage_reads)),
      h("td", { class: "num nowrap dim wide-only" }, `${number(Math.round(each.source_s))} s`),
      h("td", { class: "num nowrap dim wide-only" }, bytes(each.staged_bytes)),
      h("td", { class: "num nowrap aged" }, dollars(each.total_usd), h("span", { class: "meter", "aria-hidden": "true" }, h("i", { vars: { "--done": percent(each.total_usd / most) } }))))))));
}
