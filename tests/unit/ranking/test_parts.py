"""Texts on their way out, prompts, groups, and the rank without a model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import UsageError
from core.ids import ClipId
from core.times import ns
from core.words import Word
from daemon.ranking import Groups, Rank, heuristic_rank, load_prompt, prompt_names
from daemon.ranking.groups import Waiting, is_unsure
from daemon.ranking.texts import hashtags, shown

A, B = ClipId("a"), ClipId("b")


@pytest.mark.parametrize(
    "text",
    [
        "Look at https://evil.example/x", "see evil.com now", "evil．com", "evil dot com", "evil . com", "www evil",
        "evil。com", "@everyone look", "＠here", "ask <@123>", "<!channel>x@y", "javascript:alert(1)", "EVIL.Example",
    ],
)  # fmt: skip
def test_what_leads_somewhere_or_calls_somebody_is_not_shown(text: str) -> None:
    """Spelled in other letters too."""
    assert shown(text, 80) == ""


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("**He** did `it`", "He did it"),
        ("# A heading", "A heading"),
        ("1. First", "First"),
        ("One\nline\u202e only\u200b", "One line only"),
        ("Wait... what? 3.5 s later. Then", "Wait... what? 3.5 s later. Then"),
        ("日本語のタイトル。次の文", "日本語のタイトル。次の文"),
        ("<b>bold</b>", "bbold/b"),
        ("word " * 40, "word word word word word word word word word word word word word word word word…"),
        ("x" * 200, "x" * 79 + "…"),
    ],
)
def test_a_title_is_one_plain_line(text: str, shows: str) -> None:
    """Without marks of formatting, cut between words."""
    assert shown(text, 80) == shows


def test_hashtags_are_words() -> None:
    """Each once, five at most."""
    found = hashtags(["#Clutch", "gg", "#a b", "#evil.com", "@x", "#", "_x", "#日本", "#gg", "1", "2", "3"])
    assert found == ("#Clutch", "#gg", "#日本", "#1", "#2")


def test_every_shipped_prompt_is_versioned_and_told_apart() -> None:
    """Six of them, in one set of rules."""
    assert prompt_names() == ["case-study", "educational", "funny", "highlights", "storytelling", "viral"]
    prompts = [load_prompt(name) for name in prompt_names()]
    assert len({prompt.hash for prompt in prompts}) == 6
    for prompt in prompts:
        assert re.fullmatch(rf"{prompt.name}@1:[0-9a-f]{{16}}", prompt.label)
        text = prompt.text("MARK")
        assert prompt.aim in text
        assert text.count("data-MARK>") == 2
        assert "$" not in text


def test_a_wish_goes_into_the_prompt_and_its_hash() -> None:
    """As it was typed, and not as a template."""
    wished = load_prompt("viral", "find bold claims about money, $100 and $marker")
    assert "find bold claims about money, $100 and $marker" in wished.text("MARK")
    assert wished.hash != load_prompt("viral").hash


def test_a_prompt_of_ones_own_is_a_file(tmp_path: Path) -> None:
    """With the same front matter; what is wrong with it is said before the stream begins."""
    mine = tmp_path / "mine.md"
    mine.write_text("---\nname: money\nversion: 3\ndescription: Money.\n---\nBold claims about money.\n")
    assert load_prompt(str(mine)).label.startswith("money@3:")
    for text in ("Bold claims", "---\nname: m\n---\nx\n", "---\nname: m\nversion: x\ndescription: d\n---\nx\n", ""):
        mine.write_text(text)
        with pytest.raises(UsageError, match="is no prompt"):
            load_prompt(str(mine))
    with pytest.raises(UsageError, match="Unknown prompt 'vira'"):
        load_prompt("vira")
    with pytest.raises(UsageError, match="cannot be read"):
        load_prompt(str(tmp_path / "none.md"))


def groups() -> Groups:
    return Groups(size=3, every_ns=ns(300))


def test_a_group_ends_when_it_is_full_when_it_is_old_and_with_the_session() -> None:
    """Sure clips go along for comparison."""
    gathered = groups()
    assert gathered.add(A, ns(0), unsure=True) == ()
    assert gathered.add(B, ns(10), unsure=False) == ()
    assert gathered.add(A, ns(11), unsure=True) == ()  # the same clip again
    assert len(gathered.add(ClipId("c"), ns(12), unsure=False)) == 3
    gathered.add(A, ns(20), unsure=True)
    assert gathered.advance(ns(319)) == ()
    assert gathered.advance(ns(320)) == (Waiting(A, True),)
    assert gathered.advance(ns(900)) == ()
    gathered.add(B, ns(900), unsure=True)
    assert gathered.close() == (Waiting(B, True),)


def test_where_detection_was_sure_of_all_nobody_is_asked() -> None:
    """Nor about a clip that was withdrawn."""
    gathered = groups()
    gathered.add(A, ns(0), unsure=False)
    gathered.add(B, ns(0), unsure=True)
    gathered.drop(B)
    assert gathered.advance(ns(400)) == ()
    assert gathered.close() == ()


def test_a_score_is_unsure_near_its_bar() -> None:
    """In logits, on either side."""
    assert is_unsure(0.6, 0.5, 0.5)
    assert is_unsure(0.4, 0.5, 0.5)
    assert not is_unsure(0.7, 0.5, 0.5)


def word(text: str, start_s: float, end_s: float) -> Word:
    return Word(text=text, start_ns=ns(start_s), end_ns=ns(end_s), prob=0.9, vad=0.9, epoch=0)


def measured(*words: Word, start_s: float = 10, end_s: float = 30, anchor_s: float = 14) -> Rank:
    return heuristic_rank(
        why="sure", p=0.71, bar=0.5, title="Title", start_ns=ns(start_s), end_ns=ns(end_s), anchor_ns=ns(anchor_s),
        parts={"chat": 1.2, "audio": 0.8, "music": -0.4}, reasons=("Chat x4", "Roar"),
        kinds=("crowd_roar", "chat_rate"), words=words,
    )  # fmt: skip


def test_a_rank_without_a_model_says_what_was_measured() -> None:
    """And nothing else: what was not measured is 0."""
    rank = measured(word("No", 12, 12.5), word("way.", 12.5, 13))
    assert (rank.state, rank.virality, rank.score, rank.shift) == ("heuristic", 71, 0.71, 0.0)
    assert (rank.hook, rank.emotion, rank.topic, rank.visual, rank.completeness) == (80, 63, 0, 0, 100)
    assert (rank.title, rank.description, rank.hashtags) == ("Title", "No way.", ("#crowdroar", "#chatrate"))
    assert rank.reasons == ("Chat x4", "Roar")


@pytest.mark.parametrize(
    ("words", "completeness"),
    [
        ([], 100),
        ([("Whole.", 11, 12)], 100),
        ([("Open", 11, 12)], 75),
        ([("cut", 9, 11), ("end.", 12, 13)], 50),
        ([("cut", 9, 11), ("off", 29, 31)], 0),
    ],
)
def test_a_clip_is_complete_that_cuts_no_word_and_no_sentence(
    words: list[tuple[str, float, float]], completeness: int
) -> None:
    """Where nobody speaks nothing is cut."""
    assert measured(*(word(*each) for each in words)).completeness == completeness


def test_a_clip_in_which_nothing_happens_for_long_has_no_hook() -> None:
    """Ten seconds; what was said before the clip does not count."""
    assert measured(word("Before.", 1, 2), anchor_s=25).hook == 0
    assert measured(anchor_s=10).hook == 100
