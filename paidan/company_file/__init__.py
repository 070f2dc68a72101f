"""``company.yaml``: people, teams, shifts, queues, rules, customers and assets of one company.

:func:`load_company` reads a file, :func:`parse_company` a text, :func:`dump_company` writes one
that reads back equal. What is wrong comes out all at once as
:class:`~paidan.problems.InvalidFile`; what is merely unwise as warnings.
"""

from paidan.company_file.dumping import dump_company
from paidan.company_file.loading import Loaded, load_company, parse_company, policy_version
from paidan.company_file.schema import company_schema

__all__ = [
    "Loaded",
    "company_schema",
    "dump_company",
    "load_company",
    "parse_company",
    "policy_version",
]
