// Event streams. A browser has six connections to an origin, and a stream holds one for as long as it is open. So only
// pages that are looked at hold streams, and those that notify of arrivals; all tabs of a browser together no more than
// STREAMS_MAX, and the page that is used takes the place of another one. A page that hears nothing says so.
"use strict";

(() => {
  const STREAMS_MAX = 3;
  const SILENT_MS = 3000; // The server says something each second.
  const DEAD_MS = 20000; // A connection that has vanished without a word: another one is tried.
  const RETRY_MS = 1500;
  const CLAIMED = "codepix-live-claimed"; // When the page was last used that last took a place, for all tabs.
  const LEAVE_MS = 300;
  const words = document.documentElement.dataset;

  function leave() {
    window.location.replace(words.signIn);
  }

  // Tabs tell each other which session they are of: after a sign-out, or a sign-in to another account, the others leave.
  if (window.BroadcastChannel) {
    const sessions = new BroadcastChannel("codepix-session");
    sessions.addEventListener("message", (event) => {
      if (words.session && event.data !== words.session) {
        leave();
      }
    });
    sessions.postMessage(words.session ?? "");
  }

  // A place among the streams of this browser: a lock that is held while the stream is open. `isTaken` is called when
  // another page needs it more.
  class Place {
    constructor(onGranted, onTaken) {
      this.onGranted = onGranted;
      this.onTaken = onTaken;
      this.letGo = null;
      this.waiting = null;
    }

    async claim(urgent) {
      if (!navigator.locks) {
        this.letGo ??= () => {};
        this.onGranted();
        return;
      }
      if (this.letGo || (this.waiting && !urgent)) {
        return;
      }
      this.waiting?.abort();
      const waiting = new AbortController();
      this.waiting = waiting;
      const names = Array.from({ length: STREAMS_MAX }, (_, number) => `codepix-live-${number}`);
      for (const name of names) {
        if (waiting.signal.aborted || (await this.hold(name, { ifAvailable: true }, waiting))) {
          return;
        }
      }
      const any = names[Math.floor(Math.random() * STREAMS_MAX)];
      await this.hold(any, urgent ? { steal: true } : { signal: waiting.signal }, waiting);
    }

    // True once it was held, and is not any more.
    async hold(name, options, waiting) {
      let letGo = null;
      try {
        await navigator.locks.request(name, options, (lock) => {
          if (!lock || waiting.signal.aborted) {
            return undefined;
          }
          this.waiting = null;
          return new Promise((resolve) => {
            letGo = resolve;
            this.letGo = resolve;
            this.onGranted();
          });
        });
      } catch {
        // No page waits any more, or another took the place.
        if (letGo && this.letGo === letGo) {
          this.letGo = null;
          this.onTaken();
        }
      }
      return letGo !== null;
    }

    release() {
      this.waiting?.abort();
      this.waiting = null;
      this.letGo?.();
      this.letGo = null;
    }
  }

  // One event stream, which closes while the page is hidden. `events`: what to do at each event by name. `tell(state,
  // seconds)`: "open", "lost" (the server is away), "silent" (for so many seconds), "waiting" (other pages are used),
  // "final".
  class LiveStream {
    constructor(url, events, tell) {
      this.url = url;
      this.events = events;
      this.tell = tell;
      this.source = null;
      this.lastId = "";
      this.heardAt = performance.now();
      this.usedAt = 0; // By the clock, which all tabs share.
      this.isOn = false;
      this.isOpen = false;
      this.watchesHidden = () => false;
      this.place = new Place(() => this.open(), () => this.giveWay());
      window.setInterval(() => this.watch(), 1000);
      document.addEventListener("visibilitychange", () => this.look(false));
      for (const use of ["focus", "pointerdown", "keydown"]) {
        window.addEventListener(use, () => this.look(true), true);
      }
      window.addEventListener("pagehide", () => this.shut());
      window.addEventListener("pageshow", (event) => event.persisted && this.look(true));
    }

    start() {
      this.isOn = true;
      this.look(document.hasFocus());
    }

    stop() {
      this.isOn = false;
      this.shut();
    }

    look(urgent) {
      if (this.isOn && (!document.hidden || this.watchesHidden())) {
        if (urgent) {
          this.usedAt = Date.now();
        }
        if (!this.source) {
          this.claim(urgent);
        }
      } else {
        this.shut();
      }
    }

    claim(urgent) {
      if (urgent) {
        try {
          window.localStorage.setItem(CLAIMED, String(this.usedAt));
        } catch {
          // A browser that keeps nothing: a page whose place was taken waits until it is used again.
        }
      }
      this.place.claim(urgent);
    }

    // Whether this page was used after the one that took its place: it was about to be taken when it was used.
    wasUsedLater() {
      try {
        return this.usedAt > Number(window.localStorage.getItem(CLAIMED));
      } catch {
        return false;
      }
    }

    open() {
      const url = new URL(this.url, window.location.href);
      if (this.lastId) {
        url.searchParams.set("last", this.lastId);
      }
      this.heardAt = performance.now();
      const source = new EventSource(url);
      this.source = source;
      source.addEventListener("open", () => this.hear());
      source.addEventListener("beat", () => this.hear());
      for (const [name, act] of Object.entries(this.events)) {
        source.addEventListener(name, (event) => {
          this.hear();
          this.lastId = event.lastEventId || this.lastId;
          act(event);
        });
      }
      source.addEventListener("ended", () => {
        this.stop();
        // The answer that ended the session comes first, with another cookie.
        window.setTimeout(leave, LEAVE_MS);
      });
      source.addEventListener("final", () => {
        this.stop();
        this.tell("final", 0);
      });
      source.addEventListener("error", () => {
        if (this.source !== source) {
          return;
        }
        this.isOpen = false;
        this.tell("lost", 0);
        // The browser comes back by itself, unless what answered was no stream: a server that is about to start.
        if (source.readyState === EventSource.CLOSED) {
          window.setTimeout(() => this.source === source && this.reopen(), RETRY_MS);
        }
      });
    }

    reopen() {
      this.source?.close();
      this.open();
    }

    hear() {
      this.heardAt = performance.now();
      this.isOpen = true;
      this.tell("open", 0);
    }

    watch() {
      if (!this.source) {
        return;
      }
      const quiet = performance.now() - this.heardAt;
      if (quiet > SILENT_MS) {
        this.tell(this.isOpen ? "silent" : "lost", Math.round(quiet / 1000));
      }
      if (this.isOpen && quiet > DEAD_MS) {
        this.isOpen = false;
        this.reopen();
      }
    }

    shut() {
      this.source?.close();
      this.source = null;
      this.isOpen = false;
      this.place.release();
    }

    giveWay() {
      this.source?.close();
      this.source = null;
      this.isOpen = false;
      this.tell("waiting", 0);
      if (this.isOn && (!document.hidden || this.watchesHidden())) {
        this.claim(this.wasUsedLater());
      }
    }
  }

  window.LiveStream = LiveStream;

  // Live parts: the server sends the same HTML that it renders in the page, whenever that changes. A page with several
  // of them has one stream around them, and each is the scene of an event of its own.
  function connect(part) {
    const bar = part.querySelector("[data-live-bar]");
    const show = (place) => (event) => window.whenReleased(place, () => put(place, event.data, bar));
    const events = { fragment: show(part) };
    for (const scene of part.querySelectorAll("[data-scene]")) {
      events[scene.dataset.scene] = show(scene);
    }
    const stream = new LiveStream(part.dataset.live, events, (state) => {
      part.dataset.liveState = state;
    });
    // A customer who has asked for notifications gets them behind another window too: see notify.js.
    stream.watchesHidden = () => part.hasAttribute("data-live-hidden");
    stream.start();
    if (bar) {
      watchBar(part, bar, stream);
    }
  }

  // Rows that a list did not have before are marked, and told in words.
  const rowsOf = (place) => [...place.querySelectorAll("[data-row]")];

  function put(place, html, bar) {
    const known = new Set(rowsOf(place).map((row) => row.dataset.row));
    const newest = rowsOf(place)[0]?.dataset.row ?? "";
    window.putLive(place, html);
    if (!place.dataset.fresh) {
      return;
    }
    const rows = rowsOf(place);
    // What has come up from the next page stands below the rows that were there.
    const end = rows.findIndex((row) => row.dataset.row === newest);
    const fresh = (end < 0 ? rows : rows.slice(0, end)).filter((row) => !known.has(row.dataset.row));
    fresh.forEach((row) => row.classList.add("is-fresh"));
    if (bar && fresh.length > 0) {
      bar.querySelector("[data-live-news]").textContent = place.dataset.fresh.replace("{}", String(fresh.length));
    }
  }

  // The lamp, its word and the button that stops a live list while a person reads.
  function watchBar(part, bar, stream) {
    const word = bar.querySelector("[data-live-word]");
    const pause = bar.querySelector("[data-live-pause]");
    let paused = false;
    stream.tell = (state, seconds) => {
      if (paused && state !== "paused") {
        return;
      }
      part.dataset.liveState = state;
      const name = `word${state[0].toUpperCase()}${state.slice(1)}`;
      const text = (bar.dataset[name] ?? "").replace("{}", String(seconds));
      if (word.textContent !== text) {
        word.textContent = text;
      }
      pause.hidden = state === "final";
    };
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? bar.dataset.wordResume : bar.dataset.wordPause;
      if (paused) {
        stream.stop();
        stream.tell("paused", 0);
      } else {
        stream.start();
      }
    });
  }

  function start() {
    document.querySelectorAll("[data-live]").forEach(connect);
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
