"""Follow orders and signals of this installation from another program: every event once, through restarts of Redis.

python examples/order_stream.py --redis redis://127.0.0.1:6379/0 --state orders.json
python examples/order_stream.py --stream integration:signals --group sheet --state signals.json --duration 60
"""
# ruff: noqa: T201

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

Handle = Callable[[Mapping[str, str]], None]
_BLOCK_MS = 500
_RETRY_S = 1.0


class Consumer:
    """Reads a stream as a member of a group, and keeps the id of what it has handled last in a file.

    An entry's id is a row's id, and is the same after Redis has lost everything: then the group is made again where the
    file says. What was handled, but not yet noted when this program was killed, comes once more: `handle` knows it by its
    `event_id`.
    """

    def __init__(self, redis: Redis, *, stream: str, group: str, name: str, state: Path, handle: Handle) -> None:
        self._redis = redis
        self._stream = stream
        self._group = group
        self._name = name
        self._state = state
        self._handle = handle
        self.last = json.loads(state.read_text())["last"] if state.exists() else "0"
        self._pending = True

    def step(self) -> int:
        """Handle what is there, waiting for half a second; gives how much it was. Raises RedisError."""
        try:
            # First what this member was given before and has not acknowledged, then what is new.
            answer: Any = self._redis.xreadgroup(
                self._group, self._name, {self._stream: "0" if self._pending else ">"}, count=100, block=_BLOCK_MS
            )
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._redis.xgroup_create(self._stream, self._group, id=self.last, mkstream=True)
            return 0
        entries = [entry for _, found in answer or () for entry in found]
        if not entries:
            self._pending = False
        for number, fields in entries:
            if fields and order_of(number) > order_of(self.last):
                self._handle(fields)
                self._note(number)
            self._redis.xack(self._stream, self._group, number)
        return len(entries)

    def _note(self, number: str) -> None:
        """Whole or not at all: a file half written would be worse than none."""
        new = self._state.with_suffix(".new")
        new.write_text(json.dumps({"stream": self._stream, "last": number}))
        os.replace(new, self._state)
        self.last = number


def order_of(number: str) -> int:
    return int(number.partition("-")[0])


def show(fields: Mapping[str, str]) -> None:
    if fields["type"] == "order":
        what = f"{fields['from_state']} → {fields['to_state']} {fields['filled_quantity']}/{fields['quantity']}"
    else:
        what = f"{fields['source']} {fields['action']} {fields['value']}"
    print(f"{fields['event_id']} {fields['at']} {fields['bot']} {fields['symbol']} {what}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Follow orders or signals from another program.")
    parser.add_argument("--redis", default=os.environ.get("REDIS_URL"), help="default: REDIS_URL")
    parser.add_argument("--stream", default="integration:orders", help="%(default)s")
    parser.add_argument("--group", default="example", help="%(default)s")
    parser.add_argument("--state", type=Path, default=Path("order_stream.json"), help="%(default)s")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="default: until stopped")
    options = parser.parse_args()
    if not options.redis:
        print("Name the server: --redis redis://HOST:PORT/0, or REDIS_URL.", file=sys.stderr)
        return 2
    ends = None if options.duration is None else time.monotonic() + options.duration
    with Redis.from_url(options.redis, decode_responses=True, socket_timeout=5) as redis:
        consumer = Consumer(
            redis, stream=options.stream, group=options.group, name="one", state=options.state, handle=show
        )
        try:
            while ends is None or time.monotonic() < ends:
                try:
                    consumer.step()
                except (RedisError, OSError) as error:
                    print(f"{type(error).__name__}: {error}", file=sys.stderr)
                    time.sleep(_RETRY_S)
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
