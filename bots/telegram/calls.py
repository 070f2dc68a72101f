"""What the Bot API's failures mean, in our own words.

Source: https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Final, TypeVar

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bots.channel import Anomalous, Barred, Refused, Retry
from bots.telegram.reading import CHANNEL

_BENIGN: Final = ("message is not modified", "query is too old", "query id is invalid")

T = TypeVar("T")


async def answered(calling: Awaitable[T]) -> T | None:
    """The answer of a call, failures in our own words; None for what is as good as done.

    Raises:
        ChatMigrated: the group has another number now.
        ChannelError: as the contract says.
    """
    try:
        return await calling
    except ChatMigrated:
        raise
    except RetryAfter as wait:
        after = wait.retry_after
        seconds = after if isinstance(after, timedelta) else timedelta(seconds=after)
        raise Retry(CHANNEL, "too many messages", after=seconds) from None
    except TimedOut:
        raise Anomalous(CHANNEL, "no answer in time") from None
    except BadRequest as error:
        why = error.message
        if any(words in why.lower() for words in _BENIGN):
            return None
        raise Refused(CHANNEL, why) from None
    except InvalidToken as error:
        raise Barred(CHANNEL, error.message) from None
    except Forbidden as error:
        raise Refused(CHANNEL, error.message) from None
    except NetworkError as error:
        raise Anomalous(CHANNEL, type(error).__name__) from None
    except TelegramError as error:
        raise Anomalous(CHANNEL, error.message) from None
