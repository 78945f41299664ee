"""Ranks clips that are finished: fixed candidates in, ids, scores and texts out. Never finds, moves or drops one.

Pure but for `prompts`, which reads its files; who asks a model and when is daemon/worker/ranks.py. docs/ranking.md.
"""

from daemon.ranking.groups import Groups
from daemon.ranking.heuristic import heuristic_rank
from daemon.ranking.prompts import Prompt, load_prompt, prompt_names
from daemon.ranking.ranker import rank_group
from daemon.ranking.values import Candidate, Model, Outcome, Rank, Unanswered

__all__ = [
    "Candidate",
    "Groups",
    "Model",
    "Outcome",
    "Prompt",
    "Rank",
    "Unanswered",
    "heuristic_rank",
    "load_prompt",
    "prompt_names",
    "rank_group",
]
