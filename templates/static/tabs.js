// Tabs instead of a long page. Without a script the links of `[data-tabs]` lead to the parts, which all stand below each
// other; with one, only the chosen part is shown. A link to something within a part chooses that part.
"use strict";

(() => {
  const bar = document.querySelector("[data-tabs]");
  if (!bar) {
    return;
  }
  const links = [...bar.querySelectorAll("a[href^='#']")];
  const names = links.map((link) => link.hash.slice(1));
  let chosen = names[0];

  function partOf(hash) {
    const id = decodeURIComponent(hash.slice(1));
    if (names.includes(id)) {
      return id;
    }
    return document.getElementById(id)?.closest("[data-panel]")?.dataset.panel ?? "";
  }

  function show() {
    for (const panel of document.querySelectorAll("[data-panel]")) {
      panel.hidden = panel.dataset.panel !== chosen;
    }
    for (const link of links) {
      if (link.hash.slice(1) === chosen) {
        link.setAttribute("aria-current", "true");
      } else {
        link.removeAttribute("aria-current");
      }
    }
  }

  function follow() {
    const part = window.location.hash ? partOf(window.location.hash) : "";
    if (!part) {
      return;
    }
    chosen = part;
    show();
    if (!names.includes(window.location.hash.slice(1))) {
      const target = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
      if (target?.matches("details")) {
        target.open = true;
      }
      target?.scrollIntoView();
    }
  }

  bar.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link) {
      event.preventDefault();
      chosen = link.hash.slice(1);
      window.history.replaceState(null, "", link.hash);
      show();
    }
  });
  window.addEventListener("hashchange", follow);
  // What a live page or htmx has put in anew is shown as before.
  document.addEventListener("live", show);
  document.addEventListener("htmx:afterSwap", show);
  show();
  follow();
})();
