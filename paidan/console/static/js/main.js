// Every page: countdowns, buttons, live regions; chat columns where there are any.

import "./clock.js";
import { connect, on } from "./live.js";
import { remember, restore, toast } from "./press.js";
import { settleColumns } from "./chat.js";

// A changed page is fetched again and its live regions are taken from it.
let waiting = null;

function refresh() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    for (const region of document.querySelectorAll("[data-refresh]")) {
      const kept = remember(region);
      const opened = [...region.querySelectorAll("details[id][open]")].map((one) => one.id);
      const editing = region.contains(document.activeElement) &&
        document.activeElement.matches("input, textarea, select") && !kept.length;
      if (editing) continue;
      const id = `#${region.id}`;
      await window.htmx.ajax("GET", location.href, { target: id, select: id, swap: "outerHTML" });
      const fresh = document.querySelector(id);
      restore(fresh, kept);
      for (const name of opened) document.getElementById(name)?.setAttribute("open", "");
    }
  }, 250);
}

on("changed", refresh);
on("toast", (event) => toast(event.data));

settleColumns();
connect();
