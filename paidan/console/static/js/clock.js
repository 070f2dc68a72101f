// Countdowns and the tenant's clock: the server's present, carried on by this browser's.

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
let ahead = Date.parse(document.documentElement.dataset.now) - Date.now();

export function setNow(iso) {
  ahead = Date.parse(iso) - Date.now();
  tick();
}

function words(name) {
  return document.body.dataset[name] ?? "";
}

function two(n) {
  return String(n).padStart(2, "0");
}

// 12:34 · 3:05:00 · 2 天 4 小时
function span(ms) {
  const s = Math.floor(ms / SECOND);
  if (ms >= DAY) {
    const hours = Math.floor((ms % DAY) / HOUR);
    return words("sayD").replace("{n}", Math.floor(ms / DAY)) +
      (hours ? " " + words("sayH").replace("{n}", hours) : "");
  }
  const clock = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return ms >= HOUR ? `${Math.floor(s / 3600)}:${clock}` : clock;
}

function paint(element, now) {
  const left = Date.parse(element.dateTime) - now;
  const tone = left < 0 ? "over" : left <= 3 * MINUTE ? "last" : left <= 5 * MINUTE ? "soon" : "";
  const say = left < 0 ? "sayOver" : left <= 5 * MINUTE ? "saySoon" : "sayLeft";
  const text = `${words(say)} ${span(Math.abs(left))}`;
  const figure = element.querySelector("b");
  if (figure.textContent !== text) figure.textContent = text;
  for (const name of ["soon", "last", "over"]) element.classList.toggle(name, name === tone);
}

const zoned = new Map();

function wall(zone, now) {
  if (!zoned.has(zone)) {
    zoned.set(zone, new Intl.DateTimeFormat("zh-CN", {
      timeZone: zone, hourCycle: "h23", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit",
    }));
  }
  const part = Object.fromEntries(zoned.get(zone).formatToParts(now).map((p) => [p.type, p.value]));
  return `${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
}

export function tick() {
  const now = Date.now() + ahead;
  for (const element of document.querySelectorAll("[data-deadline]")) paint(element, now);
  for (const element of document.querySelectorAll("[data-clock]")) {
    element.textContent = wall(element.dataset.zone, now);
  }
}

tick();
setInterval(tick, SECOND);
document.addEventListener("htmx:afterSwap", tick);
