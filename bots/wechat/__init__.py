"""微信公众号: customers one-to-one, answered at once or pushed while their window is open.

Source: https://developers.weixin.qq.com/doc/offiaccount/ (messages, events, 客服消息, menus).
"""
