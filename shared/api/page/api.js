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

// Text as it is, such as a file.
export async function text(path) {
  const reply = await fetch(`api/v1/${path}`, { cache: "no-store", headers: headers() });
  if (!reply.ok) throw new Refused(await reply.json().catch(() => ({ title: reply.statusText, status: reply.status })));
  return reply.text();
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
