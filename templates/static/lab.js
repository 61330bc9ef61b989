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
})();
