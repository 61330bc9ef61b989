// Notifications of arrivals, for those who ask for them: while Home or Receive is open, also behind another window. The
// choice is kept in this browser, for each account. Without the script or the browser's permission nothing else changes.
"use strict";

(() => {
  const button = document.querySelector("[data-notify]");
  if (!button || !("Notification" in window)) {
    return;
  }
  const word = button.querySelector("[data-notify-word]");
  const key = `codepix-notify-${button.dataset.notify}`;
  const told = new Set();

  // A browser that keeps nothing forgets the choice with the page.
  let chosen = false;
  try {
    chosen = window.localStorage.getItem(key) === "on";
  } catch {
    chosen = false;
  }

  const isOn = () => chosen && Notification.permission === "granted";

  function show() {
    const state = Notification.permission === "denied" ? "denied" : isOn() ? "on" : "off";
    button.hidden = false;
    button.disabled = state === "denied";
    button.setAttribute("aria-pressed", String(state === "on"));
    word.textContent = button.dataset[`word${state[0].toUpperCase()}${state.slice(1)}`];
    // The stream stays open behind another window: see live.js.
    for (const part of document.querySelectorAll("[data-live]")) {
      part.toggleAttribute("data-live-hidden", state === "on");
    }
  }

  function choose(on) {
    chosen = on;
    try {
      window.localStorage.setItem(key, on ? "on" : "off");
    } catch {
      // See above.
    }
  }

  button.addEventListener("click", async () => {
    if (isOn()) {
      choose(false);
    } else {
      choose((await Notification.requestPermission()) === "granted");
    }
    show();
  });

  // A page that is looked at celebrates by itself.
  document.addEventListener("live", (event) => {
    for (const arrival of event.target.querySelectorAll("[data-arrived]")) {
      const id = arrival.dataset.arrived;
      if (told.has(id)) {
        continue;
      }
      told.add(id);
      if (isOn() && !document.hasFocus()) {
        tell(id, arrival);
      }
    }
  });

  function tell(id, arrival) {
    const isPrivate = document.documentElement.classList.contains("amounts-hidden");
    const icon = document.querySelector("link[rel=apple-touch-icon]")?.href;
    try {
      // Two tabs tell of one arrival once, by its tag.
      const notice = new Notification(button.dataset.title, {
        body: isPrivate ? arrival.dataset.sayPrivate : arrival.dataset.say,
        tag: id,
        icon,
      });
      notice.addEventListener("click", () => {
        window.focus();
        notice.close();
      });
    } catch {
      // Some phones' browsers notify from a service worker alone; the page itself still tells.
    }
  }

  show();
})();
