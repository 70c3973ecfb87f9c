// What open positions are worth now: exact, from the newest price.
import { add, decimal, multiply, subtract, negate, ZERO } from "./decimal.js";
import { symbolKey } from "./store.js";

export const isLong = (position) => position.side !== "sell";

export function exchangeOf(position, store) {
  return position.exchange ?? store.bots.get(position.bot_id)?.exchange ?? "";
}

/** The price it could be closed at: the bid for a long, the ask for a short, else the last price or the stored mark. */
export function markPrice(position, store) {
  const quote = store.prices.get(symbolKey(exchangeOf(position, store), position.symbol));
  const near = isLong(position) ? quote?.bid : quote?.ask;
  return decimal(near) ?? decimal(quote?.price) ?? decimal(position.mark_price);
}

/** In quote, before exit fees; null while there is no price. */
export function unrealised(position, store) {
  const mark = markPrice(position, store);
  const entry = decimal(position.entry_price);
  const quantity = decimal(position.quantity);
  if (!mark || !entry || !quantity) return decimal(position.unrealised_pnl);
  const gain = multiply(subtract(mark, entry), quantity);
  return isLong(position) ? gain : negate(gain);
}

export const sum = (values) => values.reduce((total, value) => (value ? add(total, value) : total), ZERO);

/** A fraction of what was paid, as a float for showing. */
export function returned(position, pnl) {
  const cost = multiply(decimal(position.entry_price) ?? ZERO, decimal(position.quantity) ?? ZERO);
  if (!pnl || cost.units === 0n) return null;
  return Number((pnl.units * 10n ** BigInt(cost.scale + 8)) / (cost.units * 10n ** BigInt(pnl.scale))) / 1e8;
}
