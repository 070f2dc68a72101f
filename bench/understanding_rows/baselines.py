"""What simple means reach: the commonest label, and scikit-learn on jieba's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import jieba
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from .scores import Bools, Floats

jieba.setLogLevel("ERROR")


def commonest(labels: Sequence[str]) -> str:
    """The label that occurs most often."""
    return Counter(labels).most_common(1)[0][0]


def words(strength: float = 1.0) -> Pipeline:
    """Jieba's words, tf-idf, linear SVC; scikit-learn as most would write it."""
    cut = TfidfVectorizer(tokenizer=jieba.lcut, token_pattern=None, lowercase=False)
    return Pipeline([("words", cut), ("svc", LinearSVC(C=strength, random_state=0))])


def characters(strength: float = 0.5) -> Pipeline:
    """Characters one by one and in twos, the same way."""
    cut = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
    return Pipeline([("characters", cut), ("svc", LinearSVC(C=strength, random_state=0))])


def word_set_scores(texts: Sequence[str], truth: Bools, asked: Sequence[str]) -> Floats:
    """Scores of one word classifier a label."""
    cut = TfidfVectorizer(tokenizer=jieba.lcut, token_pattern=None, lowercase=False)
    rows = cut.fit_transform(texts)
    machine = OneVsRestClassifier(LinearSVC(C=1.0, random_state=0)).fit(rows, truth)
    return np.asarray(machine.decision_function(cut.transform(asked)))
