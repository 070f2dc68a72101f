"""The learning loop of a running company: which model reads, since when, why, and what next.

``registry`` keeps versions and the journal; ``following`` lets the process read with whatever the
journal says; ``retraining`` makes a candidate and acts on the verdict; ``nightly`` does so in a
process of its own; ``drift`` compares what is read now with what training promised.
"""
