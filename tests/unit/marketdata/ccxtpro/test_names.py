import pytest

from marketdata.ccxtpro.names import UnknownExchange, ccxt_exchanges, check_exchange
from marketdata.exchanges.adapter import BookProcedure, Credentials
from marketdata.exchanges.catalog import UnknownAdapter, get_adapter
from marketdata.exchanges.ccxtpro import CcxtAdapter


def test_the_exchanges_are_those_of_the_installed_ccxt() -> None:
    import ccxt.pro

    assert ccxt_exchanges() == set(ccxt.pro.exchanges)


def test_names_are_lenient_in_case_only() -> None:
    assert check_exchange(" OKX ") == "okx"
    with pytest.raises(UnknownExchange, match="Did you mean kraken"):
        check_exchange("krakne")
    with pytest.raises(UnknownExchange, match="Known are: alpaca"):
        check_exchange("zzzzzzzz")


def test_the_catalog_knows_every_exchange_of_ccxt() -> None:
    adapter = get_adapter("ccxt:okx")
    assert adapter.name == "ccxt:okx"
    assert adapter.book_procedure is BookProcedure.IMAGES_ONLY
    with pytest.raises(UnknownAdapter, match="Did you mean okx"):
        get_adapter("ccxt:okxx")
    with pytest.raises(UnknownAdapter, match="ccxt:<id>"):
        get_adapter("okx")


def test_environments_are_names_that_the_child_understands() -> None:
    adapter = CcxtAdapter("okx")
    assert adapter.endpoints("testnet").rest_url == "ccxt://okx/testnet"
    with pytest.raises(ValueError, match="'simulated'"):
        adapter.endpoints("simulated")


def test_stream_and_rest_share_a_child_that_gets_the_keys() -> None:
    adapter = CcxtAdapter("okx")
    url = adapter.endpoints("testnet").rest_url
    keys = Credentials(api_key="k", api_secret="s")
    rest = adapter.rest(exchange="mine", base_url=url, credentials=keys)
    assert adapter._child("mine", url, keys) is rest._child
    start = rest._child.start
    assert (start.environment, start.rest_url, start.exchange) == ("testnet", "", "mine")
    assert start.credentials == {"api_key": "k", "api_secret": "s"}
