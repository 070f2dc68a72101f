"""Telegram: groups and one-to-one, inline keyboards, cards repainted in place.

Source: Bot API (https://core.telegram.org/bots/api), spoken through python-telegram-bot.
"""
