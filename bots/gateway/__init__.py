"""How a chat platform is connected: what its adapter offers, and what it is given to work with.

An adapter turns a platform's calls into ``Inbound`` and our messages into the platform's. Nothing
of a vendor's payload leaves it. It is given a :class:`~bots.gateway.adapter.Switchboard` and
offers an :class:`~bots.gateway.adapter.Adapter`; :mod:`bots.gateway.tokens` keeps its access
tokens, :mod:`bots.gateway.api` makes its calls, :mod:`bots.gateway.media` brings attachments home.
"""
