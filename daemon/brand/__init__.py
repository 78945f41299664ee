"""A brand kit: a folder with brand.yaml, images and a font, and the filters that put it on a clip.

`load_kit` checks the folder and writes what it takes anew under our names; `brand_graph` lays logo, watermark, progress
bar and hook title over the picture; `card_graph` joins intro and outro; `titled_poster` writes on a thumbnail.
docs/brand.md is for users.
"""

from daemon.brand.cards import Pads, SoundForm, card_graph
from daemon.brand.kit import FONTS, Kit, load_kit, read_brand
from daemon.brand.model import Brand
from daemon.brand.overlays import Branded, brand_graph
from daemon.brand.poster import titled_poster
from daemon.brand.titles import Title, title_script, title_text

__all__ = [
    "FONTS",
    "Brand",
    "Branded",
    "Kit",
    "Pads",
    "SoundForm",
    "Title",
    "brand_graph",
    "card_graph",
    "load_kit",
    "read_brand",
    "title_script",
    "title_text",
    "titled_poster",
]
