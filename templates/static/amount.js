// How much to pay: amounts at one press, and the balance that is left, as one types.
"use strict";

(() => {
  const amount = document.getElementById("amount");
  const line = document.getElementById("after");
  if (!amount || !line) {
    return;
  }
  const money = new Intl.NumberFormat("pt-BR", { style: "currency", currency: "BRL" });

  function show() {
    const isToday = (amount.form.elements.when?.value ?? "today") === "today";
    // As `app.js` writes it; what is no amount yet leaves nothing to say.
    const isAmount = /^\d{1,3}(\.\d{3})*,\d{2}$/.test(amount.value);
    const left = Number(line.dataset.balance) - Number(amount.value.replace(/\D/g, ""));
    const words = left < 0 ? line.dataset.wordMissing : line.dataset.wordAfter;
    line.textContent = isToday && isAmount ? words.replace("{}", money.format(Math.abs(left) / 100)) : "";
    line.classList.toggle("bad", left < 0);
  }

  document.addEventListener("input", show);
  document.addEventListener("change", show);
  window.addEventListener("pageshow", show);

  // Without a script the button asks the server for the page with this amount.
  document.addEventListener("click", (event) => {
    const quick = event.target.closest("[data-quick]");
    if (quick) {
      event.preventDefault();
      amount.value = quick.value;
      amount.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
})();
