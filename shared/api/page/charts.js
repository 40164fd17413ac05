// Charts as SVG, drawn at their true width so that text and lines keep their size.

import { h, s, number, seconds } from "./dom.js";

const HEIGHT = 190;
const LEFT = 46;
const BOTTOM = 24;
const TOP = 10;

// Bars over time. points: [{start, value, warn}], label: of a moment, format: of a value.
export function bars({ title, points, label, format, warned }) {
  const box = h("div", { class: "chart" });
  const readout = h("p", { class: "readout", "aria-live": "polite" });
  const draw = () => {
    const width = box.clientWidth;
    if (width) box.replaceChildren(picture(width, { title, points, label, format, warned, readout }));
  };
  new ResizeObserver(draw).observe(box);
  const rows = points.filter((point) => point.value || point.warn);
  const table = h("details", { class: "as-table" },
    h("summary", {}, "As a table"),
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", {}, "From"), h("th", { class: "num" }, title), warned && h("th", { class: "num" }, warned))),
      h("tbody", {}, rows.map((p) => h("tr", {}, h("td", {}, label(p.start)), h("td", { class: "num" }, format(p.value)), warned && h("td", { class: "num" }, number(p.warn)))))));
  return h("figure", {}, box, readout, table);
}

function picture(width, { title, points, label, format, warned, readout }) {
  const most = nice(Math.max(...points.map((point) => point.value), 1));
  const step = (width - LEFT) / points.length;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  const sum = points.reduce((total, point) => total + point.value, 0);
  const tell = (point) => {
    readout.textContent = point
      ? `${label(point.start)}: ${format(point.value)}${point.warn ? `, ${number(point.warn)} ${warned}` : ""}`
      : "";
  };
  const grid = [0, 0.5, 1].map((part) => [
    s("line", { class: "grid", x1: LEFT, x2: width, y1: y(most * part), y2: y(most * part) }),
    s("text", { class: "tick", x: LEFT - 8, y: y(most * part) + 4, "text-anchor": "end" }, format(most * part)),
  ]);
  const every = Math.max(1, Math.ceil(78 / step));
  const shapes = points.map((point, at) => {
    const x = LEFT + at * step;
    const full = y(0) - y(point.value);
    const inner = Math.max(1.5, step - Math.min(6, step * 0.3));
    return s("g", { class: "stretch", onpointerenter: () => tell(point) },
      s("rect", { class: "hit", x, y: TOP, width: step, height: HEIGHT - TOP - BOTTOM }),
      point.value > 0 && s("rect", { class: "value", x: x + (step - inner) / 2, y: y(0) - Math.max(full, 2), width: inner, height: Math.max(full, 2), rx: Math.min(3, inner / 2) }),
      point.warn > 0 && s("circle", { class: "warn", cx: x + step / 2, cy: y(0) - Math.max(full, 2) - 6, r: 3 }),
      (points.length - 1 - at) % every === 0 && s("text", { class: "tick", x: x + step / 2, y: HEIGHT - 6, "text-anchor": at === points.length - 1 && step < 40 ? "end" : "middle" }, label(point.start)));
  });
  return s("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${format(sum)} in all`, onpointerleave: () => tell(null) }, grid, shapes);
}

// The least of 1, 2, 2.5, 5, 10 … that holds a value.
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((part) => part * power).find((limit) => limit >= value);
}

// What happened to a run, from trigger to end: its attempts, and when nobody worked on it.
export function timeline(run) {
  const box = h("div", { class: "chart timeline" });
  const moments = run.timeline;
  const start = Math.min(...moments.map((m) => +new Date(m.at)));
  const end = Math.max(...moments.map((m) => +new Date(m.until ?? m.at)), run.is_ended ? 0 : Date.now(), start + 1);
  const attempts = moments.filter((m) => m.what === "attempt");
  const rows = [{ name: "waiting", kind: "idle", spans: gaps(attempts, start, end) }, ...attempts.map((attempt) => ({
    name: attempt.step,
    kind: !attempt.until && !run.is_ended ? "open" : /Error/.test(attempt.outcome) ? "bad" : "good",
    spans: [[+new Date(attempt.at), attempt.until ? +new Date(attempt.until) : end]],
    said: `${attempt.step}: ${attempt.outcome || "under way"}`,
  }))];
  const draw = () => {
    const width = box.clientWidth;
    if (!width) return;
    const left = Math.min(150, width * 0.3);
    const x = (time) => left + ((time - start) / (end - start)) * (width - left - 12);
    const height = 46 + rows.length * 28;
    const ticks = [0, 0.25, 0.5, 0.75, 1].filter((_, at) => width > 520 || at % 2 === 0).map((part) => {
      const at = x(start + (end - start) * part);
      return [
        s("line", { class: "grid", x1: at, x2: at, y1: 20, y2: height - 22 }),
        s("text", { class: "tick", x: at, y: height - 6, "text-anchor": part === 1 ? "end" : part ? "middle" : "start" }, `+${seconds(((end - start) * part) / 1000)}`),
      ];
    });
    const ends = [
      s("text", { class: "tick end", x: x(start), y: 12, "text-anchor": "start" }, "trigger"),
      s("text", { class: "tick end", x: x(end), y: 12, "text-anchor": "end" }, run.is_ended ? run.state : "now"),
    ];
    const lines = rows.map((row, at) => s("g", { class: `attempt ${row.kind}` },
      row.said && s("title", {}, row.said),
      s("text", { class: "name", x: 0, y: 38 + at * 28 }, row.name),
      row.spans.map(([from, until]) => s("rect", { x: x(from), y: 26 + at * 28, width: Math.max(x(until) - x(from), 3), height: 16, rx: 4 }))));
    box.replaceChildren(s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `From trigger to ${run.is_ended ? run.state : "now"}: ${attempts.length} attempts in ${seconds((end - start) / 1000)}; the list below has them` }, ticks, ends, lines));
  };
  new ResizeObserver(draw).observe(box);
  return box;
}

// The stretches between trigger and end in which no attempt was at work, each [from, until].
function gaps(attempts, start, end) {
  const spans = attempts.map((a) => [+new Date(a.at), a.until ? +new Date(a.until) : end]).sort(([a], [b]) => a - b);
  const found = [];
  let at = start;
  for (const [from, until] of [...spans, [end, end]]) {
    if (from > at) found.push([at, from]);
    at = Math.max(at, until);
  }
  return found;
}
