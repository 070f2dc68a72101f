"""The signature of Alibaba Cloud's calls, version 3. Pure.

Source: https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature; the
same as ``Utils.get_authorization`` of ``alibabacloud_tea_openapi``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "ACS3-HMAC-SHA256"


def authorization(
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    access_key_id: str,
    access_key_secret: str,
) -> str:
    """The ``Authorization`` header.

    Args:
        method: In capitals.
        path: At least ``/``.
        query: Undecorated names and values.
        headers: All that are signed, in lower case, ``x-acs-content-sha256`` among them.
        access_key_id: Whose call it is.
        access_key_secret: What it is signed with.
    """
    names = ";".join(sorted(headers))
    request = "\n".join(
        (
            method,
            path,
            "&".join(f"{_quoted(name)}={_quoted(query[name])}" for name in sorted(query)),
            "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers)),
            names,
            headers["x-acs-content-sha256"],
        )
    )
    text = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(access_key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={access_key_id},SignedHeaders={names},Signature={signature}"


def _quoted(text: str) -> str:
    return quote(text, safe="~")
