"""The trained reader of every process that lives through the day; loaded before they are forked."""

from nlp import Understander
from tests import trained

READER = Understander.load(trained.FOLDER)
