// A table through the API: written as in a table file, checked, created or changed, or removed.

import { change, get, post } from "./api.js";
import { fill, h, plural, say } from "./dom.js";
import { careful, panel } from "./parts.js";

const TEMPLATES = {
  snowflake: ["A table of Snowflake", { name: "orders", snowflake: { database: "SHOP", schema: "PUBLIC", table: "ORDERS" }, postgres: { table: "orders" }, sync_mode: "full", schedule: "daily" }],
  csv: ["Dropped files", { name: "orders", csv: {}, postgres: { table: "orders" }, sync_mode: "append" }],
};

const asText = (config) => JSON.stringify(config, null, 2);

export function edit(name) {
  const field = h("textarea", { id: "config", rows: 22, spellcheck: false, autocapitalize: "off", "aria-describedby": "config-how" });
  const said = h("div", { "aria-live": "polite" });
  const meanwhile = h("div", { "aria-live": "polite" });
  const begin = h("div", {});
  const head = h("div", { class: "head" });
  const foot = h("div", { class: "head" });
  const node = h("div", { class: "view" }, head, meanwhile, begin,
    panel("Configuration", {},
      h("p", { class: "dim", id: "config-how" }, "JSON, with the keys of a table file. What is left out has its default."),
      h("label", { class: "sr", for: "config" }, "Configuration as JSON"), field, said, foot));
  let generation = null;
  const write = (config, title = "", notes = []) => { field.value = asText(config); fill(said, [title, notes], () => title && told(title, notes)); };
  const tell = (error) => {
    const isConflict = error.problem?.code === "changed_meanwhile";
    const message = isConflict ? "It was not saved: somebody else was faster, see above." : error.message;
    fill(said, message, () => h("p", { class: "alarm", role: "alert" }, message));
    if (isConflict) load().catch((refused) => say(refused.message, "bad"));
  };

  // What the API thinks of what is written; the table, if it is valid.
  async function check() {
    const config = parsed(field.value);
    const verdict = await post("tables/validate", config);
    fill(said, verdict, () => drawVerdict(verdict, field));
    return verdict.is_valid ? config : null;
  }
  const attempt = (act) => async () => { try { await act(); } catch (error) { tell(error); } };
  const save = attempt(async () => {
    const config = await check();
    if (!config) return;
    if (name) await change("PUT", `tables/${name}`, `"${generation}"`, config);
    else await post("tables", config);
    say(name ? `${name} was changed` : `${config.name} was created`);
    location.hash = `#/tables/${config.name}`;
  });
  const remove = attempt(async () => {
    await change("DELETE", `tables/${name}`, `"${generation}"`);
    say(`${name} is moved no more; its rows, runs and audit trail stay`);
    location.hash = "#/tables";
  });
  foot.append(
    careful(name ? "Save" : "Create", name ? "Change it?" : "Create it?", save, "first"),
    h("button", { type: "button", "data-key": "check", onclick: attempt(check) }, "Check"),
    ...(name ? [careful("Remove", "Move it no more?", remove, "danger")] : []));
  if (!name) {
    write(TEMPLATES.snowflake[1]);
    begin.append(beginning(write, tell));
  }

  async function load(signal) {
    if (!name) return fill(head, "", () => drawHead("New table"));
    const found = await get(`tables/${name}`, signal);
    fill(head, name, () => drawHead(`Change ${name}`, name));
    const newest = () => { generation = found.generation; write(found.config); meanwhile.replaceChildren(); field.focus(); };
    if (found.origin === "files") {
      foot.hidden = field.readOnly = true;
      write(found.config, `${name} is in the table files: it is changed there, and deployed.`);
    } else if (generation === null) {
      generation = found.generation;
      write(found.config);
    } else {
      fill(meanwhile, found.generation === generation ? null : found.generation, (is) => is && drawConflict(newest));
    }
  }
  return { title: name ? `Change ${name}` : "New table", node, load };
}

function drawHead(title, name) {
  return [
    h("p", { class: "crumb" }, h("a", { href: "#/tables" }, "Tables"), name && [" / ", h("a", { href: `#/tables/${name}` }, name)]),
    h("h1", {}, title),
  ];
}

// Templates, and a proposal from what Snowflake says of a table.
function beginning(write, tell) {
  const fields = ["database", "schema", "table"].map((part) => h("input", { id: `of-${part}`, name: part, required: true, maxlength: 255, autocomplete: "off", "aria-label": `Its ${part}`, placeholder: part }));
  const propose = (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries(fields.map((field) => [field.name, field.value.trim()]));
    post("tables/import", wanted).then((found) => write(found.config, "Proposed, because", found.notes)).catch(tell);
  };
  return panel("Begin with", {},
    h("div", { class: "fields" }, Object.entries(TEMPLATES).map(([key, [label, config]]) => h("button", { type: "button", "data-key": key, onclick: () => write(config) }, label))),
    h("form", { class: "fields", onsubmit: propose, "aria-label": "Propose from Snowflake" }, h("span", { class: "dim" }, "or what Snowflake says of"), fields, h("button", {}, "Propose")));
}

function parsed(text) {
  try {
    const found = JSON.parse(text);
    if (found && typeof found === "object" && !Array.isArray(found)) return found;
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}`);
  }
  throw new Error("This is no table: write an object with its keys");
}

const told = (title, lines) => h("div", { class: "told" }, h("p", {}, title), h("ul", {}, lines.map((line) => h("li", {}, line))));

function drawVerdict(verdict, field) {
  if (verdict.is_valid) {
    return h("div", { class: "told" }, h("p", {}, h("span", { class: "pill", "data-kind": "good" }, "valid")),
      h("details", { class: "as-table" }, h("summary", { "data-key": "kept" }, "As it would be kept"), h("pre", { class: "scroll", tabindex: 0 }, asText(verdict.config))));
  }
  return h("div", { class: "told", role: "alert" },
    h("p", {}, h("span", { class: "pill", "data-kind": "bad" }, plural(verdict.problems.length, "problem"))),
    h("ul", { class: "plain" }, verdict.problems.map((problem) => drawProblem(problem, field))));
}

// A problem begins with where it is, such as `orders: schedule: …`: a button leads there.
function drawProblem(problem, field) {
  const place = problem.split(": ").slice(0, -1).flatMap((part) => part.split(".")).reverse().map((key) => [key, field.value.indexOf(`"${key}"`)]).find(([, at]) => at >= 0);
  const lead = place && h("button", { type: "button", class: "small", onclick: () => { field.focus(); field.setSelectionRange(place[1] + 1, place[1] + 1 + place[0].length); } }, place[0]);
  return h("li", { class: "alarm" }, lead, " ", problem);
}

function drawConflict(newest) {
  return h("div", { class: "panel", role: "alert" },
    h("p", { class: "alarm" }, "Somebody else has changed the table since it was read, so what is written here cannot be saved."),
    h("div", { class: "head" }, h("button", { type: "button", onclick: newest }, "Read it anew, and drop what is written here")));
}
