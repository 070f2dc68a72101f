// Chat columns: lines arrive by the stream; text, pictures and voice words leave by forms.

import { connect, on } from "./live.js";
import { post, remember, restore, toast } from "./press.js";

function listOf(chat) {
  return document.querySelector(`[data-chat="${CSS.escape(chat)}"]`);
}

function toBottom(list) {
  list.scrollTop = list.scrollHeight;
}

function nearBottom(list) {
  return list.scrollHeight - list.scrollTop - list.clientHeight < 160;
}

// A newly hidden or shown column has no height to scroll in until it is shown.
export function settleColumns() {
  for (const list of document.querySelectorAll("[data-chat]")) toBottom(list);
}

on("lines", (event) => {
  const { chat, mark, html } = JSON.parse(event.data);
  const list = listOf(chat);
  if (!list) return;
  list.innerHTML = html;
  list.dataset.mark = mark;
  toBottom(list);
});

on("line", (event) => {
  const { chat, mark, id, html } = JSON.parse(event.data);
  const list = listOf(chat);
  if (!list) {
    flag(`[data-tab="${CSS.escape(chat)}"] .unread`);
    followFirst(chat);
    return;
  }
  const follow = nearBottom(list);
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  const fresh = holder.content.firstElementChild;
  const old = list.querySelector(`#post-${id}`);
  if (old) {
    const kept = remember(old);
    old.replaceWith(fresh);
    rehouse(list, restore(fresh, kept));
  } else {
    fresh.classList.add("fresh");
    list.append(fresh);
    rehouse(list, []);
  }
  list.dataset.mark = mark;
  if (follow) toBottom(list);
  const column = list.closest("[data-column]");
  if (column && !("shown" in column.dataset)) flag(`[data-show="${column.id.slice(4)}"] .unread`);
});

// A card that is posted anew takes over the draft of its older copy, whichever of the two is
// painted first.
const homeless = new WeakMap();
const SEARCHED_FOR = 10_000;

function rehouse(list, drafts) {
  const now = Date.now();
  const waiting = (homeless.get(list) ?? []).filter((one) => now - one.since < SEARCHED_FOR);
  const left = restore(list, [...waiting, ...drafts.map((one) => ({ ...one, since: now }))]);
  homeless.set(list, left);
}

on("unread", (event) => {
  flag(`[data-tab="${CSS.escape(event.data)}"] .unread`);
  followFirst(event.data);
});

// A newcomer watching an empty group is taken to the one where the first card appears.
function followFirst(chat) {
  const tab = document.querySelector(`[data-tab="${CSS.escape(chat)}"]`);
  const column = tab?.closest("[data-column]");
  if (column && !column.querySelector("[data-chat] > li")) go(tab.href, column.id);
}

function flag(selector) {
  for (const dot of document.querySelectorAll(selector)) dot.hidden = false;
}

// --- saying -------------------------------------------------------------------------------------

const pictures = new WeakMap();

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-say]")) return;
  event.preventDefault();
  if (form.classList.contains("busy")) return;
  form.classList.add("busy");
  try {
    const body = new FormData(form);
    const picture = pictures.get(form);
    if (picture) body.append("blob", await upload(picture));
    if (!body.get("text").trim() && !body.get("transcript")?.trim() && !picture) return;
    await post(form.action, new URLSearchParams(body));
    clear(form);
  } catch (error) {
    toast(error.message, true);
  } finally {
    form.classList.remove("busy");
  }
});

// A plain report form takes its picture along: uploaded first, then named in the form.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const picture = form.matches("[data-report]") && pictures.get(form);
  if (!picture) return;
  event.preventDefault();
  try {
    const blob = document.createElement("input");
    Object.assign(blob, { type: "hidden", name: "blob", value: await upload(picture) });
    form.append(blob);
    form.submit();
  } catch (error) {
    toast(error.message, true);
  }
});

async function upload(file) {
  const body = new FormData();
  body.append("picture", file, file.name);
  return post("/upload", body);
}

function clear(form) {
  form.elements.text.value = "";
  if (form.elements.transcript) form.elements.transcript.value = "";
  form.elements.once.value = crypto.getRandomValues(new Uint32Array(3)).join("-");
  pictures.delete(form);
  form.querySelector("[data-preview]")?.replaceChildren();
  const box = form.querySelector("[data-voice]");
  if (box) box.hidden = true;
  form.elements.text.focus();
}

document.addEventListener("change", (event) => {
  const input = event.target;
  if (input.matches("[data-picture]") && input.files[0]) {
    const form = input.closest("form");
    pictures.set(form, input.files[0]);
    const image = document.createElement("img");
    image.alt = input.files[0].name;
    image.src = URL.createObjectURL(input.files[0]);
    form.querySelector("[data-preview]").replaceChildren(image, input.files[0].name);
    input.value = "";
  }
  if (input.matches("[data-picker] select")) open(input.form);
});

async function open(form) {
  await go(`${form.action}?${new URLSearchParams(new FormData(form))}`, form.closest("[data-column]").id);
}

// Another person or chat in one column: fetch the page, take that column, keep the others.
async function go(url, id) {
  const shown = "shown" in document.getElementById(id).dataset;
  await window.htmx.ajax("GET", url, { target: `#${id}`, select: `#${id}`, swap: "outerHTML" });
  history.replaceState(null, "", url);
  if (shown) document.getElementById(id).dataset.shown = "";
  settleColumns();
  connect();
}

document.addEventListener("click", (event) => {
  const target = event.target;
  const example = target.closest("[data-example]");
  if (example) {
    const text = example.closest("form").elements.text;
    text.value = example.textContent;
    text.focus();
  }
  const tab = target.closest("[data-tab]");
  if (tab && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    go(tab.href, tab.closest("[data-column]").id);
  }
  const voice = target.closest("[data-voice-toggle]");
  if (voice) {
    const box = voice.closest("form").querySelector("[data-voice]");
    box.hidden = !box.hidden;
    voice.setAttribute("aria-expanded", String(!box.hidden));
    if (!box.hidden) box.querySelector("input").focus();
  }
  const show = target.closest("[data-show]");
  if (show) showColumn(show.dataset.show);
});

function showColumn(id) {
  for (const column of document.querySelectorAll("[data-column]")) {
    column.toggleAttribute("data-shown", column.dataset.column === id);
  }
  for (const button of document.querySelectorAll("[data-show]")) {
    const here = button.dataset.show === id;
    button.toggleAttribute("aria-current", here);
    if (here) button.querySelector(".unread").hidden = true;
  }
  settleColumns();
}

document.addEventListener("keydown", (event) => {
  const box = event.target;
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  if (!box.matches("[data-say] textarea, [data-say] [name=transcript]")) return;
  event.preventDefault();
  box.form.requestSubmit();
});
