// One event stream a page: it carries ticks, chat lines and "something changed"; a lamp tells when
// it has gone quiet.

import { setNow, tick } from "./clock.js";

const QUIET = 30_000;
const handlers = new Map();
let source = null, heard = 0, retry = null;

export function on(event, handler) {
  handlers.set(event, handler);
}

export function connect() {
  const base = document.body.dataset.live;
  if (!base) return;
  clearTimeout(retry);
  source?.close();
  const url = new URL(base, location.href);
  for (const list of document.querySelectorAll("[data-chat]")) {
    url.searchParams.append("chat", `${list.dataset.chat}~${list.dataset.mark}`);
  }
  source = new EventSource(url);
  source.addEventListener("open", alive);
  source.addEventListener("now", (event) => { alive(); setNow(event.data); });
  for (const [name, handler] of handlers) {
    source.addEventListener(name, (event) => { alive(); handler(event); tick(); });
  }
  source.addEventListener("error", () => {
    lamp(false);
    source.close();
    retry = setTimeout(connect, 2000);
  });
}

function alive() {
  heard = Date.now();
  lamp(true);
}

function lamp(fresh) {
  for (const element of document.querySelectorAll("[data-lamp]")) {
    const text = document.body.dataset[fresh ? "sayLive" : "sayStale"];
    element.classList.toggle("stale", !fresh);
    element.title = text;
    element.querySelector("span").textContent = text;
  }
}

setInterval(() => { if (source && Date.now() - heard > QUIET) lamp(false); }, 5000);
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
