// One socket to the hub: reconnects with backoff and jitter, asks for what it missed, notices silence.

const PING_EVERY_MS = 1500;
const SILENT_AFTER_MS = 4000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 8000;
const REFUSED = 4403;
const SEEN_MAX = 2000;

export class LiveSocket {
  #path;
  #onEvent;
  #onState;
  #socket = null;
  #channels = new Set();
  #heardAt = 0;
  #failures = 0;
  #retry = 0;
  #lastSeq = null;
  #seen = new Set();

  /** onEvent(message) for each message; onState({connected, since, refused}) when the connection comes or goes. */
  constructor(path, { onEvent, onState }) {
    this.#path = path;
    this.#onEvent = onEvent;
    this.#onState = onState;
    this.state = { connected: false, since: Date.now(), refused: false };
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
    if (fresh.length) this.#send({ action: "subscribe", channels: fresh, last_seq: this.#lastSeq });
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
      const hello = { action: "subscribe", channels: [...this.#channels] };
      if (this.#lastSeq) hello.last_seq = this.#lastSeq;
      this.#send(hello);
    };
    socket.onmessage = ({ data }) => socket === this.#socket && this.#hear(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code === REFUSED);
  }

  #hear(message) {
    this.#heardAt = Date.now();
    this.#failures = 0;
    this.#tell(true);
    if (message.seq && message.type !== "snapshot" && this.#isRepeat(message)) return;
    if (message.seq && after(message.seq, this.#lastSeq)) this.#lastSeq = message.seq;
    this.#onEvent(message);
  }

  // One's own events and those to everybody have a stream each, so their numbers may cross: repeats are told by identity.
  #isRepeat({ type, seq }) {
    const identity = `${type} ${seq}`;
    if (this.#seen.has(identity)) return true;
    this.#seen.add(identity);
    if (this.#seen.size > SEEN_MAX) this.#seen.delete(this.#seen.values().next().value);
    return false;
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
    if (Date.now() - this.#heardAt > SILENT_AFTER_MS) {
      // A dead network never closes a socket: leave it behind and dial again.
      const silent = this.#socket;
      this.#lost(false);
      silent.close();
    } else this.#send({ action: "ping" });
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #tell(connected, refused = false) {
    if (this.state.connected === connected && this.state.refused === refused) return;
    this.state = { connected, refused, since: Date.now() };
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
