// Buttons: sent once, answered with a toast; sheets open in place and close with Escape.

const csrf = document.querySelector('meta[name="csrf"]').content;

export async function post(url, body) {
  const response = await fetch(url, {
    method: "POST", body, redirect: "manual",
    headers: { "X-CSRF-Token": csrf, "HX-Request": "true" },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text || document.body.dataset.sayFailed);
  return text;
}

export function toast(text, bad = false) {
  if (!text) return;
  const element = document.createElement("p");
  element.className = bad ? "toast bad" : "toast";
  element.textContent = text;
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), bad ? 9000 : 6000);
}

async function send(form) {
  if (form.classList.contains("busy")) return;
  form.classList.add("busy");
  try {
    toast(await post(form.action, new URLSearchParams(new FormData(form))));
    form.closest("details.sheet")?.removeAttribute("open");
  } catch (error) {
    toast(error.message, true);
  } finally {
    form.classList.remove("busy");
    const once = form.querySelector('input[name="once"]');
    if (once) once.value = crypto.getRandomValues(new Uint32Array(3)).join("-");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-press], [data-quiet]")) return;
  event.preventDefault();
  send(form);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) {
    event.target.closest("details").removeAttribute("open");
    return;
  }
  const summary = event.target.closest("summary");
  for (const open of document.querySelectorAll("details.sheet[open], details.menu[open]")) {
    const inside = open.contains(event.target);
    if (!inside && (open.matches(".menu") || (summary && summary.closest("details.sheet")))) {
      open.removeAttribute("open");
    }
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const open = document.activeElement?.closest("details.sheet[open], details.menu[open]");
    if (open) {
      open.removeAttribute("open");
      open.querySelector("summary").focus();
    }
  }
  const typing = document.activeElement?.matches("input, textarea, select");
  const search = document.getElementById("q");
  if (event.key === "/" && search && !typing) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// A sheet that opens is brought into view, ready to be filled in.
document.addEventListener("toggle", (event) => {
  const sheet = event.target;
  if (!sheet.matches("details.sheet[open]")) return;
  const form = sheet.querySelector("form");
  form.scrollIntoView({ block: "nearest" });
  form.querySelector("textarea, input:not([type=hidden])")?.focus({ preventScroll: true });
}, true);

// A wording that is offered can be changed before it is sent.
document.addEventListener("change", (event) => {
  const choice = event.target;
  if (!choice.matches('input[type="radio"][name="args.text"]')) return;
  const own = choice.form.elements["other.text"];
  if (own) {
    own.value = choice.value;
    own.focus();
  }
});

// What somebody is typing into an open sheet survives a repaint of what is around it. Gives back
// what found no sheet to go to.
export function remember(root) {
  return [...root.querySelectorAll("details.sheet[open]")].map((sheet) => ({
    name: sheet.dataset.sheet,
    order: sheet.querySelector('input[name="order"]')?.value,
    values: new FormData(sheet.querySelector("form")),
    focus: sheet.contains(document.activeElement) ? document.activeElement.name : "",
  }));
}

export function restore(root, kept) {
  const left = [];
  for (const draft of kept) {
    const { name, order, values, focus } = draft;
    const sheet = [...root.querySelectorAll(`details.sheet[data-sheet="${name}"]`)]
      .findLast((one) => one.querySelector('input[name="order"]')?.value === order);
    if (!sheet) {
      left.push(draft);
      continue;
    }
    sheet.open = true;
    for (const input of sheet.querySelectorAll('[name^="args."], [name^="other."]')) {
      if (input.type === "radio") input.checked = values.get(input.name) === input.value;
      else input.value = values.get(input.name) ?? "";
      if (input.name === focus) input.focus();
    }
  }
  return left;
}
