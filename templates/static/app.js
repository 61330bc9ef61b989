// What the pages gain from a script. Every one of them works without it: forms post, links lead.
"use strict";

(() => {
  document.documentElement.classList.add("has-script");
  const words = document.documentElement.dataset;

  function say(text) {
    document.querySelector(".toast")?.remove();
    const toast = document.createElement("div");
    toast.className = "toast no-print";
    toast.setAttribute("role", "status");
    toast.textContent = text;
    document.body.append(toast);
    window.setTimeout(() => toast.remove(), 2600);
  }

  // The clipboard API needs a secure address; elsewhere a hidden field does it.
  async function copyText(text) {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
    } else {
      const field = document.createElement("textarea");
      field.className = "only-readers";
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    say(words.wordCopied);
  }

  window.copyText = copyText;

  // A form is sent once: the second click of a double click finds the button at work.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent === "yes") {
      event.preventDefault();
      return;
    }
    if (form.method === "post" && !form.matches("[data-hx-post]")) {
      form.dataset.sent = "yes";
      event.submitter?.setAttribute("aria-busy", "true");
    }
  });

  // Another tab may have signed out, or in to another account: the page of an account that is no longer in use says so,
  // and nothing on it can be pressed. A browser that cannot ask now asks the next time.
  async function checkAccount() {
    const mine = document.querySelector("[data-account]");
    const notice = document.getElementById("account-changed");
    if (!mine || !notice || document.visibilityState !== "visible" || document.querySelector(".account-changed")) {
      return;
    }
    const session = await fetch("/session", { cache: "no-store" })
      .then((answer) => (answer.ok ? answer.json() : null))
      .catch(() => null);
    // Two events may ask at the same time.
    if (session && session.account_number !== mine.dataset.account && !document.querySelector(".account-changed")) {
      document.body.prepend(notice.content.cloneNode(true));
      document.getElementById("content").inert = true;
      document.querySelector(".account-changed a").focus();
    }
  }

  // The current one of a row of tabs that is wider than the screen is in sight.
  document.addEventListener("DOMContentLoaded", () => {
    for (const current of document.querySelectorAll(":is(.office-nav, .tabs) [aria-current]")) {
      const row = current.parentElement;
      row.scrollLeft += current.getBoundingClientRect().left - row.getBoundingClientRect().left
        - (row.clientWidth - current.clientWidth) / 2;
    }
  });

  document.addEventListener("visibilitychange", checkAccount);
  window.addEventListener("focus", checkAccount);
  window.addEventListener("pageshow", (event) => {
    // A page that has just come from the server needs no question.
    if (event.persisted) {
      checkAccount();
    }
  });

  // A menu closes when one presses elsewhere, or Escape.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.switcher[open]")) {
      if (!menu.contains(event.target)) {
        menu.open = false;
      }
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.switcher[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // Coming back through the history, a page is as it was: its forms may be sent again. What may have been done since,
  // such as a payment, is asked for anew.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && document.querySelector("[data-fresh]")) {
      window.location.reload();
      return;
    }
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
    }
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy], [data-copy-text]");
    if (copy) {
      await copyText(copy.dataset.copyText ?? document.getElementById(copy.dataset.copy).value);
      return;
    }
    const share = event.target.closest("[data-share]");
    if (share) {
      const text = document.getElementById(share.dataset.share).textContent.replace(/\s*\n\s*/g, "\n").trim();
      if (navigator.share) {
        const files = await filesOf(share.dataset.shareFile);
        navigator.share({ title: document.title, text, ...(files && { files }) }).catch(() => {});
      } else {
        await copyText(text);
      }
      return;
    }
    if (event.target.closest("[data-print]")) {
      window.print();
    }
  });

  // The files that go along with a shared text, where the browser takes them; null where the text goes alone.
  async function filesOf(address) {
    if (!address || !navigator.canShare) {
      return null;
    }
    try {
      const answer = await fetch(address);
      if (!answer.ok) {
        return null;
      }
      const content = await answer.blob();
      const files = [new File([content], address.replace(/\?.*/, "").split("/").pop(), { type: content.type })];
      return navigator.canShare({ files }) ? files : null;
    } catch {
      return null;
    }
  }

  // Amounts. Typed digits fill the centavos from the right. A text that comes as a whole, pasted, dropped or filled in,
  // is read as the server reads it: `parse_brl` of pix/scheme/money.py. What is no amount stays as it is: the server
  // says what is wrong with it.
  const CENTAVO_DIGITS_MAX = 11;

  function formatMoney(digits) {
    const padded = digits.replace(/^0+/, "").padStart(3, "0");
    const reais = padded.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ".");
    return `${reais},${padded.slice(-2)}`;
  }

  function readMoney(text) {
    const number = text.trim().replace(/^R\$/i, "").trim();
    const match =
      /^([1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,([0-9]{1,2}))?$/.exec(number) ??
      /^([0-9]+)(?:,([0-9]{1,2}))?$/.exec(number) ??
      /^([0-9]+)\.([0-9]{1,2})$/.exec(number);
    if (match === null) {
      return text;
    }
    const digits = match[1].replaceAll(".", "") + (match[2] ?? "").padEnd(2, "0");
    return digits.replace(/^0+/, "").length > CENTAVO_DIGITS_MAX ? text : formatMoney(digits);
  }

  function typedMoney(text) {
    if (/[^\d.,\s]/.test(text)) {
      return text;
    }
    const digits = text.replace(/\D/g, "").replace(/^0+/, "").slice(0, CENTAVO_DIGITS_MAX);
    return digits === "" ? "" : formatMoney(digits);
  }

  document.addEventListener("input", (event) => {
    const input = event.target;
    if (!input.matches("[data-money]")) {
      return;
    }
    // A keyboard that offers the clipboard inserts several characters at once.
    const isWhole = event.inputType === "insertText" && event.data?.length > 1;
    const isTyped = /^(insertText|insertCompositionText|delete|history)/.test(event.inputType ?? "") && !isWhole;
    const value = isTyped ? typedMoney(input.value) : readMoney(input.value);
    if (value !== input.value) {
      input.value = value;
    }
  });

  // A pasted amount takes the place of what was there: half of it and half of the other would be a third one.
  for (const kind of ["paste", "drop"]) {
    document.addEventListener(kind, (event) => {
      const text = (event.clipboardData ?? event.dataTransfer)?.getData("text") ?? "";
      if (event.target.matches?.("[data-money]") && text.trim() !== "") {
        event.preventDefault();
        event.target.value = readMoney(text.trim());
        event.target.dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
  }

  // Hiding the balance needs no round trip.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-amounts]")) {
      return;
    }
    event.preventDefault();
    delete form.dataset.sent;
    const hide = !document.documentElement.classList.contains("amounts-hidden");
    document.documentElement.classList.toggle("amounts-hidden", hide);
    document.cookie = `codepix_amounts=${hide ? "hidden" : "shown"}; path=/; max-age=31536000; samesite=lax`;
    for (const each of document.querySelectorAll("[data-amounts]")) {
      const button = each.querySelector("button");
      button.removeAttribute("aria-busy");
      button.setAttribute("aria-pressed", String(hide));
      each.querySelector("[name=amounts]").value = hide ? "shown" : "hidden";
    }
  });

  // A file that is chosen is sent, unless it is too large to be taken; and a choice that filters filters.
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input.matches("[data-bytes-max]")) {
      const isTooLarge = [...input.files].some((file) => file.size > Number(input.dataset.bytesMax));
      document.getElementById(input.dataset.says).hidden = !isTooLarge;
      if (isTooLarge) {
        // Empty again, so that the same file counts as a choice once it is smaller.
        input.value = "";
        return;
      }
    }
    if (input.matches("[data-submit-on-change]")) {
      input.form.requestSubmit();
    }
  });

  // A click begins and ends on the same element, so nothing is replaced while a button of the mouse or a key is down.
  const late = new Map();
  let pressed = 0;

  function press() {
    window.clearTimeout(pressed);
    pressed = window.setTimeout(release, 3000);
  }

  function release() {
    window.clearTimeout(pressed);
    pressed = 0;
    const acts = [...late.values()];
    late.clear();
    acts.forEach((act) => act());
  }

  // Now, or when it is over; of what is late for the same place only the last matters.
  window.whenReleased = (place, act) => {
    if (pressed) {
      late.set(place, act);
    } else {
      act();
    }
  };

  document.addEventListener("pointerdown", press, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === " " || event.key === "Enter") {
      press();
    }
  }, true);
  for (const end of ["pointerup", "pointercancel", "keyup"]) {
    // The click comes after its end.
    document.addEventListener(end, () => window.setTimeout(release), true);
  }

  // What a part says, in words: the sentences of its `data-say`.
  function wordsOf(place) {
    return [...place.querySelectorAll("[data-say]")].map((each) => each.dataset.say).join(" ");
  }

  // Puts a part's new content in its place. The focus stays on the element with the same id, or at the part when that
  // element has gone; and what the part says now is announced, in a region that was there before.
  function put(place, html) {
    const held = document.activeElement?.id;
    const focused = place.contains(document.activeElement);
    const before = wordsOf(place);
    place.innerHTML = html;
    document.title = place.querySelector("[data-page-title]")?.dataset.pageTitle ?? document.title;
    place.dispatchEvent(new CustomEvent("live", { bubbles: true }));
    if (focused) {
      const again = held ? document.getElementById(held) : null;
      if (!again) {
        place.tabIndex = -1;
      }
      (again ?? place).focus({ preventScroll: true });
    }
    const now = wordsOf(place);
    const said = document.getElementById("said");
    if (said && now && now !== before) {
      said.textContent = now;
    }
    window.htmx?.process(place);
  }

  window.putLive = put;
})();
