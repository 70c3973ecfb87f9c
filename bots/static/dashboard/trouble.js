// What is wrong with feeds, in one sentence each: where to read more is the feeds page.
const REASONS = 3;
const NAMES = 5;

const counted = (names, most) => names.slice(0, most).join(", ") + (names.length > most ? ` and ${names.length - most} more` : "");

const words = (feed) => feed.state.replaceAll("_", " ") + (feed.reason ? ` (${feed.reason.replace(/\.$/, "")})` : "");

/** The words of the banner for feeds that are not live: the first reasons, and the names of what no exchange lists. */
export function troubleOf(poor) {
  const unknown = poor.filter((feed) => feed.state === "unknown_symbol");
  const others = poor.filter((feed) => feed.state !== "unknown_symbol");
  // What is wrong with many for one reason is said once.
  const groups = new Map();
  for (const feed of others) groups.set(words(feed), [...(groups.get(words(feed)) ?? []), feed]);
  const told = [...groups].map(([what, feeds]) => `${counted(feeds.map((feed) => feed.symbol), NAMES)} ${what}`);
  const sentences = [];
  if (told.length) sentences.push(`${counted(told, REASONS)}. Nothing is traded where the price is stale.`);
  if (unknown.length) sentences.push(`Not listed by their exchange: ${counted(unknown.map((feed) => feed.symbol), NAMES)}. Change them in the bot's settings; the feeds page names those alike.`);
  return sentences.join(" ");
}
