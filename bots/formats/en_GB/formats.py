"""British English, with a 24-hour clock and seconds."""

DATETIME_FORMAT = "j M Y H:i:s"
TIME_FORMAT = "H:i:s"
