// What every page does: the safety bar, fed by the socket.
import { bootstrap, get } from "./api.js";
import { SafetyBar } from "./safety.js";
import { LiveSocket } from "./socket.js";
import { Store } from "./store.js";
import { stamp } from "./format.js";

export async function open({ channels = ["bots", "positions", "feeds"] } = {}) {
  const boot = bootstrap();
  const store = new Store();
  const safety = new SafetyBar(store);
  const socket = new LiveSocket(document.querySelector("meta[name=socket]").content, { onEvent: (message) => store.hear(message), onState: (state) => safety.connection(state) });
  if (boot.snapshot) store.load(boot.snapshot);
  else await get("/api/v1/live/snapshot").then((snapshot) => store.load(snapshot), () => {});
  socket.start(channels);
  return { store, socket };
}

/** Times of the server's own rows follow the clock that the person chose. */
export function localTimes() {
  const say = () => document.querySelectorAll("time[datetime]").forEach((time) => (time.textContent = stamp(time.dateTime)));
  addEventListener("zonechange", say);
  say();
}
