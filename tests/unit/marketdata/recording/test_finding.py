"""A recording is found where `--record` put it, and what is there is said where it is not."""

import pytest

from marketdata.feed.config import FeedConfigError
from marketdata.feed.replaying import find_recording


def record(folder, name="a.gz"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"")
    return folder


def test_a_file_and_a_folder_of_files_are_taken_as_they_are(tmp_path):
    folder = record(tmp_path / "kraken")
    assert find_recording(folder, exchange="simulated") == folder
    assert find_recording(folder / "a.gz", exchange="simulated") == folder / "a.gz"


def test_what_record_was_given_is_enough(tmp_path):
    simulated = record(tmp_path / "simulated")
    assert find_recording(tmp_path, exchange="demo") == simulated
    record(tmp_path / "kraken")
    assert find_recording(tmp_path, exchange="simulated") == simulated


def test_what_is_there_is_named_where_it_is_not_clear(tmp_path):
    record(tmp_path / "kraken")
    record(tmp_path / "binance")
    with pytest.raises(FeedConfigError, match=r"holds no recording of bingx.*binance, kraken: give one"):
        find_recording(tmp_path, exchange="bingx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FeedConfigError, match="holds no recording of bingx"):
        find_recording(tmp_path / "empty", exchange="bingx")
    with pytest.raises(FeedConfigError, match="no recording at"):
        find_recording(tmp_path / "nowhere", exchange="bingx")
