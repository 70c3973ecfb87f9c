"""Orders and signals reach their streams, whatever dies between the commit and the writing."""

import json
import threading

import psycopg
import pytest
import redis

pytestmark = pytest.mark.django_db(transaction=True)


def publisher_of(kind, connection, cap=1000):
    from bots.integration_streams.logs import ORDER_LOG, SIGNAL_LOG
    from bots.integration_streams.publisher import Publisher
    from bots.integration_streams.stream import NumberedStream

    source = {"order": ORDER_LOG, "signal": SIGNAL_LOG}[kind]
    return Publisher(source, NumberedStream(connection, f"test:{kind}s", cap=cap))


def drain(publisher):
    """Until nothing more comes; the first of two steps sees a hole, and the second passes it."""
    empty = 0
    while empty < 3:
        empty = 0 if publisher.step() else empty + 1


def ids(connection, name):
    return [int(number.partition("-")[0]) for number, _ in connection.xrange(name)]


def event_ids():
    from bots.models import OrderEvent

    return list(OrderEvent.objects.order_by("id").values_list("id", flat=True))


def add_events(person, count):
    from django.utils import timezone

    from bots.models import OrderEvent

    made = [
        OrderEvent(order=person.order, from_state="partial", to_state="partial", at=timezone.now())
        for _ in range(count)
    ]
    return OrderEvent.objects.bulk_create(made)


def test_an_order_s_change_is_described_in_full(alice, orders, connection):
    drain(orders)
    [(first_id, first), (_, second)] = connection.xrange("test:orders")
    assert first_id == f"{event_ids()[0]}-0"
    assert first["event_id"] == f"{alice.order.pk.hex}-{event_ids()[0]}"
    assert (first["from_state"], first["to_state"], first["status"]) == ("planned", "sending", "pending")
    assert (second["from_state"], second["to_state"], second["status"]) == ("sending", "filled", "filled")
    assert json.loads(second["evidence"]) == {"trade": "t1"}
    said = {name: second[name] for name in (
        "type", "user_id", "bot_id", "bot", "account_id", "mode", "exchange", "symbol", "order_id", "side",
        "purpose", "order_type", "quantity", "filled_quantity", "average_price", "decision_id", "position_id",
    )}  # fmt: skip
    assert said == {
        "type": "order", "user_id": str(alice.user.pk), "bot_id": str(alice.bot.pk), "bot": "alice's bot",
        "account_id": str(alice.account.pk), "mode": "paper", "exchange": "simulated", "symbol": "BTC/USDT",
        "order_id": alice.order.pk.hex, "side": "buy", "purpose": "entry", "order_type": "market", "quantity": "2",
        "filled_quantity": "2", "average_price": "100", "decision_id": alice.decision.pk.hex, "position_id": "",
    }  # fmt: skip


def test_a_stored_signal_is_described_in_full(alice, signals, connection):
    drain(signals)
    [(entry_id, fields)] = connection.xrange("test:signals")
    assert entry_id == f"{alice.signal.pk}-0"
    assert fields["event_id"] == f"signal-{alice.signal.pk}"
    assert (fields["source"], fields["action"], fields["value"], fields["confidence"]) == (
        "combined", "buy", "0.4", "0.5",
    )  # fmt: skip
    assert fields["user_id"] == str(alice.user.pk)


def test_every_change_of_both_is_published_once(alice, bob, orders, connection):
    drain(orders)
    add_events(alice, 1200)
    drain(orders)
    drain(publisher_of("order", connection))
    assert ids(connection, "test:orders")[-1000:] == event_ids()[-1000:]


def test_a_flushed_redis_is_filled_again_under_the_same_ids(alice, orders, connection):
    add_events(alice, 700)
    drain(orders)
    before = connection.xrange("test:orders")
    connection.flushall()
    add_events(alice, 30)
    drain(orders)
    after = connection.xrange("test:orders")
    assert after[: len(before)] == before
    assert [int(number.partition("-")[0]) for number, _ in after] == event_ids()


def test_a_flush_amid_the_refill_begins_it_again(alice, orders, connection):
    add_events(alice, 900)
    drain(orders)
    connection.flushall()
    assert orders.step() == 500
    connection.flushall()
    drain(orders)
    assert ids(connection, "test:orders") == event_ids()


