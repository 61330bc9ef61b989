// The network map: what stands comes as HTML once a second, what passes is drawn as it passes.
"use strict";

(() => {
  const network = document.querySelector("[data-network]");
  if (!network) {
    return;
  }
  const TRAVEL_MS = 900;
  const SPREAD_MS = 150; // Messages come ten times a second; within such a bundle they start as they were sent.
  const DOTS_MAX = 150;
  const SVG = "http://www.w3.org/2000/svg";
  const KINDS = { TransferConfirmed: "good", OutcomeProcessed: "done", TransferRejected: "bad", TransferFailed: "bad", Unreadable: "bad" };

  const words = network.dataset;
  const scene = network.querySelector("[data-network-scene]");
  const lamp = network.querySelector("[data-map-state]");
  const word = network.querySelector("[data-map-word]");
  const news = network.querySelector("[data-map-news]");
  const leftOut = network.querySelector("[data-map-left-out]");
  const pause = network.querySelector("[data-map-pause]");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  let paused = false;
  let notDrawn = 0;

  function tell(state, seconds) {
    if (paused && state !== "paused") {
      return;
    }
    network.dataset.mapData = state === "open" || state === "paused" ? "" : "old";
    const before = lamp.dataset.mapState;
    lamp.dataset.mapState = state === "open" ? "live" : state;
    const silent = words.wordSilent.replace("{}", String(seconds));
    const text = {
      open: words.wordLive,
      lost: words.wordLost,
      silent,
      paused: words.wordPaused,
      waiting: words.wordWaiting,
    }[state];
    if (word.textContent !== text) {
      word.textContent = text;
    }
    if (before !== lamp.dataset.mapState && before !== "wait") {
      news.textContent = text; // Once, though the seconds count on.
    }
  }

  // Where the nodes of the drawing that shows are.

  let drawing = null;
  let layer = null;
  let places = new Map();
  let lines = new Map();
  const pool = [];
  let moving = [];
  let frame = 0; // The next frame, if one is asked for: there is one loop, however often the dots begin anew.

  function survey() {
    drawing = [...scene.querySelectorAll("[data-map]")].find((each) => each.getClientRects().length > 0) ?? null;
    places = new Map();
    lines = new Map();
    if (!drawing) {
      return;
    }
    for (const node of drawing.querySelectorAll("[data-node]")) {
      places.set(node.dataset.node, { x: Number(node.dataset.x), y: Number(node.dataset.y) });
    }
    for (const line of drawing.querySelectorAll("[data-line]")) {
      lines.set(line.dataset.line, line);
    }
    const holder = drawing.querySelector("[data-map-dots]");
    layer ??= document.createElementNS(SVG, "g");
    if (layer.parentNode !== holder) {
      holder.append(layer);
    }
  }

  // Dots: made once, used again.

  function take(kind) {
    const dot = pool.pop() ?? document.createElementNS(SVG, "use");
    dot.setAttribute("href", `#dot-${kind}`);
    dot.setAttribute("class", `dot dot-${kind}`);
    for (const [name, value] of [["x", -9], ["y", -9], ["width", 18], ["height", 18]]) {
      dot.setAttribute(name, value);
    }
    layer.append(dot);
    return dot;
  }

  function give(dot) {
    dot.remove();
    pool.push(dot);
  }

  function send(event, startsAt) {
    const bank = event.from === "hub" ? event.to : event.from;
    const from = places.get(event.from);
    const to = places.get(event.to);
    if (!from || !to) {
      return;
    }
    if (calm.matches) {
      lines.get(bank)?.classList.add("map-line-busy");
      return;
    }
    if (moving.length >= DOTS_MAX) {
      notDrawn += 1;
      return;
    }
    moving.push({ id: event.end_to_end_id, from, to, startsAt, x: 0, y: 0, kind: KINDS[event.type] ?? "ask", dot: null });
    frame ||= window.requestAnimationFrame(step);
  }

  function step(now) {
    frame = 0;
    const still = [];
    for (const each of moving) {
      if (!each.dot && now - each.startsAt > TRAVEL_MS) {
        each.startsAt = now; // A machine that was too busy for a frame: late, but seen.
      }
      const part = (now - each.startsAt) / TRAVEL_MS;
      if (part >= 1) {
        if (each.dot) {
          give(each.dot);
        }
        continue;
      }
      still.push(each);
      if (part >= 0) {
        each.dot ??= take(each.kind);
        const eased = part < 0.5 ? 2 * part * part : 1 - 2 * (1 - part) * (1 - part);
        const x = each.from.x + (each.to.x - each.from.x) * eased;
        const y = each.from.y + (each.to.y - each.from.y) * eased;
        // The two directions keep to their own side of the line.
        const length = Math.hypot(each.to.x - each.from.x, each.to.y - each.from.y) || 1;
        const side = 7;
        const aside = { x: (-(each.to.y - each.from.y) / length) * side, y: ((each.to.x - each.from.x) / length) * side };
        each.x = x + aside.x;
        each.y = y + aside.y;
        each.dot.setAttribute("transform", `translate(${each.x.toFixed(1)} ${each.y.toFixed(1)})`);
      }
    }
    moving = still;
    if (moving.length > 0) {
      frame = window.requestAnimationFrame(step);
    }
  }

  function clear() {
    for (const each of moving) {
      if (each.dot) {
        give(each.dot);
      }
    }
    moving = [];
  }

  // A message that is pressed, or nearly, opens its transfer: a dot is small, and does not wait.
  const NEAR = 26;

  function open(event) {
    if (!drawing || event.target.closest("a") || !drawing.contains(event.target)) {
      return;
    }
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
    let nearest = null;
    let least = NEAR;
    for (const each of moving) {
      const distance = each.dot ? Math.hypot(each.x - at.x, each.y - at.y) : Infinity;
      if (each.id && distance < least) {
        [nearest, least] = [each, distance];
      }
    }
    if (nearest) {
      const url = `/transfers/${encodeURIComponent(nearest.id)}`;
      if (drawing.dataset.mapTarget) {
        window.open(url, drawing.dataset.mapTarget);
      } else {
        window.location.assign(url);
      }
    }
  }

  scene.addEventListener("pointerdown", open);

  // What comes.

  function onWire(message) {
    const told = JSON.parse(message.data);
    notDrawn += told.left_out;
    if (document.hidden || !drawing) {
      return;
    }
    const now = performance.now();
    const first = Math.min(...told.events.map((event) => event.at_ms));
    for (const event of told.events) {
      send(event, now + Math.min(SPREAD_MS, event.at_ms - first));
    }
  }

  function statesOf() {
    return new Set([...scene.querySelectorAll("[data-bank-state]")].map((row) => row.dataset.bankState));
  }

  function onScene(message) {
    window.whenReleased(scene, () => draw(message.data));
  }

  function draw(html) {
    const before = statesOf();
    const held = scene.contains(document.activeElement) ? document.activeElement.id : "";
    scene.innerHTML = html;
    survey();
    if (held) {
      document.getElementById(held)?.focus({ preventScroll: true });
    }
    const changed = [...statesOf()].filter((state) => !before.has(state));
    if (before.size > 0 && changed.length > 0) {
      news.textContent = changed.join(". ");
    }
    leftOut.hidden = notDrawn === 0;
    leftOut.textContent = words.wordLeftOut.replace("{}", String(notDrawn));
    notDrawn = 0;
  }

  const stream = new window.LiveStream(words.network, { wire: onWire, scene: onScene }, tell);

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? words.wordResume : words.wordPause;
    if (paused) {
      stream.stop();
      clear();
      tell("paused", 0);
    } else {
      stream.start();
    }
  });
  document.addEventListener("visibilitychange", () => document.hidden && clear());
  window.addEventListener("resize", () => {
    clear();
    survey();
  });
  survey();
  stream.start();

  // In a frame of the lab, the page tells how high it is, and shows what a classroom waits for.
  if (window.parent !== window) {
    document.documentElement.classList.add("is-framed");
    const tellHeight = () => {
      const height = network.getBoundingClientRect().bottom + window.scrollY + 16;
      window.parent.postMessage({ codepixMapHeight: height }, "*");
    };
    new ResizeObserver(tellHeight).observe(network);
    tellHeight();
    window.addEventListener("message", (event) => {
      const waiting = event.data?.codepixWaiting;
      if (event.source === window.parent && typeof waiting === "string") {
        network.dataset.mapWaiting = waiting.slice(0, 80);
        network.querySelector("[data-map-waiting-word]").textContent = waiting.slice(0, 80);
      }
    });
  }
})();
