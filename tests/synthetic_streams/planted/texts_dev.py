"""Texts of the dev family: talk of music and chess; chat in English, Italian, Polish, Turkish, Korean."""

from __future__ import annotations

from typing import Final

from tests.synthetic_streams.planted.texts import Talk, Texts

_TALK: Final = Talk(
    openers=("right", "hold on", "now then", "fine", "first", "meanwhile", "er", "basically", "if anything", "oh"),
    subjects=(
        "the pianist", "white", "my teacher", "the second violin", "black", "a student", "this opening", "the band",
        "everybody here", "her cousin", "the bishop", "the drummer", "our viewers", "his coach", "the record",
        "you all",
    ),
    verbs=(
        "play", "heard", "defends", "recorded", "learned", "sold", "repeat", "traded", "wrote", "tuned", "counted",
        "practised", "attacks", "forgot about", "studied", "printed", "hired", "skipped", "recommends", "teaches",
    ),
    adjectives=(
        "loose", "ancient", "minor", "final", "open", "soft", "dusty", "borrowed", "slow", "passed", "weak", "spare"),
    nouns=(
        "guitar", "pawn", "chorus", "diagram", "string", "knight", "studio", "endgame", "drum", "scale", "lesson",
        "cable", "file", "concert", "queen", "melody", "clock", "notebook", "pedal", "square", "tournament", "song",
    ),
    places=(
        "in the first verse", "on the king side", "next month", "with both hands", "after the exchange", "at home",
        "for ten minutes", "in a minor key", "under pressure", "on the radio", "at the club", "from memory",
    ),
    hedges=("so to speak", "if you ask me", "at least", "somehow", "apparently", "let's say", "roughly", "in theory"),
    superlatives=(
        "easily the nicest amplifier in the shop", "a ridiculous number of cables for one desk",
        "that is the strangest opening of the decade", "the most boring variation there is",
        "an absolutely fine little tune",
    ),
    hooks=(
        "what did I just see", "I don't believe this", "are you serious", "look at that", "you cannot be serious",
        "this is crazy", "how is that possible", "yes yes yes", "stop it", "oh come on", "he's done it", "incredible",
        "mate in one", "that's absurd",
    ),
    cries=("whoa", "ha", "yeah", "nope", "folks", "argh", "ooh"),
    commands=("clip it", "chat clip that", "please clip this", "can you make a clip"),
    quotes=(
        "the book says look at that as if it were easy", "my uncle wrote this is crazy on the cover",
        "do not clip it yet", "you never need to make a clip of warm ups",
        "he used to shout stop it at the metronome", "are you serious is the name of the band",
        "the line after yes yes yes is softer", "so incredible is an adjective",
    ),
    advert=(
        "introducing", "strings", "that", "last", "twice", "as", "long", "order", "now", "and", "receive", "a", "tuner",
        "at", "no", "extra", "cost", "offer", "ends", "soon", "terms", "apply", "see", "site", "for", "details",
    ),
)  # fmt: skip

