// The page of a REST API: each call as curl with the values that are typed, and tried from here.
"use strict";

(() => {
  const ANSWER_MAX = 20000; // Characters of an answer that are shown.

  // The address with what is typed. A place in the path that is empty keeps its name.
  function addressOf(part) {
    let path = part.dataset.path;
    const query = new URLSearchParams();
    for (const input of part.querySelectorAll("[data-place]")) {
      if (input.value === "") {
        continue;
      }
      if (input.dataset.place === "path") {
        path = path.replace(`{${input.dataset.name}}`, encodeURIComponent(input.value));
      } else {
        query.append(input.dataset.name, input.value);
      }
    }
    const text = query.toString();
    return text ? `${path}?${text}` : path;
  }

  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

  function curlOf(part) {
    const words = ["curl"];
    if (part.dataset.method !== "GET") {
      words.push("-X", part.dataset.method);
    }
    words.push(quoted(part.dataset.base + addressOf(part)));
    if (part.dataset.header) {
      words.push("\\\n ", "-H", `"${part.dataset.header}"`);
    }
    const body = part.querySelector("[data-body]")?.value;
    if (body) {
      words.push("\\\n ", "-H", quoted("Content-Type: application/json"), "\\\n ", "-d", quoted(body));
    }
    return words.join(" ");
  }

  document.addEventListener("input", (event) => {
    const part = event.target.closest("[data-try]");
    if (part) {
      part.querySelector("[data-curl]").textContent = curlOf(part);
    }
  });

  // A call that is looked for: all typed words are somewhere in its text. Groups without one are hidden.
  document.querySelector("[data-find-call]")?.addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = new Set();
    for (const call of document.querySelectorAll(".items > [data-call]")) {
      const text = call.querySelector("summary").textContent.toLowerCase();
      if (words.every((word) => text.includes(word))) {
        found.add(call.dataset.call);
      }
    }
    for (const call of document.querySelectorAll("[data-call]")) {
      call.hidden = !found.has(call.dataset.call);
    }
    for (const group of document.querySelectorAll("[data-calls]")) {
      group.hidden = !group.querySelector("[data-call]:not([hidden])");
    }
    const line = document.querySelector("[data-none-found]");
    line.textContent = found.size ? "" : line.dataset.noneFound;
  });

  // An address with the name of a call opens it.
  function openNamed() {
    const call = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    if (call?.matches("details.operation")) {
      call.open = true;
      call.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", openNamed);
  openNamed();

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy-curl]");
    if (button) {
      window.copyText(button.closest("[data-try]").querySelector("[data-curl]").textContent);
    }
  });

  function show(place, title, isGood, text) {
    const badge = document.createElement("p");
    badge.className = `badge ${isGood ? "badge-good" : "badge-bad"}`;
    badge.textContent = title;
    const code = document.createElement("pre");
    code.className = "code";
    code.tabIndex = 0;
    code.textContent = text.slice(0, ANSWER_MAX);
    place.replaceChildren(badge, code);
  }

  document.addEventListener("submit", async (event) => {
    if (!event.target.matches("[data-try-form]")) {
      return;
    }
    event.preventDefault();
    const part = event.target.closest("[data-try]");
    const place = part.querySelector("[data-answer]");
    const body = part.querySelector("[data-body]")?.value;
    const options = { method: part.dataset.method, cache: "no-store" };
    if (body) {
      options.body = body;
      options.headers = { "Content-Type": "application/json" };
    }
    try {
      const answer = await fetch(addressOf(part), options);
      const text = await answer.text();
      let shown = text;
      try {
        shown = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        // No JSON: as it came.
      }
      show(place, `${answer.status} ${answer.statusText}`, answer.ok, shown);
    } catch {
      show(place, "–", false, place.dataset.unreachable);
    }
  });
})();
