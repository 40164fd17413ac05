// The sweep: what the last one found and did, and a way to ask for one.

import { get, post } from "./api.js";
import { fill, h, moment, number, plural, say, seconds, since } from "./dom.js";
import { careful, panel } from "./parts.js";

const LOOK_MS = 1000;
const MOST_LOOKS = 60;

// What it finds, as `sluice sweep` says it, and whether somebody has to look at it.
const FOUND = {
  given_up: ["stuck runs given up", "bad"],
  dead_letters: ["dead letters", "bad"],
  strays: ["files of no table", "warn"],
  announced: ["lost events announced", "warn"],
  nudged: ["quiet runs asked to go on", "warn"],
  asked: ["slots of tables of the API asked for", ""],
  deleted: ["orphans deleted", ""],
  dropped: ["staging tables dropped", ""],
  expired: ["objects past retention", ""],
  held: ["objects held", ""],
  released: ["holds taken away", ""],
  told: ["audit events completed", ""],
};

export function sweep() {
  const head = h("div", { class: "head" });
  const wrong = h("div", {});
  const list = h("div", {});
  const node = h("div", { class: "view" }, head, panel("Needs somebody", {}, wrong), panel("Found and done", { flush: true }, list));
  let last = null;
  let leaving = new AbortController().signal;
  async function load(signal) {
    leaving = signal ?? leaving;
    last = await get("admin/sweep", signal).catch((error) => {
      if (error.problem?.code === "no_sweep_yet") return null;
      throw error;
    });
    fill(head, last, () => drawHead(last, ask));
    fill(wrong, last, drawWrong);
    fill(list, last, drawFound);
  }
  async function ask() {
    const before = last?.swept_at;
    try {
      await post("admin/sweep");
      say("A sweep was asked for");
      for (let look = 0; look < MOST_LOOKS && !leaving.aborted; look += 1) {
        await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
        await load();
        if (last && last.swept_at !== before) return say("The sweep has ended");
      }
      if (!leaving.aborted) say("The sweep has not ended yet; it will show here", "bad");
    } catch (error) {
      if (!leaving.aborted) say(error.message, "bad");
    }
  }
  return { title: "Sweep", node, load };
}

function drawHead(last, ask) {
  return [
    h("h1", {}, "Sweep"),
    h("div", { class: "actions" }, careful("Sweep now", "Ask for a sweep?", ask, "first")),
    h("p", { class: "crumb" }, last
      ? ["Swept ", since(last.swept_at), ` in ${seconds(last.duration_s)}, ${plural(last.open_runs, "open run")}`]
      : "No sweep has ended yet."),
  ];
}

function drawWrong(last) {
  if (!last) return h("p", { class: "empty" }, "Nobody knows before the first sweep.");
  const lines = [
    ...last.problems.map((problem) => h("li", { class: "alarm" }, problem)),
    ...last.stale.map((each) => h("li", {}, h("span", { class: "pill", "data-kind": "bad" }, "stale"), " ",
      h("a", { href: `#/tables/${each.table}`, "data-key": each.table }, each.table), `, due since ${moment(each.due_since)}, last moved `, since(each.last_success))),
    ...(last.dead_letters.count ? [h("li", {}, h("a", { href: "#/letters", "data-key": "letters" }, plural(last.dead_letters.count, "dead letter")))] : []),
  ];
  return lines.length ? h("ul", { class: "plain" }, lines) : h("p", { class: "empty" }, "Nothing does.");
}

function drawFound(last) {
  if (!last) return h("p", { class: "empty foot" }, "It repairs what stays behind: lost events, stuck runs, orphans.");
  return h("div", { class: "scroll" }, h("table", { class: "list" },
    h("thead", {}, h("tr", {}, h("th", {}, "What"), h("th", { class: "num" }, "Number"))),
    h("tbody", {}, Object.entries(FOUND).map(([key, [what, kind]]) => {
      const { count, names } = last[key] ?? { count: 0, names: [] };
      return h("tr", { class: "row" },
        h("td", {}, h("span", { class: count ? "name" : "dim" }, what), names.length > 0 && h("details", { class: "as-table" },
          h("summary", { "data-key": key }, "Which"),
          h("ul", { class: "plain mono" }, names.map((name) => h("li", {}, name)), count > names.length && h("li", { class: "dim" }, `and ${number(count - names.length)} more`)))),
        h("td", { class: "num" }, count && kind ? h("span", { class: "pill", "data-kind": kind }, number(count)) : h("span", { class: count ? "" : "dim" }, number(count))));
    }))));
}