TEXTS: Final = Texts(
    talk=_TALK,
    calm={
        "en": (
            "hey there", "which opening was that", "what gauge are those strings", "I own a {w} like that", "song {n}",
            "is there a tab for it", "rated {n} here", "the {w} sounds warm", "I would move the {w}", "yes", "yep same",
            "when is the next lesson", "my {w} is out of tune", "gm from Oslo", "how many hours did that take",
            "the left channel is quiet", "that is theory up to move {n}", "why the {w}", "can you slow it down",
            "I have to leave soon", "who is winning", "nice {w}", "lurking today", "what time is the concert",
            "prefer the {w} honestly", "we are {n} in here", "not my style", "thinking about the {w}", "alright",
        ),
        "it": (
            "ciao a tutti", "che apertura era", "io ho il {w}", "sono le {n}", "bello il {w}", "non ho capito",
            "domani lezione?", "quanto costa", "saluti da Torino", "forse il {w}",
        ),
        "pl": (
            "dzień dobry wszystkim", "jaka to płyta", "mam {n} lat", "gdzie jest {w}", "zgadzam się", "nie wiem",
            "kiedy koncert", "gra spokojnie", "pozdro z Gdańska", "słabo słychać",
        ),
        "tr": (
            "selam herkese", "bu hangi parça", "bende {n} tane var", "{w} nerede", "katılıyorum", "ses biraz az",
            "ne zaman biter", "yeni geldim", "iyi akşamlar", "bence {w} daha iyi",
        ),
        "ko": (
            "안녕하세요", "이 곡 뭐예요", "{n}번째 보는 중", "소리가 작아요", "동의합니다", "언제 끝나요",
            "처음 왔어요", "저도 있어요", "천천히 해주세요",
        ),
    },
    laugh={
        "en": ("heh", "hahahahah", "lollll", "dying over here", "LMAO", "this is killing me", "hahaha ok", "ahah"),
        "it": ("ahahahah", "AHAHAHAHA", "sto morendo", "ahahahahah basta", "rido"),
        "pl": ("xD", "XDDD", "haha xd", "buahaha", "padłem"),
        "tr": ("jsjsjs", "skdjsk", "puhaha", "öldüm gülmekten", "AJSKSJ"),
        "ko": ("ㅋㅋㅋㅋ", "ㅋㅋㅋㅋㅋㅋㅋ", "ㅎㅎㅎ", "웃겨", "ㅋㅋ아니"),
    },
    hype={
        "en": (
            "BROOO", "what a move", "no wayyy", "OMGGG", "brilliant", "LET HIM COOK", "crazy", "how???", "GG", "oh wow",
            "clip clip clip", "best thing today", "he saw it", "WHAT IS THIS", "bravo", "gave me chills", "nuts",
        ),
        "it": ("MADONNA", "grande", "pazzesco", "MA COME", "bravissimo", "che mossa", "nooo"),
        "pl": ("O KURDE", "niesamowite", "BRAWO", "jak to", "mistrz", "szok", "ale jazda"),
        "tr": ("OHAAA", "helal", "inanılmaz", "NASIL YA", "efsane", "vay be"),
        "ko": ("대박", "미쳤다", "와아아", "헐", "ㄷㄷㄷ", "실화냐", "지렸다"),
    },
    about={
        "en": ("the {w} out of nowhere", "rewind please", "on move {n}!", "that {w} though", "his face just now"),
        "it": ("hai visto il {w}", "di nuovo per favore", "alla mossa {n}"),
        "pl": ("widzieliście {w}", "jeszcze raz", "w ruchu {n}"),
        "tr": ("{w} gördünüz mü", "bir daha göster", "tam {n} saniye"),
        "ko": ("방금 뭐야", "다시 보여줘", "표정 봐"),
    },
    emotes=("Kappa", "PogU", "LULW", "EZ", "HandsUp", "BibleThump", "forsenCD", "D:"),
    jokes=("en passant", "more cowbell", "the metronome did it", "tuning time", "rook is a tower", "play it again sam"),
    greetings=("hello from the raid party", "greetings all", "ciao from raid", "hi new channel", "raid gang", "yo yo"),
    welcomes=("welcome all raiders", "hi there new people", "nice of you to come"),
    thanks=("thanks a lot for the sub", "grazie", "so kind of you", "huge gift", "dzięki", "you rock"),
    adverts=(
        "grow your channel fast at growfast dot example", "gift cards for {n} clicks at cardclick dot example",
        "hot singles who play chess, chessdate dot example", "get verified today, bluecheck dot example code {n}",
    ),
    pastas=(
        "I have played this song {n} times for my cat and the cat has left, please play it {n} times more for the cat",
        "To whom it may concern: the bishop wishes to resign his post, effective at once, and asks for his hat back",
        "Roses are red, violins are flat, the band is on tour and the singer is a cat, pass this on before the bridge",
    ),
)  # fmt: skip
