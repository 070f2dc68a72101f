"""The business of work orders: pure, standard library only, no I/O and no clock.

Records and ports that every other room uses live here, so that nobody needs to look up.
"""
