// The lab's pages: what went wrong with a button is said in passing, for the page itself stays as it is.
"use strict";

(() => {
  function say(text) {
    document.querySelector(".toast")?.remove();
    const toast = document.createElement("div");
    toast.className = "toast no-print";
    toast.setAttribute("role", "alert");
    toast.textContent = text;
    document.body.append(toast);
    window.setTimeout(() => toast.remove(), 5000);
  }

  document.addEventListener("htmx:responseError", (event) => say(event.detail.xhr.responseText));

  // While a button's form is on its way, the button says so.
  document.addEventListener("htmx:beforeRequest", (event) => {
    event.target.querySelector("button[type=submit]")?.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    event.target.querySelector("button[type=submit]")?.removeAttribute("aria-busy");
  });

  // One thing at a time: while a scenario or an audit runs, no other one can be started.
  function disableOthers() {
    const isRunning = document.querySelector("[data-act-running=yes]") !== null;
    for (const button of document.querySelectorAll(".scenario-button, #audit")) {
      button.disabled = isRunning;
    }
  }

  // The hub's map within the page is as high as it needs to be, and says in a classroom what it waits for.
  function tellMap(frame) {
    const words = document.querySelector("[data-waiting-word]")?.dataset.waitingWord ?? "";
    frame.contentWindow.postMessage({ codepixWaiting: words }, new URL(frame.src).origin);
  }

  // A frame that has not spoken yet shows no page of the hub's.
  function tellMaps() {
    document.querySelectorAll("iframe.map-frame[data-has-spoken]").forEach(tellMap);
  }

  window.addEventListener("message", (event) => {
    for (const frame of document.querySelectorAll("iframe.map-frame")) {
      const height = Number(event.data?.codepixMapHeight);
      if (event.source === frame.contentWindow && event.origin === new URL(frame.src).origin && height > 0) {
        frame.dataset.hasSpoken = "yes";
        frame.style.height = `${Math.min(Math.ceil(height), 4000)}px`;
        tellMap(frame);
      }
    }
  });

  document.addEventListener("live", () => {
    disableOthers();
    tellMaps();
  });
  disableOthers();

  // While the demo is reset its panel is away; the page goes back to it once it answers again.
  if (document.querySelector("[data-await-lab]")) {
    let wasAway = false;
    window.setInterval(async () => {
      const answers = await fetch("/", { cache: "no-store" }).then((answer) => answer.ok).catch(() => false);
      if (answers && wasAway) {
        window.location.assign("/");
      }
      wasAway ||= !answers;
    }, 1000);
  }

  // A presenter has one key for each step: the right arrow, page down or space; a remote control sends these.
  const NEXT_KEYS = ["ArrowRight", "PageDown", " "];
  if (document.querySelector("[data-presenting]")) {
    document.addEventListener("keydown", (event) => {
      const isAtControl = event.target.closest("a, button, input, select, textarea, summary");
      if (NEXT_KEYS.includes(event.key) && !(event.key === " " && isAtControl) && !event.repeat) {
        event.preventDefault();
        document.getElementById("next")?.click();
      }
    });
  }
})();
