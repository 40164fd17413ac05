// The API: calls with the key of whoever looks, and streams of events.

const KEY = "sluice-key";

// A link may carry the key behind its #, which no server sees; it goes from the address at once.
const given = new URLSearchParams(location.hash.slice(1)).get("key");
if (given) {
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", `${location.pathname}#/`);
}

export const hasKey = () => Boolean(sessionStorage.getItem(KEY));
export const keep = (key) => sessionStorage.setItem(KEY, key);
export const forget = () => sessionStorage.removeItem(KEY);

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

function headers(more = {}) {
  const key = sessionStorage.getItem(KEY);
  return key ? { "X-API-Key": key, ...more } : more;
}

async function ask(path, options = {}) {
  const reply = await fetch(path, { cache: "no-store", ...options, headers: headers(options.headers) });
  if (reply.ok) return reply.status === 204 ? null : reply.json();
  const problem = await reply.json().catch(() => ({ title: reply.statusText, status: reply.status }));
  throw new Refused(problem);
}

export const get = (path, signal) => ask(`api/v1/${path}`, { signal });

export function post(path, body = {}) {
  const more = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  return ask(`api/v1/${path}`, { method: "POST", headers: more, body: JSON.stringify(body) });
}

// A file, byte by byte.
export async function file(path) {
  const reply = await fetch(`api/v1/${path}`, { cache: "no-store", headers: headers() });
  if (!reply.ok) throw new Refused(await reply.json().catch(() => ({ title: reply.statusText, status: reply.status })));
  return reply.blob();
}

// A file's text, by the charset that it says it has; a byte order mark is part of it.
export async function text(path) {
  const found = await file(path);
  const [, charset] = /charset=([^;]+)/.exec(found.type) ?? [];
  return new TextDecoder(charset ?? "utf-8", { fatal: true, ignoreBOM: true }).decode(await found.arrayBuffer());
}

// A change or removal; of what has a version it is refused if that is another one by now.
export function change(method, path, etag = null, body = null) {
  const more = { ...(body && { "Content-Type": "application/json" }), ...(etag && { "If-Match": etag }) };
  return ask(`api/v1/${path}`, { method, headers: more, body: body && JSON.stringify(body) });
}

// Reads a stream of events until one is named `end`, and again where the server has closed it.
// EventSource cannot send a key, so it is read by hand. Source: HTML, "Server-sent events".
export async function stream(path, signal, handlers, onOpen = () => {}) {
  let last = "";
  while (!signal.aborted) {
    const more = last ? { "Last-Event-ID": last } : {};
    const reply = await fetch(`api/v1/${path}`, { headers: headers(more), signal });
    if (!reply.ok) throw new Refused(await reply.json().catch(() => ({ title: reply.statusText, status: reply.status })));
    onOpen();
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const said of events) {
        const event = Object.fromEntries(said.split("\n").map((line) => {
          const at = line.indexOf(": ");
          return [line.slice(0, at), line.slice(at + 2)];
        }));
        if (event.id) last = event.id;
        if (event.event === "end") return;
        handlers[event.event]?.(JSON.parse(event.data));
      }
    }
  }
}
