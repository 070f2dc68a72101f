"""What Alibaba Cloud's refusals of a short message mean for a sender.

Sources: help.aliyun.com/document_detail/101346 (国内消息API错误码) for ``isv.`` and ``isp.``; the
rest come from the gateway before it (客户端公用错误码: ``InvalidAccessKeyId.NotFound`` and so on).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bots.channel import Anomalous, Barred, ChannelError, Refused, Retry
from bots.sms.provider import CHANNEL

_ACCOUNT: Final = {
    "isv.AMOUNT_NOT_ENOUGH": "money",
    "isv.OUT_OF_SERVICE": "money",
    "isv.PRODUCT_UN_SUBSCRIPT": "unopened",
    "isv.PRODUCT_UNSUBSCRIBE": "unopened",
    "isv.ACCOUNT_NOT_EXISTS": "account",
    "isv.ACCOUNT_ABNORMAL": "account",
    "isv.SECURITY_FROZEN_ACCOUNT": "account",
    "isv.DAY_LIMIT_CONTROL": "quota",
    "isv.MONTH_LIMIT_CONTROL": "quota",
    "isv.DENY_IP_RANGE": "address",
    "isv.SMS_SIGNATURE_ILLEGAL": "sign",
    "isv.SMS_SIGN_ILLEGAL": "sign",
    "isv.SIGN_STATE_ILLEGAL": "sign",
    "isv.SIGN_NAME_ILLEGAL": "sign",
    "isv.SIGN_SOURCE_ILLEGAL": "sign",
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL": "sign",
    "PORT_NOT_REGISTERED": "sign_unfiled",
    "isv.SMS_TEMPLATE_ILLEGAL": "template",
    "isv.TEMPLATE_MISSING_PARAMETERS": "template",
    "isp.RAM_PERMISSION_DENY": "rights",
}
"""What concerns everybody we would write to, and what a person has to mend, by the code."""
_GATEWAY: Final = (
    ("InvalidAccessKeyId", "key"),
    ("Forbidden.AccessKey", "key"),
    ("SignatureDoesNotMatch", "key"),
    ("IncompleteSignature", "key"),
    ("InvalidTimeStamp", "clock"),
    ("NoPermission", "rights"),
    ("Forbidden", "rights"),
)
"""The same of the gateway's, by how the code begins. A key used from an address it is not allowed
from is answered like a key that is switched off.
"""
_MESSAGE: Final = {
    "isv.BUSINESS_LIMIT_CONTROL": "often",
    "isv.MOBILE_NUMBER_ILLEGAL": "number",
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": "number",
    "isv.BLACK_KEY_CONTROL_LIMIT": "unwilling",
    "isv.CUSTOMER_REFUSED": "unwilling",
    "isv.PARAM_LENGTH_LIMIT": "words",
    "isv.PARAM_NOT_SUPPORT_URL": "words",
    "isv.TEMPLATE_PARAMS_ILLEGAL": "words",
    "isv.UNSUPPORTED_CONTENT": "words",
    "isv.SMS_CONTENT_ILLEGAL": "words",
    "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE": "words",
}
"""What concerns one number or one message."""
_THROTTLED: Final = "isv.BUSINESS_LIMIT_CONTROL"
_MINUTE: Final = timedelta(seconds=65)
_HOUR: Final = timedelta(hours=1)


def mending(code: str) -> str:
    """What a person has to mend before anybody is reached; empty where it is not the account."""
    if code in _ACCOUNT:
        return _ACCOUNT[code]
    return next((what for begins, what in _GATEWAY if code.startswith(begins)), "")


def advice(code: str) -> str:
    """The name of what to do about a code; empty for one that is not known."""
    return mending(code) or _MESSAGE.get(code, "")


def failure(code: str, message: str) -> ChannelError:
    """What to raise; ``why`` begins with the code, the vendor's words follow."""
    why = f"{code} {message[:200]}".strip()
    if code == _THROTTLED:
        return Retry(CHANNEL, why, _MINUTE if "分钟" in message else _HOUR)
    if code.startswith("Throttling") or code == "SignatureNonceUsed":
        return Retry(CHANNEL, why)
    if mending(code):
        return Barred(CHANNEL, why)
    if not code or code.startswith("isp.") or code in {"InternalError", "ServiceUnavailable"}:
        return Anomalous(CHANNEL, why or "an answer without a code")
    return Refused(CHANNEL, why)
