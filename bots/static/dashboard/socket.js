// One socket to the hub: reconnects with backoff and jitter, asks for what it missed, notices silence.

const PING_EVERY_MS = 1000;
const SILENT_AFTER_MS = 3500;
const DEAD_AFTER_MS = 8000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 8000;
// Signed out meanwhile, or never allowed: dialling again would change nothing.
const REFUSED = [4401, 4403];

export class LiveSocket {
  #path;
  #onEvent;
  #onState;
  #socket = null;
  #channels = new Set();
  #heardAt = 0;
  #failures = 0;
  #retry = 0;
  // The last event heard of in one's own stream, and in that to everybody.
  #positions = { seq: null, all_seq: null };

  /** onEvent(message) for each message; onState({connected, since, refused}) when the connection comes or goes. */
  constructor(path, { onEvent, onState }) {
    this.#path = path;
    this.#onEvent = onEvent;
    this.#onState = onState;
    this.state = { connected: null, since: Date.now(), refused: false };
    setInterval(() => this.#watch(), PING_EVERY_MS);
    addEventListener("online", () => this.#open());
    addEventListener("pagehide", () => this.#socket?.close());
    addEventListener("pageshow", (event) => event.persisted && this.#open());
  }

  start(channels) {
    channels.forEach((channel) => this.#channels.add(channel));
    this.#open();
  }

  subscribe(channels) {
    const fresh = channels.filter((channel) => !this.#channels.has(channel));
    fresh.forEach((channel) => this.#channels.add(channel));
    if (fresh.length) this.#send({ action: "subscribe", channels: fresh, ...this.#place() });
  }

  unsubscribe(channels) {
    const held = channels.filter((channel) => this.#channels.delete(channel));
    if (held.length) this.#send({ action: "unsubscribe", channels: held });
  }

  #open() {
    clearTimeout(this.#retry);
    if (this.#socket && this.#socket.readyState <= WebSocket.OPEN) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.#path}`);
    this.#socket = socket;
    this.#heardAt = Date.now();
    socket.onopen = () => {
      this.#send({ action: "subscribe", channels: [...this.#channels], ...this.#place() });
    };
    socket.onmessage = ({ data }) => socket === this.#socket && this.#hear(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(REFUSED.includes(code));
  }

  #place() {
    const { seq, all_seq: all } = this.#positions;
    return { ...(seq && { last_seq: seq }), ...(all && { all_seq: all }) };
  }

  #hear(message) {
    this.#heardAt = Date.now();
    this.#failures = 0;
    this.#tell(true);
    for (const stream of ["seq", "all_seq"]) {
      const id = message[stream];
      if (!id) continue;
      // A snapshot says where to go on from, whatever came before; anything else is heard once.
      if (message.type !== "snapshot" && !after(id, this.#positions[stream])) return;
      this.#positions[stream] = id;
    }
    this.#onEvent(message);
  }

  #lost(refused) {
    this.#socket = null;
    this.#tell(false, refused);
    if (refused) return;
    const delay = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#open(), delay * (0.75 + Math.random() / 2));
  }

  #watch() {
    if (!this.#socket) return;
    const quietMs = Date.now() - this.#heardAt;
    if (quietMs > SILENT_AFTER_MS) this.#tell(false, false, this.#heardAt);
    if (quietMs > DEAD_AFTER_MS) {
      // A dead network never closes a socket: leave it behind and dial again.
      const silent = this.#socket;
      this.#lost(false);
      silent.close();
    } else this.#send({ action: "ping" });
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #tell(connected, refused = false, since = Date.now()) {
    if (this.state.connected === connected && this.state.refused === refused) return;
    this.state = { connected, refused, since };
    this.#onState(this.state);
  }
}

/** Whether stream id a ("ms-n") comes after b. */
export function after(a, b) {
  if (!b) return true;
  const [aMs, aN = 0] = String(a).split("-").map(Number);
  const [bMs, bN = 0] = String(b).split("-").map(Number);
  return aMs !== bMs ? aMs > bMs : aN > bN;
}
