"""What a process that only serves pages has no use for stays out of it."""

import os
import subprocess
import sys

_SETS_UP = "import django, sys; django.setup(); print(*sorted({'talib', 'pandas', 'lightgbm'} & set(sys.modules)))"


def test_setting_up_django_loads_neither_indicators_nor_data_frames():
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tradingsite.settings"}

    found = subprocess.run(
        [sys.executable, "-c", _SETS_UP], env=environment, capture_output=True, text=True, timeout=120, check=True
    )

    assert found.stdout.split() == []
