"""E-mail: a customer's mail is a report, and what becomes of it comes back in the same thread.

A chat here is one thread of one address, ``anna@example.com#3f2a…``; the bare address is where
somebody is reached whom we write to first.
"""

from typing import Literal

Security = Literal["tls", "starttls", "none"]
"""How a connection to a mail server is kept secret: from the first byte, from its first command, or
not at all.
"""
