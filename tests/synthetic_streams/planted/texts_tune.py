"""Texts of the tune family: a speaker of games; chat in English, Spanish, Portuguese."""

from __future__ import annotations

from typing import Final

from tests.synthetic_streams.planted.texts import Talk, Texts

_TALK: Final = Talk(
    openers=("so", "okay", "and", "well", "alright", "now", "but", "yeah", "um", "anyway"),
    subjects=(
        "I", "we", "you", "they", "this guy", "the other team", "my brother", "somebody", "that thing", "the game",
        "our medic", "everyone", "the boss", "this server", "he", "it",
    ),
    verbs=(
        "need", "found", "took", "want", "see", "keep", "left", "built", "lost", "hear", "moved", "tried", "bought",
        "dropped", "remember", "check", "picked up", "forgot", "saved", "used", "blocks", "wants", "has", "covers",
    ),
    adjectives=(
        "red", "old", "small", "other", "blue", "second", "wrong", "heavy", "new", "same", "last", "cheap", "broken"),
    nouns=(
        "door", "rifle", "map", "tower", "bridge", "ladder", "wall", "shield", "wagon", "fuse", "crate", "helmet",
        "base", "ramp", "engine", "key", "potion", "quest", "level", "menu", "window", "tunnel", "ticket", "radio",
    ),
    places=(
        "on the left", "behind the wall", "near the river", "over there", "in the back", "from yesterday",
        "by the gate",
        "under the stairs", "at the top", "before lunch", "for a while", "this time", "in the corner",
        "after the patch",
    ),
    hedges=("I think", "you know", "or something", "kind of", "I guess", "like", "honestly", "right", "basically"),
    superlatives=(
        "honestly the best sandwich place in town", "this is the worst lobby music ever",
        "it was an amazing weekend for me",
        "that patch is the craziest one this year", "you get the greatest loot down here",
    ),
    hooks=(
        "no way", "oh my god", "let's go", "what was that", "are you kidding me", "holy moly", "I can't believe it",
        "we did it", "that's insane", "get out of here",
    ),
    cries=("dude", "oh", "what", "man", "yes", "bro", "no"),
    commands=("clip that", "somebody clip that", "clip it chat", "can someone clip this"),
    quotes=(
        "he said no way and that was it", "and then I said oh my god okay", "they call that item let's go juice",
        "please don't clip that", "no need to clip that one", "my mom always says are you kidding me",
        "there is no way to open this door", "that was not a goal",
    ),
    advert=(
        "get", "fifty", "percent", "off", "your", "first", "order", "with", "our", "app", "today", "only", "fresh",
        "meals", "delivered", "to", "you", "download", "now", "and", "save", "more", "every", "week",
    ),
)  # fmt: skip

TEXTS: Final = Texts(
    talk=_TALK,
    calm={
        "en": (
            "hello chat", "what map is this", "how long are you on today", "back from work",
            "is the {w} better than the {w}",
            "I died {n} times there", "check the {w}", "good evening all", "which keyboard do you use", "true",
            "same here",
            "what rank now?", "the {w} needs a nerf", "been playing since season {n}", "my {w} is at level {n}", "hmm",
            "who asked", "nice one", "I like this {w}", "did they patch the {w}?", "how much is it",
            "maybe try the {w}",
            "brb", "mods can you pin that", "ping is {n} for me", "eating pizza rn", "why not use the {w}",
            "he always forgets the {w}", "the sound is a bit low", "day {n} of asking for the {w}", "ok",
            "yeah probably",
        ),
        "es": (
            "buenas a todos", "que mapa es", "yo tengo {n} horas", "falta el {w}", "de donde eres", "creo que si",
            "alguien juega conmigo?", "el {w} no sirve", "saludos desde Lima", "cuando empieza?", "no entiendo nada",
        ),
        "pt": (
            "boa noite galera", "qual o nome do jogo", "tenho {n} horas nisso", "cuidado com o {w}", "to no trabalho",
            "vai de {w}", "ta travando pra mim", "que horas acaba?", "sei la", "faz sentido",
        ),
    },
    laugh={
        "en": ("lol", "lmao", "hahaha", "LMAOO", "haha what", "im dead", "lolol", "HAHAHAHA", "rofl",
        "I can't breathe"),
        "es": ("jajaja", "jajajaja", "jaja no puede ser", "JAJAJAJA", "xd", "me muero jaja"),
        "pt": ("kkkk", "kkkkkkk", "rsrs", "kkkk mano", "KKKKKKKK", "morri kkk"),
    },
    hype={
        "en": (
            "NO WAY", "wtf", "omg", "LETS GOOO", "WHAT", "holy", "clip it", "insane", "HOW", "that was so good", "WWW",
            "what just happened", "goated", "???", "LET'S GO", "oh my", "unreal", "clip that please", "EZ",
        ),
        "es": ("VAMOOOS", "que locura", "NOOOO", "increible", "no lo creo", "que fue eso", "madre mia"),
        "pt": ("VAMOOO", "que isso", "caraca", "meu deus", "absurdo", "MITOU", "brabo demais"),
    },
    about={
        "en": ("did you see the {w}", "right into the {w}", "replay that", "from the {w} too", "he had {n} hp",
        "with the {w}"),
        "es": ("por el {w}", "lo vieron?", "con {n} de vida", "repite eso"),
        "pt": ("voces viram isso", "com {n} de vida", "foi no {w}", "de novo isso"),
    },
    emotes=("KEKW", "LUL", "OMEGALUL", "PogChamp", "monkaS", "Sadge", "PepeHands", "POGGERS"),
    jokes=("classic Bob", "not the wagon", "+1 bucket", "blame the intern", "another one for the wall", "bonk"),
    greetings=(
        "hi from the raid", "hello hello", "raiders in the house", "hey everyone", "hola gente",
        "what are we watching"),
    welcomes=("welcome raiders", "hi raiders", "welcome in"),
    thanks=(
        "thank you for the gift", "gifted hype", "ty ty ty", "thanks for the sub", "gracias por la sub", "so generous"),
    adverts=(
        "best viewers cheap at boosthub dot example", "win free skins now visit skinbox dot example code {n}",
        "want to be famous? followers at starcheap dot example", "crypto doubling today at coinrain dot example",
    ),
    pastas=(
        "I am the wagon and the wagon is me, send it to ten wagons or the wheels come off tonight",
        "Dear streamer, my grandmother says your aim reminds her of her soup: warm and all over the place",
        "If chat sends this {n} times the devs will fix the ladder, do it for the ladder, everyone loves the ladder",
    ),
)  # fmt: skip
