// What every page does: the safety bar, fed by the socket.
import { bootstrap, get } from "./api.js";
import { SafetyBar } from "./safety.js";
import { LiveSocket } from "./socket.js";
import { Store } from "./store.js";
import { stamp } from "./format.js";

const SNAPSHOT_WITHIN_MS = 1500;
const FEEDS_EVERY_MS = 3000;

export function open({ channels = ["bots", "positions", "feeds"] } = {}) {
  const store = new Store();
  const safety = new SafetyBar(store);
  const path = document.querySelector("meta[name=socket]").content;
  let isLoaded = false;
  const onEvent = (message) => {
    isLoaded ||= message.type === "snapshot";
    store.hear(message);
  };
  const socket = new LiveSocket(path, { onEvent, onState: (state) => safety.connection(state) });
  // The switch may have been pressed elsewhere: in another window, the admin or a terminal.
  store.onLadder = () => get("/api/v1/killswitch").then((state) => store.restrict(state), () => {});
  store.load(bootstrap());
  socket.start(channels);
  // Where sockets do not get through, the page still shows how things are.
  setTimeout(() => isLoaded || get("/api/v1/live/snapshot").then((snapshot) => isLoaded || store.load(snapshot), () => {}), SNAPSHOT_WITHIN_MS);
  // Where no price is followed, no tick tells how its feed is.
  setInterval(() => document.hidden || store.followsPrices || get("/api/v1/feeds").then((feeds) => store.hearFeeds(feeds), () => {}), FEEDS_EVERY_MS);
  return { store, socket };
}

/** Times of the server's own rows, in the clock that the person chose. */
export function sayTimes() {
  document.querySelectorAll("time[datetime]").forEach((time) => (time.textContent = stamp(time.dateTime, { precise: "precise" in time.dataset })));
}

/** They follow the choice. */
export function localTimes() {
  addEventListener("zonechange", sayTimes);
  sayTimes();
}
