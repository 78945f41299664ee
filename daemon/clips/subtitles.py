"""captions.srt and captions.vtt beside a master: written with it, and again when words come late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from core.times import Ns
from core.words import Word
from daemon.clips.captions import caption_texts, words_of
from daemon.clips.kept import clip_words, length_of
from daemon.clips.model import CAPTIONS, NAMES
from daemon.clips.recipe import encode, kept_of, read_document
from daemon.files import facts, publish_file, storage_errors


def write_captions(revision: Path, words: Sequence[Word], length_ns: Ns) -> dict[str, Path]:
    """The files by kind, {} when nobody speaks; then those of an attempt that died are gone too. Raises StorageError.

    `words` count from the clip's first frame and are rounded as clip.json has them, so that it can make the same bytes.
    """
    texts = caption_texts(words, length_ns)
    for kind, text in texts.items():
        publish_file(revision / CAPTIONS[kind], partial(Path.write_bytes, data=text.encode()))
    with storage_errors("Old captions could not be removed"):
        for kind in CAPTIONS.keys() - texts.keys():
            (revision / CAPTIONS[kind]).unlink(missing_ok=True)
    return {kind: revision / CAPTIONS[kind] for kind in texts}


def refresh_captions(revision: Path, words: Sequence[Word], speech: Mapping[str, str] | None) -> dict[str, Path]:
    """Words that became final after the cut, into clips/<clip>/r<N>; the master is left alone.

    `words` are all of the session around the clip, on its media time, and `speech` as in ClipContext. Each file is
    replaced whole, clip.json last, so a crash leaves something that the next call mends. Returns the files that changed
    by kind (srt, vtt, clip): {} when the clip has these words already, when there are none, or when the revision is
    gone. Runs in the clip thread, as make_clip does. Raises StorageError.
    """
    recipe = revision / NAMES["clip"]
    if not recipe.exists():
        return {}
    document = read_document(recipe)
    kept = kept_of(document)
    said = clip_words(words, kept)
    if not said or said == document["words"]:
        return {}
    captions = write_captions(revision, words_of(said), length_of(kept))
    document["words"] = said
    document["speech"] = None if speech is None else dict(speech)
    document["files"] |= {kind: facts(path) for kind, path in captions.items()}
    publish_file(recipe, partial(Path.write_bytes, data=encode(document)))
    return {**captions, "clip": recipe}
