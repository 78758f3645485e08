"""A table as additive states: small, mergeable in any order, enough to judge drift from.

A state is numpy in, numpy out, and knows no engine: batches of a file, days of a log or partitions
of a cluster are each summarised alone and merged in any order to the same state. Arrow appears only
in `reading`.
"""

from __future__ import annotations
