"""The words understanding, rules and people share: fault types, intents, priorities, moods.

Keys are stored and configured; the names beside them, Chinese then English, are what people read.
A company's file may use any fault type but ``none`` for skills, queues and assets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAULT_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "hvac": ("空调暖通", "Heating and air conditioning"),
    "plumbing": ("给排水", "Plumbing"),
    "electrical": ("供配电照明", "Electrical and lighting"),
    "elevator": ("电梯扶梯", "Lifts and escalators"),
    "ev_charger": ("充电桩", "EV chargers"),
    "network": ("网络通信", "Network"),
    "pos_payment": ("收银支付", "Tills and payment"),
    "it_device": ("办公设备与终端", "Office devices"),
    "software_account": ("软件与账号", "Software and accounts"),
    "kitchen": ("商用厨房与冷链", "Commercial kitchen and cold chain"),
    "appliance": ("家用电器", "Home appliances"),
    "machine": ("工业设备产线", "Machines and production lines"),
    "access_security": ("门禁安防", "Access and security"),
    "structure": ("土建门窗", "Building and windows"),
    "gas_fire": ("燃气消防", "Gas and fire"),
    "environment": ("环境秩序", "Environment"),
    "other": ("其他", "Other"),
    "none": ("无", "None"),
}

INTENTS: Final[Mapping[str, tuple[str, str]]] = {
    "report": ("报修", "Report"),
    "progress": ("查进度", "Progress"),
    "cancel": ("取消", "Cancel"),
    "question": ("咨询", "Question"),
    "praise": ("表扬", "Praise"),
    "complaint": ("投诉", "Complaint"),
    "chitchat": ("闲聊", "Small talk"),
}

PRIORITIES: Final[Mapping[str, tuple[str, str]]] = {
    "P0": ("危急", "Emergency"),
    "P1": ("紧急", "Urgent"),
    "P2": ("一般", "Normal"),
}

EMOTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "1": ("愉快", "Pleased"),
    "2": ("平静", "Neutral"),
    "3": ("有些着急", "Worried"),
    "4": ("不满", "Upset"),
    "5": ("惊慌或愤怒", "Panic or fury"),
}
