"""The four decisions about a message: intent, fault type, priority, emotion.

One linear model over n-grams and facts, made by :mod:`nlp.heads.training` (scikit-learn), at work
in :mod:`nlp.heads.model` (numpy alone), with the words that decided (:mod:`nlp.heads.evidence`).
"""
