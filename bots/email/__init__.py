"""E-mail: a customer's mail is a report, and what becomes of it comes back in the same thread.

A chat here is one thread of one address, ``anna@example.com#3f2a…``; the bare address is where
somebody is reached whom we write to first.
"""
