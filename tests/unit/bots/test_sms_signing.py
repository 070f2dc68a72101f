"""Calls are signed as the vendor's own code signs them."""

from __future__ import annotations

from bots.sms.signing import authorization

HEADERS = {
    "host": "dysmsapi.aliyuncs.com",
    "x-acs-action": "SendSms",
    "x-acs-version": "2017-05-25",
    "x-acs-date": "2026-11-23T02:00:00Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
QUERY = {
    "PhoneNumbers": "13712345678",
    "SignName": "安居 联修",
    "TemplateCode": "SMS_154950909",
    "TemplateParam": '{"n":"WO-1+2*~/"}',
}
THEIRS = (
    "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host;x-acs-action;x-acs-content-sha256;"
    "x-acs-date;x-acs-signature-nonce;x-acs-version,Signature="
    "52ff1a6c9dfa9b1b3a9e39e75d7b81d83efd9ada05cb1fc6fc82e45e02317f14"
)
"""What ``Utils.get_authorization`` of alibabacloud_tea_openapi 0.4.6 makes of the same request."""


def test_a_call_is_signed_as_the_vendors_own_code_signs_it() -> None:
    ours = authorization(
        "POST", "/", QUERY, HEADERS, access_key_id="testid", access_key_secret="testsecret"
    )
    assert ours == THEIRS
