"""Names spelled as a channel spells them: what is repaired, and what must never be touched."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest

from core.times import ns
from core.words import Word, text_of
from daemon.speech.glossary import Glossary
from tests.media import media

SURE, UNSURE = 0.98, 0.4
TERMS = (
    "Valorant", "Shroud", "PogChamp", "Kubernetes", "Team Liquid", "xQc", "Fortnite", "KEKW", "Overwatch", "MrBeast",
    "Counter-Strike", "Elden Ring", "League of Legends", "Genshin Impact", "Terraria", "Minecraft", "Pokémon", "Andor",
    "Killjoy", "Baldur's Gate", "Silverstone", "Joe Rogan", "Lex Fridman", "Andrej Karpathy", "Naval Ravikant",
    "StreamElements", "Postgres", "Redis", "LLaMA", "Nvidia", "Twitch", "TenZ", "Teemo", "Formula 1", "Witcher",
    "Prometheus", "Whisper",
)  # fmt: skip


def said(text: str, prob: float = SURE, pause_s: float = 0.1) -> list[Word]:
    """Words of 0.2 s each."""
    step = 0.2 + pause_s
    return [
        Word(text=part, start_ns=ns(step * at), end_ns=ns(step * at + 0.2), prob=prob, vad=0.9, epoch=0)
        for at, part in enumerate(text.split(" "))
    ]


def spelled(words: Sequence[Word], terms: Sequence[str] = TERMS) -> str:
    return text_of(Glossary(terms).apply(words))


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("that XQC clip", "that xQc clip"),
        ("X Q C again", "xQc again"),
        ("pokemon, shroud's and KEKW!", "Pokémon, Shroud's and KEKW!"),
        ("valor ant or over watch?", "Valorant or Overwatch?"),
        ("a Counter -Strike match", "a Counter-Strike match"),
        ("Mr. Beast is here", "MrBeast is here"),
        ("league of legends", "League of Legends"),
        ("“team liquid”", "“Team Liquid”"),
        ("baldur's gate", "Baldur's Gate"),
        ("with Lex Friedman today", "with Lex Fridman today"),
    ],
)
def test_the_same_letters_get_the_terms_spelling(heard: str, meant: str) -> None:
    """However sure the recogniser was; punctuation and genitives stay."""
    assert spelled(said(heard)) == meant


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("fortnight", "Fortnite"),
        ("Lama", "LLaMA"),
        ("Silvestone", "Silverstone"),
        ("Tremeliments", "StreamElements"),
        ("post -gurs", "Postgres"),
        ("Jorogen", "Joe Rogan"),
        ("Elvin Ring", "Elden Ring"),
        ("Yanshin Impact", "Genshin Impact"),
        ("Naval Ravicant", "Naval Ravikant"),
        ("Andren's Carpathy", "Andrej Karpathy"),
        ("ten z", "TenZ"),
    ],
)
def test_what_whisper_misheard_is_repaired(heard: str, meant: str) -> None:
    """All but the last are what Whisper base made of the names: unsure of each, and sure of the words around it."""
    words = [*said("I think"), *said(f"{heard},", UNSURE), *said("was great.")]
    placed = [
        Word(text=w.text, start_ns=ns(at * 0.3), end_ns=ns(at * 0.3 + 0.2), prob=w.prob, vad=w.vad, epoch=0)
        for at, w in enumerate(words)
    ]
    assert spelled(placed) == f"I think {meant}, was great."


@pytest.mark.parametrize("heard", ["fortnight", "Silvestone", "Lama", "read is", "ten z"])
def test_a_word_the_recogniser_is_sure_of_stays(heard: str) -> None:
    """Likeness alone is no reason: two weeks are a fortnight."""
    assert spelled(said(heard)) == heard


@pytest.mark.parametrize(
    "heard",
    [
        "cuban eighties", "and or", "read is", "radius", "there are a few", "which are", "should", "switch",
        "the memo", "them", "team", "kill, joy", "Formula 2", "whispers", "minecrafts", "to which", "posters",
        "ancient", "teammates",
    ],
)  # fmt: skip
def test_neighbours_of_terms_are_left_alone(heard: str) -> None:
    """Even when the recogniser doubted them: short terms, inflections, numbers, sentence ends."""
    assert spelled(said(heard, UNSURE if heard != "and or" else SURE)) == heard


def test_real_speech_is_never_rewritten() -> None:
    """References of 53 recordings: not a word becomes a term, also if all had been doubted."""
    lines = [row.split("\t")[1] for row in media("fx-speech-real/ljspeech/transcripts.tsv").read_text().splitlines()]
    lines += media("fx-speech-real/librivox/transcription").read_text().splitlines()
    lines += [item["text"] for item in json.loads(media("fx-speech-tts/manifest.json").read_text())["items"]]
    for prob in (SURE, UNSURE):
        assert [line for line in lines if spelled(said(line, prob)) != text_of(said(line))] == []


def test_a_repaired_span_keeps_its_times_and_doubts() -> None:
    """One word over the whole span, as sure as its least sure part."""
    first, second, after = said("valor ant wins")
    [term, rest] = Glossary(TERMS).apply(
        [first, Word(text="ant", start_ns=second.start_ns, end_ns=second.end_ns, prob=0.3, vad=0.5, epoch=0), after]
    )
    assert term == Word(text="Valorant", start_ns=first.start_ns, end_ns=second.end_ns, prob=0.3, vad=0.5, epoch=0)
    assert rest is after


def test_a_term_of_as_many_words_keeps_each_words_times() -> None:
    """So that captions still light up word by word."""
    words = said("elvin ring!", UNSURE)
    spelled_words = Glossary(TERMS).apply(words)
    assert [word.text for word in spelled_words] == ["Elden", "Ring!"]
    assert [(word.start_ns, word.end_ns) for word in spelled_words] == [(word.start_ns, word.end_ns) for word in words]


def test_no_span_crosses_a_pause_or_an_epoch() -> None:
    """Half a name before a reconnect is half a name."""
    assert spelled(said("valor ant", pause_s=0.4)) == "Valorant"
    assert spelled(said("valor ant", pause_s=0.6)) == "valor ant"
    first, second = said("valor ant")
    moved = Word(
        text=second.text, start_ns=second.start_ns, end_ns=second.end_ns, prob=second.prob, vad=second.vad, epoch=1
    )
    assert spelled([first, moved]) == "valor ant"


def test_other_scripts_are_matched_by_their_letters() -> None:
    """Vowel signs belong to the letters; ends of words are not punctuation."""
    terms = ["원펀맨", "वेलोरेंटी", "Валорант"]
    assert spelled(said("원펀 맨"), terms) == "원펀맨"
    assert spelled(said("वेलोरेंटी।"), terms) == "वेलोरेंटी।"
    assert spelled(said("वेलोरेंती।", UNSURE), terms) == "वेलोरेंटी।"
    assert spelled(said("Волорант,", UNSURE), terms) == "Валорант,"


def test_no_terms_change_nothing() -> None:
    """Nor do terms without a letter, nor words without one."""
    words = said("- ... it's fine")
    assert Glossary([]).apply(words) == tuple(words)
    assert Glossary(["!!"]).apply(words) == tuple(words)
    assert Glossary(TERMS).apply([]) == ()


def test_a_word_costs_less_than_a_millisecond() -> None:
    """With 100 terms."""
    glossary = Glossary([f"{term} {suffix}" for term in TERMS for suffix in ("", "Cup", "Open")][:100])
    words = said("there was never any doubt about who would carry this round to the end", UNSURE) * 10
    started = time.process_time()
    glossary.apply(words)
    assert (time.process_time() - started) / len(words) < 0.001
