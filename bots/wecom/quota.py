"""What one person takes in a minute and an hour. 企业微信 drops the rest without a word, so we
count ourselves and wait instead. Source: https://developer.work.weixin.qq.com/document/path/90454.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from bots.channel import Retry
from workflow.ports import Notes

PER_MINUTE: Final = 30
PER_HOUR: Final = 1000
_MINUTE: Final = 60
_HOUR: Final = 60


class Quota:
    """Counts for one channel, over all processes.

    Args:
        channel: For errors.
        notes: Where the counts are.
        now: Real time.
        per_minute: Messages one receiver takes in any minute.
        per_hour: In any hour, give or take a minute; 0: no limit.
    """

    def __init__(
        self,
        channel: str,
        notes: Notes,
        now: Callable[[], datetime],
        per_minute: int = PER_MINUTE,
        per_hour: int = PER_HOUR,
    ) -> None:
        self._channel = channel
        self._notes = notes
        self._now = now
        self._per_minute = per_minute
        self._per_hour = per_hour

    async def take(self, who: str) -> None:
        """Count one message to this receiver.

        Raises:
            Retry: it would be one too many.
        """
        key = f"quota:{who}"
        while True:
            kept = await self._notes.get(key)
            counted = self._counted(kept)
            if await self._notes.swap(key, kept, counted, timedelta(minutes=_HOUR + 1)):
                return

    def _counted(self, kept: str | None) -> str:
        """The counts with one more; ``last`` are instants, ``minutes`` are counts by minute."""
        now = self._now().timestamp()
        found = json.loads(kept) if kept else {"last": [], "minutes": {}}
        last = [at for at in found["last"] if now - at < _MINUTE]
        this = int(now // _MINUTE)
        minutes = {m: n for m, n in found["minutes"].items() if this - int(m) <= _HOUR}
        if len(last) >= self._per_minute:
            wait = timedelta(seconds=max(1.0, _MINUTE - (now - last[0])))
            raise Retry(self._channel, "all one receiver takes in a minute", after=wait)
        if self._per_hour and sum(minutes.values()) >= self._per_hour:
            oldest = min(int(m) for m in minutes)
            wait = timedelta(minutes=max(1, _HOUR + 1 - (this - oldest)))
            raise Retry(self._channel, "all one receiver takes in an hour", after=wait)
        minutes[str(this)] = minutes.get(str(this), 0) + 1
        return json.dumps({"last": [*last, now], "minutes": minutes})
