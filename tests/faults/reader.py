"""What every process that lives through the day has to read, read before they are forked."""

from nlp import Understander
from nlp.terms import tokenizer
from notifier.wording import DEFAULT, templates
from tests import trained

READER = Understander.load(trained.FOLDER)
READER.warm()
assert READER.same_incident
tokenizer()
templates(DEFAULT)
