"""Voice clips put into words, where their platform did not: optional, offline, beside the server.

A :class:`~paidan.voice.stenographer.Stenographer` keeps one process of its own
(:mod:`paidan.voice.listening`) that decodes the clip (:mod:`paidan.voice.sound`), keeps what is
speech (:mod:`paidan.voice.speech`) and asks an engine (:mod:`paidan.voice.engines`). Only that
process imports what ``pip install 'paidan[voice]'`` brings; it may crash, hang or be killed.
"""
