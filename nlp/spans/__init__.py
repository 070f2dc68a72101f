"""Marking stretches of text: one recipe for every set of labels.

A text becomes a :class:`~nlp.spans.sight.Sight` (views of it and clues about it);
:mod:`nlp.spans.training` learns from marked texts (CRFsuite); :mod:`nlp.spans.tagger` marks new
ones (numpy alone), with words it has seen marked before (:mod:`nlp.spans.known`).
"""
