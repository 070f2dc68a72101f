"""企业微信: the self-built application, the 智能机器人, the group webhook, and 微信客服.

Four channels of one house: what they share stands in :mod:`bots.wecom.corp` (calls and tokens),
:mod:`bots.wecom.cards` (template cards) and :mod:`bots.wecom.quota` (what a person takes in an
hour). Source: https://developer.work.weixin.qq.com/document
"""
