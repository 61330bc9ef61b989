// A QR code by camera, and pictures that are pasted or dropped on the page. The form for a picture works without it.
"use strict";

(() => {
  const SCAN_MS = 500; // Between two pictures of the camera.
  const SIDE_MAX = 1000; // Of a picture that is sent; a code of a phone's screen needs no more.
  const form = document.getElementById("picture-form");
  const input = document.getElementById("picture");

  // A file from the clipboard or from another window takes the place of one that was chosen.
  function take(files) {
    const picture = [...files].find((file) => file.type.startsWith("image/"));
    if (!form || !input || !picture) {
      return false;
    }
    const chosen = new DataTransfer();
    chosen.items.add(picture);
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  document.addEventListener("paste", (event) => {
    if (take(event.clipboardData?.files ?? [])) {
      event.preventDefault();
    }
  });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) {
      event.preventDefault();
      form?.classList.add("is-over");
    }
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? form?.classList.remove("is-over"));
  document.addEventListener("drop", (event) => {
    form?.classList.remove("is-over");
    if (event.dataTransfer?.files.length) {
      event.preventDefault();
      take(event.dataTransfer.files);
    }
  });

  const scanner = document.getElementById("scanner");
  const begin = document.getElementById("scanner-start");
  // Browsers have a camera for pages of https and of this machine only.
  if (!scanner || !navigator.mediaDevices?.getUserMedia) {
    return;
  }
  const video = scanner.querySelector("video");
  const words = document.getElementById("scanner-words");
  let stream = null;
  begin.hidden = false;

  function end() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    scanner.hidden = true;
    begin.hidden = false;
  }

  async function picture() {
    const scale = Math.min(1, SIDE_MAX / Math.max(video.videoWidth, video.videoHeight, 1));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
  }

  // The code in what the camera sees now; "" for none. What the server cannot take now, it is asked the next time.
  async function read() {
    if (!video.videoWidth) {
      return "";
    }
    const body = new FormData();
    body.append("csrf_token", form.elements.csrf_token.value);
    body.append("picture", await picture(), "camera.jpg");
    const answer = await fetch(scanner.dataset.url, { method: "POST", body, headers: { Accept: "application/json" } });
    return answer.status === 200 ? (await answer.json()).code : "";
  }

  async function look() {
    const code = await read().catch(() => "");
    if (!stream) {
      return;
    }
    if (code) {
      end();
      const scanned = document.getElementById("scanned");
      scanned.elements.code.value = code;
      scanned.requestSubmit();
      return;
    }
    window.setTimeout(look, SCAN_MS);
  }

  begin.addEventListener("click", async () => {
    begin.hidden = true;
    scanner.hidden = false;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      end();
      scanner.hidden = false;
      words.textContent = words.dataset.refused;
      return;
    }
    words.textContent = words.dataset.looking;
    video.srcObject = stream;
    await video.play();
    document.getElementById("scanner-stop").focus();
    look();
  });
  document.getElementById("scanner-stop").addEventListener("click", () => {
    end();
    begin.focus();
  });
  window.addEventListener("pagehide", end);
})();
