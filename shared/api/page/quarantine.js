// Quarantine: files with rejected rows, and the rows with the cells that were to blame.

import { file, get, post, text } from "./api.js";
import { fill, h, number, plural, say, since } from "./dom.js";
import { careful, panel, runHref, state } from "./parts.js";

export function quarantine() {
  const list = h("div", {});
  const node = h("div", { class: "view" }, h("h1", {}, "Quarantine"),
    h("p", { class: "dim" }, "Rows, or whole files, that were set aside with the reason. All other rows of a file are loaded."),
    h("section", { class: "panel flush" }, list));
  const load = async (signal) => fill(list, (await get("quarantine?limit=100", signal)).items, (items) => (items.length
    ? h("div", { class: "scroll" }, h("table", { class: "list" },
      h("thead", {}, h("tr", {}, h("th", {}, "Table"), h("th", {}, "State"), h("th", {}, "File"), h("th", { class: "num" }, "Rejected"), h("th", { class: "num" }, "When"))),
      h("tbody", {}, items.map((item) => h("tr", { class: "row" },
        h("td", {}, h("a", { class: "name", href: `#/quarantine/${item.table}/${item.run_id}`, "data-key": item.run_id }, item.table)),
        h("td", {}, state(item)),
        h("td", { class: "said" }, item.file, h("span", { class: "sub" }, item.reason ?? (item.replayed_by ? `sent again in run ${item.replayed_by}` : ""))),
        h("td", { class: "num" }, item.rows_rejected == null ? "all of it" : number(item.rows_rejected)),
        h("td", { class: "num nowrap dim" }, since(item.updated_at)))))))
    : h("p", { class: "empty foot" }, "Nothing is in quarantine.")));
  return { title: "Quarantine", node, load };
}

export function rejects(table, id) {
  const head = h("div", { class: "head" });
  const list = h("div", {});
  const foot = h("div", { class: "foot" });
  const mend = h("div", {});
  const node = h("div", { class: "view" }, head, mend, panel("Rejected rows", { flush: true }, list, foot));
  let pages = 1;
  async function load(signal) {
    const path = `quarantine/${table}/${id}`;
    const found = await get(path, signal);
    let rows = [];
    let next = null;
    for (let page = 0; page < pages; page += 1) {
      const part = await get(`${path}/rows?limit=50${next ? `&cursor=${next}` : ""}`, signal);
      rows = rows.concat(part.items);
      next = part.next;
      if (!next) break;
    }
    fill(head, found, () => drawHead(found));
    fill(mend, [found.replayed_by, found.rows_rejected], () => !found.replayed_by && found.rows_rejected > 0 && mending(found));
    fill(list, [rows, found.reason], () => (rows.length ? h("div", {}, rows.map(reject)) : h("p", { class: "empty foot" }, found.reason ?? "No row of it was rejected.")));
    fill(foot, Boolean(next), (has) => has && h("button", { type: "button", "data-key": "more", onclick: () => { pages += 1; load(); } }, "More rows"));
  }
  return { title: `${table}, rejected rows`, node, load };
}

const replay = (found, body) => post(`quarantine/${found.table}/${found.run_id}/replay`, body)
  .then((reply) => { say("The rows were sent through once more"); location.hash = `#/runs/${reply.table}/${reply.run_id}`; })
  .catch((error) => say(error.message, "bad"));

// The text to send. A field makes line feeds of all line ends: where nothing was edited the text is
// sent as it came, and a file whose lines end in carriage returns gets them back.
function asInFile(original, edited) {
  if (edited === original.replace(/\r\n?/g, "\n")) return original;
  return original.includes("\n") ? edited : edited.replaceAll("\n", "\r");
}

// The rejected rows as a file, to mend here or elsewhere.
function mending(found) {
  const field = h("textarea", { id: "mended", rows: 8, spellcheck: false, "aria-describedby": "mend-how" });
  const path = `quarantine/${found.table}/${found.run_id}/file`;
  const why = h("p", { class: "alarm", role: "alert", hidden: true });
  const send = careful("Send the mended rows", "Send what is written here?", () => replay(found, { mended: asInFile(original, field.value) }), "first");
  let original = "";
  // The server decodes, because browsers have other tables for some encodings, and encodes again.
  const read = async () => {
    if (original) return;
    const refused = await text(`${path}?form=text`).then((found) => { original = field.value = found; }, (error) => error.message);
    why.hidden = !refused;
    why.textContent = refused ?? "";
    field.disabled = send.disabled = Boolean(refused);
  };
  const save = async () => {
    const url = URL.createObjectURL(await file(path));
    h("a", { href: url, download: `rejects-of-${found.run_id}.csv` }).click();
    URL.revokeObjectURL(url);
  };
  return h("details", { class: "panel folded", ontoggle: (event) => event.target.open && read() },
    h("summary", {}, "Mend the rows, then send them"),
    h("p", { class: "dim", id: "mend-how" }, "The file's header and its rejected rows. What you leave here is sent in their place, in the file's own encoding", found.encoding && ` (${found.encoding})`, "."),
    why,
    h("label", { class: "sr", for: "mended" }, "Rejected rows as a file"), field,
    h("div", { class: "head" },
      send,
      h("button", { type: "button", onclick: () => save().catch((error) => say(error.message, "bad")) }, "Download as a file")));
}

function drawHead(found) {
  return [
    h("p", { class: "crumb" }, h("a", { href: "#/quarantine" }, "Quarantine"), " / ", h("a", { href: `#/tables/${found.table}` }, found.table)),
    h("h1", {}, found.rows_rejected == null ? "A whole file" : plural(found.rows_rejected, "rejected row")), state(found),
    h("div", { class: "actions" },
      h("a", { class: "button", href: runHref(found) }, "The run"),
      !found.replayed_by && found.rows_rejected > 0 && careful("Send through once more", "By the table's rules as they are now?", () => replay(found), "first")),
    h("p", { class: "crumb" }, found.file, found.replayed_by && [", sent again in run ", h("a", { href: `#/runs/${found.table}/${found.replayed_by}` }, found.replayed_by)]),
  ];
}

function reject(row) {
  const cells = row.cells
    ? row.cells.map((cell) => h("span", { class: [cell.is_offending && "bad", !cell.text && "void"].filter(Boolean).join(" ") || null },
      h("b", {}, cell.column ?? "no column"), cell.text || "empty", cell.is_offending && h("span", { class: "sr" }, " (to blame)")))
    : h("span", {}, row.raw);
  return h("article", { class: "reject" },
    h("div", { class: "why" }, h("span", { class: "pill", "data-kind": "bad" }, row.rule), h("strong", {}, row.reason), h("span", { class: "dim" }, `line ${number(row.line)}${row.column ? `, ${row.column}` : ""}`)),
    h("div", { class: "cells" }, cells));
}
