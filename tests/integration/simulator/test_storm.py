"""Several customers trade while everything breaks by chance: what the venue did is what its books say, to the unit."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import httpx

from tests.integration.simulator.customer import Customer
from tests.integration.simulator.test_order_faults import balanced
from tests.simulator_fixture import running_simulator

SEED = 20_260_101
BREAKS = (
    {"name": "lose_answer", "chance": 0.1, "count": 10_000},
    {"name": "unknown_status", "chance": 0.1, "count": 10_000, "executed": False},
    {"name": "garbled_answer", "chance": 0.1, "count": 10_000, "kind": "truncate"},
    {"name": "swallow_cancel", "chance": 0.3, "count": 10_000},
    {"name": "race_fill", "chance": 0.3, "count": 10_000, "rate": 0.5},
    {"name": "overfill", "chance": 0.2, "count": 10_000, "factor": 1.5},
    {"name": "hide_order", "milliseconds": 500, "seconds": 600},
    {"name": "duplicate_events", "chance": 0.3, "seconds": 600},
)


def trade(customer: Customer, *, deeds: int, seed: int) -> Counter[str]:
    """Place and cancel at random; gives how often each client order id was sent."""
    rng, sent, known = random.Random(seed), Counter[str](), [""]
    for number in range(deeds):
        name = f"{customer.id}-{seed}-{number}"
        try:
            if rng.random() < 0.3 and known[-1]:
                customer.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId=rng.choice(known[1:]))
                continue
            # One in ten is sent again, as a client must not.
            for _ in range(1 + (rng.random() < 0.1)):
                sent[name] += 1
                known.append(name)
                side = rng.choice(("BUY", "SELL"))
                if rng.random() < 0.5:
                    customer.place(newClientOrderId=name, side=side, type="MARKET", quantity="0.002")
                else:
                    price = f"{customer.quote()[0] * rng.uniform(0.995, 1.005):.2f}"
                    customer.place(newClientOrderId=name, side=side, price=price, quantity="0.004")
        except httpx.TransportError:
            continue
    return sent


def test_books_hold_whatever_breaks(tmp_path: Path) -> None:
    options = ("--symbols", "BTC/USDT", "--history-days", "1", "--weight-per-minute", "1000000", "--seed", str(SEED))
    with running_simulator(*options, ledger=tmp_path) as first:
        customers = [Customer(first, name) for name in ("alice", "bob", "carol")]
        for wish in BREAKS:
            customers[0].operate("POST", "/sim/faults", wish)
        with ThreadPoolExecutor(len(customers)) as pool:
            sent = list(pool.map(lambda one: trade(one, deeds=60, seed=SEED + one.id), customers))
        struck = {row["name"]: row["struck"] for row in customers[0].operate("GET", "/sim/faults")}
        assert all(
            struck[name] for name in ("lose_answer", "unknown_status", "garbled_answer", "race_fill", "overfill")
        )
        customers[0].switch_all_off()
        assert balanced(customers[0])
        before = [customer.truth["orders"] for customer in customers]
        first.process.kill()
        first.process.wait()
        with running_simulator(*options, "--fault", "stand_still:seconds=86400", ledger=tmp_path, port=first.port):
            assert balanced(customers[0])
            for customer, requests, orders in zip(customers, sent, before, strict=True):
                truth = customer.truth
                assert truth["requests_by_client_id"] == dict(requests), f"seed {SEED}"
                assert [row["orderId"] for row in truth["orders"]] == [row["orderId"] for row in orders]
                filled: Counter[int] = Counter()
                for row in truth["trades"]:
                    filled[row["orderId"]] += Decimal(row["qty"])  # type: ignore[assignment]
                for row in truth["orders"]:
                    assert Decimal(row["executedQty"]) == filled[row["orderId"]]
                customer.close()