def test_a_flush_between_reading_and_writing_leaves_no_gap(alice, orders, connection):
    """The batch was read to follow what Redis then lost: written alone it would hide that there is a gap."""
    drain(orders)
    add_events(alice, 10)
    stream = orders._stream
    add, flushes = stream.add, [connection.flushall]

    def flush_first(entries, *, after):
        if flushes:
            flushes.pop()()
        return add(entries, after=after)

    stream.add = flush_first
    drain(orders)
    assert ids(connection, "test:orders") == event_ids()


def test_a_publisher_that_dies_after_the_commit_leaves_the_rest_to_the_next(alice, orders, connection):
    drain(orders)
    add_events(alice, 600)
    assert orders.step() == 500  # and dies here
    drain(publisher_of("order", connection))
    assert ids(connection, "test:orders") == event_ids()


def test_two_publishers_at_once_write_each_entry_once(alice, servers, connection):
    from django.db import connection as database

    add_events(alice, 3000)

    def publish():
        with redis.Redis.from_url(servers["REDIS_URL"]) as own:
            drain(publisher_of("order", own, cap=5000))
        database.close()

    threads = [threading.Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(connection, "test:orders") == event_ids()


def other_session():
    from django.db import connection as database

    return psycopg.connect(**{
        name: value for name, value in database.get_connection_params().items()
        if name in ("host", "port", "user", "password", "dbname")
    })  # fmt: skip


INSERT = "INSERT INTO bots_orderevent (order_id, from_state, to_state, evidence, at) VALUES (%s, 'open', 'open', '{}', now())"


def test_a_row_committed_after_a_later_one_is_not_passed_over(alice, orders, connection):
    drain(orders)
    with other_session() as slow:
        slow.execute(INSERT, [alice.order.pk])
        add_events(alice, 3)
        drain(orders)
        assert ids(connection, "test:orders") == event_ids()[:2]
        slow.commit()
    drain(orders)
    assert ids(connection, "test:orders") == event_ids()
    assert len(event_ids()) == 6


def test_a_row_that_was_never_committed_holds_up_nothing(alice, orders, connection):
    with other_session() as undone:
        undone.execute(INSERT, [alice.order.pk])
        undone.rollback()
    add_events(alice, 3)
    drain(orders)
    assert ids(connection, "test:orders") == event_ids()


def test_a_stream_is_capped_and_a_long_backlog_begins_near_its_end(alice, connection):
    capped = publisher_of("order", connection, cap=100)
    add_events(alice, 2000)
    drain(capped)
    assert 100 <= connection.xlen("test:orders") < 300
    assert capped.published < 300
    assert ids(connection, "test:orders")[-100:] == event_ids()[-100:]


def test_a_stream_of_another_database_begins_anew(alice, orders, connection):
    connection.xadd("test:orders", {"who": "knows"}, id="99999999999999-0")
    drain(orders)
    assert ids(connection, "test:orders") == event_ids()


def test_a_consumer_group_made_again_after_a_loss_goes_on_where_it_was(alice, orders, connection):
    drain(orders)
    connection.xgroup_create("test:orders", "books", id="0")
    [[_, seen]] = connection.xreadgroup("books", "one", {"test:orders": ">"})
    last = seen[-1][0]
    connection.flushall()
    new = add_events(alice, 2)
    connection.xgroup_create("test:orders", "books", id=last, mkstream=True)
    drain(orders)
    [[_, after]] = connection.xreadgroup("books", "one", {"test:orders": ">"})
    assert [number for number, _ in after] == [f"{event.pk}-0" for event in new]


def test_an_outage_of_redis_is_outlived(alice, tmp_path):
    from bots.integration_streams.process import publish_until
    from tests.patience import PATIENCE_S
    from tradingsite.servers import EmbeddedServers
    from tradingsite.servers.binaries import find_binaries

    servers = EmbeddedServers(local_dir=tmp_path / "redis", durable=False, postgres=False)
    servers.start()
    stop = threading.Event()
    try:
        with redis.Redis.from_url(servers.redis_url, decode_responses=True) as own:
            running = publisher_of("order", own)
            thread = threading.Thread(target=publish_until, args=(stop, [running]))
            thread.start()
            wait_until(lambda: own.xlen("test:orders") == 2)
            servers.valkey.stop()
            add_events(alice, 5)
            servers.valkey.start(find_binaries(servers.account, servers.folder))
            with redis.Redis.from_url(servers.redis_url, decode_responses=True) as anew:
                wait_until(lambda: anew.exists("test:orders") and ids(anew, "test:orders") == event_ids())
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        servers.stop()
    assert not thread.is_alive()


def wait_until(true):
    import time

    from tests.patience import PATIENCE_S

    ends = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)
