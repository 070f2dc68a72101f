"""Messages as they stand in a chat: words, or a picture with the card as its caption.

A card with a picture is one message, so that it can be repainted in its place: a caption is
edited, and a picture that came later is added to the message of words. A card too long for a
caption stays words, with a link to its pictures.
Sources: https://core.telegram.org/bots/api#sendphoto, #editmessagecaption, #editmessagemedia
("or to add media to text messages").
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from telegram import Bot, InlineKeyboardMarkup, InputMediaPhoto, Message
from telegram.constants import ParseMode

from bots.channel import Refused
from bots.gateway.adapter import Switchboard
from bots.gateway.presses import Presses
from bots.telegram import writing
from bots.telegram.calls import answered
from workflow.records import Card, Outgoing, Receipt

LARGEST: Final = 10_000_000
"""Bytes of a photo."""
_STANDS_FOR: Final = timedelta(days=90)
_NONE: Final = "-"

_log = logging.getLogger(__name__)


class Stage:
    """Puts messages into chats and keeps them as they should look.

    Args:
        board: What every adapter is given.
        bot: Makes the calls.
        presses: Gives buttons their strings.
    """

    def __init__(self, board: Switchboard, bot: Bot, presses: Presses) -> None:
        self._board = board
        self._bot = bot
        self._presses = presses

    async def show(self, outgoing: Outgoing, to: str, names: Mapping[str, str]) -> Receipt:
        """Say it, or repaint ``previous``; long words become several messages, the last counts.

        Raises:
            ChatMigrated: the group has another number now.
            ChannelError: as the contract says.
        """
        card = outgoing.card
        if card is None:
            pages = writing.pages(outgoing.text, outgoing.mentions, names)
            return await self._words(pages, outgoing, to, None)
        html = writing.card(card, outgoing.text, outgoing.mentions, names)
        keys = await self._presses.keys(card.buttons)
        labels = [button.label for button in card.buttons]
        keyboard = writing.keyboard(labels, keys) if keys else None
        if outgoing.previous:
            return await self._repaint(outgoing, to, html, keyboard)
        if writing.fits(html) and (photo := await self._photo(card)) is not None:
            try:
                return await self._with_photo(to, html, photo, keyboard)
            except Refused as no:
                _log.info("a picture was not taken: %s", no.why)
        return await self._words([html], outgoing, to, keyboard)

    async def _words(
        self, pages: list[str], outgoing: Outgoing, to: str, keyboard: InlineKeyboardMarkup | None
    ) -> Receipt:
        if outgoing.previous:
            edited = self._bot.edit_message_text(
                pages[-1],
                chat_id=to,
                message_id=int(outgoing.previous),
                parse_mode=ParseMode.HTML,
                reply_markup=keyboard,
            )
            await answered(edited)
            return Receipt(outgoing.previous, self._board.now())
        for page in pages:
            sent = await answered(
                self._bot.send_message(to, page, parse_mode=ParseMode.HTML, reply_markup=keyboard)
            )
        return self._receipt(sent)

    async def _with_photo(
        self,
        to: str,
        html: str,
        photo: tuple[str, bytes],
        keyboard: InlineKeyboardMarkup | None,
    ) -> Receipt:
        blob, data = photo
        sent = await answered(
            self._bot.send_photo(
                to, data, caption=html, parse_mode=ParseMode.HTML, reply_markup=keyboard
            )
        )
        receipt = self._receipt(sent)
        await self._stands(to, receipt.message_id, blob)
        return receipt

    async def _repaint(
        self, outgoing: Outgoing, to: str, html: str, keyboard: InlineKeyboardMarkup | None
    ) -> Receipt:
        """The message in its place; what was words gets its picture as soon as there is one."""
        card, number = outgoing.card, outgoing.previous
        assert card is not None  # noqa: S101 - for the type checker
        stands = await self._board.notes.get(f"photo:{to}:{number}")
        if stands is None and writing.fits(html) and (photo := await self._photo(card)):
            try:
                await self._add(to, number, html, photo, keyboard)
            except Refused as no:
                _log.info("a picture was not added: %s", no.why)
                await self._stands(to, number, _NONE)
            else:
                return Receipt(number, self._board.now())
        if stands is None or stands == _NONE:
            return await self._words([html], outgoing, to, keyboard)
        caption = self._bot.edit_message_caption(
            to,
            int(number),
            caption=writing.caption(card, html),
            parse_mode=ParseMode.HTML,
            reply_markup=keyboard,
        )
        await answered(caption)
        return Receipt(number, self._board.now())

    async def _add(
        self,
        to: str,
        number: str,
        html: str,
        photo: tuple[str, bytes],
        keyboard: InlineKeyboardMarkup | None,
    ) -> None:
        blob, data = photo
        media = InputMediaPhoto(data, caption=html, parse_mode=ParseMode.HTML)
        await answered(self._bot.edit_message_media(media, to, int(number), reply_markup=keyboard))
        await self._stands(to, number, blob)

    async def _photo(self, card: Card) -> tuple[str, bytes] | None:
        """The first picture that Telegram would take, with its blob's name."""
        for media in card.media:
            if media.kind != "image" or not media.blob:
                continue
            data = await self._board.picture(media.blob)
            if data is not None and 0 < len(data) <= LARGEST:
                return media.blob, data
        return None

    async def _stands(self, to: str, number: str, blob: str) -> None:
        """Remember that a message is a picture: it is edited in another way."""
        await self._board.notes.put(f"photo:{to}:{number}", blob, _STANDS_FOR)

    def _receipt(self, sent: object) -> Receipt:
        number = sent.message_id if isinstance(sent, Message) else 0
        return Receipt(str(number), self._board.now())
