"""Texts of the test family: talk of shows, cooking, travel; chat in English, German, French, Japanese, Russian."""

from __future__ import annotations

from typing import Final

from tests.synthetic_streams.planted.texts import Talk, Texts

_TALK: Final = Talk(
    openers=("then", "also", "look", "listen", "because", "actually", "uh", "see", "which means", "next"),
    subjects=(
        "she", "the guest", "my neighbour", "people", "the judge", "our driver", "a friend", "the chef", "nobody",
        "the referee", "some tourist", "half of them", "the captain", "whoever", "the crowd", "these two",
    ),
    verbs=(
        "bring", "cooked", "missed", "ordered", "follow", "opened", "carried", "watched", "explains", "paid for",
        "chose",
        "painted", "borrowed", "measured", "passed", "cleaned", "loved", "ruined", "fixed", "tasted", "mixed",
        "noticed",
    ),
    adjectives=(
        "green", "empty", "famous", "tiny", "early", "warm", "local", "third", "yellow", "quiet", "plain", "wet"),
    nouns=(
        "kitchen", "train", "ball", "recipe", "airport", "referendum", "bottle", "penalty", "museum", "suitcase",
        "oven",
        "stadium", "coffee", "garden", "camera", "newspaper", "violin", "market", "island", "budget", "apron",
        "umbrella",
    ),
    places=(
        "in the second half", "across the street", "at the station", "last summer", "with a spoon", "during the break",
        "two hours ago", "inside the museum", "without sugar", "on page nine", "between the trees", "until Friday",
    ),
    hedges=("as far as I know", "more or less", "I mean", "in a way", "sort of", "perhaps", "to be fair", "I suppose"),
    superlatives=(
        "probably the finest coffee on this island", "an incredible amount of paperwork",
        "it is a fantastic little museum",
        "that is the wildest tax rule in Europe", "the most beautiful umbrella in the shop",
    ),
    hooks=(
        "did that just happen", "oh my goodness", "you have got to be joking", "unbelievable", "goal",
        "that's impossible",
        "I am speechless", "he actually did it", "wait wait wait", "come on",
    ),
    cries=("wow", "hey", "seriously", "never", "guys", "ah", "really"),
    commands=("clip this", "someone clip this please", "make a clip of that", "please clip that moment"),
    quotes=(
        "and she wrote unbelievable in the margin", "we were told that's impossible by the bank",
        "I would not clip this if I were you", "nobody should make a clip of that",
        "the goal of the plan was lower rent",
        "people type oh my goodness under every recipe", "he quoted come on as his favourite song",
        "that would not be a goal",
    ),
    advert=(
        "discover", "a", "softer", "mattress", "for", "better", "nights", "free", "shipping", "this", "month", "trial",
        "hundred", "days", "visit", "the", "website", "or", "call", "us", "because", "sleep", "matters",
    ),
)  # fmt: skip

TEXTS: Final = Texts(
    talk=_TALK,
    calm={
        "en": (
            "evening folks", "first time on this channel", "how hot should the {w} be", "my {w} broke last week",
            "greetings from Leeds",
            "is this a rerun", "what was the score of game {n}", "page {n} I think", "the {w} looks lovely", "agreed",
            "which {w} is that", "we had {n} degrees today", "my dad owns that {w}", "can you move the camera",
            "fair enough",
            "not sure about the {w}", "how old is the {w}", "any tips for a {w}?", "sounds about right",
            "I missed the start",
            "he mentioned the {w} earlier", "bit blurry today", "cheers mate", "learned something", "tea time",
            "interesting",
            "could be worse", "it costs {n} here", "where is the {w} from",
        ),
        "de": (
            "moin zusammen", "welche Folge ist das", "der {w} war letztes Mal besser", "bei mir {n} Grad",
            "stimmt schon",
            "wann geht es weiter", "guten Abend in die Runde", "habe ich verpasst", "klingt gut", "nicht mein Fall",
        ),
        "fr": (
            "salut tout le monde", "c'est quelle ville", "il reste {n} minutes", "bonne question", "je suis en retard",
            "ma soeur a le {w}", "pas mal du tout", "qui parle ?", "je mange et je regarde", "d'accord",
        ),
        "ja": (
            "こんばんは", "今日は長い?", "音が小さいかも", "初見です", "なるほど",
            "それは{n}年前", "お疲れさま", "どこですか", "いいね",
        ),
        "ru": ("всем добрый вечер", "какой сегодня счёт", "у меня {n} градусов", "понятно", "звук тихий",
        "это повтор?", "согласен"),
    },
    laugh={
        "en": ("ahahah", "hehehe", "loool", "crying rn", "that got me", "LOL", "hahah stop it", "bahaha", "lmfao"),
        "de": ("ahahaha", "ich kann nicht mehr", "hihi", "zu gut haha", "loool ey"),
        "fr": ("mdr", "ptdr", "MDRRR", "mort de rire", "jpp"),
        "ja": ("www", "wwwww", "草", "笑った", "ワロタ", "草草草"),
        "ru": ("ахахах", "хаха", "ору", "АХАХАХА", "ржу"),
    },
    hype={
        "en": (
            "WHAAAT", "no shot", "WOW", "YOOO", "he did it", "incredible", "GOAAAL", "sheesh", "that is wild",
            "clip this",
            "my jaw dropped", "!!!", "never seen that", "HUH", "yesss", "COME ON", "masterclass",
        ),
        "de": ("WAS", "alter", "krass", "TOOOR", "wie geil", "niemals", "hammer"),
        "fr": ("QUOI", "incroyable", "BUUUT", "c'est fou", "enorme", "allez", "non mais"),
        "ja": ("すごい", "うおおお", "88888", "やばい", "神", "えええ", "ナイス"),
        "ru": ("ЧТО", "ничего себе", "ГОООЛ", "жесть", "красавчик", "вот это да"),
    },
    about={
        "en": ("the way the {w} flew", "show it again", "minute {n} was mad", "who saw the {w}", "look at her face",
        "poor {w}"),
        "de": ("nochmal bitte", "der arme {w}", "habt ihr das gesehen"),
        "fr": ("encore une fois", "le pauvre {w}", "vous avez vu ca"),
        "ja": ("今の何", "もう一回", "顔がいい"),
        "ru": ("ещё раз", "вы видели", "бедный {w}"),
    },
    emotes=("PepeLaugh", "ICANT", "HYPERS", "Pog", "widepeepoHappy", "catJAM", "Kreygasm", "peepoClap"),
    jokes=("one more spoon", "ask the duck", "hello tax office", "umbrella gang", "chef's orders", "honk"),
    greetings=(
        "the raid has landed", "good evening raiders here", "bonsoir", "servus", "hey from her stream",
        "what did we miss"),
    welcomes=("hello raiders!", "glad to have you", "come in, sit down"),
    thanks=("wow what a gift", "merci", "danke fürs abo", "cheers for the gifted", "lucky me", "you legend"),
    adverts=(
        "earn {n} a day from home, details at quickcash dot example", "cheap watches, only today, luxtime dot example",
        "view bots that work: viewmax dot example", "hot deals on phones {n} dot example",
    ),
    pastas=(
        "Good evening, this is your umbrella speaking. You left me at the station {n} days ago. I have new friends now",
        "I came for the cooking and stayed for the sighing, it cured my cat and raised my rent, five stars",
        "Attention passengers, the next spoon departs from platform nine, please keep your soup away from the edge",
    ),
)  # fmt: skip
