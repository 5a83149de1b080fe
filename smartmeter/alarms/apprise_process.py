"""The process that hands one message to Apprise; `smartmeter.alarms.apprise` starts it. It tells by its exit status."""

import json
import os
import sys
from typing import Final

MISSING: Final = 3
NO_SERVICE: Final = 4
NOT_DELIVERED: Final = 5


def main() -> int:
    """Send what stands in the JSON object on standard input: `url`, `title`, `body`."""
    os.nice(19)
    order = json.loads(sys.stdin.buffer.read())
    try:
        from apprise import Apprise, NotifyBase, NotifyFormat, OverflowMode  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return MISSING
    # What is too long for a service goes in pieces, as it would be refused for ever; unless the URL says otherwise.
    NotifyBase.overflow_mode = OverflowMode.SPLIT
    service = Apprise()
    if not service.add(order["url"]):
        return NO_SERVICE
    taken = service.notify(body=order["body"], title=order["title"], body_format=NotifyFormat.TEXT)
    return 0 if taken else NOT_DELIVERED


if __name__ == "__main__":
    sys.exit(main())
