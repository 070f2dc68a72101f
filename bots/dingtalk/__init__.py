"""钉钉: a robot in groups and one-to-one, by Stream or by HTTP, with cards repainted in place.

Source: https://open.dingtalk.com/document/ (robot messages, interactive cards, Stream mode).
"""
